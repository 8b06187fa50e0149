"""`/jobs`: jobs of all states, page by page, as newer clients ask for them under `/api/jobs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from sd35graph.engine.jobs import MAX_INTEGER, Job, JobQuery, JobState
from sd35graph.server import wire
from sd35graph.server.body import read_model
from sd35graph.server.encoding import Json, dumps
from sd35graph.server.errors import ApiError
from sd35graph.server.guards.roles import Caller, User
from sd35graph.server.jobs.job_list import STATUSES, job_details, job_summary
from sd35graph.server.openapi import body_of
from sd35graph.server.parts import Parts

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore  # imports SQLAlchemy, which the first answer need not wait for

router = APIRouter(tags=["jobs"])

_MAX_JOBS = 1000


@router.get("/jobs", response_model=wire.JobList)
async def jobs_page(
    parts: Parts,
    user: Caller,
    status: Annotated[str, Query(description=f"Some of {', '.join(STATUSES)}, separated by commas; none: all.")] = "",
    workflow_id: Annotated[str | None, Query(description="Only jobs of the workflow with this id.")] = None,
    sort_by: Annotated[
        Literal["created_at", "execution_duration"], Query(description="What to sort by.")
    ] = "created_at",
    sort_order: Annotated[Literal["asc", "desc"], Query(description="desc: the newest or longest first.")] = "desc",
    limit: Annotated[int, Query(ge=1, description="At most so many; never more than 1000.")] = _MAX_JOBS,
    offset: Annotated[int, Query(ge=0, description="Leave out so many of the first.")] = 0,
) -> Response:
    """Jobs of all states, the newest first."""
    query = JobQuery(
        states=_states(status),
        limit=min(limit, _MAX_JOBS),
        offset=min(offset, MAX_INTEGER),
        sort="created" if sort_by == "created_at" else "duration",
        newest_first=sort_order == "desc",
        workflow_id=workflow_id,
        user=user.only,
    )

    def read(store: JobStore) -> bytes:
        jobs, total = store.listed(query), store.count(query)
        shown = {"offset": offset, "limit": query.limit, "total": total, "has_more": offset + len(jobs) < total}
        return dumps({"jobs": [job_summary(job) for _, job in jobs], "pagination": shown})

    return Response(await parts.supervisor.query(read), media_type="application/json")


@router.get("/jobs/{job_id}", response_model=wire.ListedJobDetails)
async def one_job(job_id: str, parts: Parts, user: Caller) -> Response:
    """One job with its workflow and outputs."""
    job = await parts.supervisor.query(lambda store: store.get(job_id))
    return Json(job_details(_visible(job, job_id, user)))


@router.post("/jobs/cancel", response_model=wire.CancelReply, openapi_extra=body_of(wire.CancelRequest))
async def cancel_several_jobs(request: Request, parts: Parts, user: Caller) -> Response:
    """Cancel jobs that wait or run. Gives those that were there to be cancelled."""
    asked = await read_model(request, wire.CancelRequest)
    return Json({"cancelled": [job_id for job_id in asked.job_ids if await parts.supervisor.cancel(job_id, user.only)]})


@router.post("/jobs/{job_id}/cancel", response_model=wire.CancelReply)
async def cancel_one_job(job_id: str, parts: Parts, user: Caller) -> Response:
    """Cancel a job that waits or runs; one that has ended stays as it is."""
    cancelled = await parts.supervisor.cancel(job_id, user.only)
    if not cancelled:
        _visible(await parts.supervisor.query(lambda store: store.get(job_id)), job_id, user)
    return Json({"cancelled": [job_id] if cancelled else []})


def _visible(job: Job | None, job_id: str, user: User) -> Job:
    """The job, if there is one and the user may see it. Raises `ApiError`."""
    if job is None or not user.may_see(job.submitted_by):
        raise ApiError(404, "not_found", f'there is no job "{job_id[:100]}"; /jobs lists them')
    return job


def _states(status: str) -> tuple[JobState, ...]:
    names = [name.strip() for name in status.split(",") if name.strip()]
    unknown = [name for name in names if name not in STATUSES]
    if unknown:
        raise ApiError(400, "bad_request", f'there is no status "{unknown[0][:100]}"; known: {", ".join(STATUSES)}')
    return tuple(STATUSES[name] for name in names)
