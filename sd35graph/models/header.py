"""What is known of a weights file before its tensors are read: names, forms, shapes, and where the bytes lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sd35graph.models.storage import Shape


@dataclass(frozen=True, slots=True)
class Piece:
    """One tensor as it is stored. offset: of its first byte in the file. scale: a scalar it is multiplied by."""

    path: Path
    offset: int
    dtype: str
    shape: Shape
    scale: Piece | None = None


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """What the header says of one tensor.

    dtype: the code of its form, such as "BF16". pieces: stored tensors that make it when joined along the rows.
    is_swapped: the halves of its rows are stored in the other order.
    """

    dtype: str
    shape: Shape
    pieces: tuple[Piece, ...]
    is_swapped: bool = False


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Identifies the content of weights without reading all of it.

    header: SHA-256 of the header's JSON bytes, in hex.
    """

    size_bytes: int
    mtime_ns: int
    header: str


@dataclass(frozen=True, slots=True)
class Header:
    """The checked header of one file, or of a folder of them. Names are those of the released files."""

    path: Path
    fingerprint: Fingerprint
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]

    def shapes(self, prefix: str = "") -> dict[str, Shape]:
        """Shapes of the tensors under `prefix`, keyed without it."""
        return {key[len(prefix) :]: info.shape for key, info in self.tensors.items() if key.startswith(prefix)}
