"""`/healthz`, `/readyz`, `/metrics`, `/v1/capabilities`, `/v1/me`: how the server is, what it takes, and who asks."""

from __future__ import annotations

import asyncio
from typing import get_args

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from sd35graph import __version__
from sd35graph.engine.events import EVENT_TYPES
from sd35graph.engine.jobs import JobState, StoreError
from sd35graph.server import resources
from sd35graph.server.encoding import Json
from sd35graph.server.guards.roles import Caller
from sd35graph.server.parts import Parts, ServerParts
from sd35graph.server.routes.system import INTERFACE_VERSION
from sd35graph.server.routes.v1.artifacts import MAX_THUMBNAIL_PX, MIN_THUMBNAIL_PX

router = APIRouter(tags=["v1: operation"])

_STORE_TIMEOUT_S = 5.0


@router.get("/healthz", response_model=resources.Health)
async def healthz() -> Response:
    """Whether the process answers at all; if not, restart it."""
    return Json({"status": "ok", "reasons": []})


@router.get(
    "/readyz",
    response_model=resources.Health,
    responses={503: {"model": resources.Health, "description": "Not ready, and why."}},
)
async def readyz(parts: Parts) -> Response:
    """Whether jobs are taken and run: the store answers and a worker has started."""
    reasons = [reason for reason in (_why_no_worker(parts), await _why_no_store(parts)) if reason]
    return Json({"status": "not_ready" if reasons else "ok", "reasons": reasons}, 503 if reasons else 200)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(parts: Parts) -> Response:
    """Counts and times for Prometheus."""
    from sd35graph.server.monitoring.prometheus import exposition  # prometheus_client is loaded only when it is needed

    pending, running = await parts.supervisor.query(lambda store: store.counts())
    gauges = {"pending": pending, "running": running}
    content, media_type = exposition(parts.metrics, gauges, parts.hub.sockets, parts.workers())
    return Response(content, headers={"content-type": media_type})


@router.get("/v1/me", response_model=resources.Me)
async def me(user: Caller) -> Response:
    """The name and the role of the token that was sent."""
    return Json({"name": user.name, "role": user.role})


@router.get("/v1/capabilities", response_model=resources.Capabilities)
async def capabilities(parts: Parts) -> Response:
    """What this server is and takes."""
    limits = parts.limits
    worker = await parts.supervisor.system_info()
    return Json(
        {
            "version": __version__,
            "interface_version": INTERFACE_VERSION,
            "workflow_forms": ["api", "editor"],
            "job_states": get_args(JobState),
            "event_types": EVENT_TYPES,
            "thumbnail_px": [MIN_THUMBNAIL_PX, MAX_THUMBNAIL_PX],
            "limits": {
                "max_body_bytes": limits.max_body_bytes,
                "max_upload_bytes": limits.max_upload_bytes,
                "max_pixels": limits.max_pixels,
                "max_graph_nodes": limits.max_graph_nodes,
                "max_waiting_jobs": limits.max_waiting_jobs,
                "submits_per_minute": limits.submits_per_minute,
            },
            "devices": worker.get("devices", []),
        }
    )


def _why_no_worker(parts: ServerParts) -> str | None:
    workers = parts.workers().workers
    if any(worker.state in ("ready", "busy") for worker in workers):
        return None
    return "no worker has started: " + "; ".join(worker.last_error or worker.state for worker in workers)


async def _why_no_store(parts: ServerParts) -> str | None:
    try:
        async with asyncio.timeout(_STORE_TIMEOUT_S):
            await parts.supervisor.query(lambda store: store.counts())
    except StoreError as error:
        return str(error)
    except TimeoutError:
        return f"the job store does not answer within {_STORE_TIMEOUT_S:g} s"
    return None
