"""Brings the job store's tables up to date. Alembic is imported only when there is something to do."""

from __future__ import annotations

import logging
from importlib.resources import as_file, files

from sqlalchemy import Connection, Engine, inspect, text

HEAD = "0002"
"""The newest revision in `versions/`; a test compares the two."""


def migrate(engine: Engine) -> None:
    """Create or upgrade the tables, in one transaction; a second process that starts meanwhile waits for it."""
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        if _revision(connection) != HEAD:
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
