"""What a run tells the world: its events, and from them what the job's record says of its nodes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pydantic import JsonValue

from sd35graph.engine.events import Event, EventType
from sd35graph.engine.execution.trace import Place, Trace
from sd35graph.graph.context import Shown


class Report:
    """Sends the events of one job, one at a time whatever thread they come from, and none after `close`.

    outputs: what nodes showed, {node: {key: items}}. meta: where those nodes stand.
    executed: submitted nodes that ran to their end, in order.
    """

    def __init__(self, job_id: str, emit: Callable[[Event], None]) -> None:
        self.job_id = job_id
        self.outputs: dict[str, JsonValue] = {}
        self.meta: dict[str, JsonValue] = {}
        self.executed: list[str] = []
        self._emit = emit
        self._lock = threading.Lock()
        self._closed = False
        self._warned: set[tuple[str, str]] = set()

    def send(self, event_type: EventType, data: dict[str, JsonValue], blob: bytes | None = None) -> None:
        """Send an event."""
        with self._lock:
            if not self._closed:
                self._emit(Event(type=event_type, job_id=self.job_id, data=data, blob=blob))

    def close(self) -> None:
        """Send nothing more: what a node still says after its job has ended concerns nobody."""
        with self._lock:
            self._closed = True

    def started(self, place: Place) -> None:
        """A node begins to run."""
        self.send("node_started", _names(place))

    def finished(self, place: Place, seconds: float, *, cached: bool) -> None:
        """A node has its outputs. seconds: spent in its own calls."""
        if place.parent is None and not cached:
            self.executed.append(place.node_id)
        self.send("node_finished", {"node": place.node_id, "seconds": seconds, "cached": cached})

    def shown(self, place: Place, shown: Shown) -> None:
        """A node has something to show."""
        output: dict[str, JsonValue] = {key: list(items) for key, items in shown.items()}
        names = _names(place)
        self.outputs[place.node_id] = output
        self.meta[place.node_id] = {"node_id": place.node_id, **_without_node(names), "real_node_id": place.node_id}
        self.send("shown", {**names, "output": output})

    def warned(self, place: Place, message: str) -> None:
        """A node has something to tell the user; said once, however many of its calls say it."""
        if (place.node_id, message) not in self._warned:
            self._warned.add((place.node_id, message))
            self.send("warning", {**_names(place), "message": message})

    def blocked(self, place: Place, message: str) -> None:
        """A call of a node was stopped by a block with a message for the user."""
        self.send("blocked", {**_names(place), "message": message})

    def replay(self, place: Place, trace: Trace) -> None:
        """Say again what a node whose result is reused said when it ran."""
        for here, said in trace.walk(place):
            for message in said.warned:
                self.warned(here, message)
            for message in said.blocked:
                self.blocked(here, message)
            if said.shown is not None:
                self.shown(here, said.shown)


def _names(place: Place) -> dict[str, JsonValue]:
    return {"node": place.node_id, "display_node": place.origin, "parent_node": place.parent}


def _without_node(names: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in names.items() if name != "node"}
