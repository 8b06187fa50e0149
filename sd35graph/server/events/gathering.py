"""Messages of one moment leave in one piece: a job that ends at once is a dozen of them."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_MOST_BYTES = 2**16


class GatheringTransport:
    """A transport that sends what is written in one turn of the event loop with one call of the system.

    More than `_MOST_BYTES` is sent at once, so that the transport behind says in time when its reader is slow.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._gathered = bytearray()

    def write(self, data: bytes) -> None:
        """Send data at the end of this turn of the loop."""
        if not self._gathered:
            self._loop.call_soon(self._send)
        self._gathered += data
        if len(self._gathered) > _MOST_BYTES:
            self._send()

    def close(self) -> None:
        """Close the connection after all that was written."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        gathered, self._gathered = self._gathered, bytearray()
        if gathered:
            self._transport.write(gathered)

    def __getattr__(self, name: str) -> Any:  # Any: everything else is the transport's own
        return getattr(self._transport, name)


class GatheringProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket on such a transport."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over a connection."""
        gathering = GatheringTransport(cast(asyncio.Transport, transport))
        super().connection_made(cast(asyncio.Transport, gathering))  # it has all that one has
