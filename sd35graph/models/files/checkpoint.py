"""Weights on disk: inspection of what is there, and reading of the tensors a model needs.

Tensors are read, not mapped: memory then holds what was asked for and no page of the file beside it, weights are
aligned the same way each time they are loaded, and a file cut short in the meantime is an error and not the end of the
process (SIGBUS).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from io import FileIO
from pathlib import Path

import torch
from torch import Tensor

from sd35graph.interruption import stop_if_asked
from sd35graph.models.errors import UnsupportedStorageError, WeightsChangedError, WeightsMismatchError
from sd35graph.models.files.diffusers_folder import read_folder_header
from sd35graph.models.files.diffusers_layout import to_released_names
from sd35graph.models.files.gguf_file import is_gguf, read_gguf_header
from sd35graph.models.files.header import FileState, Fingerprint, Header, Piece, TensorInfo, file_state
from sd35graph.models.files.safetensors_file import read_safetensors_header
from sd35graph.models.files.scaled_fp8 import fold_scales
from sd35graph.models.files.storage import (
    DTYPES,
    NUMBER_DTYPES,
    READABLE,
    QuantizedTensor,
    Shape,
    Weight,
    element_dtype,
    stored_shape,
)

__all__ = [
    "DTYPES",
    "Fingerprint",
    "Header",
    "Shape",
    "TensorInfo",
    "check_number",
    "check_storage",
    "check_unchanged",
    "load_tensors",
    "read_header",
    "read_weights",
]


def read_header(path: Path) -> Header:
    """The header of the weights at `path`, a safetensors or GGUF file or a folder in diffusers' form.

    Checks that they are whole. Names in diffusers' layout become the released ones.

    Raises `FileNotFoundError`/`OSError` for what the file system says, `FileFormatError` for anything else.
    """
    if path.is_dir():
        return read_folder_header(path)
    if is_gguf(path):
        return to_released_names(read_gguf_header(path))
    return to_released_names(fold_scales(read_safetensors_header(path)))


def check_unchanged(path: Path, fingerprint: Fingerprint) -> None:
    """Raise `WeightsChangedError` if a file of the weights at `path` is gone, or has another size or time than then."""
    for seen in fingerprint.files:
        try:
            found = file_state(seen.path)
        except (FileNotFoundError, NotADirectoryError) as error:
            of_what = "" if seen.path == path else f" (a file of {path})"
            raise WeightsChangedError(
                f"{seen.path}{of_what} was there when it was chosen, but is gone now. Put it back or choose another."
            ) from error
        _check_state(found, seen)


def check_storage(header: Header, keys: Iterable[str]) -> None:
    """Raise `UnsupportedStorageError` unless every tensor in `keys` is stored in a form that is read."""
    for key in keys:
        codes = [piece.dtype for piece in header.tensors[key].pieces if element_dtype(piece.dtype) is None]
        if codes:
            raise UnsupportedStorageError(
                f'{header.path}: tensor "{key}" is stored as {codes[0]}, which is not supported; '
                f"expected one of {', '.join(READABLE)}. Use another version of the model, such as fp16 or bf16."
            )


def check_number(header: Header, key: str) -> None:
    """Raise `WeightsMismatchError` unless one number is stored under `key`, which `load_tensors` reads in any form."""
    info = header.tensors[key]
    if math.prod(info.shape) != 1 or not (element_dtype(info.dtype) or NUMBER_DTYPES.get(info.dtype)):
        raise WeightsMismatchError(
            f'{header.path}: "{key}" is {info.dtype} of shape {list(info.shape)}; expected a single number. '
            "Download the file again, or use another version of it."
        )


def load_tensors(
    header: Header, keys: Mapping[str, str], device: torch.device, dtype: torch.dtype | None
) -> dict[str, Tensor]:
    """Read tensors, one at a time, as `device` tensors; quantised ones are dequantised.

    keys: name in the result -> key in the file.
    dtype: what they are converted to; None keeps the stored one, or gives float32 where that is quantised.
    Raises `WeightsChangedError` if the file is not the one whose header was read.
    """
    return {name: as_tensor(weight, device, dtype) for name, weight in read_weights(header, keys)}


def as_tensor(weight: Weight, device: torch.device, dtype: torch.dtype | None) -> Tensor:
    """The weight's numbers on `device`; dtype as in `load_tensors`."""
    if isinstance(weight, QuantizedTensor):
        return weight.to(device).dequantize(dtype)
    return weight.to(device, dtype)


def read_weights(header: Header, keys: Mapping[str, str]) -> Iterator[tuple[str, Weight]]:
    """Read tensors, one at a time, into the CPU's memory, in the form they are stored in. Arguments and errors as in
    `load_tensors`."""
    check_unchanged(header.path, header.fingerprint)
    states = {state.path: state for state in header.fingerprint.files}
    files: dict[Path, FileIO] = {}
    with ExitStack() as stack:

        def opened(path: Path) -> FileIO:
            if path not in files:
                files[path] = stack.enter_context(path.open("rb", buffering=0))
                _check_state(file_state(path, os.fstat(files[path].fileno())), states[path])
            return files[path]

        for name, key in keys.items():
            stop_if_asked()
            info = header.tensors[key]
            yield name, _assemble(info, [_read_piece(opened, piece, key) for piece in info.pieces])


def _check_state(found: FileState, seen: FileState) -> None:
    if found != seen:
        raise WeightsChangedError(
            f"{seen.path} changed on disk after it was chosen ({seen.size_bytes} bytes then, {found.size_bytes} now). "
            "Run the loader again to use the new file."
        )


def _assemble(info: TensorInfo, parts: list[Weight]) -> Weight:
    """The tensor made of its stored pieces."""
    if len(parts) == 1 and not info.is_swapped:
        part = parts[0]
        return replace(part, shape=info.shape) if isinstance(part, QuantizedTensor) else part.view(info.shape)
    quantized = [part for part in parts if isinstance(part, QuantizedTensor)]
    if quantized and info.is_uniform:
        joined = _join([part.stored for part in quantized], is_swapped=info.is_swapped)
        return replace(quantized[0], stored=joined, shape=info.shape)
    plain = [part.dequantize() if isinstance(part, QuantizedTensor) else part for part in parts]
    return _join(plain, is_swapped=info.is_swapped).view(info.shape)


def _join(parts: list[Tensor], *, is_swapped: bool) -> Tensor:
    joined = torch.cat(parts)
    return torch.cat(joined.chunk(2)[::-1]) if is_swapped else joined


def _read_piece(opened: Callable[[Path], FileIO], piece: Piece, key: str) -> Weight:
    dtype = element_dtype(piece.dtype) or NUMBER_DTYPES.get(piece.dtype)
    assert dtype is not None, piece  # `check_storage` and `check_number` refuse what cannot be read
    tensor = torch.empty(stored_shape(piece.dtype, piece.shape), dtype=dtype)
    unread = tensor.view(-1).view(torch.uint8).numpy().data
    file = opened(piece.path)
    file.seek(piece.offset)
    while unread:
        count = file.readinto(unread)
        if not count:
            raise WeightsChangedError(f'{piece.path} was cut short while tensor "{key}" was read. Put it back whole.')
        unread = unread[count:]
    if piece.dtype in DTYPES or piece.dtype in NUMBER_DTYPES:
        return tensor
    scale = _read_piece(opened, piece.scale, key) if piece.scale else torch.ones(())
    assert isinstance(scale, Tensor)  # scales are plain numbers, see `fold_scales`
    return QuantizedTensor(tensor, piece.dtype, piece.shape, torch.float32, float(scale))
