"""What stands between the network and the rest: Host, Origin and body checks, and safe response headers."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sd35graph.server.errors import ApiError
from sd35graph.server.guards.hosts import Hosts
from sd35graph.server.guards.limits import Limits
from sd35graph.server.pages import STRICT_POLICY

_UPLOADS = ("/upload/", "/api/upload/")
_MIN_BODY_BYTES_PER_S = 4096
_SAFE_HEADERS = (  # as ASGI has them: every answer gets them
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", STRICT_POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"private"),
)


class Guard:
    """ASGI middleware that refuses what must not reach the application, whoever sends it."""

    def __init__(self, app: ASGIApp, *, hosts: Hosts, limits: Limits) -> None:
        self._app = app
        self._hosts = hosts
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await send(
                    {"type": "websocket.close", "code": WS_1008_POLICY_VIOLATION, "reason": refusal.message[:120]}
                )
            return
        origin = headers.get("origin")
        send = _with_safe_headers(send, origin if origin in self._hosts.origins else None)
        if refusal is not None:
            await refusal.response(scope["path"])(scope, receive, send)
        elif scope["method"] == "OPTIONS" and origin in self._hosts.origins:
            await _preflight()(scope, receive, send)
        else:
            if scope["method"] == "HEAD":  # the routes know GET; what runs them leaves the body out
                scope = {**scope, "method": "GET"}
            await self._app(scope, self._limited(receive, self._limit(scope["path"])), send)

    def _refusal(self, scope: Scope, headers: Headers) -> ApiError | None:
        if not self._hosts.serves(headers.get("host", "")):
            return ApiError(
                403,
                "host_not_allowed",
                f'the request is for host "{headers.get("host", "")[:200]}", which is not known to be this server; use '
                "127.0.0.1 or localhost, or start it with --allowed-host and that name, and --host to serve others",
            )
        if not self._hosts.is_from_here(headers):
            return ApiError(
                403,
                "origin_not_allowed",
                f'the request comes from a page of "{headers.get("origin", "another site")[:200]}"; only pages of this '
                "server may use it, and those of sites it is started with by --cors-origin",
            )
        length = headers.get("content-length", "")
        if scope["type"] == "http" and length.isdecimal() and int(length) > self._limit(scope["path"]):
            return body_too_large(self._limit(scope["path"]))
        return None

    def _limit(self, path: str) -> int:
        return self._limits.max_upload_bytes if path.startswith(_UPLOADS) else self._limits.max_body_bytes

    def _limited(self, receive: Receive, limit_bytes: int) -> Receive:
        """`receive` that raises `ApiError` once a body grows over the limit or comes too slowly."""
        received = 0
        started: float | None = None
        is_whole = False

        async def limited() -> Message:
            nonlocal received, started, is_whole
            if is_whole:
                return await receive()
            now = asyncio.get_running_loop().time()
            started = now if started is None else started
            allowed_s = self._limits.request_timeout_s + received / _MIN_BODY_BYTES_PER_S
            try:
                async with asyncio.timeout_at(started + allowed_s):
                    message = await receive()
            except TimeoutError as error:
                raise body_too_slow(received, now - started) from error
            received += len(message.get("body", b""))
            is_whole = message["type"] != "http.request" or not message.get("more_body", False)
            if received > limit_bytes:
                raise body_too_large(limit_bytes)
            return message

        return limited


def body_too_large(limit_bytes: int) -> ApiError:
    """The answer to a body over the limit."""
    return ApiError(
        413,
        "body_too_large",
        f"the request body is larger than the {limit_bytes:,} bytes this server takes; send less, or raise the limit "
        "in its settings",
    )


def body_too_slow(received: int, seconds: float) -> ApiError:
    """The answer to a body that does not come."""
    sentence = f"only {received:,} bytes of the request body came in {seconds:.0f} s; send it faster"
    return ApiError(408, "body_too_slow", sentence, headers={"connection": "close"})


def _preflight() -> Response:
    """What a page of an allowed site may send: the browser asks first."""
    allowed = {
        "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "access-control-allow-headers": "authorization, content-type, idempotency-key, last-event-id",
        "access-control-max-age": "600",
    }
    return Response(status_code=204, headers=allowed)


def _with_safe_headers(send: Send, origin: str | None) -> Send:
    """`send` that adds the headers every answer must carry. origin: an allowed site whose page may read the answer."""

    async def safe(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = message.get("headers", ())
            names = {name.lower() for name, _ in given}
            message["headers"] = [*given, *(header for header in _SAFE_HEADERS if header[0] not in names)]
            if origin is not None:
                headers = MutableHeaders(scope=message)
                headers["access-control-allow-origin"] = origin
                headers.add_vary_header("origin")
        await send(message)

    return safe
