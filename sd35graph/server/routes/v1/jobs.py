"""`/v1/jobs`: submit, list, follow, cancel and delete jobs."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid5

from fastapi import APIRouter, Header, Query, Request
from pydantic import JsonValue
from starlette.responses import Response, StreamingResponse

from sd35graph.engine.jobs import MAX_INTEGER, Job, JobQuery, JobState, Webhook
from sd35graph.server import resources
from sd35graph.server.body import as_model, parse_json
from sd35graph.server.encoding import Json
from sd35graph.server.errors import ApiError
from sd35graph.server.events.event_stream import EventStream
from sd35graph.server.guards.authentication import client_address
from sd35graph.server.guards.roles import Caller, User
from sd35graph.server.jobs.job_resource import detail, summary
from sd35graph.server.jobs.submission import Refused, retry, submit
from sd35graph.server.openapi import body_of
from sd35graph.server.outgoing import Forbidden, check_url
from sd35graph.server.parts import Parts, ServerParts

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore  # imports SQLAlchemy, which the first answer need not wait for

router = APIRouter(prefix="/v1/jobs", tags=["v1: jobs"])

_KEYS = UUID("6b1d9c1e-0f5d-4f0e-9a55-0b6d4b1f2c77")
_DIGEST = "idempotency_sha256"


@router.post(
    "",
    status_code=201,
    response_model=resources.JobDetail,
    responses={200: {"model": resources.JobDetail, "description": "The job this key was sent with before."}},
    openapi_extra=body_of(resources.JobRequest),
)
async def submit_job(
    request: Request,
    parts: Parts,
    user: Caller,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=200, description="The same key gives the same job, however often it is sent."),
    ] = None,
) -> Response:
    """Queue a workflow; when this answers 201, the job is on disk.

    A request with an `Idempotency-Key` may be repeated: the first answers 201, others 200 with the job as it is now.
    """
    body = await request.body()
    asked = as_model(parse_json(body), resources.JobRequest)
    job_id, digest = _identity(user, idempotency_key), sha256(body).hexdigest()
    if job_id is not None and (job := await _job(parts, job_id)) is not None:
        return await _repeated(parts, job, user, digest)
    webhook = _webhook(asked.webhook, parts)
    parts.limits.check_submission(user.name or client_address(request.scope), parts.hub.queue_remaining)
    try:
        accepted = await submit(
            parts, _prompt(asked, job_id, digest), None, user, webhook=webhook, priority=asked.priority
        )
    except Refused as refused:
        raise _unprocessable(refused.reply) from refused
    except ApiError as error:
        if error.status != 409 or job_id is None:
            raise
        if (job := await _job(parts, job_id)) is not None:
            return await _repeated(parts, job, user, digest)
        sentence = "a request with this Idempotency-Key is being answered just now; repeat it in a moment"
        raise ApiError(409, "in_progress", sentence, headers={"retry-after": "1"}) from error
    job = await _own_job(parts, str(accepted["prompt_id"]), user)
    if webhook is not None:
        parts.webhooks.expect(job.id)
    return Json(await _whole(parts, job), 201, {"location": f"/v1/jobs/{job.id}"})


@router.get("", response_model=resources.JobPage)
async def list_jobs(
    parts: Parts,
    user: Caller,
    state: Annotated[list[JobState] | None, Query(description="Only jobs in one of these states.")] = None,
    submitted_by: Annotated[str | None, Query(max_length=200, description="Only jobs of this user.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many.")] = 50,
    cursor: Annotated[int | None, Query(ge=0, le=MAX_INTEGER, description="`next` of the answer before.")] = None,
) -> Response:
    """Jobs of all states, the newest first: one's own, for administrators everybody's."""
    if user.only is not None and submitted_by not in (None, user.only):
        return Json({"jobs": [], "next": None})
    query = JobQuery(limit=limit, before=cursor, states=tuple(state or ()), user=user.only or submitted_by)
    found = await parts.supervisor.query(lambda store: store.listed(query))
    following = str(found[-1][0]) if len(found) == limit else None
    return Json({"jobs": [summary(job) for _, job in found], "next": following})


@router.get("/{job_id}", response_model=resources.JobDetail)
async def get_job(job_id: str, parts: Parts, user: Caller) -> Response:
    """One job, with its workflow and what its output nodes showed."""
    return Json(await _whole(parts, await _own_job(parts, job_id, user)))


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "The events, until the job's last."},
        204: {"description": "The job has ended, and nothing came after that event."},
    },
)
async def job_events(
    request: Request,
    job_id: str,
    parts: Parts,
    user: Caller,
    last_event_id: Annotated[
        str, Header(pattern=r"^\d{0,18}$", description="Only events after the one with this `id`.")
    ] = "",
) -> Response:
    """The job's events as server-sent events, from its first to its last.

    Each `data` is `{job_id, timestamp_ms, data}`; all but `progress` have an `id`. Browsers' `EventSource` takes an
    interrupted stream up by itself; 204 says that there is nothing more to come.
    """
    job, after = await _own_job(parts, job_id, user), int(last_event_id or 0)
    if job.is_final and not await parts.supervisor.query(lambda store: store.events_after(after, job_id, 1)):
        return Response(status_code=204)
    if parts.hub.sockets >= parts.limits.max_sockets:
        raise ApiError(503, "too_many_streams", "too many streams and sockets are open; try again later")
    secret = request.scope["secret"]

    def may_go_on() -> bool:
        return not parts.hub.is_closing and (secret is None or parts.access.still_lets_in(secret))

    stream = EventStream(job_id, after, parts.supervisor, parts.hub, may_go_on)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(stream.frames(), headers=headers, media_type="text/event-stream")


@router.post("/{job_id}/cancel", status_code=202, response_model=resources.JobDetail)
async def cancel_job(job_id: str, parts: Parts, user: Caller) -> Response:
    """Cancel a job that waits or runs; its last event says when it has stopped. One that has ended stays as it is."""
    await _own_job(parts, job_id, user)
    await parts.supervisor.cancel(job_id, user.only)
    return Json(await _whole(parts, await _own_job(parts, job_id, user)), 202)


@router.patch("/{job_id}", response_model=resources.JobDetail, openapi_extra=body_of(resources.JobChange))
async def move_job(request: Request, job_id: str, parts: Parts, user: Caller) -> Response:
    """Give a waiting job another priority, or another place: `{"before": ID}`, or `{"before": null}` for the last."""
    change = as_model(parse_json(await request.body()), resources.JobChange)
    await _own_job(parts, job_id, user)
    is_done = True
    if change.priority is not None:
        is_done = await parts.supervisor.prioritize(job_id, change.priority, user.only)
    if is_done and "before" in change.model_fields_set:
        is_done = await parts.supervisor.move(job_id, change.before, user.only)
    if not is_done:
        raise ApiError(409, "not_waiting", "this job, or the one it should run before, does not wait any more")
    parts.hub.queue_changed()
    return Json(await _whole(parts, await _own_job(parts, job_id, user)))


@router.post("/{job_id}/retry", status_code=201, response_model=resources.JobDetail)
async def retry_job(request: Request, job_id: str, parts: Parts, user: Caller) -> Response:
    """Queue an ended job once more, as a new one at the end of the queue. Its webhook is not told again."""
    job = await _own_job(parts, job_id, user)
    if not job.is_final:
        raise ApiError(409, "not_ended", f"job {job_id} has not ended yet")
    parts.limits.check_submission(user.name or client_address(request.scope), parts.hub.queue_remaining)
    again = await retry(parts, job)
    return Json(await _whole(parts, again), 201, {"location": f"/v1/jobs/{again.id}"})


@router.delete("/{job_id}", status_code=204)
async def delete_job(job_id: str, parts: Parts, user: Caller) -> Response:
    """Remove an ended job from the history. The files it made stay."""
    await _own_job(parts, job_id, user)
    if not await parts.supervisor.delete([job_id], user.only):
        raise ApiError(409, "not_ended", f"job {job_id} has not ended; cancel it first")
    parts.hub.queue_changed()
    return Response(status_code=204)


def _identity(user: User, key: str | None) -> str | None:
    """The id of the job that is submitted with this key."""
    return None if key is None else str(uuid5(_KEYS, f"{user.name or ''}\n{key}"))


async def _repeated(parts: ServerParts, job: Job, user: User, digest: str) -> Response:
    if not user.may_see(job.submitted_by) or job.extra_data.get(_DIGEST) != digest:
        sentence = "this Idempotency-Key was sent before with another body; take a new key for a new job"
        raise ApiError(422, "idempotency_key_reused", sentence)
    return Json(await _whole(parts, job), headers={"location": f"/v1/jobs/{job.id}", "idempotent-replayed": "true"})


def _prompt(asked: resources.JobRequest, job_id: str | None, digest: str) -> dict[str, JsonValue]:
    """What `POST /prompt` would be sent for this."""
    body: dict[str, JsonValue] = {"prompt": asked.workflow, "front": asked.front, "client_id": asked.client_id}
    if asked.targets is not None:
        body["partial_execution_targets"] = list(asked.targets)
    if job_id is None:
        return {**body, "extra_data": asked.extra_data}
    return {**body, "prompt_id": job_id, "extra_data": {**asked.extra_data, _DIGEST: digest}}


def _unprocessable(reply: Mapping[str, JsonValue]) -> ApiError:
    """What `POST /prompt` answers for a workflow of which nothing can run, as a problem."""
    error = reply["error"]
    assert isinstance(error, dict)
    sentence = " ".join(filter(None, (str(error["message"]), str(error["details"]))))
    return ApiError(422, str(error["type"]), sentence, extra_info={"node_errors": reply["node_errors"]})


def _webhook(asked: resources.WebhookRequest | None, parts: ServerParts) -> Webhook | None:
    """Whom to tell of a job. Raises `ApiError` where nothing may be sent to."""
    if asked is None:
        return None
    try:
        b64decode(asked.secret.removeprefix("whsec_"), validate=True)
    except ValueError as error:
        sentence = f"the webhook's secret must be whsec_ and at least 24 random bytes in base64: {error}"
        raise ApiError(400, "bad_webhook", sentence) from error
    try:
        check_url(asked.url, allow_private=parts.webhooks.allow_private)
    except Forbidden as error:
        raise ApiError(400, "bad_webhook", f"the webhook's url cannot be used: {error}") from error
    return Webhook(asked.url, asked.secret)


async def _whole(parts: ServerParts, job: Job) -> dict[str, JsonValue]:
    """A job with how far its webhook has got."""
    return detail(job, await parts.supervisor.query(lambda store: store.webhook_of(job.id)))


async def _job(parts: ServerParts, job_id: str) -> Job | None:
    def read(store: JobStore) -> Job | None:
        return store.get(job_id)

    return await parts.supervisor.query(read)


async def _own_job(parts: ServerParts, job_id: str, user: User) -> Job:
    """A job this user may see. Raises `ApiError`: of others' jobs it is not even told that there are any."""
    job = await _job(parts, job_id)
    if job is None or not user.may_see(job.submitted_by):
        raise ApiError(404, "not_found", f'there is no job "{job_id[:100]}"; /v1/jobs lists them')
    return job
