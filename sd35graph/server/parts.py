"""What the routes work with, made once by the composition root and handed to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from sd35graph.engine.artifacts import ArtifactStore
from sd35graph.engine.folders import Folders
from sd35graph.engine.store import JobStore
from sd35graph.graph.schema import NodeSchema
from sd35graph.server.errors import ApiError
from sd35graph.server.hub import Hub

if TYPE_CHECKING:
    from sd35graph.engine.supervisor import Supervisor

SCHEMAS_TIMEOUT_S = 300.0
VALIDATION_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class ServerParts:
    """The server's collaborators. workflows, static: folders of the examples and of the built editor."""

    folders: Folders
    artifacts: ArtifactStore
    store: JobStore
    supervisor: Supervisor
    hub: Hub
    workflows: Path
    static: Path
    max_upload_bytes: int

    async def schemas(self) -> Mapping[str, NodeSchema]:
        """The known node types; waits for the first worker when there are none yet. Raises `ApiError`."""
        if self.supervisor.schemas is None:
            try:
                await asyncio.wait_for(self.supervisor.ready(), SCHEMAS_TIMEOUT_S)
            except TimeoutError as error:
                raise ApiError(
                    503, "worker_not_ready", "the worker process does not start; the server's log says why"
                ) from error
        return self.supervisor.schemas or {}


async def _parts_of(connection: HTTPConnection) -> ServerParts:
    parts = connection.app.state.parts
    assert isinstance(parts, ServerParts)
    return parts


Parts = Annotated[ServerParts, Depends(_parts_of)]
"""Parameter of a route that needs the server's collaborators."""
