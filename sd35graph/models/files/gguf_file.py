"""GGUF files: transformers and text encoders in few bits per number.

Read through the `gguf` package. Tensors of a transformer have the released names; those of T5 have llama.cpp's and get
the released ones here.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sd35graph.models.errors import FileFormatError, ForeignModelError
from sd35graph.models.files.header import Fingerprint, Header, Piece, TensorInfo, file_state

if TYPE_CHECKING:
    from gguf import GGUFReader

_MAGIC = b"GGUF"

# Metadata in which some exporters keep the shape of a tensor that they stored in another one, to have whole blocks.
_ORIGINAL_SHAPE = "comfy.gguf.orig_shape."
_ARCHITECTURE = "general.architecture"

_T5_ARCHITECTURES = ("t5", "t5encoder")
# Others in use for the same files; None is a file that does not say.
_ARCHITECTURES = (*_T5_ARCHITECTURES, "sd3", "clip", None)

_T5_NAMES: Mapping[str, str] = {
    "token_embd.weight": "shared.weight",
    "enc.output_norm.weight": "encoder.final_layer_norm.weight",
}
_T5_BLOCK = re.compile(r"enc\.blk\.(\d+)\.(.+)\.weight")
_T5_BLOCK_NAMES: Mapping[str, str] = {
    "attn_q": "layer.0.SelfAttention.q",
    "attn_k": "layer.0.SelfAttention.k",
    "attn_v": "layer.0.SelfAttention.v",
    "attn_o": "layer.0.SelfAttention.o",
    "attn_rel_b": "layer.0.SelfAttention.relative_attention_bias",
    "attn_norm": "layer.0.layer_norm",
    "ffn_gate": "layer.1.DenseReluDense.wi_0",
    "ffn_up": "layer.1.DenseReluDense.wi_1",
    "ffn_down": "layer.1.DenseReluDense.wo",
    "ffn_norm": "layer.1.layer_norm",
}


def is_gguf(path: Path) -> bool:
    """Whether the file begins like GGUF. Raises `FileFormatError` if its name says so, but not its content."""
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start != _MAGIC and path.suffix.lower() == ".gguf":
        raise FileFormatError(
            f'{path} is not a GGUF file: expected the letters "GGUF" at its start, found the bytes '
            f"{start.hex(' ') or '(none)'}. Download it again."
        )
    return start == _MAGIC


def read_gguf_header(path: Path) -> Header:
    """The header of the GGUF file at `path`, with the released names.

    Raises `FileFormatError` for a file that is damaged or not whole, `ForeignModelError` for another architecture.
    """
    state = file_state(path)
    reader = _open(path)
    metadata = _texts(reader)
    architecture = metadata.get(_ARCHITECTURE)
    if architecture not in _ARCHITECTURES:
        raise ForeignModelError(
            f'{path} is a GGUF file of the architecture "{architecture}"; expected "sd3" (the transformer of SD3 and '
            'SD3.5), or "t5encoder" or "t5" (its text encoder).'
        )
    tensors = {}
    for tensor in reader.tensors:
        shape = tuple(int(n) for n in reversed(tensor.shape.tolist()))
        piece = Piece(path, int(tensor.data_offset), str(tensor.tensor_type.name), shape)
        name = str(tensor.name)
        info = TensorInfo(piece.dtype, _original_shape(reader, path, name, shape), (piece,))
        tensors[_t5_name(name) if architecture in _T5_ARCHITECTURES else name] = info
    described = repr(sorted((name, info.dtype, info.shape) for name, info in tensors.items()))
    fingerprint = Fingerprint((state,), hashlib.sha256(described.encode()).hexdigest())
    return Header(path, fingerprint, tensors, metadata)


def _open(path: Path) -> GGUFReader:
    # Imported on first use, as few processes read such files.
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
    except (
        ValueError,
        IndexError,
        KeyError,
        OverflowError,
    ) as error:  # bytes are missing or wrong
        raise FileFormatError(
            f"{path} is a GGUF file, but truncated or damaged ({error}; {path.stat().st_size} bytes are present). "
            "Download it again."
        ) from error
    if reader.byte_order != "I":
        raise FileFormatError(f"{path} is a GGUF file of the other byte order. Use the version for this machine.")
    return reader


def _texts(reader: GGUFReader) -> dict[str, str]:
    from gguf import GGUFValueType

    return {
        name: str(field.contents()) for name, field in reader.fields.items() if field.types == [GGUFValueType.STRING]
    }


def _original_shape(reader: GGUFReader, path: Path, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    field = reader.get_field(_ORIGINAL_SHAPE + name)
    if field is None:
        # Tools made with ggml leave out a leading dimension of 1, which of ours only the position grid has.
        return (1, *shape) if name.endswith("pos_embed") and len(shape) == 2 else shape
    original = tuple(int(n) for n in field.contents())
    if math.prod(original) != math.prod(shape):
        raise FileFormatError(
            f'{path} is damaged: tensor "{name}" has shape {list(shape)}, which cannot be its original shape '
            f"{list(original)}. Download it again."
        )
    return original


def _t5_name(name: str) -> str:
    """The released name of a tensor that llama.cpp names `name`; unknown names stay, and are reported as unexpected."""
    match = _T5_BLOCK.fullmatch(name)
    if match and match[2] in _T5_BLOCK_NAMES:
        return f"encoder.block.{match[1]}.{_T5_BLOCK_NAMES[match[2]]}.weight"
    return _T5_NAMES.get(name, name)
