"""Saved workflows that are moved, deleted and brought back."""

from __future__ import annotations

from pathlib import Path

import pytest

from sd35graph.engine.paths import UnsafePath
from sd35graph.engine.user_files import NameTaken, UserFiles
from sd35graph.engine.workflow_folders import (
    DeletedWorkflow,
    IsThere,
    deleted_workflows,
    forget_workflow,
    move_workflows,
    workflow_path,
)
from sd35graph.engine.workflow_versions import keep_version, version_content, versions


def saved(tmp_path: Path, *names: str) -> UserFiles:
    """Files of a user who has saved these workflows, each with one version of its own."""
    files = UserFiles(tmp_path)
    for name in names:
        files.write(None, workflow_path(name), name.encode(), overwrite=False)
        keep_version(files, None, name, f"old {name}".encode(), 7)
    return files


def held(files: UserFiles) -> dict[str, bytes]:
    """What lies in the user's folder of workflows, by name."""
    entries = [entry for entry in files.entries(None, "workflows", recurse=True) if not entry.is_folder]
    return {
        entry.path.removeprefix("workflows/").removesuffix(".json"): files.read(None, entry.path) for entry in entries
    }


def test_a_workflow_is_renamed_with_its_versions(tmp_path: Path) -> None:
    files = saved(tmp_path, "a", "b")
    assert move_workflows(files, None, "a", "in/c") == [("a", "in/c")]
    assert held(files) == {"in/c": b"a", "b": b"b"}
    assert version_content(files, None, "in/c", 7) == b"old a"
    assert versions(files, None, "a") == []
    assert deleted_workflows(files, None) == []


def test_a_folder_moves_with_all_in_it_and_leaves_what_only_begins_alike(tmp_path: Path) -> None:
    files = saved(tmp_path, "old", "old/a", "old/deep/b", "older/c")
    moved = move_workflows(files, None, "old/", "away/new/")
    assert moved == [("old/a", "away/new/a"), ("old/deep/b", "away/new/deep/b")]
    assert held(files) == {
        "old": b"old",
        "away/new/a": b"old/a",
        "away/new/deep/b": b"old/deep/b",
        "older/c": b"older/c",
    }
    assert version_content(files, None, "away/new/deep/b", 7) == b"old old/deep/b"
    assert version_content(files, None, "old", 7) == b"old old"


def test_where_one_name_is_taken_nothing_moves(tmp_path: Path) -> None:
    files = saved(tmp_path, "old/a", "old/b", "new/b")
    before = held(files)
    with pytest.raises(NameTaken, match=r"new/b\.json"):
        move_workflows(files, None, "old/", "new/")
    with pytest.raises(NameTaken):
        move_workflows(files, None, "old/a", "old/a")
    assert held(files) == before


@pytest.mark.parametrize(
    ("name", "new_name", "words"),
    [
        ("a/", "b", "a workflow has none"),
        ("a", "b/", "a workflow has none"),
        ("/", "b/", "absolute"),
        ("a/", "a/b/", "into itself"),
        ("a/", "a/", "into itself"),
        ("a", "../b", "leaves its folder"),
        ("a", "nul", "device"),
    ],
)
def test_what_cannot_be_a_move_is_refused(tmp_path: Path, name: str, new_name: str, words: str) -> None:
    files = saved(tmp_path, "a", "a/x")
    before = held(files)
    with pytest.raises(UnsafePath, match=words):
        move_workflows(files, None, name, new_name)
    assert held(files) == before


def test_what_is_not_there_cannot_move(tmp_path: Path) -> None:
    files = UserFiles(tmp_path)
    with pytest.raises(FileNotFoundError, match='no folder "a"'):
        move_workflows(files, None, "a/", "b/")
    with pytest.raises(FileNotFoundError):
        move_workflows(files, None, "a", "b")


def test_deleted_workflows_are_listed_until_they_are_forgotten(tmp_path: Path) -> None:
    files = saved(tmp_path, "in/a", "b")
    assert deleted_workflows(files, None) == []
    keep_version(files, None, "in/a", b"newest", 9)
    files.delete(None, workflow_path("in/a"))
    [gone] = deleted_workflows(files, None)
    assert (gone.name, gone.saved_ms) == ("in/a", 9)
    assert isinstance(gone, DeletedWorkflow)
    assert gone.deleted_ms > 9
    assert version_content(files, None, gone.name, gone.saved_ms) == b"newest"
    with pytest.raises(IsThere, match='"b" is there'):
        forget_workflow(files, None, "b")
    forget_workflow(files, None, "in/a")
    assert deleted_workflows(files, None) == []
    with pytest.raises(FileNotFoundError, match="nothing is left"):
        forget_workflow(files, None, "in/a")
    assert versions(files, None, "b") != []


def test_strange_files_among_the_versions_are_no_deleted_workflows(tmp_path: Path) -> None:
    files = UserFiles(tmp_path)
    assert deleted_workflows(files, None) == []
    for name in ("notes.txt", "a/readme.json", "3.json", "a/5"):
        files.write(None, f"workflow_versions/{name}", b"", overwrite=False)
    assert deleted_workflows(files, None) == []
