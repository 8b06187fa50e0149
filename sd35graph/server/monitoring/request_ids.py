"""Gives every request an id, which its answer and all log lines about it carry."""

from __future__ import annotations

import logging
import re
import time
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sd35graph.logs import request_id

logger = logging.getLogger(__name__)

HEADER = "x-request-id"
_USABLE = re.compile(r"[\w.-]{1,64}", re.ASCII)


class RequestIds:
    """ASGI middleware. A proxy's own id in `X-Request-ID` is taken over; paths are logged without their query."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        current = given if _USABLE.fullmatch(given) else uuid4().hex
        request_id.set(current)  # for the task of this request, and those it starts
        started = time.perf_counter()
        status: int | None = None

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.accept"):
                status = message.get("status", 101)
                MutableHeaders(scope=message)[HEADER] = current
            await send(message)

        try:
            await self._app(scope, receive, with_id)
        finally:
            if logger.isEnabledFor(logging.DEBUG):
                facts = {"method": scope.get("method", "WEBSOCKET"), "path": scope["path"], "status": status}
                logger.debug("request ended", extra={**facts, "ms": round(1e3 * (time.perf_counter() - started), 1)})
