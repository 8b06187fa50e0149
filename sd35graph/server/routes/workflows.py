"""`/v1/workflows`: the example workflows that come with the program, in editor form."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from sd35graph.engine.paths import UnsafePath, inside
from sd35graph.server import wire
from sd35graph.server.errors import ApiError, Json
from sd35graph.server.parts import Parts

router = APIRouter(tags=["workflows"])


@router.get("/v1/workflows", response_model=list[wire.ExampleWorkflow])
async def list_workflows(parts: Parts) -> Response:
    """Names and titles of the examples."""
    names = await asyncio.to_thread(_names, parts.workflows)
    return Json([{"name": name, "title": _title(name)} for name in names])


@router.get("/v1/workflows/{name}", response_model=dict[str, object])
async def get_workflow(name: str, parts: Parts) -> Response:
    """One example, as the file has it."""
    try:
        path = inside(parts.workflows, f"{name.removesuffix('.json')}.json")
        content = await asyncio.to_thread(path.read_bytes)
    except UnsafePath as error:
        raise ApiError(400, "bad_file_name", str(error)) from error
    except OSError as error:
        raise ApiError(404, "not_found", f'there is no example "{name}"; /v1/workflows lists them') from error
    return Response(content, media_type="application/json")


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.json"))


def _title(name: str) -> str:
    """`sd35_large_turbo` as people read it: `SD3.5 Large Turbo`."""
    words = name.split("_")
    return " ".join("SD3.5" if word == "sd35" else word.capitalize() for word in words)
