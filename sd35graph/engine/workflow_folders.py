"""Saved workflows as their user orders them: moved with their versions, and what of the deleted ones is still there."""

from __future__ import annotations

from dataclasses import dataclass

from sd35graph.engine.paths import UnsafePath, safe_components
from sd35graph.engine.user_files import UserEntry, UserFileError, UserFiles
from sd35graph.engine.workflow_versions import FOLDER, forget_versions, move_versions, version_of

WORKFLOWS = "workflows"


class IsThere(UserFileError):
    """A workflow that is said to be deleted is there."""


@dataclass(frozen=True, slots=True)
class DeletedWorkflow:
    """A workflow that is not there any more, but has versions. saved_ms: names the newest; deleted_ms: when it came."""

    name: str
    saved_ms: int
    deleted_ms: int


def workflow_path(name: str) -> str:
    """Where a workflow lies among the user's files."""
    return f"{WORKFLOWS}/{name.removesuffix('.json')}.json"


def move_workflows(files: UserFiles, user: str | None, name: str, new_name: str) -> list[tuple[str, str]]:
    """Give a workflow another name, or with `/` behind both a folder with all in it; gives (name, new name) of each.

    Their versions go along. Raises `NameTaken`, where nothing has been moved, `FileNotFoundError`, `UnsafePath`.
    """
    names = _renamed(files, user, name, new_name)
    files.move_all(user, [(workflow_path(old), workflow_path(new)) for old, new in names])
    for old, new in names:
        move_versions(files, user, old, new)
    return names


def deleted_workflows(files: UserFiles, user: str | None) -> list[DeletedWorkflow]:
    """What could be brought back, the last deleted first."""
    newest: dict[str, tuple[int, UserEntry]] = {}
    for entry in _below(files, user, FOLDER):
        found = version_of(entry)
        if found and found[1] > newest.get(found[0], (-1, entry))[0]:
            newest[found[0]] = found[1], entry
    gone = [
        DeletedWorkflow(name, saved_ms, entry.modified_ms)
        for name, (saved_ms, entry) in newest.items()
        if not _is_there(files, user, name)
    ]
    return sorted(gone, key=lambda each: each.deleted_ms, reverse=True)


def forget_workflow(files: UserFiles, user: str | None, name: str) -> None:
    """Remove what is left of a deleted workflow. Raises `IsThere`, `FileNotFoundError`, `UnsafePath`."""
    if _is_there(files, user, name):
        raise IsThere(f'the workflow "{name}" is there; delete it first')
    if not forget_versions(files, user, name):
        raise FileNotFoundError(f'nothing is left of a workflow "{name}"')


def _renamed(files: UserFiles, user: str | None, name: str, new_name: str) -> list[tuple[str, str]]:
    """The workflows meant, each with its new name. Raises as `move_workflows` does."""
    old, new = "/".join(safe_components(name)), "/".join(safe_components(new_name))
    if not old or not new or name.endswith("/") != new_name.endswith("/"):
        raise UnsafePath(
            f'{name!r} cannot become {new_name!r}; a folder has a "/" behind both names, a workflow has none'
        )
    if not name.endswith("/"):
        return [(old.removesuffix(".json"), new.removesuffix(".json"))]
    if f"{new}/".startswith(f"{old}/"):
        raise UnsafePath(f"{new_name!r} lies in {name!r}, which cannot be moved into itself; choose another folder")
    paths = [entry.path for entry in _below(files, user, f"{WORKFLOWS}/{old}")]
    held = [path.removeprefix(f"{WORKFLOWS}/").removesuffix(".json") for path in paths if path.endswith(".json")]
    if not held:
        raise FileNotFoundError(f'there is no folder "{old}" with workflows')
    return [(each, new + each.removeprefix(old)) for each in held]


def _below(files: UserFiles, user: str | None, folder: str) -> list[UserEntry]:
    try:
        return [entry for entry in files.entries(user, folder, recurse=True) if not entry.is_folder]
    except FileNotFoundError:
        return []


def _is_there(files: UserFiles, user: str | None, name: str) -> bool:
    try:
        return files.path(user, workflow_path(name)).is_file()
    except FileNotFoundError:
        return False
