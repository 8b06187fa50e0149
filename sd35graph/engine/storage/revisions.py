"""Which forms of the job store's tables there are. Imports nothing large: looked at before the server starts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path

from sd35graph.engine.jobs import StoreError


def known_revisions() -> list[str]:
    """The revisions this program can bring up to date; the last is its own."""
    names = [entry.name for entry in (files("sd35graph.engine.storage") / "migrations" / "versions").iterdir()]
    return sorted(name.partition("_")[0] for name in names if name.endswith(".py"))


def refuse_newer(revision: str | None, place: str) -> None:
    """Raises `StoreError` for a store that a newer program has changed: this one would not understand it."""
    known = known_revisions()
    if revision is not None and revision not in known:
        raise StoreError(
            f"the job store at {place} was written by a newer sd35graph: its tables have revision {revision}, this "
            f"program knows those up to {known[-1]}; upgrade sd35graph, or name another store with database_url. A "
            "copy from before the upgrade lies beside the store, with its revision and .bak at the end of its name"
        )


def revision_of(store: Path) -> str | None:
    """The revision of an SQLite file's tables, None when there are none yet. Raises `StoreError`."""
    if not store.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").fetchall()
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
    except sqlite3.Error as error:
        raise StoreError(f"the job store {store} cannot be read: {error}; move it away, or put a copy back") from error
    return None if row is None else str(row[0])
