"""What the API process and a worker process say to each other over a pair of pipes.

A frame is two lengths (4 bytes each, big-endian), a JSON object and, for previews, a picture. Every object has a
`kind`:

| to the worker | |
|---|---|
| run | job_id, prompt (API form), targets, extra_pnginfo |
| cancel | job_id |
| validate | id, calls: see `ValidatorCall`; answered |
| info | id; answered with `packs.system_info` |
| free | unload_models, free_memory; done between jobs |
| stop | the process ends |

| from the worker | |
|---|---|
| hello | schemas, system, failures: it is ready for jobs |
| fatal | message: why it ends before its hello |
| event | type, job_id, data, timestamp_ms, and the picture of a preview |
| answer | id, and result or error |
"""

from __future__ import annotations

import json
import os
import select
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from pydantic import JsonValue, TypeAdapter

from sd35graph.engine.events import Event
from sd35graph.engine.folders import Folders
from sd35graph.graph.context import Precision

_HEADER = struct.Struct(">II")
_MAX_FRAME_BYTES = 2**30
_ATOMIC_BYTES = 0 if sys.platform == "win32" else select.PIPE_BUF
"""A pipe that can be written at all takes this much whole and without waiting."""

Message = dict[str, Any]  # Any: JSON whose shape the tables above give


class ProtocolError(Exception):
    """The other side sent what is no frame; the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message, with its picture if it has one."""

    message: Message
    blob: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """What a worker process is started with.

    packs: folders of node packs. builtin: whether our own pack is loaded too. cache_bytes: None for a share of memory.
    """

    folders: Folders
    device: str = "auto"
    precision: Precision = "auto"
    packs: tuple[Path, ...] = ()
    builtin: bool = True
    cache_bytes: int | None = None


WORKER_CONFIG: TypeAdapter[WorkerConfig] = TypeAdapter(WorkerConfig)
"""Reads and writes the configuration as the JSON on a worker's command line."""


def encode(message: Mapping[str, object], blob: bytes = b"") -> bytes:
    """A frame as bytes. Raises `ValueError` or `TypeError` for what is no JSON value, NaN among them."""
    body = json.dumps(message, allow_nan=False, separators=(",", ":"), default=_plain).encode()
    return _HEADER.pack(len(body), len(blob)) + body + blob


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


class Decoder:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> list[Frame]:
        """The frames that are complete now. Raises `ProtocolError`."""
        self._buffer += received
        frames: list[Frame] = []
        start = 0
        while len(self._buffer) - start >= _HEADER.size:
            body_bytes, blob_bytes = _HEADER.unpack_from(self._buffer, start)
            if body_bytes + blob_bytes > _MAX_FRAME_BYTES:
                raise ProtocolError(
                    f"a frame of {body_bytes + blob_bytes} bytes was announced; something wrote between"
                )
            body = start + _HEADER.size
            end = body + body_bytes + blob_bytes
            if len(self._buffer) < end:
                break
            frames.append(
                _frame(bytes(self._buffer[body : body + body_bytes]), bytes(self._buffer[end - blob_bytes : end]))
            )
            start = end
        del self._buffer[:start]
        return frames


def _frame(body: bytes, blob: bytes) -> Frame:
    try:
        message = json.loads(body)
    except ValueError as error:
        raise ProtocolError(f"a frame holds no JSON: {error}") from error
    if not isinstance(message, dict) or "kind" not in message:
        raise ProtocolError("a frame holds no message")
    return Frame(message, blob)


def event_message(event: Event) -> bytes:
    """The frame that carries an event."""
    message = {
        "kind": "event",
        "type": event.type,
        "job_id": event.job_id,
        "data": event.data,
        "timestamp_ms": event.timestamp_ms,
    }
    return encode(message, event.blob or b"")


def event_of(frame: Frame) -> Event:
    """The event a frame carries."""
    message = frame.message
    return Event(
        type=message["type"],
        job_id=message["job_id"],
        data=message["data"],
        timestamp_ms=message["timestamp_ms"],
        blob=frame.blob or None,
    )


class Outbox:
    """Frames on their way into a pipe. Nobody waits for a slow reader: what does not fit, a thread writes later.

    A small frame that fits is in the pipe when `put` returns, so that it arrives even if the process dies of what it
    does next. max_bytes: with more than this waiting, `put` waits and `offer` refuses.
    """

    def __init__(self, pipe: int, *, max_bytes: int = 64 * 2**20) -> None:
        self._pipe = pipe
        self._max_bytes = max_bytes
        self._frames: list[list[bytes]] = []  # lists of one frame, so that a newer one can take its place
        self._newest: dict[object, list[bytes]] = {}
        self._waiting_bytes = 0
        self._writing = False
        self._closed = False
        self._change = Condition()
        self._poll = _poll_of(pipe)
        self._thread = Thread(target=self._write_all, name="outbox", daemon=True)
        self._thread.start()

    def put(self, frame: bytes, newest_of: object = None) -> None:
        """Send a frame, waiting while too many are on their way.

        newest_of: of frames with an equal value here (not None), only the newest that has not left yet is sent.
        """
        with self._change:
            self._change.wait_for(lambda: self._closed or self._waiting_bytes <= self._max_bytes)
            self._append(frame, newest_of)

    def offer(self, frame: bytes) -> bool:
        """Send a frame unless too many are on their way or the reader is gone; gives whether it was taken."""
        with self._change:
            if self._closed or self._waiting_bytes > self._max_bytes:
                return False
            self._append(frame, None)
            return True

    @property
    def is_writing(self) -> bool:
        """Whether frames have left the queue and are on their way into the pipe."""
        with self._change:
            return self._writing

    def flush(self, timeout_s: float) -> bool:
        """Wait until all is written; False when time was out before."""
        with self._change:
            return self._change.wait_for(lambda: self._closed or not (self._frames or self._writing), timeout_s)

    def close(self) -> None:
        """Drop what has not left and end the thread. Whoever opened the pipe closes it."""
        with self._change:
            self._closed = True
            self._frames.clear()
            self._change.notify_all()

    def _append(self, frame: bytes, newest_of: object) -> None:
        if self._closed or self._fits(frame):
            return
        waiting = self._newest.get(newest_of) if newest_of is not None else None
        if waiting is not None:
            self._waiting_bytes += len(frame) - len(waiting[0])
            waiting[0] = frame
            return
        slot = [frame]
        self._frames.append(slot)
        self._waiting_bytes += len(frame)
        if newest_of is not None:
            self._newest[newest_of] = slot
        self._change.notify_all()

    def _fits(self, frame: bytes) -> bool:
        """Write the frame if nothing is before it and the pipe has room; gives whether that was so."""
        if self._frames or self._writing or len(frame) > _ATOMIC_BYTES or self._poll is None:
            return False
        if not any(events & select.POLLOUT for _, events in self._poll.poll(0)):
            return False
        try:
            os.write(self._pipe, frame)
        except OSError:  # the reader is gone; whoever watches the other process notices
            self._closed = True
            self._change.notify_all()
        return True

    def _take(self) -> bytes:
        """All that waits, in one piece; empty when closed."""
        with self._change:
            self._writing = False
            self._change.notify_all()
            self._change.wait_for(lambda: self._closed or self._frames)
            taken = b"".join(slot[0] for slot in self._frames)
            self._frames.clear()
            self._newest.clear()
            self._waiting_bytes = 0
            self._writing = not self._closed
            self._change.notify_all()
            return b"" if self._closed else taken

    def _write_all(self) -> None:
        while taken := self._take():
            remaining = memoryview(taken)
            try:
                while remaining:
                    remaining = remaining[os.write(self._pipe, remaining) :]
            except OSError:  # the reader is gone; whoever watches the other process notices
                self.close()
                return


def _poll_of(pipe: int) -> select.poll | None:
    """What says whether the pipe has room; None where the system cannot say, as on Windows."""
    if sys.platform == "win32":
        return None
    poll = select.poll()
    poll.register(pipe, select.POLLOUT)
    return poll


def answer(request_id: int, *, result: JsonValue = None, error: str | None = None) -> bytes:
    """The frame that answers a request."""
    return encode({"kind": "answer", "id": request_id, "result": result, "error": error})
