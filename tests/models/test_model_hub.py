"""Files fetched from a hub on loopback: continued, checked, refused with the way out."""

from __future__ import annotations

import errno
import hashlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # tests/hub_server.py serves several folders of tests
from hub_server import Hub, running_hub

from sd35graph.models.errors import FetchError
from sd35graph.models.hub import RemoteFile, download, look_up, partial_size

REPOSITORY, PATH = "somebody/model", "weights/model.safetensors"
CONTENT = random.Random(1).randbytes(400_000)


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 50_000)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the library waits between its attempts
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as hub:
        hub.add(REPOSITORY, PATH, CONTENT)
        yield hub


def fetch(hub: Hub, folder: Path, path: str = PATH) -> Path:
    target = folder / "checkpoints" / "model.safetensors"
    assert (
        download(look_up(REPOSITORY, path, hub.url), target, folder / "parts")
        == hashlib.sha256(target.read_bytes()).hexdigest()
    )
    return target


def test_a_file_arrives_whole_and_leaves_no_parts(hub: Hub, tmp_path: Path) -> None:
    seen: list[int] = []
    remote = look_up(REPOSITORY, PATH, hub.url)
    assert remote.size_bytes == len(CONTENT)
    target = tmp_path / "deep" / "er" / "model.safetensors"
    download(remote, target, tmp_path / "parts", seen.append)
    assert target.read_bytes() == CONTENT
    assert list((tmp_path / "parts").iterdir()) == []
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)


def test_small_files_are_checked_by_their_git_hash(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPOSITORY, "merges.txt", b"#version: 0.2\n", is_large=False)
    assert fetch(hub, tmp_path, "merges.txt").read_bytes() == b"#version: 0.2\n"
    hub.add(REPOSITORY, "merges.txt", b"damaged", is_large=False, etag="0" * 40)
    with pytest.raises(FetchError, match=f"the hub declares {'0' * 40}"):
        fetch(hub, tmp_path, "merges.txt")


def test_a_broken_connection_is_continued_within_a_download(hub: Hub, tmp_path: Path) -> None:
    hub.break_after = 150_000
    assert fetch(hub, tmp_path).read_bytes() == CONTENT
    assert [request.range for request in hub.gets()] == [None, "bytes=150000-", "bytes=300000-"]


def interrupt(remote: RemoteFile, folder: Path, after: int) -> None:
    """Begin a download and stop it at Ctrl+C once so many bytes are there."""

    def stop(done: int) -> None:
        if done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(remote, folder / "model", folder / "parts", stop)


def test_an_interrupted_download_goes_on_later(hub: Hub, tmp_path: Path) -> None:
    remote = look_up(REPOSITORY, PATH, hub.url)
    interrupt(remote, tmp_path, after=100_000)
    have = partial_size(remote, tmp_path / "parts")
    assert 0 < have < len(CONTENT)
    assert not (tmp_path / "model").exists()
    download(remote, tmp_path / "model", tmp_path / "parts")
    assert (tmp_path / "model").read_bytes() == CONTENT
    assert hub.gets()[-1].range == f"bytes={have}-"


def test_what_is_complete_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    remote = look_up(REPOSITORY, PATH, hub.url)
    interrupt(remote, tmp_path, after=len(CONTENT))
    download(remote, tmp_path / "model", tmp_path / "parts")
    assert (tmp_path / "model").read_bytes() == CONTENT
    assert len(hub.gets()) == 1


def test_another_version_does_not_go_on_from_an_old_part(hub: Hub, tmp_path: Path) -> None:
    interrupt(look_up(REPOSITORY, PATH, hub.url), tmp_path, after=100_000)
    hub.add(REPOSITORY, PATH, CONTENT[::-1])
    remote = look_up(REPOSITORY, PATH, hub.url)
    assert partial_size(remote, tmp_path / "parts") == 0
    download(remote, tmp_path / "model", tmp_path / "parts")
    assert (tmp_path / "model").read_bytes() == CONTENT[::-1]


def test_a_wrong_hash_is_said_and_nothing_is_left(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPOSITORY, PATH, CONTENT, etag="f" * 64)
    with pytest.raises(FetchError, match=f"arrived damaged: its hash is {hashlib.sha256(CONTENT).hexdigest()}"):
        fetch(hub, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_gated_repository_says_where_the_licence_is(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.token = "hf_right"
    hub.add(REPOSITORY, PATH, CONTENT, gate="GatedRepo")
    with pytest.raises(FetchError, match=f"No token was sent. Log in on {hub.url}/{REPOSITORY} and accept it"):
        look_up(REPOSITORY, PATH, hub.url)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(FetchError, match="The token that was sent has no access"):
        look_up(REPOSITORY, PATH, hub.url)
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    assert look_up(REPOSITORY, PATH, hub.url).size_bytes == len(CONTENT)


def test_what_is_not_there_is_named(hub: Hub) -> None:
    with pytest.raises(FetchError, match=r"somebody/model on http://.* has no file other.safetensors"):
        look_up(REPOSITORY, "other.safetensors", hub.url)
    with pytest.raises(FetchError, match="has no repository nobody/model, or shows it only to some"):
        look_up("nobody/model", PATH, hub.url)


def test_a_hub_that_is_not_there_is_named() -> None:
    with pytest.raises(FetchError, match=r"could not be fetched from http://127.0.0.1:9: \w+.* Check the network"):
        look_up(REPOSITORY, PATH, "http://127.0.0.1:9")


def test_being_offline_is_said(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FetchError, match="as HF_HUB_OFFLINE is set"):
        look_up(REPOSITORY, PATH, hub.url)
    assert hub.requests == []


def test_the_token_is_not_sent_to_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with running_hub(has_content_host=True) as hub:
        hub.token = "hf_secret"
        hub.add(REPOSITORY, PATH, CONTENT, gate="GatedRepo")
        remote = look_up(REPOSITORY, PATH, hub.url)
        assert remote.url.startswith(hub.content_url)
        assert "hf_secret" not in repr(remote)
        fetch(hub, tmp_path)
        assert {request.authorization for request in hub.requests if request.method == "HEAD"} == {"Bearer hf_secret"}
        assert [request.authorization for request in hub.gets()] == [None]


def test_the_token_is_sent_where_the_content_lies_on_the_hub(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    hub.token = "hf_right"
    hub.add(REPOSITORY, PATH, CONTENT, gate="GatedRepo")
    assert fetch(hub, tmp_path).read_bytes() == CONTENT


def test_a_full_disk_is_said_and_what_is_there_kept(hub: Hub, tmp_path: Path) -> None:
    remote = look_up(REPOSITORY, PATH, hub.url)

    def full(done: int) -> None:
        if done > 200_000:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(FetchError, match=r"The disk became full while weights/model.safetensors was fetched"):
        download(remote, tmp_path / "model", tmp_path / "parts", full)
    assert not (tmp_path / "model").exists()
    assert 0 < partial_size(remote, tmp_path / "parts") < len(CONTENT)


def test_the_token_is_not_sent_without_encryption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    for scheme, headers in (("http", {}), ("https", {"authorization": "Bearer hf_secret"})):
        metadata = SimpleNamespace(etag="a" * 64, size=3, location=f"{scheme}://hub.example/x")
        monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda *_, found=metadata, **__: found)
        assert look_up(REPOSITORY, PATH, "https://hub.example").headers == headers


def test_errors_do_not_show_signed_addresses(hub: Hub, tmp_path: Path) -> None:
    hub.add(REPOSITORY, PATH, CONTENT, gate="Other")
    url = f"{hub.url}/{REPOSITORY}/resolve/main/{PATH}"
    remote = RemoteFile(REPOSITORY, PATH, len(CONTENT), "a" * 64, f"{url}?Signature=secret&Expires=1", {})
    with pytest.raises(FetchError, match="could not be fetched") as caught:
        download(remote, tmp_path / "model", tmp_path / "parts")
    assert url in str(caught.value)
    assert "secret" not in str(caught.value)
