"""Reading safetensors headers, and saying precisely what is wrong with a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sd35graph.models.errors import FileFormatError, WeightsChangedError
from sd35graph.models.files.checkpoint import check_unchanged, load_tensors, read_header
from sd35graph.models.files.header import Piece, TensorInfo, file_state

CPU = torch.device("cpu")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.safetensors"
    save_file({"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.float16)}, path, {"k": "v"})
    return path


def raw(path: Path, header: object, body: bytes = b"") -> Path:
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


def test_header_gives_types_shapes_and_metadata(good: Path) -> None:
    header = read_header(good)
    start = good.stat().st_size - 32
    a, b = Piece(good, start, "F32", (2, 3)), Piece(good, start + 24, "F16", (4,))
    assert header.tensors == {"a": TensorInfo("F32", (2, 3), (a,)), "b": TensorInfo("F16", (4,), (b,))}
    assert header.metadata == {"k": "v"}
    assert header.fingerprint.files == (file_state(good),)


def test_tensors_are_read_under_new_names_and_converted(good: Path) -> None:
    tensors = load_tensors(read_header(good), {"x": "a", "y": "b"}, CPU, torch.float32)
    assert torch.equal(tensors["x"], torch.arange(6.0).reshape(2, 3))
    assert tensors["y"].dtype == torch.float32


def test_scalars_and_empty_tensors_are_read_too(tmp_path: Path) -> None:
    stored = {"empty": torch.empty(0, 3), "scalar": torch.tensor(2.5), "half": torch.tensor([-1.5]).bfloat16()}
    save_file(stored, tmp_path / "s.safetensors")
    read = load_tensors(read_header(tmp_path / "s.safetensors"), {key: key for key in stored}, CPU, None)
    assert all(read[key].dtype == tensor.dtype and torch.equal(read[key], tensor) for key, tensor in stored.items())


def test_tensors_stay_as_read_whatever_becomes_of_the_file(good: Path) -> None:
    tensors = load_tensors(read_header(good), {"a": "a"}, CPU, None)
    good.write_bytes(b"")
    assert torch.equal(tensors["a"], torch.arange(6.0).reshape(2, 3))


def test_a_file_replaced_since_its_header_was_read_is_not_read(good: Path) -> None:
    header = read_header(good)
    good.write_bytes(good.read_bytes()[:-1])
    with pytest.raises(WeightsChangedError, match=r"good\.safetensors changed on disk"):
        load_tensors(header, {"b": "b"}, CPU, None)


def test_a_file_cut_short_during_reading_is_an_error(good: Path) -> None:
    header = read_header(good)
    good.write_bytes(good.read_bytes()[:-1])
    seen = replace(header.fingerprint, files=(file_state(good),))  # the check saw nothing
    with pytest.raises(WeightsChangedError, match='cut short while tensor "b" was read'):
        load_tensors(replace(header, fingerprint=seen), {"a": "a", "b": "b"}, CPU, None)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.safetensors", b"", "is empty"),
        ("sd.ckpt", b"PK\x03\x04" + bytes(40), "zip archive"),
        ("sd.ckpt", b"\x80\x02}q\x00" + bytes(40), "pickle.*can run any code"),
        ("renamed.safetensors", b"\x80\x04\x95" + bytes(40), "pickle.*can run any code"),
        ("other.pt", b"whatever" * 9, "pickle.*can run any code"),
        ("page.safetensors", b"<!DOCTYPE html><html>Sign in</html>", "web page"),
        ("page.safetensors", b"\n <html><body>", "web page"),
        ("lfs.safetensors", b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
        ("model.safetensors", b"GGUF\x03" + bytes(4), "GGUF"),
        ("noise.safetensors", bytes(range(1, 60)), "not a safetensors file.*01 02 03"),
        ("short.safetensors", b"\x10\x00", "not a safetensors file"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=words) as caught:
        read_header(path)
    assert str(path) in str(caught.value)


def test_a_truncated_file_says_how_much_is_there(good: Path) -> None:
    content = good.read_bytes()
    good.write_bytes(content[:-5])
    with pytest.raises(
        FileFormatError, match=r"truncated: the header describes 32 bytes.*27 are present \(5 missing\)"
    ):
        read_header(good)


def test_a_file_cut_inside_the_header_says_so(good: Path) -> None:
    good.write_bytes(good.read_bytes()[:30])
    with pytest.raises(FileFormatError, match=r"truncated: its header alone takes .* only 30 are present"):
        read_header(good)


def test_trailing_bytes_are_refused(good: Path) -> None:
    good.write_bytes(good.read_bytes() + b"xyz")
    with pytest.raises(FileFormatError, match="3 bytes follow the last tensor"):
        read_header(good)


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"{not json", "damaged safetensors header"),
        (b'{"a": ' + b"[" * 5000, "damaged safetensors header"),
        ({"a": 3}, 'entry "a" is 3'),
        ({"a": entry([2], 0, 8, "F99")}, 'entry "a"'),
        ({"a": entry([3], 0, 8)}, 'tensor "a" of type F32 and shape \\[3\\] cannot take the bytes 0 to 8'),
        ({"a": entry([-2], 0, 8)}, "cannot take the bytes"),
        ({"a": entry([2], 4, 12)}, 'tensor "a" begins at byte 4, expected 0'),
        ({"a": entry([2], 0, 8), "b": entry([1], 4, 8)}, 'tensor "b" begins at byte 4, expected 8'),
        ({"__metadata__": [1], "a": entry([2], 0, 8)}, "__metadata__"),
    ],
)
def test_damaged_headers_are_located(tmp_path: Path, header: object, words: str) -> None:
    with pytest.raises(FileFormatError, match=words):
        read_header(raw(tmp_path / "bad.safetensors", header, bytes(12 if "4, 12" in str(header) else 8)))


def test_a_missing_file_stays_a_file_not_found_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_header(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: os.utime(path, ns=(0, 0)),
        lambda path: path.unlink(),
    ],
)
def test_a_changed_file_is_noticed(good: Path, change: Callable[[Path], object]) -> None:
    fingerprint = read_header(good).fingerprint
    check_unchanged(good, fingerprint)
    change(good)
    with pytest.raises(WeightsChangedError):
        check_unchanged(good, fingerprint)
