"""Connections that hold the server up: a request whose head does not come, an answer that is not taken.

uvicorn waits for both without end. The body of a request is `Guard`'s to wait for.
"""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from sd35graph.server.events.gathering import GatheringProtocol

_MIN_ANSWER_BYTES_PER_S = 1024
_MAX_UNREAD_BYTES = 2**20
_NO_HANDSHAKE = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n"


def http_with_timeouts(timeout_s: float) -> type[H11Protocol]:
    """uvicorn's HTTP/1.1 that waits `timeout_s` seconds for a request's head, and for a client to take some answer."""

    class HttpProtocol(H11Protocol):
        _for_request: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent does
            super().connection_made(transport)
            self._reader = _Reader(transport, timeout_s)
            self._wait_for_request()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            is_unwanted_rest = self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE
            if self.conn.their_state is h11.IDLE or is_unwanted_rest:
                self._wait_for_request()
            else:
                self._stop_waiting_for_request()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting_for_request()
            self._reader.stop()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._reader.watch()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._reader.stop()

        def _wait_for_request(self) -> None:
            if self._for_request is None:
                self._for_request = self.loop.call_later(timeout_s, self.transport.abort)

        def _stop_waiting_for_request(self) -> None:
            if self._for_request is not None:
                self._for_request.cancel()
                self._for_request = None

    return HttpProtocol


def websocket_with_timeouts(timeout_s: float) -> type[GatheringProtocol]:
    """uvicorn's WebSocket that waits `timeout_s` seconds for a client to take some of what waits for it.

    It answers a handshake it cannot read, too, and one that only asks, by pings, and never reads, is cut off.
    """

    class SocketProtocol(GatheringProtocol):
        def connection_made(self, transport: BaseTransport) -> None:
            super().connection_made(transport)
            self._reader = _Reader(self.transport, timeout_s)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            error = self.conn.handshake_exc
            if error is not None and not self.handshake_initiated and not self.transport.is_closing():
                sentence = f"the socket cannot be opened: {error.__cause__ or error}\n"
                self.transport.write(_NO_HANDSHAKE + sentence.encode())
                self.transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            self._reader.stop()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._reader.watch()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._reader.stop()

        def handle_ping(self) -> None:
            if self.transport.get_write_buffer_size() > _MAX_UNREAD_BYTES:
                self.transport.abort()
            else:
                super().handle_ping()

        def keepalive_timeout(self) -> None:
            super().keepalive_timeout()
            self.transport.abort()  # a client that reads nothing would never take the goodbye

    return SocketProtocol


class _Reader:
    """The other end of a connection: given up if it takes too little of what waits for it."""

    def __init__(self, transport: asyncio.Transport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """See after the time-out how much it has taken."""
        left = self._transport.get_write_buffer_size()
        self._timer = asyncio.get_running_loop().call_later(self._timeout_s, self._look, left)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, left_before: int) -> None:
        taken = left_before - self._transport.get_write_buffer_size()
        if taken < self._timeout_s * _MIN_ANSWER_BYTES_PER_S:
            self._transport.abort()
        else:
            self.watch()
