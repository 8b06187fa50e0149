"""Jobs in the shape clients know from the queue and the history."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from pydantic import JsonValue

from sd35graph.engine.jobs import Job
from sd35graph.server.events.messages import MAIN, node_types_of


def queue_item(job: Job, only: str | None = None) -> list[JsonValue]:
    """`[number, id, graph, extra data, outputs to run]`. only: of others' jobs than this user's just the number."""
    if only is not None and job.submitted_by != only:
        return [job.number, f"hidden-{sha256(job.id.encode()).hexdigest()[:16]}", {}, {}, []]
    extra: dict[str, JsonValue] = dict(job.extra_data)
    if job.client_id is not None:
        extra["client_id"] = job.client_id
    return [job.number, job.id, dict(job.prompt), extra, list(job.targets)]


def history_entry(job: Job) -> dict[str, JsonValue]:
    """A finished job with its outputs, how it ended, and where each output came from."""
    succeeded = job.state == "succeeded"
    types = node_types_of(job.prompt)
    said = [MAIN[event.type](event, types) for event in job.messages if event.type in MAIN]
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
