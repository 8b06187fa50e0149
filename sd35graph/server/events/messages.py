"""Translates job events into the messages existing WebSocket clients expect.

Message names, keys and order are those of the recorded sequences: `execution_start`, `execution_cached`, for each node
`progress_state` and `executing`, `progress` and a binary preview per step, `executed`, then one of `execution_success`,
`execution_error`, `execution_interrupted`, and at last `executing` with node null.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from pydantic import JsonValue

from sd35graph.engine.events import Event, EventType
from sd35graph.server.encoding import dumps

PREVIEW_IMAGE = 1
"""Binary event: 4 bytes image type (1 JPEG, 2 PNG), then the picture."""
PREVIEW_IMAGE_WITH_METADATA = 4
"""Binary event: 4 bytes length of a JSON object, the object, then the picture."""
_IMAGE_TYPES = {"image/jpeg": 1, "image/png": 2}
QUEUE_LENGTH = "queue length"
"""What messages that tell the length of the queue replace."""
_WATCHED: frozenset[EventType] = frozenset(
    {"queued", "started", "node_started", "progress", "succeeded", "failed", "cancelled", "retried"}
)
_MAX_RUNNING = 64
"""So many running nodes one message names."""

Data = Mapping[str, JsonValue]
NodeTypes = Mapping[str, str]
"""The type of each node of a submitted graph, by node id."""


@dataclass(frozen=True, slots=True)
class Message:
    """A text message: `{"type", "data"}`.

    replaces: key under which a newer message may take this one's place in a full queue; None: never dropped.
    """

    type: str
    data: Data
    replaces: str | None = None

    def frame(self, *, with_metadata: bool) -> str | bytes:
        """What goes over the socket."""
        del with_metadata  # text is the same for every client
        return dumps({"type": self.type, "data": self.data}).decode()


def queue_event(event: Event) -> Message | None:
    """`queue_event`, which is ours: what watchers of the queue are told of others' jobs; None: nothing."""
    if event.type not in _WATCHED:
        return None
    data: dict[str, JsonValue] = {"event": event.type, "prompt_id": event.job_id, "node": event.data.get("node")}
    if event.type == "progress":
        data |= {"value": _number(event.data["value"]), "max": _number(event.data["total"])}
    replaces = f"watched {event.job_id}" if event.is_momentary else None
    return Message("queue_event", _with_seq(data, event.seq), replaces)


def queue_changed() -> Message:
    """`queue_event` of no job in particular: the order of the queue, its pause or its history is another."""
    return Message("queue_event", {"event": "changed", "prompt_id": None, "node": None})


@dataclass(frozen=True, slots=True)
class Preview:
    """An intermediate picture, as a binary message of the kind the client announced."""

    image: bytes
    media_type: str
    metadata: Data
    replaces: str

    def frame(self, *, with_metadata: bool) -> bytes:
        """Event 4 for clients that announced `supports_preview_metadata`, else event 1."""
        if with_metadata:
            metadata = dumps({**self.metadata, "image_type": self.media_type})
            return struct.pack(">II", PREVIEW_IMAGE_WITH_METADATA, len(metadata)) + metadata + self.image
        return struct.pack(">II", PREVIEW_IMAGE, _IMAGE_TYPES.get(self.media_type, 1)) + self.image


def status(queue_remaining: int, sid: str | None = None, seq: int | None = None) -> Message:
    """How many jobs wait or run; right after connecting with the client's own id and where its events begin."""
    data: dict[str, JsonValue] = {"status": {"exec_info": {"queue_remaining": queue_remaining}}}
    if sid is None:
        return Message("status", data, replaces=QUEUE_LENGTH)
    return Message("status", _with_seq({**data, "sid": sid}, seq))


def features(max_upload_bytes: int) -> dict[str, JsonValue]:
    """What this server understands, as clients ask for it."""
    return {"supports_preview_metadata": True, "max_upload_size": max_upload_bytes}


@dataclass(frozen=True, slots=True)
class _NodeProgress:
    """How far a running node is. seq: the number of the event that started it, which momentary messages carry.

    A momentary message may take an older one's place in a queue, so that it must not claim what happened since.
    seconds: how long it took, once it is finished.
    """

    display_node: str
    parent_node: str | None
    seq: int | None = None
    value: float = 0.0
    total: float = 1.0
    seconds: float | None = None


class JobFeed:
    """One job's messages: keeps which nodes run, so that each event becomes complete messages.

    Every job that waits has one, so it is kept small.

    `progress_state` names the node that just changed and the newest running ones, not all that ever ran: the volume
    grows linearly with the graph, also where a loop by recursion leaves thousands of nodes running at once.
    """

    __slots__ = ("_node_types", "_running", "client_id", "job_id", "submitted_by")

    def __init__(
        self, job_id: str, client_id: str | None, node_types: NodeTypes, submitted_by: str | None = None
    ) -> None:
        self.job_id = job_id
        self.client_id = client_id
        self.submitted_by = submitted_by
        self._node_types = node_types
        self._running: dict[str, _NodeProgress] = {}

    def messages(self, event: Event) -> list[Message | Preview]:
        """The messages for the job's own client that `event` causes, in order; some events cause none."""
        match event.type:
            case "node_started":
                return self._node_started(event)
            case "node_finished":
                return self._node_finished(event)
            case "progress":
                return self._progress(event)
            case "preview":
                return self._preview(event)
            case "shown":
                return self._shown(event)
            case "started":
                self._running.clear()
        translate = MAIN.get(event.type)
        return [translate(event, self._node_types)] if translate else []

    def end(self, event: Event) -> Message:
        """The last message of a job, after its history is stored: nothing is executing any more."""
        return Message("executing", _with_seq({"node": None, "prompt_id": self.job_id}, event.seq))

    def now(self) -> list[Message]:
        """What a client that connects in the middle of the job must know: the nodes that run, of many the newest."""
        return [self._executing(node) for node in self._newest_running()]

    def _node_started(self, event: Event) -> list[Message | Preview]:
        node = str(event.data["node"])
        parent = event.data.get("parent_node")
        self._running[node] = _NodeProgress(
            str(event.data.get("display_node") or node), None if parent is None else str(parent), event.seq
        )
        return [self._state(node), self._executing(node)]

    def _progress(self, event: Event) -> list[Message | Preview]:
        node, value, total = str(event.data["node"]), _number(event.data["value"]), _number(event.data["total"])
        self._running[node] = replace(self._progress_of(node), value=value, total=total)
        data: dict[str, JsonValue] = {"value": value, "max": total, "prompt_id": self.job_id, "node": node}
        return [
            self._state(node, replaces=f"state {self.job_id}"),
            Message("progress", _with_seq(data, self._running[node].seq), f"progress {self.job_id} {node}"),
        ]

    def _preview(self, event: Event) -> list[Message | Preview]:
        node = str(event.data["node"])
        progress = self._progress_of(node)
        metadata: dict[str, JsonValue] = {
            "node_id": node,
            "prompt_id": self.job_id,
            "display_node_id": progress.display_node,
            "parent_node_id": progress.parent_node,
            "real_node_id": node,
        }
        media_type = str(event.data["media_type"])
        metadata = _with_seq(metadata, progress.seq)
        return [Preview(event.blob or b"", media_type, metadata, f"preview {self.job_id} {node}")]

    def _shown(self, event: Event) -> list[Message | Preview]:
        node = str(event.data["node"])
        display_node = str(event.data.get("display_node") or node)
        data: dict[str, JsonValue] = {
            "node": node,
            "display_node": display_node,
            "output": event.data["output"],
            "prompt_id": self.job_id,
        }
        executed = Message("executed", _with_seq(data, event.seq))
        if node in self._running:
            return [executed]
        # Taken from the cache: it never started, and no other event ends it.
        parent = event.data.get("parent_node")
        parent_node = None if parent is None else str(parent)
        return [executed, self._state(node, _NodeProgress(display_node, parent_node, event.seq, value=1.0))]

    def _node_finished(self, event: Event) -> list[Message | Preview]:
        node = str(event.data["node"])
        progress = self._progress_of(node)
        self._running.pop(node, None)
        seconds = _number(event.data.get("seconds", 0))
        return [self._state(node, replace(progress, seq=event.seq, value=progress.total, seconds=seconds))]

    def _progress_of(self, node: str) -> _NodeProgress:
        return self._running.get(node) or _NodeProgress(node, None)

    def _executing(self, node: str) -> Message:
        progress = self._progress_of(node)
        data: dict[str, JsonValue] = {
            "node": node,
            "display_node": progress.display_node,
            "prompt_id": self.job_id,
        }
        return Message("executing", _with_seq(data, progress.seq))

    def _newest_running(self) -> list[str]:
        """The running nodes in the order they started; of many, the last."""
        return list(islice(reversed(self._running), _MAX_RUNNING))[::-1]

    def _state(self, changed: str, finished: _NodeProgress | None = None, *, replaces: str | None = None) -> Message:
        """`progress_state` after a change of one node, which now runs unless it ended as `finished`."""
        named = dict.fromkeys([*self._newest_running(), changed] if finished is None else self._newest_running())
        nodes = {node: self._entry(node, self._progress_of(node), "running") for node in named}
        if finished is not None:
            nodes[changed] = self._entry(changed, finished, "finished")
        seq = (finished or self._progress_of(changed)).seq
        return Message("progress_state", _with_seq({"prompt_id": self.job_id, "nodes": nodes}, seq), replaces)

    def _entry(self, node: str, progress: _NodeProgress, state: str) -> JsonValue:
        measured: dict[str, JsonValue] = {} if progress.seconds is None else {"seconds": progress.seconds}
        return {
            "value": progress.value,
            "max": progress.total,
            "state": state,
            "node_id": node,
            "prompt_id": self.job_id,
            "display_node_id": progress.display_node,
            "parent_node_id": progress.parent_node,
            "real_node_id": node,
            **measured,
        }


def started(event: Event, _node_types: NodeTypes) -> Message:
    """`execution_start`."""
    return Message("execution_start", _stamped(event))


def cached(event: Event, _node_types: NodeTypes) -> Message:
    """`execution_cached`: ids of the nodes whose results are reused, and why those of others are not."""
    data = {"nodes": event.data.get("nodes", []), "reasons": event.data.get("reasons", {})}
    return Message("execution_cached", {**data, **_stamped(event)})


def succeeded(event: Event, _node_types: NodeTypes) -> Message:
    """`execution_success`."""
    return Message("execution_success", _stamped(event))


def failed(event: Event, _node_types: NodeTypes) -> Message:
    """`execution_error`: the node to blame, what it raised, and what was done before."""
    error = event.data.get("error")
    detail: Mapping[str, JsonValue] = error if isinstance(error, dict) else {"message": str(error)}
    return Message("execution_error", {**error_data(detail, event.data.get("executed", [])), **_stamped(event)})


def error_data(error: Mapping[str, JsonValue], executed: JsonValue) -> dict[str, JsonValue]:
    """A `JobError` as clients read it. executed: ids of the nodes that were done before."""
    return {
        "node_id": error.get("node_id"),
        "node_type": error.get("node_type"),
        "executed": executed,
        "exception_message": error.get("message", ""),
        "exception_type": error.get("type", ""),
        "traceback": error.get("traceback", []),
        "current_inputs": error.get("inputs", {}),
        "current_outputs": executed,
    }


def warning(event: Event, node_types: NodeTypes) -> Message:
    """`execution_warning`, which is ours: a node tells the user something that does not stop the job."""
    return Message(
        "execution_warning",
        {
            "prompt_id": event.job_id,
            "node": event.data.get("node"),
            "display_node": event.data.get("display_node"),
            "node_type": _type_of_node(event, node_types),
            "message": event.data.get("message", ""),
            **_stamped(event),
        },
    )


def blocked(event: Event, node_types: NodeTypes) -> Message:
    """`execution_error` of type `ExecutionBlocked`: an output was blocked on purpose; the job itself goes on."""
    error: dict[str, JsonValue] = {
        "node_id": event.data.get("node"),
        "node_type": _type_of_node(event, node_types),
        "message": event.data.get("message", ""),
        "type": "ExecutionBlocked",
    }
    return Message("execution_error", {**error_data(error, []), **_stamped(event)})


def cancelled(event: Event, node_types: NodeTypes) -> Message:
    """`execution_interrupted`: where the job was when it was cancelled."""
    return Message(
        "execution_interrupted",
        {
            "prompt_id": event.job_id,
            "node_id": event.data.get("node"),
            "node_type": _type_of_node(event, node_types),
            "executed": event.data.get("executed", []),
            **_stamped(event),
        },
    )


def retried(event: Event, _node_types: NodeTypes) -> Message:
    """`execution_retried`, which is ours: the worker was lost and the job waits again, for the reason given."""
    return Message("execution_retried", {"reason": event.data.get("reason", ""), **_stamped(event)})


MAIN: Mapping[EventType, Callable[[Event, NodeTypes], Message]] = {
    "started": started,
    "cached": cached,
    "warning": warning,
    "blocked": blocked,
    "retried": retried,
    "succeeded": succeeded,
    "failed": failed,
    "cancelled": cancelled,
}
"""What the history keeps of a job's messages."""


def _stamped(event: Event) -> dict[str, JsonValue]:
    return _with_seq({"prompt_id": event.job_id, "timestamp": event.timestamp_ms}, event.seq)


def _with_seq(data: dict[str, JsonValue], seq: int | None) -> dict[str, JsonValue]:
    """Add an event's number in the store, by which a client that reconnects goes on."""
    if seq is not None:
        data["seq"] = seq
    return data


def _type_of_node(event: Event, node_types: NodeTypes) -> str | None:
    """The type of the node an event is about; of a node in an expansion, that of the node it came from."""
    node = event.data.get("display_node") or event.data.get("node")
    return node_types.get(node) if isinstance(node, str) else None


def node_types_of(prompt: Data) -> NodeTypes:
    """The type of each node of a graph in API form."""
    entries = ((node_id, entry.get("class_type")) for node_id, entry in prompt.items() if isinstance(entry, dict))
    return {node_id: sys.intern(name) for node_id, name in entries if isinstance(name, str)}


def _number(value: JsonValue) -> float | int:
    return value if isinstance(value, int | float) else 0
