"""What is known of a weights file before its tensors are read: names, forms, shapes, and where the bytes lie."""

from __future__ import annotations

import os
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

    @property
    def is_uniform(self) -> bool:
        """Whether the pieces can be joined in the form they are stored in: it is the same, with no scales to differ."""
        return len({(piece.dtype, piece.scale) for piece in self.pieces}) == 1


@dataclass(frozen=True, slots=True)
class FileState:
    """One file as it was when it was inspected; links are followed."""

    path: Path
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Identifies the content of weights without reading all of it.

    files: every file that was read for the header. header: SHA-256 of what the header says, in hex.
    """

    files: tuple[FileState, ...]
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


def file_state(path: Path, stat: os.stat_result | None = None) -> FileState:
    """The state of the file at `path`, or what `stat` says of it once it is open."""
    stat = stat or path.stat()
    return FileState(path, stat.st_size, stat.st_mtime_ns)
