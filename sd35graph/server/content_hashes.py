"""SHA-256 of files, computed once for each state of a file."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from pathlib import Path
from threading import Lock

_MAX_FILES = 10_000


class ContentHashes:
    """Remembers the hashes of files by size, time of change and inode. May be used from several threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int, int, int], str] = OrderedDict()
        self._lock = Lock()

    def of(self, path: Path) -> str:
        """The hash of a file's content, in hexadecimal. Raises `OSError`."""
        status = path.stat()
        state = (str(path), status.st_size, status.st_mtime_ns, status.st_ino)
        with self._lock:
            known = self._known.get(state)
        if known is None:
            with open(path, "rb") as file:
                known = hashlib.file_digest(file, "sha256").hexdigest()
        with self._lock:
            self._known[state] = known
            self._known.move_to_end(state)
            if len(self._known) > _MAX_FILES:
                self._known.popitem(last=False)
        return known
