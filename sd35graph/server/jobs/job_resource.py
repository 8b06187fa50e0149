"""A job as `/v1` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from pydantic import JsonValue

from sd35graph.engine.jobs import Delivery, Job, ShownFile, shown_files


def summary(job: Job) -> dict[str, JsonValue]:
    """A job in a list: `resources.JobSummary`."""
    return {
        "id": job.id,
        "url": f"/v1/jobs/{quote(job.id, safe='')}",
        "state": job.state,
        "priority": job.priority,
        "number": job.number,
        "attempts": job.attempts,
        "cancel_requested": job.cancel_requested,
        "created": rfc3339(job.created_ms),
        "started": rfc3339(job.started_ms),
        "ended": rfc3339(job.ended_ms),
        "title": _title(job),
        "nodes": len(job.prompt),
        "targets": list(job.targets),
        "client_id": job.client_id,
        "submitted_by": job.submitted_by,
        "error": None if job.error is None else dict(job.error),
        "artifacts": list(artifacts(job)),
    }


def detail(job: Job, webhook: Delivery | None) -> dict[str, JsonValue]:
    """A whole job: `resources.JobDetail`."""
    return summary(job) | {
        "prompt": dict(job.prompt),
        "workflow": None if job.workflow is None else dict(job.workflow),
        "extra_data": dict(job.extra_data),
        "node_errors": dict(job.node_errors),
        "outputs": dict(job.outputs),
        "webhook": None if webhook is None else _webhook(webhook),
    }


def _title(job: Job) -> str | None:
    """What its workflow was called in our editor."""
    pnginfo = job.extra_pnginfo
    workflow = pnginfo.get("workflow") if pnginfo is not None else None
    for key in ("extra", "sd35graph", "name"):
        workflow = workflow.get(key) if isinstance(workflow, Mapping) else None
    return workflow if isinstance(workflow, str) else None


def _webhook(webhook: Delivery) -> JsonValue:
    """All but its secret."""
    return {
        "url": webhook.url,
        "state": webhook.state,
        "attempts": webhook.attempts,
        "error": webhook.error,
    }


def artifacts(job: Job) -> Iterator[JsonValue]:
    """The files among what the output nodes showed."""
    for node, output in job.outputs.items():
        for file in shown_files(output):
            yield _artifact(node, file)


def rfc3339(time_ms: int | None) -> str | None:
    """A time in milliseconds since 1970 as RFC 3339 has it."""
    if time_ms is None:
        return None
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _artifact(node: str, file: ShownFile) -> JsonValue:
    path = quote("/".join(filter(None, (file.folder, file.subfolder, file.filename))))
    place: dict[str, JsonValue] = {"name": file.filename, "subfolder": file.subfolder, "folder": file.folder}
    return {"node": node, **place, "url": f"/v1/artifacts/{path}"}
