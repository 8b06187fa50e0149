"""What stands between the network and the gate: Host, Origin and body checks, and safe response headers.

A page from elsewhere that a user happens to visit can make the browser send requests here. Two checks stop it: the
`Host` header must name this server (a foreign name that was made to resolve to its address is refused), and a request
that a page caused must come from a page of ours.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sd35graph.server.errors import ApiError
from sd35graph.server.limits import Limits
from sd35graph.server.pages import STRICT_POLICY

_POLICY_VIOLATION = 1008
_UPLOADS = ("/upload/", "/api/upload/")
_SLOWEST_BODY_BYTES_PER_S = 4096
_SAFE_HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "content-security-policy": STRICT_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private",
}


def is_loopback(host: str) -> bool:
    """Whether a host name, without port, always means this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Hosts:
    """Under which names the server is reached, and which pages may use it.

    bound: the address it listens on. allowed: further names, without port. origins: other sites whose pages may use it.
    """

    bound: str
    allowed: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    @property
    def is_exposed(self) -> bool:
        """Whether others than this machine can reach the server: directly, or by a proxy that passes a name on."""
        return not all(map(is_loopback, (self.bound, *self.allowed)))

    def serves(self, host_header: str) -> bool:
        """Whether a `Host` header names this server.

        A page elsewhere can have a name of its own resolve to any address, but no name is an address: on all networks
        every address is served.
        """
        name = _name_in(host_header)
        if name is None:
            return False
        names = {self.bound.strip("[]").lower(), *(allowed.lower().rstrip(".") for allowed in self.allowed)}
        return is_loopback(name) or name in names or (not is_loopback(self.bound) and _is_address(name))

    def is_from_here(self, headers: Headers) -> bool:
        """Whether no page of another site caused a request.

        Scripts send no `Origin`; browsers do whenever a page wants to read the answer or change something.
        """
        origin = headers.get("origin")
        if origin is not None:
            return origin in self.origins or _is_same_origin(origin, headers.get("host", ""))
        if headers.get("sec-fetch-site", "none") not in ("cross-site", "same-site"):
            return True
        return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _name_in(host_header: str) -> str | None:
    """The name in a `Host` header, in lower case without port and last dot; None when it makes no sense."""
    try:
        parts = urlsplit(f"//{host_header}")
        valid = parts.port is None or parts.port >= 0
    except ValueError:
        return None
    is_plain = valid and "@" not in host_header and parts.netloc == host_header
    return parts.hostname.rstrip(".") if is_plain and parts.hostname else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same_origin(origin: str, host_header: str) -> bool:
    """Whether an origin is where the request goes. The scheme is left out: a proxy may have taken off the TLS."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    default = {"http": ":80", "https": ":443"}.get(parts.scheme)
    if default is None or not parts.netloc:
        return False
    return parts.netloc.lower().removesuffix(default) == host_header.lower().removesuffix(default)


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
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": refusal.message[:120]})
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
            allowed_s = self._limits.request_timeout_s + received / _SLOWEST_BODY_BYTES_PER_S
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
            headers = MutableHeaders(scope=message)
            for name, value in _SAFE_HEADERS.items():
                headers.setdefault(name, value)
            if origin is not None:
                headers["access-control-allow-origin"] = origin
                headers.add_vary_header("origin")
        await send(message)

    return safe
