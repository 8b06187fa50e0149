"""Jobs of all states in the shape newer clients list them in."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from sd35graph.engine.jobs import Job, JobState, shown_files
from sd35graph.server.events.messages import error_data
from sd35graph.server.jobs.history import history_entry

STATUSES: Mapping[str, JobState] = {
    "pending": "pending",
    "in_progress": "running",
    "completed": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
"""What clients call each state."""
_NAMES = {state: status for status, state in STATUSES.items()}
_MEDIA_KINDS = ("image", "video", "audio")


def job_summary(job: Job) -> dict[str, JsonValue]:
    """A job as a list shows it; what is not known yet is left out."""
    files = list(_files(job))
    shown = [file for file in files if _is_media(file)]
    known: dict[str, JsonValue] = {
        "id": job.id,
        "status": _NAMES[job.state],
        "priority": job.number,
        "create_time": job.created_ms,
        "execution_start_time": job.started_ms,
        "execution_end_time": job.ended_ms,
        "preview_output": _best(shown),
        "outputs_count": len(files) if job.is_final else None,
        "previewable_outputs_count": len(shown) if job.is_final else None,
        "execution_error": _error(job),
        "workflow_id": _workflow_id(job),
    }
    return {key: value for key, value in known.items() if value is not None}


def job_details(job: Job) -> dict[str, JsonValue]:
    """A job with its workflow, and once it has ended with its outputs and how that came."""
    changed_ms = job.ended_ms or job.started_ms or job.created_ms
    extra_data = dict(job.extra_data)
    if job.extra_pnginfo is not None:
        extra_data["extra_pnginfo"] = dict(job.extra_pnginfo)
    details: dict[str, JsonValue] = {
        **job_summary(job),
        "update_time": changed_ms,
        "workflow": {"prompt": dict(job.prompt), "extra_data": extra_data},
    }
    if job.is_final:
        entry = history_entry(job)
        details |= {
            "outputs": entry["outputs"],
            "execution_status": entry["status"],
            "execution_meta": entry["meta"],
        }
    return details


def _files(job: Job) -> Iterator[dict[str, JsonValue]]:
    """The files the output nodes showed, each with its node."""
    for node, output in job.outputs.items():
        for file in shown_files(output):
            yield {**file.item, "nodeId": node, "mediaType": file.key}


def _is_media(file: Mapping[str, JsonValue]) -> bool:
    guessed = mimetypes.guess_type(str(file["filename"]), strict=False)[0] or ""
    return guessed.partition("/")[0] in _MEDIA_KINDS


def _best(files: list[dict[str, JsonValue]]) -> JsonValue:
    """The file to show for a job: the last that was kept, else the last at all."""
    kept = [file for file in files if file.get("type") == "output"]
    return next(reversed(kept or files), None)


def _error(job: Job) -> JsonValue:
    return None if job.error is None else {"prompt_id": job.id, "timestamp": job.ended_ms, **error_data(job.error, [])}


def _workflow_id(job: Job) -> JsonValue:
    info = job.extra_pnginfo or {}
    workflow = info.get("workflow")
    return workflow.get("id") if isinstance(workflow, dict) else None
