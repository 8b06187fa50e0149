"""What the routes work with, made once by the composition root and handed to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from sd35graph.engine.artifacts import ArtifactStore
from sd35graph.engine.folders import Folders
from sd35graph.engine.user_files import UserFiles
from sd35graph.engine.workers.supervisor import Supervisor
from sd35graph.graph.schema import NodeSchema
from sd35graph.server.content_hashes import ContentHashes
from sd35graph.server.editor import Editor
from sd35graph.server.errors import ApiError
from sd35graph.server.events.hub import Hub
from sd35graph.server.guards.access import Access
from sd35graph.server.guards.limits import Limits
from sd35graph.server.monitoring.log_tail import LogTail
from sd35graph.server.monitoring.metrics import Metrics
from sd35graph.server.webhooks import Webhooks
from sd35graph.server.wire import WorkersReport

SCHEMAS_TIMEOUT_S = 300.0
VALIDATION_TIMEOUT_S = 30.0
_POLL_S = 0.5
_TOLERATED_STARTS = 2


@dataclass(frozen=True, slots=True)
class ServerParts:
    """The server's collaborators. workflows: folder of the examples. front_end: the pages for browsers."""

    folders: Folders
    artifacts: ArtifactStore
    supervisor: Supervisor
    hub: Hub
    workflows: Path
    front_end: Editor
    access: Access
    limits: Limits
    user_files: UserFiles
    logs: LogTail
    webhooks: Webhooks
    hashes: ContentHashes = field(default_factory=ContentHashes)
    metrics: Metrics = field(default_factory=Metrics)

    async def schemas(self) -> Mapping[str, NodeSchema]:
        """The known node types; waits for the first worker when there are none yet.

        Raises `ApiError` with the worker's own words when it does not start.
        """
        if self.supervisor.schemas is not None:
            return self.supervisor.schemas
        ready = asyncio.ensure_future(self.supervisor.ready())
        try:
            for _ in range(int(SCHEMAS_TIMEOUT_S / _POLL_S)):
                await asyncio.wait([ready], timeout=_POLL_S)
                if ready.done():
                    return ready.result()
                if self._starting_fails():
                    break
        finally:
            ready.cancel()
        reasons = {worker.last_error or "it takes very long" for worker in self.workers().workers}
        message = f"no worker process has started, so no node types are known: {'; '.join(sorted(reasons))}"
        raise ApiError(503, "worker_not_ready", message)

    def workers(self) -> WorkersReport:
        """What the workers do, and the packs they could not load."""
        return WorkersReport.model_validate(self.supervisor.stats())

    def _starting_fails(self) -> bool:
        return all(worker.restarts > _TOLERATED_STARTS for worker in self.workers().workers)


async def _parts_of(connection: HTTPConnection) -> ServerParts:
    parts = connection.app.state.parts
    assert isinstance(parts, ServerParts)
    return parts


Parts = Annotated[ServerParts, Depends(_parts_of)]
"""Parameter of a route that needs the server's collaborators."""
