"""The progress bars of `sd35graph run` and `sd35graph models`."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from sd35graph.engine.events import Event
from sd35graph.graph.workflow import Graph


class ProgressDisplay:
    """Shows the events of one run on the terminal (standard error): the running node, and its steps as a bar."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("preparing", total=None)

    def __enter__(self) -> ProgressDisplay:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, event: Event, graph: Graph) -> None:
        """Update the display."""
        if event.type == "node_started":
            label = graph.label(str(event.data.get("display_node")))
            self._progress.reset(self._task, description=label, total=None)
        elif event.type == "progress":
            value, total = event.data["value"], event.data["total"]
            if isinstance(value, int | float) and isinstance(total, int | float):
                self._progress.update(self._task, completed=value, total=total)


class FileProgress:
    """A bar for each file that is fetched or read, on standard error; use it as a context manager."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, message: str) -> None:
        self._progress.console.print(message, markup=False)

    def begin(self, name: str, size_bytes: int) -> Callable[[int], object]:
        task = self._progress.add_task(name, total=size_bytes)
        return lambda done: self._progress.update(task, completed=done)
