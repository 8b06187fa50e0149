"""Copies of an SQLite job store, made before its tables are changed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sd35graph.engine.jobs import StoreError

KEPT_BACKUPS = 3


def back_up(store: Path, revision: str) -> Path:
    """Copy a store, also while it is in use, to `NAME.REVISION.bak` beside it; only the newest few copies are kept.

    The copy is whole or not there. Raises `StoreError`; then nothing was changed.
    """
    copy = store.with_name(f"{store.name}.{revision}.bak")
    unfinished = copy.with_name(f"{copy.name}.part")
    try:
        with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(unfinished)) as target:
            source.backup(target)
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.replace(copy)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise StoreError(
            f"the job store {store} must be upgraded, but no copy of it can be made first: {error}; make room for "
            f"{copy.name} beside it, and check the folder's permissions"
        ) from error
    _remove_old(store)
    return copy


def _remove_old(store: Path) -> None:
    copies = sorted(store.parent.glob(f"{store.name}.*.bak"), key=lambda path: path.stat().st_mtime_ns)
    for old in copies[:-KEPT_BACKUPS]:
        with suppress(OSError):  # a copy too many does no harm
            old.unlink()
