"""Textual inversion (arXiv 2208.01618): learned vectors that stand in a prompt in place of words' embeddings.

Files are safetensors with tensors [vectors, width] under `clip_l`, `clip_g` and `t5xxl`, any of them absent, or with a
single one under `emb_params`, whose width says for which CLIP encoder it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from sd35graph.models.errors import WeightsMismatchError
from sd35graph.models.files.checkpoint import Fingerprint, check_storage, load_tensors, read_header
from sd35graph.models.files.sections import EncoderName

_SINGLE = "emb_params"
_SINGLE_WIDTHS: Mapping[int, EncoderName] = {768: "clip_l", 1280: "clip_g"}
_KEYS: Mapping[str, EncoderName] = {"clip_l": "clip_l", "clip_g": "clip_g", "t5xxl": "t5xxl"}


@dataclass(frozen=True, slots=True)
class Vector:
    """One learned vector, which takes the place of a token. Equal if file and place in it are.

    values: [width], float32.
    """

    path: Path
    fingerprint: Fingerprint
    encoder: EncoderName
    index: int
    values: Tensor = field(compare=False, repr=False)

    def fit(self, width: int) -> Tensor:
        """The values; raises `WeightsMismatchError` unless there are `width`."""
        if len(self.values) != width:
            raise WeightsMismatchError(
                f"{self.path}: the vectors for {self.encoder} hold {len(self.values)} numbers; the encoder that is "
                f"loaded takes {width}. Use an embedding that was trained for this model."
            )
        return self.values


Row = tuple[int | Vector, ...]
"""What an encoder reads: token ids, and vectors where a prompt names an embedding."""
Embedding = Mapping[EncoderName, tuple[Vector, ...]]
"""The vectors of one file for each encoder; none for those that the file says nothing of."""
FindEmbedding = Callable[[str], Embedding]
"""The embedding that a prompt means by `embedding:name`; empty if there is no such file."""


def no_embeddings(name: str) -> Embedding:
    """Finds none."""
    return {}


def read_embedding(path: Path) -> Embedding:
    """The vectors in a file. Raises `ModelError` for a file that holds none, or in a form that is not read."""
    header = read_header(path)
    keys = {key: key for key in header.tensors}
    if set(keys) == {_SINGLE}:
        width = (0, *header.tensors[_SINGLE].shape)[-1]
        if width not in _SINGLE_WIDTHS:
            raise WeightsMismatchError(
                f"{path}: the vectors hold {width} numbers; expected 768 (for CLIP-L) or 1280 (for CLIP-G). "
                "The embedding was trained for another kind of model."
            )
        keys = {_SINGLE_WIDTHS[width]: _SINGLE}
    if not keys or not set(keys) <= set(_KEYS):
        raise WeightsMismatchError(
            f"{path} is no textual-inversion embedding: expected tensors named {', '.join(_KEYS)}, or {_SINGLE} alone, "
            f"found {', '.join(sorted(keys)[:10]) or 'none'}."
        )
    check_storage(header, keys.values())
    tensors = load_tensors(header, keys, torch.device("cpu"), None)
    return {_KEYS[key]: _vectors(path, header.fingerprint, _KEYS[key], tensor) for key, tensor in tensors.items()}


def placed(row: Row, embedded: Tensor) -> Tensor:
    """`embedded` [1, L, width], the embeddings of a row's ids, with the row's vectors in their places."""
    positions = [position for position, token in enumerate(row) if isinstance(token, Vector)]
    if not positions:
        return embedded
    vectors = [token.fit(embedded.shape[-1]) for token in row if isinstance(token, Vector)]
    return embedded.index_copy(
        1, torch.tensor(positions, device=embedded.device), torch.stack(vectors).unsqueeze(0).to(embedded)
    )


def _vectors(path: Path, fingerprint: Fingerprint, encoder: EncoderName, tensor: Tensor) -> tuple[Vector, ...]:
    if tensor.ndim not in (1, 2) or 0 in tensor.shape or not tensor.is_floating_point():
        raise WeightsMismatchError(
            f"{path}: {encoder} has shape {list(tensor.shape)} and type {str(tensor.dtype).removeprefix('torch.')}; "
            "expected [vectors, width] of floating-point numbers."
        )
    rows = tensor.float().reshape(-1, tensor.shape[-1])  # [vectors, width]
    return tuple(Vector(path, fingerprint, encoder, index, values) for index, values in enumerate(rows))
