"""What the API process and a worker process say to each other over a pair of pipes.

A frame is two lengths (4 bytes each, big-endian), a JSON object and, for previews, a picture. Every object has a
`kind`:

| to the worker | |
|---|---|
| run | job_id, prompt (API form), targets, extra_pnginfo |
| cancel | job_id |
| validate | id, calls: see `ValidatorCall`; answered |
| measure | id, text, files: of text encoders; answered with a `PromptLength` |
| info | id; answered with `packs.system_info`, and what is `loaded`: see `LoadedModel` |
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
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue, TypeAdapter

from sd35graph.engine.events import Event
from sd35graph.engine.folders import Folders
from sd35graph.graph.context import Precision

_HEADER = struct.Struct(">II")
_MAX_FRAME_BYTES = 2**30

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
    vram_bytes, ram_bytes: see `WorkerEnvironment`. threads: of the CPU that one computation uses; None: all.
    log_format, log_level: see `Settings`.
    """

    folders: Folders
    device: str = "auto"
    precision: Precision = "auto"
    packs: tuple[Path, ...] = ()
    builtin: bool = True
    cache_bytes: int | None = None
    vram_bytes: int | None = None
    ram_bytes: int | None = None
    threads: int | None = None
    log_format: Literal["pretty", "json"] = "pretty"
    log_level: str = "info"


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


def answer(request_id: int, *, result: JsonValue = None, error: str | None = None) -> bytes:
    """The frame that answers a request."""
    return encode({"kind": "answer", "id": request_id, "result": result, "error": error})
