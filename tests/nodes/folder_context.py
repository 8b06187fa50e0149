"""A context for nodes called as plain functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from sd35graph import Artifact


@dataclass
class FolderContext:
    """A context whose files lie in one folder."""

    root: Path
    shown: dict[str, list[Any]] = field(default_factory=dict)
    warned: list[str] = field(default_factory=list)
    node_id: str = "1"

    def save(self, folder: str, prefix: str, suffix: str, write: Callable[[BinaryIO], object]) -> Artifact:
        count = len(list(self.root.glob(f"{prefix}_*"))) + 1
        path = self.root / f"{prefix}_{count:05}_{suffix}"
        with path.open("wb") as file:
            write(file)
        return Artifact(path.name, "", folder, path)  # type: ignore[arg-type]

    def show(self, key: str, items: Sequence[Any]) -> None:
        self.shown.setdefault(key, []).extend(items)

    def warn(self, message: str) -> None:
        self.warned.append(message)

    def check_cancelled(self) -> None:
        pass

    def file(self, source: str, name: str) -> Path:
        return self.root / name
