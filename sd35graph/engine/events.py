"""Events: what happens to a job, in the order it happens.

State events are stored and never lost; `progress` and `preview` are momentary and may be dropped for newer ones.

| type | data |
|---|---|
| queued | number |
| started | attempt |
| cached | nodes: ids whose results are reused; reasons: {id: why} for the ones that are not |
| node_started | node, display_node, parent_node |
| progress | node, value, total |
| preview | node, media_type; the picture is `blob` |
| shown | node, display_node, parent_node, output: {key: items}; also for cached output nodes |
| warning | node, display_node, parent_node, message: something the user should know; also for cached nodes |
| node_finished | node, seconds, cached: false |
| blocked | node, message: an output was blocked on purpose, with a message for the user |
| succeeded | seconds |
| failed | error: see `JobError`; executed: ids finished before |
| cancelled | node (or None), executed |
| retried | reason: the job goes back into the queue |
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from pydantic import JsonValue

EventType = Literal[
    "queued",
    "started",
    "cached",
    "node_started",
    "progress",
    "preview",
    "shown",
    "warning",
    "node_finished",
    "blocked",
    "succeeded",
    "failed",
    "cancelled",
    "retried",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
MOMENTARY: frozenset[EventType] = frozenset({"progress", "preview"})
FINAL: frozenset[EventType] = frozenset({"succeeded", "failed", "cancelled"})


def now_ms() -> int:
    """Wall-clock time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to a job.

    seq: its number in the store, growing over all jobs; None until stored, and for momentary events.
    blob: encoded picture of a preview.
    """

    type: EventType
    job_id: str
    data: Mapping[str, JsonValue] = field(default_factory=dict)
    timestamp_ms: int = field(default_factory=now_ms)
    seq: int | None = None
    blob: bytes | None = None

    @property
    def is_momentary(self) -> bool:
        """Whether the event may be dropped for a newer one, and is not stored."""
        return self.type in MOMENTARY


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed, as stored and shown.

    node_id: the node as the user knows it (of the submitted graph), None when no node is to blame.
    type: exception class, dotted unless built in. inputs: the failing node's inputs, shortened for people.
    """

    message: str
    type: str
    node_id: str | None = None
    node_type: str | None = None
    traceback: tuple[str, ...] = ()
    inputs: Mapping[str, JsonValue] = field(default_factory=dict)

    def as_json(self) -> dict[str, JsonValue]:
        """The error as a JSON object with the field names as keys."""
        return {
            "message": self.message,
            "type": self.type,
            "node_id": self.node_id,
            "node_type": self.node_type,
            "traceback": list(self.traceback),
            "inputs": dict(self.inputs),
        }
