"""The WebSocket at `/ws`: one reader, one writer and one bounded queue per socket."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from uuid import uuid4

from pydantic_core import from_json
from starlette.status import WS_1008_POLICY_VIOLATION, WS_1013_TRY_AGAIN_LATER
from starlette.websockets import WebSocket, WebSocketDisconnect

from sd35graph.engine.jobs import MAX_INTEGER, StoreError
from sd35graph.engine.workers.supervisor import Supervisor
from sd35graph.server.events.hub import Client, Hub
from sd35graph.server.events.messages import Message, features
from sd35graph.server.events.resume import catch_up
from sd35graph.server.guards.access import Access
from sd35graph.server.guards.roles import User
from sd35graph.server.parts import ServerParts

logger = logging.getLogger(__name__)

TOKEN_POLL_S = 2.0
CLOSE_TIMEOUT_S = 2.0
_MAX_DIGITS = 40


async def serve_socket(websocket: WebSocket, parts: ServerParts, user: User) -> None:
    """Serve one socket until its client goes, its token does not count any more, or it is too slow.

    Too slow is a client for which state messages would have to be dropped.

    The client's id is its `clientId` parameter, or a new one, which the first `status` message tells it as `sid`. With
    `after`, the `seq` of the last message it saw, it is first sent what it missed; with `watch=1` it is told, in short,
    of the jobs of others too.
    """
    hub = parts.hub
    if hub.sockets >= parts.limits.max_sockets:
        await websocket.close(WS_1013_TRY_AGAIN_LATER, "too many sockets are open; try again later")
        return
    asked = websocket.query_params.get("after", "")
    after = min(int(asked), MAX_INTEGER) if asked.isdecimal() and len(asked) < _MAX_DIGITS else None
    sid = websocket.query_params.get("clientId") or uuid4().hex
    client = hub.greet(sid, user.only, after, watches=websocket.query_params.get("watch") == "1")
    tasks: set[asyncio.Task[object]] = set()
    try:
        await websocket.accept()
        tasks = {
            asyncio.create_task(_read(websocket, client, parts.limits.max_upload_bytes)),
            asyncio.create_task(_write(websocket, client)),
            asyncio.create_task(client.is_too_slow.wait()),
        }
        if websocket.scope["secret"] is not None:
            tasks.add(asyncio.create_task(_until_refused(websocket.scope["secret"], parts.access)))
        await _join(client, after, hub, parts.supervisor)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.disconnect(client)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if websocket.scope["secret"] is not None and not parts.access.still_lets_in(websocket.scope["secret"]):
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            await asyncio.wait_for(websocket.close(WS_1008_POLICY_VIOLATION, "the token was revoked"), CLOSE_TIMEOUT_S)
    elif client.is_too_slow.is_set():
        logger.warning("client disconnected: too slow to receive its messages", extra={"sid": client.sid})
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):  # it may be gone, or not even read the goodbye
            await asyncio.wait_for(
                websocket.close(WS_1013_TRY_AGAIN_LATER, "too slow to receive messages"), CLOSE_TIMEOUT_S
            )


async def _until_refused(secret: str, access: Access) -> None:
    """Return when the token a socket was opened with has expired or was revoked."""
    while True:
        await asyncio.sleep(TOKEN_POLL_S)
        if not access.still_lets_in(secret):
            return


async def _join(client: Client, after: int | None, hub: Hub, supervisor: Supervisor) -> None:
    if after is None:
        hub.join(client)
        return
    try:
        await catch_up(client, after, supervisor, hub)
    except StoreError as error:
        logger.error("a client cannot be told what it missed", extra={"sid": client.sid, "reason": str(error)})
        hub.join(client)


async def _write(websocket: WebSocket, client: Client) -> None:
    with suppress(WebSocketDisconnect, OSError):
        while True:
            frame = await client.next_frame()
            kind = "text" if isinstance(frame, str) else "bytes"
            await websocket.send({"type": "websocket.send", kind: frame})


async def _read(websocket: WebSocket, client: Client, max_upload_bytes: int) -> None:
    while True:
        received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            return
        if _asks_for_features(received.get("text")):
            announced = from_json(received["text"]).get("data") or {}
            client.supports_preview_metadata = announced.get("supports_preview_metadata") is True
            client.offer(Message("feature_flags", features(max_upload_bytes)))


def _asks_for_features(text: str | None) -> bool:
    """Whether a client's message announces what it understands. Anything else a client says is none of our business."""
    try:
        message = from_json(text or "null")
    except ValueError:
        return False
    if not isinstance(message, dict) or message.get("type") != "feature_flags":
        return False
    return isinstance(message.get("data"), dict | None)
