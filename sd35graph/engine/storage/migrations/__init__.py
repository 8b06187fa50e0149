"""Brings the job store's tables up to date. Alembic is imported only when there is something to do.

An SQLite file that holds jobs already is copied before it is changed; see `backup`.
"""

from __future__ import annotations

import logging
from importlib.resources import as_file, files
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from sd35graph.engine.storage.backup import back_up
from sd35graph.engine.storage.revisions import refuse_newer

logger = logging.getLogger(__name__)

HEAD = "0004"
"""The newest revision in `versions/`; a test compares the two."""


def migrate(engine: Engine) -> None:
    """Create or upgrade the tables, in one transaction; a second process that starts meanwhile waits for it.

    Raises `StoreError` for a store of a newer program, and when an SQLite file cannot be copied before its upgrade.
    """
    with engine.connect() as connection:
        revision = _revision(connection)
        if revision == HEAD:
            return
        refuse_newer(revision, engine.url.render_as_string(hide_password=True))
    with engine.begin() as connection:
        revision = _revision(connection)
        if revision == HEAD:
            return
        if revision is not None and engine.dialect.name == "sqlite" and engine.url.database:
            path = back_up(Path(engine.url.database), revision)  # nobody else can write meanwhile: we have begun to
            logger.info("job store is upgraded", extra={"of": revision, "to": HEAD, "backup": str(path)})
        _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def _upgrade(connection: Connection) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every plug-in, already while it is imported
    from alembic import command
    from alembic.config import Config

    with as_file(files(__name__)) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
