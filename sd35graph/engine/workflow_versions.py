"""Earlier contents of saved workflows: each is kept when another takes its place, the newest of every workflow."""

from __future__ import annotations

from dataclasses import dataclass

from sd35graph.engine.user_files import NameTaken, UserEntry, UserFiles

FOLDER = "workflow_versions"
MOST_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class Version:
    """An earlier content of a workflow. saved_ms: when it was saved, in milliseconds since 1970; its name too."""

    saved_ms: int
    size_bytes: int


def keep_version(files: UserFiles, user: str | None, path: str, content: bytes, saved_ms: int) -> None:
    """Keep the content a file has before it is replaced or removed; beyond 50, the oldest go. Raises `OSError`."""
    try:
        files.write(user, _path(path, saved_ms), content, overwrite=False)
    except NameTaken:  # two savings within a millisecond: the first of them is there
        return
    for entry in _entries(files, user, path)[MOST_VERSIONS:]:
        files.delete(user, entry.path)


def versions(files: UserFiles, user: str | None, path: str) -> list[Version]:
    """The earlier contents of a file, newest first. Raises `UnsafePath`."""
    return [Version(_saved_ms(entry), entry.size_bytes) for entry in _entries(files, user, path)]


def version_content(files: UserFiles, user: str | None, path: str, saved_ms: int) -> bytes:
    """An earlier content. Raises `UnsafePath`, `FileNotFoundError`."""
    return files.path(user, _path(path, saved_ms)).read_bytes()


def move_versions(files: UserFiles, user: str | None, path: str, new_path: str) -> None:
    """Have the versions follow a file to its new name. Raises `OSError`."""
    for entry in _entries(files, user, path):
        files.move(user, entry.path, _path(new_path, _saved_ms(entry)), overwrite=True)


def forget_versions(files: UserFiles, user: str | None, path: str) -> bool:
    """Remove all earlier contents of a file; gives whether there were any. Raises `UnsafePath`, `OSError`."""
    found = _entries(files, user, path)
    for entry in found:
        files.delete(user, entry.path)
    return bool(found)


def version_of(entry: UserEntry) -> tuple[str, int] | None:
    """Which file an entry is a version of, and its `saved_ms`; None for anything else."""
    path, _, name = entry.path.removeprefix(f"{FOLDER}/").rpartition("/")
    return (path, _saved_ms(entry)) if path and _is_version(name) else None


def _is_version(name: str) -> bool:
    return name.endswith(".json") and name.removesuffix(".json").isdecimal()


def _path(path: str, saved_ms: int) -> str:
    return f"{FOLDER}/{path}/{saved_ms}.json"


def _saved_ms(entry: UserEntry) -> int:
    return int(entry.path.rpartition("/")[2].removesuffix(".json"))


def _entries(files: UserFiles, user: str | None, path: str) -> list[UserEntry]:
    try:
        found = files.entries(user, f"{FOLDER}/{path}", recurse=False)
    except FileNotFoundError:
        return []
    named = [entry for entry in found if _is_version(entry.path.rpartition("/")[2])]
    return sorted((entry for entry in named if not entry.is_folder), key=_saved_ms, reverse=True)
