"""`/system_stats`, `/features`, `/free`, `/extensions` and `/embeddings`: the machine and the workers."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import sys
from collections.abc import Sequence

import psutil
from fastapi import APIRouter, Request
from starlette.responses import Response

from sd35graph import __version__
from sd35graph.server import wire
from sd35graph.server.body import read_model
from sd35graph.server.encoding import Json
from sd35graph.server.events.messages import features as server_features
from sd35graph.server.guards.roles import Caller
from sd35graph.server.openapi import body_of
from sd35graph.server.parts import Parts

router = APIRouter(tags=["system"])

INTERFACE_VERSION = "0.3.64"
"""Version of the existing interface whose bodies and messages this server answers with."""


@router.get("/system_stats", response_model=wire.SystemStats)
async def system_stats(parts: Parts, user: Caller) -> Response:
    """The machine, the versions, the devices and the models in memory."""
    memory = psutil.virtual_memory()
    worker = await parts.supervisor.system_info()
    system = {
        "os": os.name,
        "ram_total": memory.total,
        "ram_free": memory.available,
        "comfyui_version": INTERFACE_VERSION,
        "sd35graph_version": __version__,
        "required_frontend_version": None,
        "installed_templates_version": None,
        "required_templates_version": None,
        "python_version": f"{platform.python_version()} {sys.version[len(platform.python_version()) :].strip()}",
        "pytorch_version": worker.get("pytorch_version"),
        "embedded_python": False,
        "argv": without_secrets(sys.argv) if user.only is None else sys.argv[:1],
    }
    report = parts.workers()
    if user.only is not None:  # which jobs others have is not for everybody
        report = report.model_copy(
            update={"workers": [each.model_copy(update={"job_id": None}) for each in report.workers]}
        )
    seen = {key: worker.get(key, []) for key in ("devices", "loaded")}
    return Json({"system": system, **seen, **report.model_dump()})


def without_secrets(argv: Sequence[str]) -> list[str]:
    """A command line, with stars for what it gives as token."""
    told = [re.sub(r"^--token=.*", "--token=***", word, flags=re.DOTALL) for word in argv]
    return ["***" if before == "--token" else word for before, word in zip(["", *told], told, strict=False)]


@router.get("/features", response_model=wire.Features)
async def features(parts: Parts) -> Response:
    """What this server understands."""
    return Json(server_features(parts.limits.max_upload_bytes))


@router.post("/free", response_model=wire.Done, openapi_extra=body_of(wire.FreeRequest))
async def free(request: Request, parts: Parts) -> Response:
    """Let the workers forget cached results, and models when asked."""
    asked = await read_model(request, wire.FreeRequest)
    await parts.supervisor.free(unload_models=asked.unload_models, free_memory=asked.free_memory)
    return Json({})


@router.get("/extensions", response_model=list[str])
async def extensions() -> Response:
    """Scripts for other editors; there are none."""
    return Json([])


@router.get("/embeddings", response_model=list[str])
async def embeddings(parts: Parts) -> Response:
    """Names of the textual-inversion embeddings, without suffix."""
    names = await asyncio.to_thread(parts.folders.choices, "embeddings")
    return Json([name.rpartition(".")[0] for name in names])
