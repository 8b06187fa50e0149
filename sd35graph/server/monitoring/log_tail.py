"""The newest log lines, for an editor's log window."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from copy import copy
from datetime import UTC, datetime

from pydantic import JsonValue

from sd35graph.server.events.hub import Hub
from sd35graph.server.events.messages import Message

_MAX_LINES = 300
_MAX_SUBSCRIBERS = 100
_SIZE: JsonValue = {"cols": 120, "rows": 30}


class LogTail(logging.Handler):
    """Keeps the newest log lines, and sends each new one to the clients that asked for that.

    One line may be logged from any thread; clients are told on the event loop given to `start`.
    """

    def __init__(self, hub: Hub, formatter: logging.Formatter) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(formatter)
        self._hub = hub
        self._records: deque[logging.LogRecord] = deque(maxlen=_MAX_LINES)
        self._subscribers: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Listen to all logs from now on. Called on the event loop."""
        self._loop = asyncio.get_running_loop()
        logging.getLogger().addHandler(self)

    def stop(self) -> None:
        """Listen no more."""
        logging.getLogger().removeHandler(self)
        self._loop = None

    def subscribe(self, client_id: str, *, enabled: bool) -> None:
        """Send a client the lines to come, or no more of them."""
        if not enabled:
            self._subscribers.discard(client_id)
        elif len(self._subscribers) < _MAX_SUBSCRIBERS:
            self._subscribers.add(client_id)

    def lines(self) -> list[JsonValue]:
        """The newest lines, oldest first: `{"t": time, "m": text}`."""
        return [self._line(record) for record in self._records.copy()]

    def content(self, lines: list[JsonValue]) -> dict[str, JsonValue]:
        """Lines as clients read them, with the size of the window they are meant for."""
        return {"entries": lines, "size": _SIZE}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line and pass it on."""
        if record.exc_info:  # the traceback as text, for it keeps alive all that its frames hold
            self.format(record)
            record = copy(record)
            record.exc_info = None
        self._records.append(record)
        loop = self._loop
        if self._subscribers and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._send, self._line(record))

    def _line(self, record: logging.LogRecord) -> JsonValue:
        logged = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return {"t": logged, "m": f"{self.format(record)}\n"}

    def _send(self, line: JsonValue) -> None:
        message = Message("logs", self.content([line]), replaces="logs")
        for client_id in list(self._subscribers):
            if not self._hub.tell(client_id, message):
                self._subscribers.discard(client_id)
