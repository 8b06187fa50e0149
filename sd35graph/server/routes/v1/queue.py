"""`/v1/queue`: what waits and runs, and whether more is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import JsonValue
from starlette.responses import Response

from sd35graph.server import resources
from sd35graph.server.encoding import Json
from sd35graph.server.guards.roles import Caller
from sd35graph.server.parts import Parts

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore  # imports SQLAlchemy, which the first answer need not wait for

router = APIRouter(prefix="/v1/queue", tags=["v1: queue"])


@router.get("", response_model=resources.QueueState)
async def get_queue_state(parts: Parts, user: Caller) -> Response:
    """How many jobs wait and run, and the ids of one's own in the order in which they run."""

    def read(store: JobStore) -> dict[str, JsonValue]:
        running, pending = store.queued()
        return {
            "paused": store.is_paused(),
            "pending": len(pending),
            "running": len(running),
            "pending_ids": [job.id for job in pending if user.may_see(job.submitted_by)],
            "running_ids": [job.id for job in running if user.may_see(job.submitted_by)],
        }

    return Json(await parts.supervisor.query(read))


@router.post("/cancel", status_code=202, response_model=resources.CancelledJobs)
async def cancel_all_jobs(parts: Parts, user: Caller) -> Response:
    """Cancel everything that waits or runs: one's own jobs, for administrators everybody's."""
    return Json({"cancelled": await parts.supervisor.cancel_all(user.only)}, 202)


@router.post("/pause", status_code=204)
async def pause_queue(parts: Parts) -> Response:
    """Start no more jobs, also after a restart; those that run go on, and new ones are still accepted."""
    await parts.supervisor.pause()
    parts.hub.queue_changed()
    return Response(status_code=204)


@router.post("/resume", status_code=204)
async def resume_queue(parts: Parts) -> Response:
    """Start jobs again."""
    await parts.supervisor.resume()
    parts.hub.queue_changed()
    return Response(status_code=204)
