"""What is known of a weights file before its tensors are read: names, forms, shapes, and where the bytes lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sd35graph.models.files.storage import Shape


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

    size_bytes, mtime_ns: see `measure`. header: SHA-256 of what the header says, in hex.
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


def measure(path: Path) -> tuple[int, int]:
    """The size in bytes and time of change of a file, or, for a folder, their sum and maximum over what is in it."""
    stats = [path.stat()]
    if path.is_dir():
        stats = [file.stat() for file in path.rglob("*") if file.suffix in (".safetensors", ".json")]
    return sum(stat.st_size for stat in stats), max((stat.st_mtime_ns for stat in stats), default=0)
