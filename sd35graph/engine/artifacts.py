"""Files nodes and clients write: whole or not at all, and never over one another.

A file is written under a hidden temporary name in the folder it is meant for, forced to disk, and only then given its
name, by a step that fails when the name is taken.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO, get_args
from uuid import uuid4

import psutil

from sd35graph.engine.folders import FILE_FOLDERS, FileFolder, Folders
from sd35graph.engine.paths import UnsafePath, inside, safe_components
from sd35graph.graph.context import Artifact, ArtifactFolder

_TEMPORARY = re.compile(r"\.sd35graph-(\d+)-[0-9a-f]{32}\.part")
_SAVED = re.compile(r".*_\d{5,}_\.\w+", re.DOTALL)
"""The names `save` gives files with a suffix."""
_FULL = "the disk is full, so the file was not kept; free some space"
_CLOSED = "this program may not write there, so the file was not kept; change the folder's permissions"
_REASONS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "the system allows this program no file of that size, so the file was not kept; raise the limit",
    errno.EROFS: "the disk is read-only, so the file was not kept; choose another folder",
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
}
_PROBE = bytes(2**16)
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL})


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file kept for a client, as it is asked for: `folder`/`subfolder`/`filename`."""

    filename: str
    subfolder: str
    folder: FileFolder
    path: Path


class ArtifactStore:
    """The files of the input, output and temp folders. Any number of threads and processes may write at once."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def save(self, folder: ArtifactFolder, prefix: str, suffix: str, write: Callable[[BinaryIO], object]) -> Artifact:
        """Write a file with the next free number, `<prefix>_00001_<suffix>`.

        prefix: may name subfolders by "/"; everything else in it is literal. suffix: such as `.png`.
        Raises `UnsafePath` for a prefix outside the folder, `OSError` when the disk refuses; then nothing is left.
        """
        if folder not in get_args(ArtifactFolder):
            raise ValueError(f'a node saves into "output" or "temp", not into "{folder}"')
        if "/" in suffix:
            raise UnsafePath(f"{suffix!r} is no suffix; name folders in the prefix {prefix!r}")
        *subfolders, name = safe_components(f"{prefix}_00001_{suffix}")
        stem = name.removesuffix(f"_00001_{suffix}")
        root = self._folders.root(folder)
        directory = inside(root, "/".join(subfolders))
        with _temporary(directory) as temporary:
            _write(temporary, write)
            for number in count(_highest_number(directory, stem) + 1):
                path = directory / f"{stem}_{number:05d}_{suffix}"
                if _place(temporary, path):
                    return Artifact(path.name, _relative(directory, root), folder, path)
        raise AssertionError("the numbers are endless")

    def resolve(self, folder: FileFolder, subfolder: str, filename: str) -> Path:
        """The path of a file clients ask for. Raises `UnsafePath` or `FileNotFoundError`."""
        components = safe_components(subfolder) + safe_components(filename)
        path = inside(self._folders.root(folder), "/".join(components))
        if not path.is_file():
            raise FileNotFoundError(f'there is no file "{filename}" in {folder}/{subfolder}')
        return path

    def save_upload(
        self, folder: FileFolder, subfolder: str, filename: str, content: bytes, *, overwrite: bool = False
    ) -> StoredFile:
        """Keep a client's file. A name taken by another content becomes `name (1).png`, unless it may be overwritten.

        Raises `UnsafePath` for a name outside the folder, `OSError` when the disk refuses; then nothing is left.
        """
        components = safe_components(subfolder) + safe_components(filename)
        if not safe_components(filename) or components[-1].startswith("."):
            raise UnsafePath(f"{filename!r} is no name for a file; give one that starts with no dot")
        root = self._folders.root(folder)
        wanted = inside(root, "/".join(components))
        directory = wanted.parent
        if overwrite and wanted.is_dir():
            raise UnsafePath(f"{wanted.name!r} is a folder; choose another name for the file")
        with _temporary(directory) as temporary:
            _write(temporary, lambda file: file.write(content))
            path = _replace(temporary, wanted) if overwrite else _keep(temporary, wanted, content)
        return StoredFile(path.name, _relative(directory, root), folder, path)

    def obstacle(self) -> str | None:
        """Why nothing can be saved at present, found by trying; None when it can."""
        for folder in get_args(ArtifactFolder):
            try:
                with _temporary(self._folders.root(folder)) as temporary:
                    _write(temporary, lambda file: file.write(_PROBE))
            except (OSError, UnsafePath) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                return f"nothing can be saved in {self._folders.root(folder)}: {reason}"
        return None

    def remove_previews(self, before_s: float) -> int:
        """Remove what nodes saved in the temp folder before that time (seconds since 1970); gives how many.

        Only names that `save` gives, for the folder may have been set to one that holds other things; and nothing at
        all where results lie in it too.
        """
        removed = 0
        temp = self._folders.temp.resolve()
        if self._folders.output.resolve().is_relative_to(temp):
            return removed
        for directory, _, names in os.walk(temp):
            for name in filter(_SAVED.fullmatch, names):
                path = Path(directory, name)
                with suppress(OSError):  # gone already, or not ours to remove
                    if path.stat().st_mtime < before_s:
                        path.unlink()
                        removed += 1
        return removed

    def remove_leftovers(self) -> int:
        """Remove temporary files of processes that ended while they wrote; gives how many."""
        removed = 0
        for folder in FILE_FOLDERS:
            for directory, _, names in os.walk(self._folders.root(folder)):
                for name in names:
                    match = _TEMPORARY.fullmatch(name)
                    if match and not psutil.pid_exists(int(match[1])):
                        Path(directory, name).unlink(missing_ok=True)
                        removed += 1
        return removed


def write_whole(path: Path, content: bytes, *, overwrite: bool) -> bool:
    """Write a file, whole or not at all, on disk when this returns; False when its name is taken and stays so.

    Raises `UnsafePath` where a file stands in the place of its folder, `OSError` when the disk refuses.
    """
    with _temporary(path.parent) as temporary:
        _write(temporary, lambda file: file.write(content))
        if not overwrite:
            return _place(temporary, path)
        _replace(temporary, path)
        return True


def is_unfinished(name: str) -> bool:
    """Whether a file of this name is one that is just being written."""
    return _TEMPORARY.fullmatch(name) is not None


@contextmanager
def _temporary(directory: Path) -> Iterator[Path]:
    path = directory / f".sd35graph-{os.getpid()}-{uuid4().hex}.part"
    try:
        _make(directory)
        yield path
    except OSError as error:
        if error.errno in _REASONS:
            raise OSError(error.errno, _REASONS[error.errno], str(directory)) from error
        raise
    finally:
        with suppress(OSError):  # where nothing can be written, there is nothing to remove
            path.unlink(missing_ok=True)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(path for path in (directory, *directory.parents) if path.exists())
        raise UnsafePath(f"{file.name!r} is a file, so nothing can be put into it; choose another folder") from error


def _write(temporary: Path, write: Callable[[BinaryIO], object]) -> None:
    with open(temporary, "xb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def _place(temporary: Path, path: Path) -> bool:
    """Give the finished file its name; False when that is taken. The name survives a power cut."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        return _place_without_links(temporary, path)
    _sync_directory(path.parent)
    return True


def _place_without_links(temporary: Path, path: Path) -> bool:
    """`_place` where the file system has no hard links: an empty file takes the name first."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    _replace(temporary, path)
    return True


def _replace(temporary: Path, path: Path) -> Path:
    os.replace(temporary, path)
    _sync_directory(path.parent)
    return path


def _keep(temporary: Path, wanted: Path, content: bytes) -> Path:
    """Place an upload under its name or the first free one like it; the same content is not kept twice."""
    for number in count():
        path = wanted if number == 0 else wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
        if _place(temporary, path) or _holds(path, content):
            return path
    raise AssertionError("the numbers are endless")


def _holds(path: Path, content: bytes) -> bool:
    with suppress(IsADirectoryError):
        return path.stat().st_size == len(content) and path.read_bytes() == content
    return False


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":
        return  # Windows has no such thing; its rename is kept with the file
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _highest_number(directory: Path, stem: str) -> int:
    numbered = re.compile(re.escape(stem) + r"_(\d+)_.*")
    matches = (numbered.fullmatch(entry.name) for entry in os.scandir(directory))
    return max((int(match[1]) for match in matches if match), default=0)


def _relative(directory: Path, root: Path) -> str:
    relative = os.path.relpath(directory, os.path.realpath(root))
    return "" if relative == "." else relative.replace(os.sep, "/")
