"""`/queue`, `/history` and `/interrupt`: what waits, runs and is done."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from sd35graph.server import wire
from sd35graph.server.body import read_model
from sd35graph.server.errors import Json
from sd35graph.server.history import history, queue_item
from sd35graph.server.messages import dumps
from sd35graph.server.openapi import body_of
from sd35graph.server.parts import Parts, ServerParts

router = APIRouter(tags=["queue"])


@router.get("/queue", response_model=wire.Queue)
async def get_queue(parts: Parts) -> Response:
    """The jobs that run and wait, in order."""

    def read() -> bytes:
        return dumps(
            {
                "queue_running": [queue_item(job) for job in parts.store.running()],
                "queue_pending": [queue_item(job) for job in parts.store.pending()],
            }
        )

    return Response(await asyncio.to_thread(read), media_type="application/json")


@router.post("/queue", openapi_extra=body_of(wire.QueueChange))
async def change_queue(request: Request, parts: Parts) -> Response:
    """Delete waiting jobs: all with `clear`, or those in `delete`. Unknown ids are ignored."""
    change = await read_model(request, wire.QueueChange)
    await parts.supervisor.cancel_pending(None if change.clear else change.delete)
    return Json({})


@router.get("/history", response_model=dict[str, wire.HistoryEntry])
async def get_history(
    parts: Parts,
    max_items: Annotated[int | None, Query(description="The newest so many, or from `offset` on.")] = None,
    offset: Annotated[int, Query(description="Leave out so many of the oldest.")] = 0,
) -> Response:
    """Finished jobs, oldest first."""

    def read() -> bytes:
        return dumps(history(parts.store.history(max_items, offset)))

    return Response(await asyncio.to_thread(read), media_type="application/json")


@router.get("/history/{job_id}", response_model=dict[str, wire.HistoryEntry])
async def get_history_of(job_id: str, parts: Parts) -> Response:
    """One finished job under its id, or an empty object."""

    def read() -> bytes:
        job = parts.store.get(job_id)
        return dumps(history([job] if job is not None and job.is_final else []))

    return Response(await asyncio.to_thread(read), media_type="application/json")


@router.post("/history", openapi_extra=body_of(wire.QueueChange))
async def change_history(request: Request, parts: Parts) -> Response:
    """Delete finished jobs: all with `clear`, or those in `delete`. Unknown ids are ignored."""
    change = await read_model(request, wire.QueueChange)
    await asyncio.to_thread(parts.store.delete, None if change.clear else change.delete)
    return Json({})


@router.post("/interrupt", openapi_extra=body_of(wire.InterruptRequest))
async def interrupt(request: Request, parts: Parts) -> Response:
    """Stop the running job `prompt_id`, or every running one."""
    asked = await read_model(request, wire.InterruptRequest)
    for job_id in await asyncio.to_thread(_running_ids, parts):
        if asked.prompt_id in (None, job_id):
            await parts.supervisor.cancel(job_id)
    return Json({})


def _running_ids(parts: ServerParts) -> list[str]:
    return [job.id for job in parts.store.running()]
