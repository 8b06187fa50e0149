"""What each role may do: which one every route needs, and whose jobs and files a user sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, WebSocketException
from starlette.requests import HTTPConnection
from starlette.status import WS_1008_POLICY_VIOLATION

from sd35graph.server.errors import ApiError
from sd35graph.tokens import ROLES, Role

NEEDED_ROLES: Mapping[str, Role | None] = {
    "GET /login": None,
    "POST /login": None,
    "POST /logout": None,
    "GET /docs": "viewer",
    "GET /openapi.json": "viewer",
    "WS /ws": "viewer",
    "GET /prompt": "viewer",
    "POST /prompt": "artist",
    "GET /queue": "viewer",
    "POST /queue": "artist",
    "GET /history": "viewer",
    "GET /history/{job_id}": "viewer",
    "POST /history": "artist",
    "POST /interrupt": "artist",
    "GET /view": "viewer",
    "POST /upload/image": "artist",
    "POST /upload/mask": "artist",
    "GET /object_info": "viewer",
    "GET /object_info/{node_type:path}": "viewer",
    "GET /models": "viewer",
    "GET /models/{folder}": "viewer",
    "GET /embeddings": "viewer",
    "GET /extensions": "viewer",
    "GET /features": "viewer",
    "GET /system_stats": "viewer",
    "POST /free": "admin",
    "GET /healthz": None,
    "GET /readyz": None,
    "GET /metrics": "viewer",
    "GET /jobs": "viewer",
    "GET /jobs/{job_id}": "viewer",
    "POST /jobs/cancel": "artist",
    "POST /jobs/{job_id}/cancel": "artist",
    "GET /users": "viewer",
    "GET /settings": "viewer",
    "GET /settings/{name}": "viewer",
    "POST /settings": "artist",
    "POST /settings/{name}": "artist",
    "GET /userdata": "viewer",
    "GET /v2/userdata": "viewer",
    "GET /userdata/{file:path}": "viewer",
    "POST /userdata/{file:path}": "artist",
    "POST /userdata/{file:path}/move/{dest:path}": "artist",
    "DELETE /userdata/{file:path}": "artist",
    "GET /view_metadata/{folder}": "viewer",
    "GET /experiment/models": "viewer",
    "GET /experiment/models/{folder}": "viewer",
    "GET /workflow_templates": "viewer",
    "GET /workflow_templates/{pack}/{file}": "viewer",
    "GET /i18n": "viewer",
    "GET /internal/logs": "admin",
    "GET /internal/logs/raw": "admin",
    "PATCH /internal/logs/subscribe": "admin",
    "GET /internal/folder_paths": "admin",
    "GET /internal/files/{folder}": "viewer",
    "GET /v1/me": "viewer",
    "GET /v1/capabilities": "viewer",
    "GET /v1/jobs": "viewer",
    "POST /v1/jobs": "artist",
    "GET /v1/jobs/{job_id}": "viewer",
    "GET /v1/jobs/{job_id}/events": "viewer",
    "POST /v1/jobs/{job_id}/cancel": "artist",
    "POST /v1/jobs/{job_id}/retry": "artist",
    "PATCH /v1/jobs/{job_id}": "artist",
    "DELETE /v1/jobs/{job_id}": "artist",
    "GET /v1/queue": "viewer",
    "POST /v1/queue/cancel": "artist",
    "POST /v1/queue/pause": "admin",
    "POST /v1/queue/resume": "admin",
    "GET /v1/artifacts/{folder}/{name:path}": "viewer",
    "GET /v1/nodes": "viewer",
    "GET /v1/nodes/{node_type:path}": "viewer",
    "GET /v1/models": "viewer",
    "GET /v1/models/{kind}": "viewer",
    "POST /v1/prompt_length": "viewer",
    "GET /v1/workflow_versions": "viewer",
    "GET /v1/workflow_versions/{saved_ms}/{name:path}": "viewer",
    "POST /v1/workflow_moves": "artist",
    "GET /v1/deleted_workflows": "viewer",
    "DELETE /v1/deleted_workflows/{name:path}": "artist",
    "GET /v1/workflows": "viewer",
    "GET /v1/workflows/{name:path}": "viewer",
    "PUT /v1/workflows/{name:path}": "artist",
    "DELETE /v1/workflows/{name:path}": "artist",
}
"""The role each route needs, without `/api` in front; None: anybody. A route that is not here is for administrators.
Whose jobs and files a route shows or changes is for the route itself to ask of `User.only`."""

PUBLIC_PATHS = frozenset(route.partition(" ")[2] for route, role in NEEDED_ROLES.items() if role is None)


@dataclass(frozen=True, slots=True)
class User:
    """Who makes a request. name: None where nobody needs a token. role: None for one who has shown none."""

    name: str | None
    role: Role | None

    def may(self, needed: Role | None) -> bool:
        """Whether the role is enough."""
        return needed is None or (self.role is not None and ROLES.index(self.role) >= ROLES.index(needed))

    @property
    def only(self) -> str | None:
        """Whose jobs and results this user sees and changes: their own; None: everybody's."""
        return None if self.role == "admin" else self.name

    def may_see(self, submitted_by: str | None) -> bool:
        """Whether a job of this user is shown to this one."""
        return self.only in (None, submitted_by)


OPERATOR = User(None, "admin")
"""Everybody, on a server for its own machine that has no tokens."""
ANONYMOUS = User(None, None)


async def authorize(connection: HTTPConnection) -> None:
    """Let a request reach its route only in the role the route needs. A dependency of all routes."""
    method = connection.scope.get("method", "WS")
    needed = NEEDED_ROLES.get(f"{method} {connection.scope['route'].path.removeprefix('/api')}", "admin")
    user = user_of(connection)
    if user.may(needed):
        return
    sentence = f'{connection.url.path} needs the role "{needed}", but your token has the role "{user.role}"; '
    sentence += "ask who runs this server for another one"
    if method == "WS":
        raise WebSocketException(WS_1008_POLICY_VIOLATION, sentence[:120])
    raise ApiError(403, "role_too_low", sentence)


def user_of(connection: HTTPConnection) -> User:
    """Who makes a request, as the gate found out."""
    user = connection.scope["user"]
    assert isinstance(user, User)
    return user


async def _caller(connection: HTTPConnection) -> User:
    return user_of(connection)


Caller = Annotated[User, Depends(_caller)]
"""Parameter of a route that needs to know who asks."""
