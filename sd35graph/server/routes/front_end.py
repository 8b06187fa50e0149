"""What other browser front ends ask beside the API proper: templates, translations, logs and folders."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from sd35graph.engine.folders import FileFolder
from sd35graph.engine.paths import UnsafePath, inside
from sd35graph.server import wire
from sd35graph.server.body import read_model
from sd35graph.server.encoding import Json
from sd35graph.server.errors import ApiError
from sd35graph.server.guards.roles import Caller
from sd35graph.server.openapi import body_of
from sd35graph.server.parts import Parts

router = APIRouter(tags=["front ends"])

_OUR_TEMPLATES = "sd35graph"


@router.get("/workflow_templates", response_model=dict[str, list[str]])
async def workflow_templates(parts: Parts) -> Response:
    """Names of example workflows, by whose they are."""
    names = await asyncio.to_thread(lambda: sorted(path.stem for path in parts.workflows.glob("*.json")))
    return Json({_OUR_TEMPLATES: names})


@router.get("/workflow_templates/{pack}/{file}", response_model=dict[str, object])
async def workflow_template(pack: str, file: str, parts: Parts) -> Response:
    """One example workflow in editor form, `NAME.json`."""
    try:
        path = inside(parts.workflows, file)
        if pack == _OUR_TEMPLATES and path.suffix == ".json":
            return Response(await asyncio.to_thread(path.read_bytes), media_type="application/json")
    except UnsafePath as error:
        raise ApiError(400, "bad_file_name", str(error)) from error
    except OSError:
        pass  # said below
    raise ApiError(404, "not_found", f'there is no template "{pack}/{file}"; /workflow_templates lists them')


@router.get("/i18n", response_model=dict[str, object])
async def translations() -> Response:
    """Translations that node packs bring; there are none."""
    return Json({})


@router.get("/internal/logs", response_model=str)
async def logs(parts: Parts) -> Response:
    """The newest log lines as one text."""
    lines = (line for line in parts.logs.lines() if isinstance(line, dict))
    return Json("".join(f"{line['t']} - {line['m']}" for line in lines))


@router.get("/internal/logs/raw", response_model=wire.LogLines)
async def logs_raw(parts: Parts) -> Response:
    """The newest log lines."""
    return Json(parts.logs.content(parts.logs.lines()))


@router.patch("/internal/logs/subscribe", response_model=wire.Done, openapi_extra=body_of(wire.LogSubscription))
async def subscribe_to_logs(request: Request, parts: Parts) -> Response:
    """Have new log lines sent to a socket, as messages of type `logs`, or no more of them."""
    asked = await read_model(request, wire.LogSubscription)
    parts.logs.subscribe(asked.clientId, enabled=asked.enabled)
    return Json({})


@router.get("/internal/folder_paths", response_model=dict[str, list[str]])
async def folder_paths(parts: Parts) -> Response:
    """The folders in which each kind of model is looked for."""

    def read() -> dict[str, list[str]]:
        return {source: [str(root) for root in parts.folders.roots(source)] for source in parts.folders.model_sources()}

    return Json(await asyncio.to_thread(read))


@router.get("/internal/files/{folder}", response_model=list[str])
async def files_of(folder: FileFolder, parts: Parts, user: Caller) -> Response:
    """Names of the files directly in the input, output or temp folder, the newest first.

    Results may be of other users: all of them are listed only for an administrator.
    """
    if folder != "input" and user.only is not None:
        raise ApiError(403, "role_too_low", f'only an administrator may list "{folder}"; your results are in /history')
    return Json(await asyncio.to_thread(_newest, parts.folders.root(folder)))


def _newest(folder: Path) -> list[str]:
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
        files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
        return [entry.name for entry in sorted(files, key=lambda entry: -entry.stat().st_mtime_ns)]
    except FileNotFoundError:
        return []
