"""`/object_info`, `/models` and `/view_metadata`: the node types, and the files their drop-downs offer."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import JsonValue
from starlette.responses import Response

from sd35graph.engine.paths import UnsafePath
from sd35graph.graph.formats.object_info import object_info
from sd35graph.server import wire
from sd35graph.server.encoding import Json, dumps
from sd35graph.server.errors import ApiError
from sd35graph.server.parts import Parts, ServerParts
from sd35graph.server.stand_ins import with_stand_ins

router = APIRouter(tags=["nodes"])

_MAX_HEAD_BYTES = 100_000_000
"""As the format allows."""


@router.get("/object_info", response_model=dict[str, wire.NodeInfo])
async def get_object_info(parts: Parts) -> Response:
    """All node types by name."""
    schemas = await parts.schemas()
    if parts.front_end.is_other:
        schemas = with_stand_ins(schemas)
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
    return Json(await asyncio.to_thread(_choices, parts, folder))


@router.get("/experiment/models", response_model=list[wire.ModelFolder])
async def model_folders_with_places(parts: Parts) -> Response:
    """The kinds of model file; where their folders are is not told here."""
    return Json([{"name": name, "folders": []} for name in await asyncio.to_thread(parts.folders.model_sources)])


@router.get("/experiment/models/{folder}", response_model=list[wire.ModelFile])
async def model_files_with_sizes(folder: str, parts: Parts) -> Response:
    """The model files of one kind with their sizes and times, in milliseconds since 1970."""

    def read() -> list[JsonValue]:
        return [_described(parts, folder, name) for name in _choices(parts, folder)]

    return Json(await asyncio.to_thread(read))


@router.get("/view_metadata/{folder}", response_model=dict[str, JsonValue])
async def view_metadata(
    folder: str, parts: Parts, filename: Annotated[str, Query(description="The file, as /models lists it.")] = ""
) -> Response:
    """What the maker of a safetensors file wrote into it."""

    def read() -> JsonValue:
        try:
            return safetensors_metadata(_file(parts, folder, filename))
        except ValueError as error:
            raise ApiError(400, "bad_request", f'"{filename}" is no safetensors file: {error}') from error

    return Json(await asyncio.to_thread(read))


def safetensors_metadata(path: Path) -> JsonValue:
    """The metadata in the head of a safetensors file. Raises `ValueError` when it is none."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= _MAX_HEAD_BYTES:
            raise ValueError(f"its head would be {length:,} bytes long")
        head = json.loads(file.read(length))
    metadata = head.get("__metadata__", {}) if isinstance(head, dict) else None
    if not isinstance(metadata, dict):
        raise ValueError("its head holds no object of metadata")
    return metadata


def _choices(parts: ServerParts, folder: str) -> list[str]:
    """The model files of one kind. Raises `ApiError`."""
    try:
        if parts.folders.is_model_source(folder):
            return parts.folders.choices(folder)
    except UnsafePath as error:
        raise ApiError(400, "bad_file_name", str(error)) from error
    raise ApiError(404, "not_found", f'there is no model folder "{folder}"; /models lists them')


def _file(parts: ServerParts, folder: str, name: str) -> Path:
    """A model file that a drop-down offers. Raises `ApiError`."""
    if name in _choices(parts, folder) and (path := parts.folders.file(folder, name)).is_file():
        return path
    raise ApiError(404, "not_found", f'there is no file "{name}" in {folder}; /models/{folder} lists them')


def _described(parts: ServerParts, folder: str, name: str) -> JsonValue:
    path = parts.folders.file(folder, name)
    status = path.stat()
    roots = parts.folders.roots(folder)
    place = next((index for index, root in enumerate(roots) if path.is_relative_to(root)), 0)
    times: dict[str, JsonValue] = {
        "modified": status.st_mtime_ns // 1_000_000,
        "created": status.st_ctime_ns // 1_000_000,
    }
    return {"name": name, "pathIndex": place, "size": status.st_size, **times}
