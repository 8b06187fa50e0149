import errno
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from sd35graph.engine.artifacts import ArtifactStore
from sd35graph.engine.folders import Folders
from sd35graph.engine.paths import UnsafePath


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    folders = Folders.under(tmp_path / "base")
    folders.create()
    return folders


@pytest.fixture
def store(folders: Folders) -> ArtifactStore:
    return ArtifactStore(folders)


def content(text: bytes):  # type: ignore[no-untyped-def]  # a callback for `save`
    return lambda file: file.write(text)


def files_below(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_numbers_count_up_and_the_reference_is_what_clients_ask_for(store: ArtifactStore, folders: Folders) -> None:
    first = store.save("output", "sd35", ".png", content(b"1"))
    second = store.save("output", "sd35", ".png", content(b"2"))
    assert first.reference() == {"filename": "sd35_00001_.png", "subfolder": "", "type": "output"}
    assert second.filename == "sd35_00002_.png"
    assert store.resolve("output", "", "sd35_00002_.png").read_bytes() == b"2"
    assert files_below(folders.output) == ["sd35_00001_.png", "sd35_00002_.png"]


def test_prefix_may_name_subfolders_and_is_else_literal(store: ArtifactStore, folders: Folders) -> None:
    saved = store.save("temp", "a/b/execution[case[one]] %date%", ".png", content(b"x"))
    assert (saved.folder, saved.subfolder) == ("temp", "a/b")
    assert saved.path == (folders.temp / "a/b/execution[case[one]] %date%_00001_.png").resolve()
    assert store.save("temp", "a/b/execution[case[one]] %date%", ".png", content(b"x")).filename.endswith("_00002_.png")


def test_numbering_goes_on_after_the_highest_of_exactly_this_prefix(store: ArtifactStore, folders: Folders) -> None:
    for name in ("x_00007_.png", "x_y_00050_.png", "xx_00060_.png", "x_00003_.txt", "x_123456_.png.bak", "x_abc_.png"):
        (folders.output / name).touch()
    assert store.save("output", "x", ".png", content(b"")).filename == "x_123457_.png"


@pytest.mark.parametrize("prefix", ["../x", "/tmp/x", "a/../../x", "C:/x", "a\\x", "nul\0", "con/x"])
def test_prefix_outside_the_folder_is_refused(store: ArtifactStore, folders: Folders, prefix: str) -> None:
    with pytest.raises(UnsafePath):
        store.save("output", prefix, ".png", content(b"x"))
    assert files_below(folders.base) == []


def test_prefix_through_a_link_out_of_the_folder_is_refused(
    store: ArtifactStore, folders: Folders, tmp_path: Path
) -> None:
    (folders.output / "link").symlink_to(tmp_path)
    with pytest.raises(UnsafePath, match="symbolic link"):
        store.save("output", "link/x", ".png", content(b"x"))


def test_failing_writer_leaves_nothing(store: ArtifactStore, folders: Folders) -> None:
    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise RuntimeError("encoder broke")

    with pytest.raises(RuntimeError, match="encoder broke"):
        store.save("output", "x", ".png", fail)
    assert files_below(folders.base) == []


def test_full_disk_is_an_os_error_that_says_so_and_leaves_nothing(store: ArtifactStore, folders: Folders) -> None:
    def fill(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="the disk is full, so the file was not kept; free some space") as caught:
        store.save("output", "x", ".png", fill)
    assert caught.value.errno == errno.ENOSPC
    assert files_below(folders.base) == []


def test_what_keeps_files_from_being_saved_is_found_by_trying(
    store: ArtifactStore, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.obstacle() is None
    assert files_below(folders.base) == []

    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    reason = "the disk is full, so the file was not kept; free some space"
    assert store.obstacle() == f"nothing can be saved in {folders.output}: {reason}"
    assert files_below(folders.base) == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.EROFS, "the disk is read-only, so the file was not kept; choose another folder"),
        (errno.EACCES, "this program may not write there, so the file was not kept; change the folder's permissions"),
    ],
)
def test_folder_closed_to_writing_is_an_os_error_that_says_so(
    store: ArtifactStore, folders: Folders, monkeypatch: pytest.MonkeyPatch, code: int, reason: str
) -> None:
    def refuse(path: Path, parents: bool = False, exist_ok: bool = False) -> None:
        raise OSError(code, "refused", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OSError, match=reason) as caught:
        store.save("output", "sub/x", ".png", content(b"x"))
    assert caught.value.errno == code
    assert str(folders.output / "sub") in str(caught.value)


def test_a_file_where_a_folder_should_be_is_named(store: ArtifactStore, folders: Folders) -> None:
    (folders.output / "file").touch()
    (folders.input / "file").touch()
    (folders.input / "folder").mkdir()
    sentence = "'file' is a file, so nothing can be put into it; choose another folder"
    for name in ("file/x", "file/sub/x"):
        with pytest.raises(UnsafePath, match=sentence):
            store.save("output", name, ".png", content(b"x"))
    with pytest.raises(UnsafePath, match=sentence):
        store.save_upload("input", "file", "x.png", b"x")
    with pytest.raises(UnsafePath, match="'folder' is a folder; choose another name"):
        store.save_upload("input", "", "folder", b"x", overwrite=True)


def test_previews_of_earlier_starts_are_removed_and_nothing_else(store: ArtifactStore, folders: Folders) -> None:
    old = store.save("temp", "sub/preview", ".png", content(b"old"))
    new = store.save("temp", "preview", ".png", content(b"new"))
    kept = store.save("output", "sd35", ".png", content(b"kept"))
    (folders.temp / "somebody's.png").touch()
    os.utime(old.path, (1000, 1000))
    os.utime(folders.temp / "somebody's.png", (1000, 1000))
    assert store.remove_previews(before_s=2000) == 1
    assert not old.path.exists()
    assert files_below(folders.temp) == ["preview_00001_.png", "somebody's.png"]
    assert new.path.exists()
    assert kept.path.exists()


def test_results_that_lie_in_the_temp_folder_are_no_previews(tmp_path: Path) -> None:
    folders = replace(Folders.under(tmp_path), temp=tmp_path)
    folders.create()
    store = ArtifactStore(folders)
    kept = store.save("output", "sd35", ".png", content(b"kept"))
    os.utime(kept.path, (1000, 1000))
    assert store.remove_previews(before_s=2000) == 0
    assert kept.path.exists()


def test_only_output_and_temp_take_what_nodes_save(store: ArtifactStore) -> None:
    for folder in ("input", "models"):
        with pytest.raises(ValueError, match=f'a node saves into "output" or "temp", not into "{folder}"'):
            store.save(folder, "x", ".png", content(b"x"))  # type: ignore[arg-type]  # wrong on purpose


def test_file_has_no_name_before_it_is_whole(store: ArtifactStore, folders: Folders) -> None:
    seen: list[list[str]] = []

    def write(file: BinaryIO) -> None:
        file.write(b"part")
        file.flush()
        seen.append([name for name in os.listdir(folders.output) if not name.startswith(".")])

    store.save("output", "x", ".png", write)
    assert seen == [[]]


@pytest.mark.parametrize("hard_links", [True, False])
def test_many_writers_never_take_the_same_name(
    store: ArtifactStore, folders: Folders, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    if not hard_links:

        def refuse(*_: object) -> None:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")

        monkeypatch.setattr(os, "link", refuse)
    start = threading.Barrier(8)

    def write_ten(writer: int) -> list[str]:
        start.wait()
        texts = [f"{writer}-{index}" for index in range(10)]
        saved = [(text, store.save("output", "x", ".png", content(text.encode()))) for text in texts]
        assert all(artifact.path.read_text() == text for text, artifact in saved)
        return [artifact.filename for _, artifact in saved]

    with ThreadPoolExecutor(8) as pool:
        names = [name for names in pool.map(write_ten, range(8)) for name in names]
    assert len(set(names)) == 80
    assert files_below(folders.output) == sorted(names)


def test_leftovers_of_ended_processes_are_removed_and_those_of_living_ones_kept(
    store: ArtifactStore, folders: Folders
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    leftover = folders.output / "sub" / f".sd35graph-{ended.pid}-{'0' * 32}.part"
    living = folders.temp / f".sd35graph-{os.getpid()}-{'0' * 32}.part"
    picture = folders.output / "sub" / "x_00001_.png"
    leftover.parent.mkdir()
    for path in (leftover, living, picture):
        path.touch()
    assert store.remove_leftovers() == 1
    assert (leftover.exists(), living.exists(), picture.exists()) == (False, True, True)


@pytest.mark.parametrize(
    ("subfolder", "filename"),
    [("..", "x.png"), ("", "../x.png"), ("/etc", "passwd"), ("a", "/etc/passwd"), ("a/../..", "x"), ("", "a\0.png")],
)
def test_resolve_refuses_names_that_leave_the_folder(store: ArtifactStore, subfolder: str, filename: str) -> None:
    with pytest.raises(UnsafePath):
        store.resolve("output", subfolder, filename)


def test_resolve_gives_only_files_that_are_there(store: ArtifactStore, folders: Folders) -> None:
    (folders.output / "folder").mkdir()
    os.mkfifo(folders.output / "pipe")
    for name in ("nope.png", "folder", "pipe", ""):
        with pytest.raises(FileNotFoundError):
            store.resolve("output", "", name)


def test_upload_keeps_equal_content_once_and_renames_other_content(store: ArtifactStore, folders: Folders) -> None:
    first = store.save_upload("input", "", "up.png", b"one")
    assert (first.filename, first.subfolder, first.folder) == ("up.png", "", "input")
    assert store.save_upload("input", "", "up.png", b"one").filename == "up.png"
    assert store.save_upload("input", "", "up.png", b"two").filename == "up (1).png"
    assert store.save_upload("input", "", "up.png", b"two").filename == "up (1).png"
    assert store.save_upload("input", "", "up.png", b"three", overwrite=True).filename == "up.png"
    assert files_below(folders.input) == ["up (1).png", "up.png"]
    assert (folders.input / "up.png").read_bytes() == b"three"


def test_upload_into_a_subfolder_of_temp(store: ArtifactStore, folders: Folders) -> None:
    kept = store.save_upload("temp", "a", "up.png", b"x")
    assert (kept.filename, kept.subfolder, kept.folder) == ("up.png", "a", "temp")
    assert (folders.temp / "a" / "up.png").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("subfolder", "filename"), [("../..", "x.png"), ("", "../x.png"), ("", ""), ("", ".bashrc"), ("", "."), ("/x", "x")]
)
def test_upload_with_an_unsafe_name_is_refused(
    store: ArtifactStore, folders: Folders, subfolder: str, filename: str
) -> None:
    with pytest.raises(UnsafePath):
        store.save_upload("input", subfolder, filename, b"x")
    assert files_below(folders.base) == []
