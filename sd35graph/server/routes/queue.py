"""`/queue`, `/history` and `/interrupt`: what waits, runs and is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from sd35graph.engine.jobs import MAX_INTEGER
from sd35graph.server import wire
from sd35graph.server.body import read_model
from sd35graph.server.encoding import Json, dumps
from sd35graph.server.guards.roles import Caller
from sd35graph.server.jobs.history import history, queue_item
from sd35graph.server.openapi import body_of
from sd35graph.server.parts import Parts, ServerParts

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore  # imports SQLAlchemy, which the first answer need not wait for

router = APIRouter(tags=["queue"])

_AT_ONCE = 100


@router.get("/queue", response_model=wire.Queue)
async def get_queue(parts: Parts, user: Caller) -> Response:
    """The jobs that run and wait, in order; those of other users without their names and graphs."""

    def read(store: JobStore) -> bytes:
        running, pending = store.queued()
        return dumps(
            {
                "queue_running": [queue_item(job, user.only) for job in running],
                "queue_pending": [queue_item(job, user.only) for job in pending],
            }
        )

    return Response(await parts.supervisor.query(read), media_type="application/json")


@router.post("/queue", response_model=wire.Done, openapi_extra=body_of(wire.QueueChange))
async def change_queue(request: Request, parts: Parts, user: Caller) -> Response:
    """Delete waiting jobs: all with `clear`, or those in `delete`. Unknown ids are ignored."""
    change = await read_model(request, wire.QueueChange)
    await parts.supervisor.cancel_pending(None if change.clear else change.delete, user.only)
    return Json({})


@router.get("/history", response_model=dict[str, wire.HistoryEntry])
async def get_history(
    parts: Parts,
    user: Caller,
    max_items: Annotated[int | None, Query(description="The newest so many, or from `offset` on.")] = None,
    offset: Annotated[int | None, Query(description="Leave out so many of the oldest.")] = None,
) -> Response:
    """Finished jobs, oldest first."""
    places = await parts.supervisor.query(
        lambda store: store.history_places(_storable(max_items), _storable(offset), user.only)
    )
    return StreamingResponse(_history_at(places, parts), media_type="application/json")


async def _history_at(places: Sequence[int], parts: ServerParts) -> AsyncIterator[bytes]:
    """The object of the jobs at these places, some at a time: a long history fits into no memory."""

    def read(chosen: Sequence[int], store: JobStore) -> bytes:
        return dumps(history(store.history_at(chosen)))[1:-1]

    separator = b"{"
    for start in range(0, len(places), _AT_ONCE):
        entries = await parts.supervisor.query(partial(read, places[start : start + _AT_ONCE]))
        if entries:  # not all of them deleted meanwhile
            yield separator + entries
            separator = b","
    yield b"{}" if separator == b"{" else b"}"


@router.get("/history/{job_id}", response_model=dict[str, wire.HistoryEntry])
async def get_history_of(job_id: str, parts: Parts, user: Caller) -> Response:
    """One finished job under its id, or an empty object."""

    def read(store: JobStore) -> bytes:
        job = store.get(job_id)
        is_shown = job is not None and job.is_final and user.may_see(job.submitted_by)
        return dumps(history([job] if job is not None and is_shown else []))

    return Response(await parts.supervisor.query(read), media_type="application/json")


@router.post("/history", response_model=wire.Done, openapi_extra=body_of(wire.QueueChange))
async def change_history(request: Request, parts: Parts, user: Caller) -> Response:
    """Delete finished jobs: all with `clear`, or those in `delete`. Unknown ids are ignored."""
    change = await read_model(request, wire.QueueChange)
    await parts.supervisor.delete(None if change.clear else change.delete, user.only)
    return Json({})


@router.post("/interrupt", response_model=wire.Done, openapi_extra=body_of(wire.InterruptRequest))
async def interrupt(request: Request, parts: Parts, user: Caller) -> Response:
    """Stop the running job `prompt_id`, or every running one. A job that waits goes on waiting."""
    job_id = (await read_model(request, wire.InterruptRequest)).prompt_id
    if job_id is None:
        await parts.supervisor.interrupt(user.only)
        return Json({})
    job = await parts.supervisor.query(lambda store: store.get(job_id))
    if job is not None and job.state == "running":
        await parts.supervisor.cancel(job_id, user.only)
    return Json({})


def _storable(number: int | None) -> int | None:
    """The number, cut to what a database can count to."""
    return None if number is None else min(number, MAX_INTEGER)
