"""`sd35graph models` against a hub on loopback, as users meet it: exit codes, files, messages, kills."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import huggingface_hub.constants
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from hub_server import Hub, running_hub

from sd35graph import model_files
from sd35graph.engine.folders import Folders
from sd35graph.graph.known_files import KNOWN_FILES, KNOWN_SETS
from sd35graph.model_files import files_named, pull, verify
from sd35graph.models.errors import FetchError

LARGE = KNOWN_FILES["sd3.5_large.safetensors"]


def safetensors(floats: int) -> bytes:
    """A file with one tensor."""
    header = json.dumps({"x": {"dtype": "F32", "shape": [floats], "data_offsets": [0, 4 * floats]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(range(256)) * (floats // 64)


CHUNK_BYTES = 10 * 2**20  # that the client library passes on at once
CONTENT = safetensors(6 * 2**20)  # 24 MiB
BREAK_AFTER = 15 * 2**20


Start = Callable[[], subprocess.Popen[str]]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as hub:
        hub.add(LARGE.repository, LARGE.path, CONTENT)
        for name in KNOWN_SETS["tokenizers"]:
            known = KNOWN_FILES[name]
            hub.add(known.repository, known.path, name.encode(), is_large=name == "spiece.model")
        yield hub


class Told(NamedTuple):
    """A command's exit code and what it wrote."""

    code: int
    out: str
    err: str


def environment(hub: Hub, **extra: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "SD35GRAPH_"))}
    return {**kept, "HF_ENDPOINT": hub.url, "HF_HOME": "/nowhere", "COLUMNS": "300", **extra}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "sd35graph", "models", *map(str, arguments)]


def models(hub: Hub, *arguments: str | Path, **extra: str) -> Told:
    done = subprocess.run(
        command(*arguments), env=environment(hub, **extra), capture_output=True, text=True, timeout=120, check=False
    )
    return Told(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def start(hub: Hub, tmp_path: Path) -> Iterator[Start]:
    """Starts a pull of one file; whatever still runs at the end of the test is killed."""
    running: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        running.append(
            subprocess.Popen(
                command("pull", "sd3.5_large.safetensors", "--base", tmp_path),
                env=environment(hub),
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return running[-1]

    yield start
    for pulling in running:
        pulling.kill()
        pulling.communicate()


def test_files_go_where_the_loaders_look_and_are_good(hub: Hub, tmp_path: Path) -> None:
    told = models(hub, "pull", "sd3.5_large.safetensors", "tokenizers", "--base", tmp_path)
    assert told.code == 0, told.err
    root = tmp_path / "models"
    assert (root / "checkpoints" / "sd3.5_large.safetensors").read_bytes() == CONTENT
    assert (root / "tokenizers" / "clip" / "merges.txt").read_bytes() == b"merges.txt"
    assert (root / "tokenizers" / "t5" / "spiece.model").read_bytes() == b"spiece.model"
    assert Folders.under(tmp_path).choices("checkpoints") == ["sd3.5_large.safetensors"]
    assert len(told.out.splitlines()) == 4
    assert list((root / ".downloads").glob("*.part")) == []

    told = models(hub, "list", "--base", tmp_path)
    assert f"here: {root / 'checkpoints' / 'sd3.5_large.safetensors'}" in told.out
    assert "about 1.4 GB  not here (stabilityai/stable-diffusion-3.5-large, licence to be accepted)" in told.out
    assert "11.4 GB to fetch in 3 of 7 files" in told.out

    told = models(hub, "verify", "--base", tmp_path)
    assert told.code == 0, told.out
    assert told.out.count(": good\n") == 4

    before = len(hub.requests)
    told = models(hub, "pull", "sd3.5_large.safetensors", "--base", tmp_path)
    assert (told.code, told.out) == (0, "")
    assert "1 of 1 files were here already" in told.err
    assert len(hub.requests) == before


def test_a_killed_pull_goes_on(start: Start, hub: Hub, tmp_path: Path) -> None:
    hub.break_after, hub.stall = BREAK_AFTER, True
    pulling = start()
    assert hub.stalled.wait(30)
    parts = tmp_path / "models" / ".downloads"
    while not any(part.stat().st_size for part in parts.glob("*.part")):  # until what was sent is on the disk
        assert pulling.poll() is None
    pulling.kill()
    pulling.wait()
    (part,) = parts.glob("*.part")
    have = part.stat().st_size
    assert 0 < have < BREAK_AFTER
    assert Folders.under(tmp_path).choices("checkpoints") == []
    hub.break_after = None
    hub.go_on.set()
    told = models(hub, "pull", "sd3.5_large.safetensors", "--base", tmp_path)
    assert told.code == 0, told.err
    assert (tmp_path / "models" / "checkpoints" / "sd3.5_large.safetensors").read_bytes() == CONTENT
    assert hub.gets()[-1].range == f"bytes={have}-"


def test_two_pulls_of_one_file_fetch_it_once(start: Start, hub: Hub, tmp_path: Path) -> None:
    hub.break_after, hub.stall = BREAK_AFTER, True
    first = start()
    assert hub.stalled.wait(30)
    hub.break_after = None
    second = start()
    assert second.stderr is not None
    said = next(line for line in second.stderr if "waiting" in line)
    assert "sd3.5_large.safetensors is being fetched by another pull; waiting for it" in said
    hub.go_on.set()
    assert (first.wait(60), second.wait(60)) == (0, 0)
    assert (tmp_path / "models" / "checkpoints" / "sd3.5_large.safetensors").read_bytes() == CONTENT
    assert [request.range for request in hub.gets()] == [
        None,
        f"bytes={CHUNK_BYTES}-",
    ]  # by the first, whose connection broke


def test_ctrl_c_says_that_the_pull_can_go_on(start: Start, hub: Hub) -> None:
    hub.break_after, hub.stall = BREAK_AFTER, True
    pulling = start()
    assert hub.stalled.wait(30)
    pulling.send_signal(signal.SIGINT)
    _, err = pulling.communicate(timeout=60)
    assert pulling.returncode == 130
    assert "stopped; the same command goes on from here" in err


def test_all_that_cannot_be_had_is_said_before_anything_is_fetched(hub: Hub, tmp_path: Path) -> None:
    hub.add(LARGE.repository, LARGE.path, CONTENT, gate="GatedRepo")
    told = models(hub, "pull", "sd3.5-large", "sd3.5_medium.safetensors", "--base", tmp_path)
    assert told.code == 1
    assert f"{LARGE.repository} is gated: its licence must be accepted once. No token was sent." in told.err
    assert "has no repository stabilityai/stable-diffusion-3.5-medium" in told.err
    assert "has no file text_encoders/clip_l.safetensors" in told.err
    assert hub.gets() == []
    assert "Traceback" not in told.err


def test_the_token_comes_from_the_environment(hub: Hub, tmp_path: Path) -> None:
    hub.token = "hf_right"
    hub.add(LARGE.repository, LARGE.path, CONTENT, gate="GatedRepo")
    told = models(hub, "pull", "sd3.5_large.safetensors", "--base", tmp_path, HF_TOKEN="hf_wrong")
    assert told.code == 1
    assert "The token that was sent has no access." in told.err
    assert models(hub, "pull", "sd3.5_large.safetensors", "--base", tmp_path, HF_TOKEN="hf_right").code == 0


def test_a_name_that_is_not_known_is_refused_with_near_ones(hub: Hub, tmp_path: Path) -> None:
    for verb in ("pull", "verify"):
        told = models(hub, verb, "sd3.5-lrge", "--base", tmp_path)
        assert told.code == 2
        assert '"sd3.5-lrge" is no published file; did you mean sd3.5-large' in told.err
    assert "did you mean clip_l.safetensors" in models(hub, "pull", "clip_ll", "--base", tmp_path).err
    assert models(hub, "verify", "clip_l", "--base", tmp_path).code == 1


def test_damage_is_found(hub: Hub, tmp_path: Path) -> None:
    models(hub, "pull", "sd3.5_large.safetensors", "tokenizers", "--base", tmp_path)
    checkpoints = tmp_path / "models" / "checkpoints"
    content = bytearray(CONTENT)
    content[-1] ^= 1
    (checkpoints / "sd3.5_large.safetensors").write_bytes(content)
    (checkpoints / "short.safetensors").write_bytes(CONTENT[:-1])
    (checkpoints / "mine.safetensors").write_bytes(CONTENT)
    told = models(hub, "verify", "--base", tmp_path)
    assert told.code == 1
    said = {Path(line.partition(": ")[0]).name: line.partition(": ")[2] for line in told.out.splitlines()}
    assert said["sd3.5_large.safetensors"].startswith(f"damaged: its hash is {hashlib.sha256(content).hexdigest()}")
    assert "is truncated" in said["short.safetensors"]
    assert said["mine.safetensors"] == "good (no recorded hash, as it was not pulled)"
    assert said["vocab.json"] == "good"


class SilentScreen:
    def say(self, message: str) -> None:
        raise AssertionError(message)

    def begin(self, name: str, size_bytes: int) -> object:
        return lambda done: None


def test_a_disk_without_room_is_said_before_anything_is_fetched(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    usage = shutil.disk_usage(tmp_path)._replace(free=len(CONTENT) - 1)
    monkeypatch.setattr(model_files.shutil, "disk_usage", lambda path: usage)
    folders = Folders.under(tmp_path / "new")
    with pytest.raises(FetchError, match=r"GB are to be fetched, but the disk of .*/new/models has 0.0 GB free"):
        pull(folders, files_named(["sd3.5_large.safetensors"]), SilentScreen(), hub.url)
    assert hub.gets() == []
    assert pull(folders, files_named(["vocab.json"]), SilentScreen(), hub.url)


def test_each_file_is_looked_up_again_just_before_it_is_fetched(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    pull(Folders.under(tmp_path), files_named(["vocab.json", "merges.txt"]), SilentScreen(), hub.url)
    asked = [(each.method, each.path.rsplit("/", 1)[-1]) for each in hub.requests if "/resolve/" in each.path]
    first, second = asked[0][1], asked[1][1]
    assert asked[2:] == [("HEAD", first), ("GET", first), ("HEAD", second), ("GET", second)]


def test_a_file_that_changes_on_the_hub_meanwhile_is_refused(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    wanted = files_named(["vocab.json", "merges.txt"])

    class Changing(SilentScreen):
        def begin(self, name: str, size_bytes: int) -> object:
            hub.add(wanted[1].repository, wanted[1].path, b"other", is_large=False)
            return super().begin(name, size_bytes)

    with pytest.raises(FetchError, match=r"changed on the hub meanwhile\. Run it again"):
        pull(Folders.under(tmp_path), wanted, Changing(), hub.url)


@pytest.mark.parametrize("record", [b"\xff\xfe", b"", b"no hash"])
def test_a_damaged_record_is_a_problem_of_its_file(tmp_path: Path, record: bytes) -> None:
    path = tmp_path / "vocab.json"
    path.write_bytes(b"{}")
    (tmp_path / ".vocab.json.sha256").write_bytes(record)
    problem = verify(path, SilentScreen()).problem
    assert problem is not None
    assert "does not begin with a SHA-256" in problem
    assert "remove the file and pull it again" in problem


def test_every_member_of_a_set_is_a_known_file() -> None:
    for name, members in KNOWN_SETS.items():
        assert members, name
        assert [known.name for known in files_named([name])] == list(members)
    assert set(files_named(KNOWN_FILES)) == set(KNOWN_FILES.values())


def test_every_name_that_is_printed_is_taken() -> None:
    for known in KNOWN_FILES.values():
        assert known in files_named([known.pull_name])
        assert f"`sd35graph models pull {known.pull_name}`" in known.how_to_get()
    assert LARGE.pull_name == "sd3.5-large"
    assert KNOWN_FILES["clip_l.safetensors"].pull_name == "clip_l.safetensors"


@pytest.mark.parametrize("name", ["sd3.5-large", "sd3.5_large", "SD3.5-Large"])
def test_a_model_is_the_same_however_it_is_spelled(name: str) -> None:
    assert [known.name for known in files_named([name])] == list(KNOWN_SETS["sd3.5-large"])


@pytest.mark.parametrize("name", ["clip_l", "clip-l", "clip_l.safetensors", "CLIP_L"])
def test_a_file_may_be_named_without_its_ending(name: str) -> None:
    assert [known.name for known in files_named([name])] == ["clip_l.safetensors"]
