"""Connections that hold the server up: a request whose head does not come, an answer that is not taken.

uvicorn waits for both without end. The body of a request is `Guard`'s to wait for.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_SLOWEST_ANSWER_BYTES_PER_S = 1024


def patient_protocol(timeout_s: float) -> type[H11Protocol]:
    """uvicorn's HTTP/1.1 that waits `timeout_s` seconds for a request's head, and for a client to take some answer."""

    class PatientProtocol(H11Protocol):
        _for_request: asyncio.TimerHandle | None = None
        _for_reader: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent does
            super().connection_made(transport)
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
            self._stop_waiting_for_reader()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._wait_for_reader()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._stop_waiting_for_reader()

        def _wait_for_request(self) -> None:
            if self._for_request is None:
                self._for_request = self.loop.call_later(timeout_s, self.transport.abort)

        def _stop_waiting_for_request(self) -> None:
            if self._for_request is not None:
                self._for_request.cancel()
                self._for_request = None

        def _wait_for_reader(self) -> None:
            left = self.transport.get_write_buffer_size()
            self._for_reader = self.loop.call_later(timeout_s, self._look_at_reader, left)

        def _stop_waiting_for_reader(self) -> None:
            if self._for_reader is not None:
                self._for_reader.cancel()
                self._for_reader = None

        def _look_at_reader(self, left_before: int) -> None:
            taken = left_before - self.transport.get_write_buffer_size()
            if taken < timeout_s * _SLOWEST_ANSWER_BYTES_PER_S:
                self.transport.abort()
            else:
                self._wait_for_reader()

    return PatientProtocol
