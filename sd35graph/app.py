"""The composition root: the one place that knows all layers of the server, makes their objects and connects them."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from sd35graph.engine.artifacts import ArtifactStore
from sd35graph.engine.folders import Folders, workflows_folder
from sd35graph.engine.workers.protocol import WorkerConfig
from sd35graph.engine.workers.supervisor import Supervisor
from sd35graph.server.api import connect_parts, new_api
from sd35graph.server.hub import Hub
from sd35graph.server.messages import node_types_of
from sd35graph.server.parts import ServerParts
from sd35graph.server.security import is_loopback
from sd35graph.settings import Settings

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore

logger = logging.getLogger(__name__)

_SHUTDOWN_TIMEOUT_S = 5
_BACKLOG = 2048
_LARGEST_CLIENT_MESSAGE_BYTES = 2**20


class ServeError(Exception):
    """The server cannot listen; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class App:
    """The server's parts and `asgi`, the application that serves them while its lifespan runs."""

    parts: ServerParts
    asgi: ASGIApp

    @classmethod
    def from_settings(cls, settings: Settings) -> App:
        """Make all parts. Nothing runs before the lifespan of `asgi` starts. Raises `OSError` for a bad folder."""
        folders = Folders.from_settings(settings)
        folders.create()
        hub = Hub()
        parts = ServerParts(
            folders=folders,
            artifacts=ArtifactStore(folders),
            supervisor=_supervisor(settings, folders, hub),
            hub=hub,
            workflows=workflows_folder(),
            static=settings.static_dir,
            max_upload_bytes=settings.max_upload_bytes,
        )
        return cls(parts, connect_parts(new_api(_lifespan), parts, settings.host, settings.max_body_bytes))


def _supervisor(settings: Settings, folders: Folders, hub: Hub) -> Supervisor:
    config = WorkerConfig(
        folders=folders,
        device=settings.device,
        precision=settings.precision,
        packs=settings.packs,
        builtin=settings.builtin_nodes,
        cache_bytes=settings.cache_bytes,
        vram_bytes=settings.vram,
        ram_bytes=settings.ram,
    )
    return Supervisor(
        lambda: _open_store(settings.store_url, hub), hub.publish, config, cancel_deadline_s=settings.cancel_deadline_s
    )


def _open_store(url: str, hub: Hub) -> JobStore:
    """Open the job store. The hub learns of the jobs earlier processes left, before any event of theirs comes."""
    from sd35graph.engine.storage.store import (
        JobStore,  # SQLAlchemy takes its time to import; the first answer does not wait
    )

    store = JobStore.open(url)
    for job in (*store.running(), *store.pending()):
        hub.follow(job.id, job.client_id, node_types_of(job.prompt))
    return store


@asynccontextmanager
async def _lifespan(api: FastAPI) -> AsyncIterator[None]:
    parts: ServerParts = api.state.parts
    await parts.supervisor.start()
    tidying = asyncio.create_task(asyncio.to_thread(parts.artifacts.remove_previews, time.time()))
    try:
        yield
    finally:
        await parts.supervisor.stop()
        await tidying


def serve(settings: Settings, announce: Callable[[str], object] | None = None) -> None:
    """Serve until SIGINT or SIGTERM. `announce` is given the address once it answers; None: it is printed.

    Raises `ServeError` when the address cannot be listened on or the folders cannot be made.
    """
    with listen(settings.host, settings.port) as listener:
        if not is_loopback(settings.host):
            logger.warning(
                "there is no login yet: everybody who reaches this address can run workflows and see all pictures",
                extra={"host": settings.host},
            )
        try:
            new_server(settings, announce or _print).run(sockets=[listener])
        except KeyboardInterrupt:  # raised again by uvicorn once all is stopped in order
            return


def new_server(settings: Settings, announce: Callable[[str], object]) -> uvicorn.Server:
    """The server, ready to run on a listening socket. Raises `ServeError`."""
    try:
        app = App.from_settings(settings)
    except OSError as error:
        raise ServeError(f"the server cannot start: {error}") from error
    config = uvicorn.Config(
        app.asgi,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        lifespan="on",
        ws="websockets-sansio",
        ws_max_size=_LARGEST_CLIENT_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # pictures do not shrink, and the rest is not worth the time on one machine
        timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT_S,
    )
    return _Server(config, announce)


class _Server(uvicorn.Server):
    """Says its address once it answers there."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[str], object]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._announce(f"sd35graph is at {_url(sockets[0])}")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `ServeError` that says why not and what to do."""
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        # asyncio sends small packets at once only on sockets that say they are TCP; create_server() does not say it.
        listener = socket.socket(family, kind, protocol)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise ServeError(_why_not(host, port, error)) from error
    return listener


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use already; stop the program that has it, or choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} of {host} is not allowed to you; choose one from 1024 on with --port"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f'"{host}" is no address of this machine; use 127.0.0.1, or 0.0.0.0 for all its networks, with --host'
    return f"cannot listen on port {port} of {host}: {error}"


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
