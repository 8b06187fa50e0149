"""Jobs in the shape clients know from the queue and the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pydantic import JsonValue

from sd35graph.engine.events import Event, EventType
from sd35graph.engine.jobs import Job
from sd35graph.server import messages
from sd35graph.server.messages import Message

_TRANSLATE: dict[EventType, Callable[[Event], Message]] = {
    "started": messages.started,
    "cached": messages.cached,
    "blocked": messages.blocked,
    "retried": messages.retried,
    "succeeded": messages.succeeded,
    "failed": messages.failed,
    "cancelled": messages.cancelled,
}


def queue_item(job: Job) -> list[JsonValue]:
    """`[number, id, graph, extra data, outputs to run]`."""
    extra: dict[str, JsonValue] = dict(job.extra_data)
    if job.client_id is not None:
        extra["client_id"] = job.client_id
    return [job.number, job.id, dict(job.prompt), extra, list(job.targets)]


def history_entry(job: Job) -> dict[str, JsonValue]:
    """A finished job with its outputs, how it ended, and where each output came from."""
    succeeded = job.state == "succeeded"
    said = [_TRANSLATE[event.type](event) for event in job.messages if event.type in _TRANSLATE]
    return {
        "prompt": queue_item(job),
        "outputs": dict(job.outputs),
        "status": {
            "status_str": "success" if succeeded else "error",
            "completed": succeeded,
            "messages": [[message.type, dict(message.data)] for message in said],
        },
        "meta": {node: _node_meta(node, meta) for node, meta in job.meta.items()},
    }


def history(jobs: Iterable[Job]) -> dict[str, JsonValue]:
    """Entries by job id, in the order given."""
    return {job.id: history_entry(job) for job in jobs}


def _node_meta(node: str, meta: JsonValue) -> JsonValue:
    known = meta if isinstance(meta, dict) else {}
    return {"node_id": node, "display_node": node, "parent_node": None, "real_node_id": node, **known}
