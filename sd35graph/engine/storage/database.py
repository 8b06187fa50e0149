"""Opening the job store's database, and what is special about SQLite."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, StatementError

from sd35graph.engine.jobs import StoreError

_BUSY_TIMEOUT_S = 5.0


def open_database(url: str, *, survive_power_cut: bool = True) -> Engine:
    """The engine for an SQLAlchemy URL; the folder of an SQLite file is made. Raises `StoreError`.

    survive_power_cut: whether commits asked to be `durable` wait for an SQLite file's disk; others never do.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, json_serializer=_to_json)
        if not parsed.database or parsed.database == ":memory:":
            raise StoreError(f"the job store at {url!r} is no file, so it would lose jobs; name a file")
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        return _open_sqlite(parsed, survive_power_cut=survive_power_cut)
    except (ArgumentError, NoSuchModuleError, ImportError, OSError) as error:
        raise StoreError(f"the job store at {url!r} cannot be opened: {error}; correct database_url") from error


def durable(engine: Engine) -> Engine:
    """The same database, where a commit returns only when it would survive a power cut."""
    return engine.execution_options(sd35graph_durable=True)


def reading(engine: Engine) -> Engine:
    """The same database for transactions that only read, which wait for nobody."""
    return engine.execution_options(sd35graph_reading=True)


@contextmanager
def refusals(engine: Engine) -> Iterator[None]:
    """Turns what the database refuses into a `StoreError`; a broken uniqueness passes, for the caller to explain."""
    try:
        yield
    except IntegrityError:
        raise
    except StatementError as error:
        place = engine.url.render_as_string(hide_password=True)
        is_locked = "locked" in str(error.orig)
        remedy = (
            "another program keeps the file locked; end that program"
            if is_locked
            else "check the disk's free space and the file's permissions"
        )
        raise StoreError(f"the job store at {place} refused: {error.orig}; {remedy}") from error


def _open_sqlite(url: URL, *, survive_power_cut: bool) -> Engine:
    engine = create_engine(url, json_serializer=_to_json, connect_args={"timeout": _BUSY_TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # Any: the driver's own connection class
        connection.isolation_level = None  # the driver begins nothing by itself; `begin` below does
        connection.execute("PRAGMA journal_mode = WAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        # With the log (WAL), NORMAL survives the end of any process; FULL also that of the machine.
        level = "FULL" if survive_power_cut and options.get("sd35graph_durable") else "NORMAL"
        if connection.info.get("synchronous") != level:  # a statement less
            connection.exec_driver_sql(f"PRAGMA synchronous = {level}")
            connection.info["synchronous"] = level
        # Writers queue at the start: one that turns from reading to writing later could be refused instead.
        connection.exec_driver_sql("BEGIN" if options.get("sd35graph_reading") else "BEGIN IMMEDIATE")

    return engine


def _to_json(value: object) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
