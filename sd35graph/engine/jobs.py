"""Jobs: one accepted prompt each, from the queue to its place in the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from uuid import uuid4

from pydantic import JsonValue

from sd35graph.engine.events import Event, EventType

JobState = Literal["pending", "running", "succeeded", "failed", "cancelled"]
FINAL_STATES: frozenset[JobState] = frozenset({"succeeded", "failed", "cancelled"})

MAX_ATTEMPTS = 2
"""How often a job is started before it is taken to be what kills its worker."""

MAX_RETRIES = 20
"""How often a job is tried again, for whatever reason, before it is taken to be what ends the server."""

MAX_INTEGER = 2**62
"""Larger numbers are asked of no database."""

MESSAGE_TYPES: tuple[EventType, ...] = (
    "started",
    "cached",
    "warning",
    "blocked",
    "retried",
    "succeeded",
    "failed",
    "cancelled",
)
"""The events a job carries in its history; those of single nodes are read with `JobStore.events_after`."""

JsonObject = Mapping[str, JsonValue]


class StoreError(Exception):
    """The job store cannot be read or written; the message says why and what to do. Nothing was changed."""


class DuplicateJob(StoreError):
    """A job with this id was accepted before; give a new id."""


WebhookState = Literal["waiting", "delivered", "given_up"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Whom to tell when a job has ended: a URL, and the secret that signs what is sent there."""

    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far the telling has got. attempts: made so far; error: what went wrong with the last."""

    job_id: str
    url: str
    secret: str = field(repr=False)
    state: WebhookState
    attempts: int
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What a client asks for.

    prompt: the graph in API form, kept unchanged. targets: the output nodes to run. workflow: the editor's document,
    if that was sent. extra_data: the client's own data, with `extra_pnginfo` for pictures. node_errors: problems of
    outputs that are left out. number: place in the queue, smaller first; None: after all others, or before them with
    `front`. priority: jobs of a higher one run first, whatever their numbers. webhook: whom to tell of its end.
    submitted_by: the user whose job it is; None where nobody needs a token.
    """

    prompt: JsonObject
    targets: tuple[str, ...]
    job_id: str = field(default_factory=lambda: str(uuid4()))
    client_id: str | None = None
    workflow: JsonObject | None = None
    extra_data: JsonObject = field(default_factory=dict)
    node_errors: JsonObject = field(default_factory=dict)
    number: float | None = None
    front: bool = False
    priority: int = 0
    submitted_by: str | None = None
    webhook: Webhook | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as the store has it. Times in milliseconds since 1970; the other request fields as in `NewJob`.

    number: its place in the queue, among those of its priority. attempts: how often it was started. owner: the process
    that runs it. outputs: what output nodes showed, {node: {key: items}}. meta: {node: {node_id, display_node,
    parent_node}}. error: a `JobError` as JSON. messages: its events of `MESSAGE_TYPES`; empty in lists of the queue.
    """

    id: str
    number: float | int
    state: JobState
    prompt: JsonObject
    targets: tuple[str, ...]
    client_id: str | None
    workflow: JsonObject | None
    extra_data: JsonObject
    node_errors: JsonObject
    created_ms: int
    started_ms: int | None = None
    ended_ms: int | None = None
    attempts: int = 0
    owner: str | None = None
    cancel_requested: bool = False
    outputs: JsonObject = field(default_factory=dict)
    meta: JsonObject = field(default_factory=dict)
    error: JsonObject | None = None
    messages: tuple[Event, ...] = ()
    priority: int = 0
    submitted_by: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether the job has ended and belongs to the history."""
        return self.state in FINAL_STATES

    @property
    def extra_pnginfo(self) -> JsonObject | None:
        """What pictures of this job carry beside the prompt: the client's wish, else the editor's document."""
        asked = self.extra_data.get("extra_pnginfo")
        if isinstance(asked, Mapping):
            return asked
        return {"workflow": dict(self.workflow)} if self.workflow is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs a list shows: of these states, of one user, made from one workflow; None, or no state: of all.

    before: only those accepted before the job at this place. newest_first: the newest, or those that took longest,
    before the others.
    """

    limit: int
    offset: int = 0
    before: int | None = None
    states: tuple[JobState, ...] = ()
    sort: Literal["created", "duration"] = "created"
    newest_first: bool = True
    workflow_id: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a job ended, ready to be stored with its last events."""

    state: JobState
    outputs: JsonObject = field(default_factory=dict)
    meta: JsonObject = field(default_factory=dict)
    error: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """What of the history is kept: the newest `jobs`, of the last `days`, taking at most `size_bytes`; None: all.

    A job counts with its events. The files it made are not counted, and stay when it goes.
    """

    jobs: int | None = None
    days: float | None = None
    size_bytes: int | None = None


KEEP_ALL = Retention()


class ShownFile(NamedTuple):
    """A file among what an output node showed. item: as the node gave it, under `key`."""

    folder: str
    subfolder: str
    filename: str
    key: str
    item: JsonObject


def shown_files(output: JsonValue) -> Iterator[ShownFile]:
    """The files an output node showed: those items of its lists that name one."""
    lists = output.items() if isinstance(output, Mapping) else ()
    for key, item in ((key, item) for key, items in lists if isinstance(items, list) for item in items):
        if isinstance(item, Mapping) and isinstance(filename := item.get("filename"), str):
            yield ShownFile(str(item.get("type") or "output"), str(item.get("subfolder") or ""), filename, key, item)


def again(job: Job) -> NewJob:
    """The same job once more, under a new id, at the end of the queue."""
    return NewJob(
        prompt=job.prompt,
        targets=job.targets,
        client_id=job.client_id,
        workflow=job.workflow,
        extra_data=job.extra_data,
        node_errors=job.node_errors,
        priority=job.priority,
        submitted_by=job.submitted_by,
    )
