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
from sd35graph.engine.execution.cache import default_cache_bytes
from sd35graph.engine.folders import Folders, workflows_folder
from sd35graph.engine.jobs import Retention, StoreError
from sd35graph.engine.storage.revisions import refuse_newer, revision_of
from sd35graph.engine.user_files import UserFiles
from sd35graph.engine.workers.protocol import WorkerConfig
from sd35graph.engine.workers.supervisor import Supervisor
from sd35graph.logs import FactsFormatter
from sd35graph.server.api import connect_parts, new_api
from sd35graph.server.editor import Editor, other_front_end
from sd35graph.server.events.hub import Hub
from sd35graph.server.events.messages import node_types_of
from sd35graph.server.guards.access import Access
from sd35graph.server.guards.hosts import Hosts
from sd35graph.server.guards.limits import Limits
from sd35graph.server.guards.slow_clients import patient_protocol, patient_socket
from sd35graph.server.monitoring.log_tail import LogTail
from sd35graph.server.parts import ServerParts
from sd35graph.server.webhooks import Webhooks
from sd35graph.settings import Settings
from sd35graph.stopping import StoppableServer
from sd35graph.tokens import TokenError, TokenFile

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore

logger = logging.getLogger(__name__)

_SHUTDOWN_TIMEOUT_S = 5
_BACKLOG = 2048
_LARGEST_CLIENT_MESSAGE_BYTES = 2**20
_MOST_REQUESTS = 1_000
"""Connections beside the sockets; more are answered with 503."""
_OTHER_FILES = 256


class ServeError(Exception):
    """The server cannot listen; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class App:
    """The server's parts and `asgi`, the application that serves them while its lifespan runs."""

    parts: ServerParts
    asgi: ASGIApp

    @classmethod
    def from_settings(cls, settings: Settings) -> App:
        """Make all parts. Nothing runs before the lifespan of `asgi` starts. Raises `OSError`, `TokenError`."""
        folders = Folders.from_settings(settings)
        folders.create()
        hub = Hub()
        hosts = Hosts(settings.host, settings.allowed_hosts, settings.cors_origins)
        supervisor = _supervisor(settings, folders, hub)
        parts = ServerParts(
            folders=folders,
            artifacts=ArtifactStore(folders),
            supervisor=supervisor,
            hub=hub,
            workflows=workflows_folder(),
            front_end=Editor(settings.static_dir)
            if settings.front_end is None
            else other_front_end(settings.front_end),
            user_files=UserFiles(settings.base),
            logs=LogTail(hub, FactsFormatter("%(levelname)s %(name)s: %(message)s")),
            access=Access(settings.all_tokens, TokenFile(settings.base), is_exposed=hosts.is_exposed),
            limits=_limits(settings),
            webhooks=Webhooks(supervisor, hub, allow_private=settings.webhooks_to_private),
        )
        return cls(parts, connect_parts(new_api(_lifespan), parts, hosts))


def _limits(settings: Settings) -> Limits:
    return Limits(
        max_body_bytes=settings.max_body_bytes,
        max_upload_bytes=settings.max_upload_bytes,
        max_pixels=settings.max_pixels,
        max_graph_nodes=settings.max_graph_nodes,
        max_waiting_jobs=settings.max_waiting_jobs,
        max_sockets=settings.max_sockets,
        request_timeout_s=settings.request_timeout_s,
        submits_per_minute=settings.submits_per_minute,
    )


def _supervisor(settings: Settings, folders: Folders, hub: Hub) -> Supervisor:
    return Supervisor(
        lambda: _open_store(settings, hub),
        hub.publish,
        _worker_configs(settings, folders),
        cancel_deadline_s=settings.cancel_deadline_s,
        keep=Retention(settings.keep_jobs, settings.keep_days, settings.keep_history),
    )


def _worker_configs(settings: Settings, folders: Folders) -> list[WorkerConfig]:
    """What each worker is started with: several share out what there is of memory, of a GPU's, and of cores."""
    devices = settings.worker_devices
    on_cpu = sum(not device.startswith("cuda") for device in devices)
    return [
        WorkerConfig(
            folders=folders,
            device=device,
            precision=settings.precision,
            packs=settings.packs,
            builtin=settings.builtin_nodes,
            cache_bytes=_share(settings.cache_bytes, len(devices), default_cache_bytes),
            vram_bytes=_share(settings.vram, devices.count(device)),
            ram_bytes=_share(settings.ram, len(devices)),
            threads=_share(None, on_cpu, lambda: os.cpu_count() or 1) if not device.startswith("cuda") else None,
            log_format=settings.log_format,
            log_level=settings.log_level,
        )
        for device in devices
    ]


def _share(given: int | None, workers: int, found: Callable[[], int] | None = None) -> int | None:
    """What one of several workers gets of what is given, or found; None: it finds out itself."""
    if workers > 1 and given is None and found is not None:
        given = found()
    return None if given is None else max(given // workers, 1)


def _open_store(settings: Settings, hub: Hub) -> JobStore:
    """Open the job store. The hub learns of the jobs earlier processes left, before any event of theirs comes."""
    from sd35graph.engine.storage.store import (
        JobStore,  # SQLAlchemy takes its time to import; the first answer does not wait
    )

    store = JobStore.open(settings.store_url, survive_power_cut=settings.survive_power_cut)
    for job in (*store.running(), *store.pending()):
        hub.follow(job.id, job.client_id, node_types_of(job.prompt), job.submitted_by)
    hub.last_seq = store.last_seq()
    return store


@asynccontextmanager
async def _lifespan(api: FastAPI) -> AsyncIterator[None]:
    parts: ServerParts = api.state.parts
    parts.logs.start()
    await parts.supervisor.start()
    telling = asyncio.create_task(parts.webhooks.run())
    tidying = asyncio.create_task(asyncio.to_thread(parts.artifacts.remove_previews, time.time()))
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        await parts.supervisor.stop()
        await tidying
        parts.logs.stop()


def serve(settings: Settings, announce: Callable[[str], object] | None = None) -> None:
    """Serve until SIGINT or SIGTERM. `announce` is given the address once it answers; None: it is printed.

    Where others can reach the server and there is no token, one is made, and told with the address, this once.
    Raises `ServeError` when the address cannot be listened on or the folders cannot be made.
    """
    _allow_open_files(settings.max_sockets + _MOST_REQUESTS + _OTHER_FILES)
    with listen(settings.host, settings.port) as listener:
        new_server(settings, announce or _print).run(sockets=[listener])


def _allow_open_files(count: int) -> None:
    """Have the system let this process open so many files and connections, as far as it may be asked to."""
    if sys.platform == "win32":
        return  # it has no such limit
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def new_server(settings: Settings, announce: Callable[[str], object]) -> uvicorn.Server:
    """The server, ready to run on a listening socket. Raises `ServeError`."""
    try:
        if settings.store_file is not None:
            refuse_newer(revision_of(settings.store_file), str(settings.store_file))
        app = App.from_settings(settings)
        secret = _first_token(app.parts.access, settings)
    except (OSError, StoreError, TokenError) as error:
        raise ServeError(f"the server cannot start: {error}") from error
    config = uvicorn.Config(
        app.asgi,
        http=patient_protocol(settings.request_timeout_s),
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        lifespan="on",
        limit_concurrency=settings.max_sockets + _MOST_REQUESTS,
        ws=patient_socket(settings.request_timeout_s),
        ws_max_size=_LARGEST_CLIENT_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # pictures do not shrink, and the rest is not worth the time on one machine
        timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT_S,
    )
    return _Server(config, settings.shutdown_limit_s, announce, secret, app.parts)


def _first_token(access: Access, settings: Settings) -> str | None:
    """A new administrator's token where one is needed and there is none."""
    if access.is_open or access.has_tokens:
        return None
    return TokenFile(settings.base).add("admin", "admin")


class _Server(StoppableServer):
    """Says its address once it answers there. secret: a token nobody knows yet, told with it."""

    def __init__(
        self,
        config: uvicorn.Config,
        shutdown_limit_s: float,
        announce: Callable[[str], object],
        secret: str | None,
        parts: ServerParts,
    ) -> None:
        super().__init__(config, lambda: parts.supervisor.drain(shutdown_limit_s))
        self._hub = parts.hub
        self._announce = announce
        self._secret = secret

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.is_closing = True
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self._announce(
                f"sd35graph is at {_url(sockets[0])}{'' if self._secret is None else f'/?token={self._secret}'}"
            )
            if self._secret is not None:
                self._announce(
                    "This address holds an administrator's token, told only now. "
                    "`sd35graph token add NAME` makes more, for others or when it is lost."
                )


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
    if host in ("0.0.0.0", "::"):
        host = _own_address()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address() -> str:
    """This machine's address on the network it reaches others by; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documents, which nobody has
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
