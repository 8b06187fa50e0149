"""What the routes work with, made once by the composition root and handed to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from sd35graph.engine.artifacts import ArtifactStore
from sd35graph.engine.folders import Folders
from sd35graph.engine.supervisor import Supervisor
from sd35graph.graph.schema import NodeSchema
from sd35graph.server.errors import ApiError
from sd35graph.server.hub import Hub

SCHEMAS_TIMEOUT_S = 300.0
VALIDATION_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class ServerParts:
    """The server's collaborators. workflows, static: folders of the examples and of the built editor."""

    folders: Folders
    artifacts: ArtifactStore
    supervisor: Supervisor
    hub: Hub
    workflows: Path
    static: Path
    max_upload_bytes: int

    async def schemas(self) -> Mapping[str, NodeSchema]:
        """The known node types; waits for the first worker when there are none yet. Raises `ApiError`."""
        if self.supervisor.schemas is not None:
            return self.supervisor.schemas
        try:
            return await asyncio.wait_for(self.supervisor.ready(), SCHEMAS_TIMEOUT_S)
        except TimeoutError as error:
            message = "no worker process has started yet, so no node types are known; the server's log says why"
            raise ApiError(503, "worker_not_ready", message) from error


async def _parts_of(connection: HTTPConnection) -> ServerParts:
    parts = connection.app.state.parts
    assert isinstance(parts, ServerParts)
    return parts


Parts = Annotated[ServerParts, Depends(_parts_of)]
"""Parameter of a route that needs the server's collaborators."""
