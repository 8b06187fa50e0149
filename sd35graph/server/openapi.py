"""The OpenAPI description: what FastAPI finds, with the request bodies and WebSocket messages it cannot see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any  # JSON schemas are nested dictionaries, and pydantic types them so

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sd35graph.server import resources, wire
from sd35graph.server.errors import is_resource
from sd35graph.server.guards.roles import NEEDED_ROLES
from sd35graph.tokens import Role

_REFERENCE = "#/components/schemas/{model}"
_REQUESTS = (
    wire.PromptRequest,
    wire.QueueChange,
    wire.InterruptRequest,
    wire.FreeRequest,
    resources.JobRequest,
    resources.PromptLengthRequest,
    wire.CancelRequest,
    wire.LogSubscription,
    resources.JobChange,
    resources.WorkflowMove,
)

DESCRIPTION = """Runs node-graph workflows for Stable Diffusion 3.5.

Two interfaces do the same things: `/v1`, our own, for new programs (docs/api.md is its guide), and the routes that
existing clients know, which are there under `/api` too. `/ws` is the WebSocket of the latter.

A server for its own machine needs no token. Others ask for one: `Authorization: Bearer TOKEN`, for the socket also
`?token=TOKEN`. Each route names the role it needs.

A refusal has a stable code for programs (`code` under `/v1`, else `error.type`) and a sentence that says what to do.
Any route may answer 401 (no valid token), 403 (role too low, foreign Host or Origin), 413 (body too large), 429 (too
many requests) and 503 (the store or a worker is not available, or the server is being stopped); `Retry-After`, where
it is given, says when to try again.
"""
TAGS = {
    "v1: jobs": "Submit workflows and follow them to their results.",
    "v1: queue": "What waits and runs: look, pause, resume, cancel all.",
    "v1: artifacts": "Files that jobs made and clients sent.",
    "v1: workflows": "Workflows saved on the server, and the examples.",
    "v1: nodes and models": "What workflows are made of.",
    "v1: operation": "Health, counts, limits, and who asks.",
    "prompt": "Queue a workflow as existing clients do.",
    "queue": "The queue, the history, and the running job.",
    "jobs": "Jobs of all states as newer clients list them.",
    "files": "Show results, upload pictures and masks.",
    "nodes": "Node types and model files.",
    "users": "What users of an editor keep on the server.",
    "system": "The machine, its devices and memory.",
    "front ends": "What other browser front ends ask beside that.",
}
"""The groups of routes, in the order in which they are shown."""
_PATH_PARAMETERS = {
    "job_id": "The job's id, which the answer that queued it named.",
    "folder": "One of the folders that are listed a level above.",
    "kind": "A kind of model, such as `checkpoints`; `/v1/models` lists them.",
    "node_type": "A node type, such as `KSampler`.",
    "name": "Its name; may hold slashes where folders are possible.",
    "file": "The file's path in the folder above; slashes may be percent-encoded.",
    "dest": "The file's new path.",
    "pack": "Whose example it is.",
}
_ROLES: Mapping[str, Role | None] = {route.replace(":path}", "}"): role for route, role in NEEDED_ROLES.items()}
_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `sd35graph token add`, or of the settings.",
    },
    "cookie": {"type": "apiKey", "in": "cookie", "name": "sd35graph_token", "description": "What `/login` sets."},
}

UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {
                        "image": {"type": "string", "format": "binary"},
                        "subfolder": {"type": "string"},
                        "type": {"type": "string", "enum": ["input", "output", "temp"]},
                        "overwrite": {"type": "string", "enum": ["true", "false"]},
                        "original_ref": {"type": "string", "description": "Masks only: a FileName as JSON."},
                    },
                }
            }
        },
    }
}
"""Description of an upload's form."""


def _body(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


ANY_JSON = _body("application/json", {})
ANY_OBJECT = _body("application/json", {"type": "object"})
ANY_BYTES = _body("application/octet-stream", {"type": "string", "format": "binary"})
"""Descriptions of bodies of any content."""


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Description of a JSON body which the route reads itself."""
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def describe(api: FastAPI) -> dict[str, Any]:
    """The whole description. Its components hold a schema for the data of every WebSocket message too."""
    tags = [{"name": name, "description": text} for name, text in TAGS.items()]
    description = get_openapi(
        title=api.title, version=api.version, description=DESCRIPTION, routes=api.routes, tags=tags
    )
    components = description.setdefault("components", {})
    components["securitySchemes"] = _SECURITY
    _add_schemas(components.setdefault("schemas", {}))
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            _complete(operation, path, _ROLES.get(f"{method.upper()} {path}", "admin"))
    return description


def _add_schemas(schemas: dict[str, Any]) -> None:
    """Add the models FastAPI cannot see, and leave out its own of errors: our handlers answer 400, in our shape."""
    models: list[type[BaseModel]] = [
        *_REQUESTS,
        wire.FileName,
        wire.ErrorReply,
        resources.Problem,
        *wire.SOCKET_MESSAGES.values(),
    ]
    _, extra = models_json_schema([(model, "validation") for model in models], ref_template=_REFERENCE)
    for name, schema in extra["$defs"].items():
        schemas.setdefault(name, schema)
    messages = {kind: {"$ref": _REFERENCE.format(model=model.__name__)} for kind, model in wire.SOCKET_MESSAGES.items()}
    schemas["SocketMessages"] = {
        "type": "object",
        "description": "Data of the messages of the WebSocket /ws by their type; each comes as {type, data}.",
        "properties": messages,
        "required": list(messages),
    }
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)


def _complete(operation: dict[str, Any], path: str, role: Role | None) -> None:
    """Add to a route what all have in common: who may ask, how it refuses, and what its path is made of."""
    operation["responses"].pop("422", None)
    operation["responses"]["4XX"] = {"description": "Refused", "content": _refusal(path)}
    operation["security"] = [] if role is None else [{}, *({scheme: []} for scheme in _SECURITY)]
    needed = "Needs no token." if role is None else f"Needs the role `{role}`."
    operation["description"] = f"{operation['description']}\n\n{needed}"
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            parameter["description"] = parameter.get("description") or _PATH_PARAMETERS[parameter["name"]]


def _refusal(path: str) -> dict[str, Any]:
    if is_resource(path):
        return {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(model="ErrorReply")}}}
