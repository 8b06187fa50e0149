"""What stands between the network and the routes: Host, Origin and body size checks, and safe response headers.

A page from elsewhere that a user happens to visit can make the browser send requests to 127.0.0.1. Two checks stop it:
the `Host` header must name this machine (a foreign name that was made to resolve to 127.0.0.1 is refused), and a
request that changes something, or opens the socket, must come from a page of ours or of this machine.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sd35graph.server.errors import ApiError

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY_VIOLATION = 1008


def is_loopback(host: str) -> bool:
    """Whether a host name, without port, always means this machine."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _host_name(host_header: str) -> str | None:
    """The name in a `Host` header, without port; None when it makes no sense."""
    try:
        return urlsplit(f"//{host_header}").hostname
    except ValueError:
        return None


class Guard:
    """ASGI middleware that refuses what must not reach the routes.

    bound_host: the address the server listens on; on a loopback address only loopback names are served.
    max_body_bytes, max_upload_bytes: largest body accepted, in general and on `upload_paths`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        bound_host: str,
        max_body_bytes: int,
        max_upload_bytes: int,
        upload_prefixes: Iterable[str],
    ) -> None:
        self._app = app
        self._only_loopback = is_loopback(bound_host)
        self._max_body_bytes = max_body_bytes
        self._max_upload_bytes = max_upload_bytes
        self._upload_prefixes = tuple(upload_prefixes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": refusal.message})
        elif refusal is not None:
            await refusal.response()(scope, receive, _with_safe_headers(send))
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            limit = self._limit(scope["path"])
            if scope["method"] == "HEAD":  # the routes know GET; what runs them leaves the body out
                scope = {**scope, "method": "GET"}
            await self._app(scope, _limited(receive, limit), _with_safe_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> ApiError | None:
        host = _host_name(headers.get("host", ""))
        if self._only_loopback and (host is None or not is_loopback(host)):
            return ApiError(
                403,
                "host_not_allowed",
                f'this server is only for its own machine, but the request is for host "{headers.get("host", "")}"; '
                "use 127.0.0.1 or localhost, or start it with --host 0.0.0.0 to serve others",
            )
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if changes and not self._is_from_here(headers):
            return ApiError(
                403,
                "origin_not_allowed",
                f'the request comes from a page of "{headers.get("origin", "another site")}"; '
                "only pages of this server or of this machine may change something here",
            )
        length = headers.get("content-length", "")
        if scope["type"] == "http" and length.isdecimal() and int(length) > self._limit(scope["path"]):
            return body_too_large(self._limit(scope["path"]))
        return None

    def _limit(self, path: str) -> int:
        return self._max_upload_bytes if path.startswith(self._upload_prefixes) else self._max_body_bytes

    @staticmethod
    def _is_from_here(headers: Headers) -> bool:
        """Scripts send no `Origin`; browsers always do when a page of another site wants to change something."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") != "cross-site"
        try:
            parts = urlsplit(origin)
            name = parts.hostname
        except ValueError:
            return False
        return name is not None and (parts.netloc == headers.get("host") or is_loopback(name))


def body_too_large(limit_bytes: int) -> ApiError:
    """The answer to a body over the limit."""
    return ApiError(
        413,
        "body_too_large",
        f"the request body is larger than the {limit_bytes:,} bytes this server takes; send less, or raise the limit "
        "in its settings",
    )


def _limited(receive: Receive, limit_bytes: int) -> Receive:
    """`receive` that raises `ApiError` once a body without a declared length grows over the limit."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > limit_bytes:
                raise body_too_large(limit_bytes)
        return message

    return limited


def _with_safe_headers(send: Send) -> Send:
    """`send` that adds the headers every answer must carry."""

    async def safe(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("x-content-type-options", "nosniff")
            headers.setdefault("referrer-policy", "same-origin")
            headers.setdefault("x-frame-options", "SAMEORIGIN")
        await send(message)

    return safe
