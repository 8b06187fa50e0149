"""Earlier contents of saved workflows."""

from __future__ import annotations

from pathlib import Path

from sd35graph.engine.user_files import UserFiles
from sd35graph.engine.workflow_versions import MOST_VERSIONS, Version, keep_version, version_content, versions


def test_the_newest_versions_are_kept_and_listed_first(tmp_path: Path) -> None:
    files = UserFiles(tmp_path)
    for at in range(MOST_VERSIONS + 3):
        keep_version(files, None, "a/b", b"%d" % at, 1000 + at)
    kept = versions(files, None, "a/b")
    assert len(kept) == MOST_VERSIONS
    assert kept[0] == Version(saved_ms=1000 + MOST_VERSIONS + 2, size_bytes=2)
    assert kept[-1].saved_ms == 1003
    assert version_content(files, None, "a/b", 1003) == b"3"


def test_a_second_content_of_the_same_millisecond_changes_nothing(tmp_path: Path) -> None:
    files = UserFiles(tmp_path)
    keep_version(files, "ada", "a", b"first", 7)
    keep_version(files, "ada", "a", b"second", 7)
    assert version_content(files, "ada", "a", 7) == b"first"
    assert versions(files, None, "a") == []
    assert versions(files, "ada", "never") == []
