"""What a running node may ask of the engine: its `Context`, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, TypeVar

from pydantic import JsonValue

T = TypeVar("T")

ArtifactFolder = Literal["output", "temp"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished file a node wrote: `folder`/`subfolder`/`filename`, as clients ask for it."""

    filename: str
    subfolder: str
    folder: ArtifactFolder
    path: Path

    def reference(self) -> dict[str, JsonValue]:
        """How messages and history name the file: filename, subfolder, type."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.folder}


class Context(Protocol):
    """Given to nodes that have a parameter annotated `Context`. Methods are safe to call from the node's own thread."""

    @property
    def node_id(self) -> str:
        """Id of the running node; inside an expansion the id the engine gave it."""
        ...

    def progress(self, value: float, total: float) -> None:
        """Report that `value` of `total` is done. Raises `Cancelled` when the job was cancelled."""
        ...

    def preview(self, image: bytes, media_type: Literal["image/jpeg", "image/png"]) -> None:
        """Show an encoded intermediate picture. Raises `Cancelled` when the job was cancelled."""
        ...

    def check_cancelled(self) -> None:
        """Raise `Cancelled` when the job was cancelled."""
        ...

    def save(self, folder: ArtifactFolder, prefix: str, suffix: str, write: Callable[[BinaryIO], object]) -> Artifact:
        """Write a file with the next free number, `<prefix>_00001_<suffix>`, whole or not at all.

        prefix: may name subfolders, never leave the folder. write: puts the content into the open file.
        Raises `ValueError` for a prefix outside the folder, `OSError` when the disk refuses, `Cancelled` when the job
        was cancelled.
        """
        ...

    def show(self, key: str, items: Sequence[JsonValue]) -> None:
        """Add `items` to what clients see of this node, under `key` (`images`, `text`, …)."""
        ...

    def warn(self, message: str) -> None:
        """Tell the user something that does not stop the job, such as keys of a file that were not used.

        message: one sentence for people, with what to do about it. Told again whenever the node's result is reused.
        """
        ...

    def file(self, source: str, name: str) -> Path:
        """Path of the file `name` that a drop-down filled from `source` offered. Raises `FileNotFoundError`."""
        ...

    def resource(self, kind: type[T]) -> T:
        """The worker's shared object of type `kind`, such as a model pool, which a pack declared. Raises `KeyError`."""
        ...


ResourceFactory = Callable[["WorkerEnvironment"], object]


@dataclass(frozen=True, slots=True)
class WorkerEnvironment:
    """What a pack needs to make its resources: the device this worker owns and where models lie.

    device: `cpu`, `cuda:0`, `mps`, or `auto`. precision: `auto`, `fp32`, `bf16`, `fp16`.
    model_roots: folders that hold `checkpoints/`, `vae/`, …, searched in order.
    vram_bytes, ram_bytes: how much of the device's and of the machine's memory models may take, with their activations;
    None: what is found there.
    """

    device: str
    precision: Precision
    model_roots: tuple[Path, ...]
    vram_bytes: int | None = None
    ram_bytes: int | None = None


Shown = Mapping[str, Sequence[JsonValue]]
"""What a node showed: lists of items by key."""
