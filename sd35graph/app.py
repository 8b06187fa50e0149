"""The composition root: the one place that knows all layers of the server, makes their objects and connects them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.types import ASGIApp

from sd35graph.engine.artifacts import ArtifactStore
from sd35graph.engine.execution.cache import default_cache_bytes
from sd35graph.engine.folders import Folders, workflows_folder
from sd35graph.engine.jobs import Retention
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
from sd35graph.server.monitoring.log_tail import LogTail
from sd35graph.server.parts import ServerParts
from sd35graph.server.webhooks import Webhooks
from sd35graph.settings import Settings
from sd35graph.tokens import TokenFile

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore


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
