"""Who may come in: tokens, what each role may do, and a limit to guessing."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, WebSocketException
from starlette.requests import HTTPConnection

from sd35graph.server.errors import ApiError
from sd35graph.server.rates import RateLimit
from sd35graph.tokens import ROLES, Role, Token, TokenError, TokenFile

logger = logging.getLogger(__name__)

WRONG_TOKENS_PER_MINUTE = 20
_LOOK_AGAIN_S = 0.5
_MOST_KNOWN = 10_000
_POLICY_VIOLATION = 1008

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
    "POST /v1/queue/pause": "admin",
    "POST /v1/queue/resume": "admin",
    "GET /v1/artifacts/{folder}/{name:path}": "viewer",
    "GET /v1/nodes": "viewer",
    "GET /v1/nodes/{node_type:path}": "viewer",
    "GET /v1/models": "viewer",
    "GET /v1/models/{kind}": "viewer",
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


OPERATOR = User(None, "admin")
"""Everybody, on a server for its own machine that has no tokens."""
STRANGER = User(None, None)


class TooManyAttempts(Exception):
    """Too many wrong tokens came from an address."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many wrong tokens came from this address; try again in {wait_s:.0f} s")
        self.wait_s = wait_s


class Access:
    """Knows the tokens, those of the settings and those of the file, which may change while the server runs.

    is_exposed: whether others than this machine can reach the server: then a token is needed even when there is none.
    """

    def __init__(
        self,
        tokens: Sequence[Token],
        file: TokenFile,
        *,
        is_exposed: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given = tuple(tokens)
        self._file = file
        self._clock = clock
        self._kept = file.read()
        self._seen = self._stamp()
        self._looked = clock()
        self._needs_token = is_exposed
        self._wrong = RateLimit(WRONG_TOKENS_PER_MINUTE, clock)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a token. Once there was one, this stays false until the server ends."""
        self._look()
        self._needs_token = self._needs_token or bool(self._given or self._kept)
        return not self._needs_token

    @property
    def has_tokens(self) -> bool:
        """Whether there is a token by which somebody can come in."""
        return any(token.is_valid() for token in (*self._given, *self._kept))

    def user_of(self, secret: str, address: str) -> User | None:
        """Who shows this token; None when it is wrong or has expired.

        Raises `TooManyAttempts` after too many wrong ones from an address, except for a token that was right there
        before: whoever is in stays in while somebody else behind the same address guesses.
        """
        token = self._find(secret)
        if token is not None and (address, token.sha256) in self._known:
            return User(token.name, token.role)
        wait_s = self._wrong.wait_s(address)
        if wait_s > 0:
            raise TooManyAttempts(wait_s)
        if token is None:
            self._wrong.take(address)
            logger.warning("wrong token", extra={"address": address})
            return None
        self._known[address, token.sha256] = None
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return User(token.name, token.role)

    def still_lets_in(self, secret: str) -> bool:
        """Whether a token that was right still is."""
        return self._find(secret) is not None

    def _find(self, secret: str) -> Token | None:
        self._look()
        shown = hashlib.sha256(secret.encode()).hexdigest()
        found = None
        for token in (*self._given, *self._kept):  # all of them: the time tells nothing about which one is near
            if hmac.compare_digest(token.sha256, shown) and token.is_valid():
                found = token
        return found

    def _look(self) -> None:
        """Read the file again when it has changed."""
        if self._clock() - self._looked < _LOOK_AGAIN_S:
            return
        self._looked = self._clock()
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._kept = self._file.read()
        except TokenError as error:
            logger.error("the tokens known before stay in force", extra={"reason": str(error)})

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self._file.path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


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
        raise WebSocketException(_POLICY_VIOLATION, sentence[:120])
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
