"""The OpenAPI description: what FastAPI finds, with the request bodies and WebSocket messages it cannot see."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sd35graph.server import resources, wire
from sd35graph.server.errors import is_resource

_REFERENCE = "#/components/schemas/{model}"
_REQUESTS = (
    wire.PromptRequest,
    wire.QueueChange,
    wire.InterruptRequest,
    wire.FreeRequest,
    resources.JobRequest,
    wire.CancelRequest,
    wire.LogSubscription,
    resources.JobChange,
)

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


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Description of a JSON body which the route reads itself."""
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def describe(api: FastAPI) -> dict[str, Any]:
    """The whole description. Its components hold a schema for the data of every WebSocket message too."""
    description = get_openapi(
        title=api.title,
        version=api.version,
        description=api.description,
        routes=api.routes,
    )
    # Any: JSON schemas are nested dictionaries, and pydantic types them so.
    models: list[type[BaseModel]] = [
        *_REQUESTS,
        wire.FileName,
        wire.ErrorReply,
        resources.Problem,
        *wire.SOCKET_MESSAGES.values(),
    ]
    _, extra = models_json_schema([(model, "validation") for model in models], ref_template=_REFERENCE)
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in extra["$defs"].items():
        schemas.setdefault(name, schema)
    messages = {kind: {"$ref": _REFERENCE.format(model=model.__name__)} for kind, model in wire.SOCKET_MESSAGES.items()}
    schemas["SocketMessages"] = {
        "type": "object",
        "description": "Data of the messages of the WebSocket /ws by their type; each comes as {type, data}.",
        "properties": messages,
        "required": list(messages),
    }
    for path, route in description["paths"].items():
        for operation in route.values():
            operation["responses"].pop("422", None)  # our handlers answer 400, in our shape
            operation["responses"]["4XX"] = {"description": "Refused", "content": _refusal(path)}
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    return description


def _refusal(path: str) -> dict[str, Any]:
    if is_resource(path):
        return {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(model="ErrorReply")}}}
