"""Safetensors files: the header, parsed here so that every defect has its own sentence.

Format: an unsigned little-endian 64-bit length, that many bytes of JSON, then the tensors' bytes without gaps
(huggingface/safetensors, README.md, section "Format").
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sd35graph.models.errors import FileFormatError
from sd35graph.models.files.header import Fingerprint, Header, Piece, TensorInfo, file_state

MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors library itself

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
    (b"version https://git-lfs", "a Git LFS pointer, not the file it stands for (run `git lfs pull`)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89HDF", "an HDF5 file"),
)


def read_safetensors_header(path: Path) -> Header:
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
    fingerprint = Fingerprint((file_state(path, stat),), hashlib.sha256(raw).hexdigest())
    return Header(path, fingerprint, tensors, {str(key): str(value) for key, value in metadata.items()})


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
            raise FileFormatError(f"{path} is {description}. Only safetensors and GGUF files are read.")
    text = start.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise FileFormatError(
            f"{path} is a web page, not a model: the download was answered with HTML (a log-in or licence page). "
            "Download it again after logging in and accepting the licence."
        )
    if path.suffix.lower() in {".ckpt", ".pt", ".pth", ".pkl"}:
        raise FileFormatError(
            f"{path}: a {path.suffix} file is a Python pickle, {_PICKLE}. Only safetensors and GGUF files are read."
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
    pieces = {key: Piece(path, start + begin, dtype, shape) for key, (dtype, shape), begin, _ in entries}
    return {key: TensorInfo(piece.dtype, piece.shape, (piece,)) for key, piece in pieces.items()}


def _tensor_entry(path: Path, key: str, field: Any) -> tuple[str, tuple[str, tuple[int, ...]], int, int]:
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
