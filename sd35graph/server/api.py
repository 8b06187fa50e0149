"""The web application: every route at its old place and under `/api`, the socket, the description and the editor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from fastapi import Depends, FastAPI, Request, WebSocket
from starlette.responses import Response
from starlette.types import ASGIApp

from sd35graph import __version__
from sd35graph.server.encoding import Json
from sd35graph.server.errors import install_error_handlers
from sd35graph.server.events.ws import serve_socket
from sd35graph.server.guards.authentication import Authentication
from sd35graph.server.guards.guard import Guard
from sd35graph.server.guards.hosts import Hosts
from sd35graph.server.guards.roles import authorize, user_of
from sd35graph.server.monitoring.metrics import Metered
from sd35graph.server.monitoring.request_ids import RequestIds
from sd35graph.server.openapi import describe
from sd35graph.server.pages import page
from sd35graph.server.parts import ServerParts
from sd35graph.server.routes import (
    files,
    front_end,
    jobs,
    login,
    nodes,
    prompt,
    queue,
    system,
    userdata,
    v1,
)

_DOCS = Path(__file__).parent / "docs.html"
_MODULES = (prompt, queue, jobs, files, nodes, system, userdata, front_end)
_ROUTERS = (*(module.router for module in _MODULES), *v1.ROUTERS)
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def new_api(lifespan: Lifespan | None = None) -> FastAPI:
    """The routes, without anything behind them yet; `connect_parts` gives them that."""
    api = FastAPI(
        title="sd35graph",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
        dependencies=[Depends(authorize)],
    )
    install_error_handlers(api)
    for router in _ROUTERS:
        api.include_router(router)
        api.include_router(router, prefix="/api", include_in_schema=False)
    for prefix in ("", "/api"):
        api.add_api_websocket_route(f"{prefix}/ws", _socket)
        api.add_api_route(f"{prefix}/openapi.json", _description, include_in_schema=False)
    api.include_router(login.router)
    api.add_api_route("/docs", _docs, include_in_schema=False)
    return api


def connect_parts(api: FastAPI, parts: ServerParts, hosts: Hosts) -> ASGIApp:
    """Give the routes what they work with, and put the guards before them; the result is what to serve."""
    api.state.parts = parts
    api.mount("/", parts.front_end)
    parts.hub.listen(parts.metrics.notice)
    guarded = Guard(Authentication(api, parts.access), hosts=hosts, limits=parts.limits)
    return RequestIds(Metered(guarded, parts.metrics))


async def _socket(websocket: WebSocket) -> None:
    parts: ServerParts = websocket.app.state.parts
    await serve_socket(websocket, parts, user_of(websocket))


async def _description(api_request: Request) -> Response:
    """The OpenAPI description of the routes."""
    return Json(await asyncio.to_thread(describe, api_request.app))


async def _docs() -> Response:
    """The routes for people, from our own page."""
    return page(_DOCS.read_text(encoding="utf-8"))
