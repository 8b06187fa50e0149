"""What a running node has around it: its `Context`, the job's cancel token, and which call of which node this is."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol, TypeVar

from pydantic import JsonValue

from sd35graph.engine.events import EventType
from sd35graph.engine.execution.trace import NO_TRACE, Trace
from sd35graph.graph.context import Artifact, ArtifactFolder
from sd35graph.graph.errors import Cancelled

T = TypeVar("T")


class Call(NamedTuple):
    """One call of a node function: the job, the node's id (inside an expansion, the engine's) and the item's number."""

    job_id: str
    node_id: str
    list_index: int


current_call: ContextVar[Call | None] = ContextVar("sd35graph_current_call", default=None)
"""The call this code runs in; None outside of nodes. Set for plain and for async nodes."""


class CancelToken:
    """Says that a job is to stop. One per job; safe to use from any thread."""

    def __init__(self) -> None:
        self._cancelled = False
        self._callbacks: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    @property
    def cancelled(self) -> bool:
        """Whether the job is to stop."""
        return self._cancelled

    def check(self) -> None:
        """Raise `Cancelled` if the job is to stop."""
        if self._cancelled:
            raise Cancelled("the job was cancelled")

    def cancel(self) -> None:
        """Ask the job to stop; more than once does no harm."""
        with self._lock:
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Call `callback` once, from the cancelling thread, or at once when it is too late for that."""
        with self._lock:
            if not self._cancelled:
                self._callbacks.append(callback)
                return
        callback()


class Services(Protocol):
    """What the worker provides to nodes: files, artifacts, shared objects. See `Context` for what each raises."""

    def save(self, folder: ArtifactFolder, prefix: str, suffix: str, write: Callable[[BinaryIO], object]) -> Artifact:
        """Write a file with the next free number."""
        ...

    def file(self, source: str, name: str) -> Path:
        """Path of a file that a drop-down offered."""
        ...

    def file_fingerprint(self, source: str, name: str) -> str:
        """Text that changes when the file does. Raises `OSError` or `ValueError` for no such file."""
        ...

    def folder_fingerprint(self, source: str) -> str:
        """Text that changes when any file does that a drop-down filled from `source` offers. Raises as above."""
        ...

    def resource(self, kind: type[Any]) -> object:
        """The shared object of this type. Raises `KeyError`."""
        ...


class Emit(Protocol):
    """Sends an event of the running job."""

    def __call__(self, event_type: EventType, data: dict[str, JsonValue], blob: bytes | None = None) -> None: ...


class NodeContext:
    """The `Context` of one call; collects what the call shows and saves. tell: sends a warning of the node."""

    __slots__ = ("_artifacts", "_cancel", "_emit", "_node_id", "_services", "_shown", "_tell", "_warned")

    def __init__(
        self, node_id: str, services: Services, emit: Emit, cancel: CancelToken, tell: Callable[[str], object]
    ) -> None:
        self._node_id = node_id
        self._services = services
        self._emit = emit
        self._cancel = cancel
        self._tell = tell
        self._shown: dict[str, list[JsonValue]] = {}
        self._warned: list[str] = []
        self._artifacts: list[Artifact] = []

    def trace(self) -> Trace:
        """What the call showed, said and saved."""
        if not self._shown and not self._warned and not self._artifacts:
            return NO_TRACE
        return Trace(shown=self._shown or None, warned=tuple(self._warned), artifacts=tuple(self._artifacts))

    @property
    def node_id(self) -> str:
        return self._node_id

    def progress(self, value: float, total: float) -> None:
        self.check_cancelled()
        self._emit("progress", {"node": self._node_id, "value": _number(value), "total": _number(total)})

    def preview(self, image: bytes, media_type: Literal["image/jpeg", "image/png"]) -> None:
        self.check_cancelled()
        self._emit("preview", {"node": self._node_id, "media_type": media_type}, image)

    def check_cancelled(self) -> None:
        self._cancel.check()

    def save(self, folder: ArtifactFolder, prefix: str, suffix: str, write: Callable[[BinaryIO], object]) -> Artifact:
        self.check_cancelled()
        artifact = self._services.save(folder, prefix, suffix, write)
        self._artifacts.append(artifact)
        return artifact

    def show(self, key: str, items: Sequence[JsonValue]) -> None:
        try:
            json.dumps(items, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise TypeError(f'show("{key}", …) takes JSON values: {error}') from error
        self._shown.setdefault(key, []).extend(items)

    def warn(self, message: str) -> None:
        if type(message) is not str:  # a pack's slip: an event is JSON
            raise TypeError(f"warn(…) takes a sentence, but got {message!r}")
        self._warned.append(message)
        self._tell(message)

    def file(self, source: str, name: str) -> Path:
        return self._services.file(source, name)

    def resource(self, kind: type[T]) -> T:
        # A pack registers its factory under the type it makes, which no annotation can say.
        found: Any = self._services.resource(kind)
        return found  # type: ignore[no-any-return]


def _number(value: float) -> float:
    """A plain number, also where a node reports one of another library's. Raises `ValueError` for NaN and infinity."""
    number = value if type(value) in (int, float) else float(value)
    if not math.isfinite(number):
        raise ValueError(f"progress takes finite numbers, but got {number}")
    return number
