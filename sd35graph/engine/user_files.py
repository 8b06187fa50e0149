"""What users keep on the server: settings of their editor, and files such as saved workflows.

Each user has a folder below `user/` of the base folder, `default` where nobody needs a token, with `settings.json` and
the files in `files/`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock

from pydantic import JsonValue

from sd35graph.engine.artifacts import is_unfinished, write_whole
from sd35graph.engine.paths import UnsafePath, inside, safe_components

MAX_SETTINGS_BYTES = 4 * 2**20


class UserFileError(Exception):
    """A user's file or settings cannot be given or kept; the message says why and what to do."""


class NameTaken(UserFileError):
    """There is a file of this name already."""


@dataclass(frozen=True, slots=True)
class UserEntry:
    """A file or folder of a user. path: relative to the user's files. Times in milliseconds since 1970."""

    path: str
    is_folder: bool
    size_bytes: int
    modified_ms: int
    created_ms: int


class UserFiles:
    """The settings and files of all users. Methods block; any number of threads may call them."""

    def __init__(self, base: Path) -> None:
        self._root = base / "user"
        self._changing = Lock()

    # --- settings ---

    def settings(self, user: str | None) -> dict[str, JsonValue]:
        """A user's settings. Raises `UserFileError` when the file is damaged."""
        path = self._folder(user) / "settings.json"
        try:
            settings = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise UserFileError(f"{path.name} of this user is damaged: {error}; mend or remove {path}") from error
        if not isinstance(settings, dict):
            raise UserFileError(f"{path.name} of this user holds no object; mend or remove {path}")
        return settings

    def change_settings(self, user: str | None, changes: Mapping[str, JsonValue]) -> None:
        """Keep these settings beside the others, all or none. Raises `UserFileError`, `OSError`."""
        with self._changing:
            content = json.dumps(self.settings(user) | dict(changes), indent=1).encode()
            if len(content) > MAX_SETTINGS_BYTES:
                raise UserFileError(f"the settings would take {len(content):,} bytes; the server keeps 4 MiB of them")
            write_whole(self._folder(user) / "settings.json", content, overwrite=True)

    # --- files ---

    def path(self, user: str | None, name: str) -> Path:
        """The path of a user's file. Raises `UnsafePath`, `FileNotFoundError`."""
        path = self._path(user, name)
        if not path.is_file():
            raise FileNotFoundError(f'there is no file "{name}"')
        return path

    def read(self, user: str | None, name: str) -> bytes:
        """The content of a user's file, whole even while it is replaced. Raises as `path` does."""
        path = self.path(user, name)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise FileNotFoundError(f'there is no file "{name}"') from None  # removed at this moment

    def write(self, user: str | None, name: str, content: bytes, *, overwrite: bool) -> UserEntry:
        """Keep a file. Raises `NameTaken` unless it may be overwritten, `UnsafePath`, `OSError`."""
        path = self._path(user, name)
        if path.is_dir():
            raise NameTaken(f'"{name}" is a folder; choose another name for the file')
        if not write_whole(path, content, overwrite=overwrite):
            raise NameTaken(f'there is a file "{name}" already; choose another name, or overwrite it')
        return self._entry(user, path)

    def change(
        self, user: str | None, name: str, content: bytes | None, is_expected: Callable[[bytes | None], bool]
    ) -> bool:
        """Keep a file, or remove it with None, if what is there is as expected (None: nothing); gives whether it was.

        Raises as `write` does.
        """
        path = self._path(user, name)
        with self._changing:
            if path.is_dir():
                raise NameTaken(f'"{name}" is a folder; choose another name for the file')
            if not is_expected(path.read_bytes() if path.is_file() else None):
                return False
            if content is None:
                path.unlink(missing_ok=True)
            else:
                write_whole(path, content, overwrite=True)
        return True

    def move(self, user: str | None, name: str, new_name: str, *, overwrite: bool) -> UserEntry:
        """Give a file another name. Raises as `path` and `write` do."""
        source, target = self.path(user, name), self._path(user, new_name)
        with self._changing:
            if target.is_dir() or (target.exists() and not overwrite):
                raise NameTaken(f'there is a "{new_name}" already; choose another name, or overwrite it')
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, target)
        return self._entry(user, target)

    def move_all(self, user: str | None, names: Sequence[tuple[str, str]]) -> None:
        """Give files other names, none of them where one name is taken. Raises as `path` and `write` do."""
        with self._changing:
            paths = [(self.path(user, name), self._path(user, new_name)) for name, new_name in names]
            for (_, target), (_, new_name) in zip(paths, names, strict=True):
                if target.exists():
                    raise NameTaken(f'there is a "{new_name}" already; choose another name')
            for source, target in paths:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(source, target)

    def delete(self, user: str | None, name: str) -> None:
        """Remove a file. Raises `UnsafePath`, `FileNotFoundError`."""
        self.path(user, name).unlink()

    def entries(self, user: str | None, folder: str, *, recurse: bool) -> list[UserEntry]:
        """The files and folders in a folder, by name. Raises `UnsafePath`, `FileNotFoundError`."""
        path = self._path(user, folder, may_be_root=True)
        if not path.is_dir():
            raise FileNotFoundError(f'there is no folder "{folder}"')
        return sorted(self._walk(user, path, recurse), key=lambda entry: entry.path)

    def _walk(self, user: str | None, folder: Path, recurse: bool) -> Iterator[UserEntry]:
        for entry in os.scandir(folder):
            if entry.is_symlink() or is_unfinished(entry.name):
                continue
            with suppress(FileNotFoundError):  # removed at this moment
                yield self._entry(user, Path(entry.path))
                if recurse and entry.is_dir():
                    yield from self._walk(user, Path(entry.path), recurse)

    def _entry(self, user: str | None, path: Path) -> UserEntry:
        status = path.stat()
        return UserEntry(
            path=path.relative_to(os.path.realpath(self._files(user))).as_posix(),
            is_folder=path.is_dir(),
            size_bytes=status.st_size,
            modified_ms=status.st_mtime_ns // 1_000_000,
            created_ms=status.st_ctime_ns // 1_000_000,
        )

    def _path(self, user: str | None, name: str, *, may_be_root: bool = False) -> Path:
        components = safe_components(name)
        if not components and not may_be_root:
            raise UnsafePath(f"{name!r} is no name for a file")
        if components and is_unfinished(components[-1]):
            raise UnsafePath(f"{name!r} is a name the server keeps for itself; choose another one")
        return inside(self._files(user), name)

    def _files(self, user: str | None) -> Path:
        return self._folder(user) / "files"

    def _folder(self, user: str | None) -> Path:
        """A user's folder: no two users share one, even where file systems know no capitals."""
        return self._root / ("default" if user is None else f"{user}-{sha256(user.encode()).hexdigest()[:8]}")
