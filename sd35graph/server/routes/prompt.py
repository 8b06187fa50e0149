"""`/prompt`: queue a workflow, or ask how long the queue is."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from sd35graph.server import wire
from sd35graph.server.body import read_json
from sd35graph.server.encoding import Json
from sd35graph.server.guards.authentication import client_address
from sd35graph.server.guards.roles import Caller
from sd35graph.server.jobs.submission import Refused, submit
from sd35graph.server.openapi import body_of
from sd35graph.server.parts import Parts

router = APIRouter(tags=["prompt"])


@router.get("/prompt", response_model=wire.QueueLength)
async def get_prompt(parts: Parts) -> Response:
    """How many jobs wait or run."""
    return Json({"exec_info": {"queue_remaining": parts.hub.queue_remaining}})


@router.post("/prompt", response_model=wire.PromptReply, openapi_extra=body_of(wire.PromptRequest))
async def post_prompt(request: Request, parts: Parts, user: Caller) -> Response:
    """Queue a workflow. It is stored when this answers; `node_errors` names outputs that are left out."""
    parts.limits.check_submission(user.name or client_address(request.scope), parts.hub.queue_remaining)
    try:
        return Json(await submit(parts, await read_json(request), request.query_params.get("clientId"), user))
    except Refused as refused:
        return Json(refused.reply, status_code=400)
