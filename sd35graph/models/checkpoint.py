"""Safetensors files: header inspection, and loading of the tensors a model needs.

The header is parsed here so that every defect has its own sentence. Tensors are read, not mapped: memory then holds
what was asked for and no page of the file beside it, weights are aligned the same way each time they are loaded, and
a file cut short in the meantime is an error and not the end of the process (SIGBUS). Format: an unsigned little-endian
64-bit length, that many bytes of JSON, then the tensors' bytes without gaps (huggingface/safetensors, README.md,
section "Format").
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sd35graph.models.errors import FileFormatError, UnsupportedStorageError, WeightsChangedError

Shape = tuple[int, ...]

MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors library itself

DTYPES: Mapping[str, torch.dtype] = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

# Bits per element of everything the format can hold, to check sizes even where we refuse the type.
_DTYPE_BITS: Mapping[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "I32": 32, "U32": 32, "I64": 64, "U64": 64,
    "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip

_PICKLE = "which can run any code when opened, so it is refused"

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", f"a zip archive; PyTorch's .ckpt, .pt and .pth files are such, with a pickle inside, {_PICKLE}"),
    (b"\x80\x02", f"a Python pickle (an old .ckpt or .pt file), {_PICKLE}"),
    (b"\x80\x03", f"a Python pickle, {_PICKLE}"),
    (b"\x80\x04", f"a Python pickle, {_PICKLE}"),
    (b"\x80\x05", f"a Python pickle, {_PICKLE}"),
    (b"GGUF", "a GGUF file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file it stands for (run `git lfs pull`)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89HDF", "an HDF5 file"),
)


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """What the header says of one tensor. dtype: the format's code, such as "BF16". offset: its first byte's place."""

    dtype: str
    shape: Shape
    offset: int


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Identifies the content of a weights file without reading all of it.

    header: SHA-256 of the header's JSON bytes, in hex.
    """

    size_bytes: int
    mtime_ns: int
    header: str


@dataclass(frozen=True, slots=True)
class Header:
    """The checked header of one safetensors file."""

    path: Path
    fingerprint: Fingerprint
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]

    def shapes(self, prefix: str = "") -> dict[str, Shape]:
        """Shapes of the tensors under `prefix`, keyed without it."""
        return {key[len(prefix) :]: info.shape for key, info in self.tensors.items() if key.startswith(prefix)}


def read_header(path: Path) -> Header:
    """The header of the safetensors file at `path`, after checking that the file is whole.

    Raises `FileNotFoundError`/`OSError` for what the file system says, `FileFormatError` for anything else.
    """
    with path.open("rb") as file:
        stat = os.fstat(file.fileno())
        start = file.read(64)
        length = _header_length(path, start, stat.st_size)
        file.seek(8)
        raw = file.read(length)
    fields = _parse(path, raw)
    metadata = fields.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict):
        raise FileFormatError(f"{path}: `__metadata__` in the header must be an object, not {type(metadata).__name__}.")
    tensors = _check_tensors(path, fields, 8 + length, stat.st_size)
    fingerprint = Fingerprint(stat.st_size, stat.st_mtime_ns, hashlib.sha256(raw).hexdigest())
    return Header(path, fingerprint, tensors, {str(key): str(value) for key, value in metadata.items()})


def check_unchanged(path: Path, fingerprint: Fingerprint) -> None:
    """Raise `WeightsChangedError` if the file is gone, or has another size or time than when it was inspected."""
    try:
        _check_stat(path, path.stat(), fingerprint)
    except FileNotFoundError as error:
        raise WeightsChangedError(
            f"{path} was there when it was chosen, but is gone now. Put it back or choose another."
        ) from error


def _check_stat(path: Path, stat: os.stat_result, fingerprint: Fingerprint) -> None:
    if (stat.st_size, stat.st_mtime_ns) != (fingerprint.size_bytes, fingerprint.mtime_ns):
        raise WeightsChangedError(
            f"{path} changed on disk after it was chosen ({fingerprint.size_bytes} bytes then, {stat.st_size} now). "
            "Run the loader again to use the new file."
        )


def check_storage(header: Header, keys: Iterable[str]) -> None:
    """Raise `UnsupportedStorageError` unless every tensor in `keys` is F32, F16 or BF16."""
    for key in keys:
        dtype = header.tensors[key].dtype
        if dtype in DTYPES:
            continue
        kind = "scaled fp8" if dtype.startswith("F8") else dtype
        raise UnsupportedStorageError(
            f'{header.path}: tensor "{key}" is stored as {dtype} ({kind} is not supported yet); '
            "expected F32, F16 or BF16. Use the fp16, bf16 or fp32 version of the model."
        )


def load_tensors(
    header: Header, keys: Mapping[str, str], device: torch.device, dtype: torch.dtype | None
) -> dict[str, Tensor]:
    """Read tensors from the file, one at a time, as `device` tensors.

    keys: name in the result -> key in the file.
    dtype: what they are converted to; None keeps the stored one.
    Raises `WeightsChangedError` if the file is not the one whose header was read.
    """
    check_unchanged(header.path, header.fingerprint)
    with header.path.open("rb", buffering=0) as file:
        _check_stat(header.path, os.fstat(file.fileno()), header.fingerprint)
        return {name: _read_tensor(file, header, key).to(device, dtype) for name, key in keys.items()}


def _read_tensor(file: FileIO, header: Header, key: str) -> Tensor:
    info = header.tensors[key]
    tensor = torch.empty(info.shape, dtype=DTYPES[info.dtype])
    unread = tensor.view(-1).view(torch.uint8).numpy().data
    file.seek(info.offset)
    while unread:
        count = file.readinto(unread)
        if not count:
            raise WeightsChangedError(f'{header.path} was cut short while tensor "{key}" was read. Put it back whole.')
        unread = unread[count:]
    return tensor


def _header_length(path: Path, start: bytes, size: int) -> int:
    if size == 0:
        raise FileFormatError(f"{path} is empty. Expected a safetensors file; download it again.")
    _refuse_other_formats(path, start)
    length = int.from_bytes(start[:8], "little")
    if size < 8 or length < 2 or length > MAX_HEADER_BYTES or start[8:9] not in (b"{", b""):
        raise FileFormatError(
            f"{path} is not a safetensors file: expected a header length and a JSON object at its start, "
            f"found the bytes {start[:12].hex(' ')}."
        )
    if 8 + length > size:
        raise FileFormatError(
            f"{path} is truncated: its header alone takes {8 + length} bytes, but only {size} are present. "
            "Download it again."
        )
    return length


def _refuse_other_formats(path: Path, start: bytes) -> None:
    for signature, description in _SIGNATURES:
        if start.startswith(signature):
            raise FileFormatError(f"{path} is {description}. Only safetensors files are read.")
    text = start.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise FileFormatError(
            f"{path} is a web page, not a model: the download was answered with HTML (a log-in or licence page). "
            "Download it again after logging in and accepting the licence."
        )
    if path.suffix.lower() in {".ckpt", ".pt", ".pth", ".pkl"}:
        raise FileFormatError(
            f"{path}: a {path.suffix} file is a Python pickle, {_PICKLE}. Only safetensors files are read."
        )


def _parse(path: Path, raw: bytes) -> dict[str, Any]:  # Any: JSON not yet checked
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path} has a damaged safetensors header: {error}. Download it again.") from error
    if not isinstance(fields, dict):
        raise FileFormatError(
            f"{path} has a damaged safetensors header: expected a JSON object, found {type(fields).__name__}."
        )
    return fields


def _check_tensors(path: Path, fields: Mapping[str, Any], start: int, size: int) -> dict[str, TensorInfo]:
    """Entries of the header, after checking that they tile the file's bytes from `start` to its `size` exactly."""
    present = size - start
    entries = [_tensor_entry(path, key, field) for key, field in fields.items()]
    expected = max((end for _, _, _, end in entries), default=0)
    if expected > present:
        raise FileFormatError(
            f"{path} is truncated: the header describes {expected} bytes of tensors, but only {present} are present "
            f"({expected - present} missing). Download it again."
        )
    position = 0
    for key, _, begin, end in sorted(entries, key=lambda entry: entry[2:]):
        if begin != position:
            raise FileFormatError(
                f'{path} has a damaged safetensors header: tensor "{key}" begins at byte {begin}, expected {position}.'
            )
        position = end
    if position != present:
        raise FileFormatError(
            f"{path} is damaged: {present - position} bytes follow the last tensor. Download it again."
        )
    return {key: TensorInfo(dtype, shape, start + begin) for key, (dtype, shape), begin, _ in entries}


def _tensor_entry(path: Path, key: str, field: Any) -> tuple[str, tuple[str, Shape], int, int]:
    """(key, (dtype, shape), begin, end) of one header entry."""
    try:
        dtype, shape, (begin, end) = field["dtype"], tuple(field["shape"]), field["data_offsets"]
        bits = _DTYPE_BITS[dtype]
        counts = (*shape, begin, end)
        well_formed = all(type(n) is int and n >= 0 for n in counts) and math.prod(shape) * bits == (end - begin) * 8
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(
            f'{path} has a damaged safetensors header: entry "{key}" is {str(field)[:120]}.'
        ) from error
    if not well_formed:
        raise FileFormatError(
            f'{path} has a damaged safetensors header: tensor "{key}" of type {dtype} and shape {list(shape)} '
            f"cannot take the bytes {begin} to {end}."
        )
    return key, (dtype, shape), begin, end
