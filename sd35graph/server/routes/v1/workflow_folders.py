"""`/v1/workflow_moves` and `/v1/deleted_workflows`: saved workflows as their user orders them."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request
from starlette.responses import Response

from sd35graph.engine.workflow_folders import deleted_workflows, forget_workflow, move_workflows
from sd35graph.server import resources
from sd35graph.server.body import as_model, parse_json
from sd35graph.server.encoding import Json
from sd35graph.server.guards.roles import Caller
from sd35graph.server.openapi import body_of
from sd35graph.server.parts import Parts
from sd35graph.server.routes.userdata import in_thread

router = APIRouter(tags=["v1: workflows"])


@router.post(
    "/v1/workflow_moves",
    response_model=list[resources.MovedWorkflow],
    openapi_extra=body_of(resources.WorkflowMove),
)
async def move(request: Request, parts: Parts, user: Caller) -> Response:
    """Rename a workflow, or a folder with all in it; versions go along. Answers 409, and moves nothing, where a name
    is taken."""
    wish = as_model(parse_json(await request.body()), resources.WorkflowMove)
    moved = await in_thread(move_workflows, parts.user_files, user.name, wish.name, wish.new_name)
    return Json([{"name": name, "new_name": new_name} for name, new_name in moved])


@router.get("/v1/deleted_workflows", response_model=list[resources.DeletedWorkflow])
async def list_deleted(parts: Parts, user: Caller) -> Response:
    """Deleted workflows, the last first. To bring one back, get its version `saved_ms` and put it under its name."""
    return Json([asdict(each) for each in await in_thread(deleted_workflows, parts.user_files, user.name)])


@router.delete("/v1/deleted_workflows/{name:path}", status_code=204)
async def forget(name: str, parts: Parts, user: Caller) -> Response:
    """Remove all versions of a deleted workflow, for good."""
    await in_thread(forget_workflow, parts.user_files, user.name, name.removesuffix(".json"))
    return Response(status_code=204)
