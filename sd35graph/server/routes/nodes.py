"""`/object_info` and `/models`: the node types, and the files their drop-downs offer."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from sd35graph.engine.folders import ALIASES
from sd35graph.engine.paths import UnsafePath
from sd35graph.graph.formats.object_info import object_info
from sd35graph.server import wire
from sd35graph.server.errors import ApiError, Json
from sd35graph.server.messages import dumps
from sd35graph.server.parts import Parts

router = APIRouter(tags=["nodes"])


@router.get("/object_info", response_model=dict[str, wire.NodeInfo])
async def get_object_info(parts: Parts) -> Response:
    """All node types by name."""
    schemas = await parts.schemas()
    body = await asyncio.to_thread(lambda: dumps(object_info(schemas.values(), parts.folders.choices)))
    return Response(body, media_type="application/json")


@router.get("/object_info/{node_type:path}", response_model=dict[str, wire.NodeInfo])
async def get_object_info_of(node_type: str, parts: Parts) -> Response:
    """One node type under its name, or an empty object."""
    schema = (await parts.schemas()).get(node_type)
    schemas = [] if schema is None else [schema]
    return Json(await asyncio.to_thread(object_info, schemas, parts.folders.choices))


@router.get("/models", response_model=list[str])
async def model_folders(parts: Parts) -> Response:
    """The kinds of model file."""
    return Json(await asyncio.to_thread(parts.folders.model_sources))


@router.get("/models/{folder}", response_model=list[str])
async def model_files(folder: str, parts: Parts) -> Response:
    """The model files of one kind."""
    try:
        known = folder in ALIASES or folder in await asyncio.to_thread(parts.folders.model_sources)
        if known:
            return Json(await asyncio.to_thread(parts.folders.choices, folder))
    except UnsafePath as error:
        raise ApiError(400, "bad_file_name", str(error)) from error
    raise ApiError(404, "not_found", f'there is no model folder "{folder}"; /models lists them')
