"""The events of a job as a stream of server-sent events, which a client takes up again where it was interrupted.

State events are read from the store by their numbers, so that none is lost or told twice however slow the client is;
of the progress in between it gets the newest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from sd35graph.engine.events import FINAL, Event
from sd35graph.engine.jobs import StoreError
from sd35graph.engine.workers.supervisor import Supervisor
from sd35graph.server.encoding import dumps
from sd35graph.server.events.hub import Hub

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore  # imports SQLAlchemy, which the first answer need not wait for

_KEEPALIVE_S = 15.0
_POLL_S = 1.0
_MAX_NODES = 64
_CAUGHT_UP = b": caught up\n\n"
"""A comment, told once: what had happened so far has been told, and the rest will be told as it happens."""


class _Watcher:
    """What has happened to a job since it was last looked at."""

    def __init__(self) -> None:
        self.has_changed = asyncio.Event()
        self._progress: dict[str, Event] = {}

    def notice(self, event: Event) -> None:
        """Take note of an event; a listener of the hub."""
        if event.type == "progress":
            self._progress[str(event.data["node"])] = event
            if len(self._progress) > _MAX_NODES:
                del self._progress[next(iter(self._progress))]
        if event.type != "preview":
            self.has_changed.set()

    def take_progress(self) -> list[Event]:
        """The newest progress of each node that made any."""
        taken, self._progress = list(self._progress.values()), {}
        return taken


class EventStream:
    """The events of one job after number `after`, until its last one, or until `may_go_on` says no."""

    def __init__(
        self, job_id: str, after: int, supervisor: Supervisor, hub: Hub, may_go_on: Callable[[], bool]
    ) -> None:
        self._job_id = job_id
        self._seen = after
        self._supervisor = supervisor
        self._hub = hub
        self._may_go_on = may_go_on
        self._watcher = _Watcher()

    async def frames(self) -> AsyncIterator[bytes]:
        """What is sent."""
        self._hub.listen(self._watcher.notice, self._job_id)
        self._hub.sockets += 1
        try:
            with suppress(StoreError):  # the client comes again, with the number of the last event it saw
                async for frame in self._told():
                    yield frame
        finally:
            self._hub.sockets -= 1
            self._hub.unlisten(self._watcher.notice, self._job_id)

    async def _told(self) -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n"
        is_caught_up = False
        while True:
            self._watcher.has_changed.clear()
            progress = self._watcher.take_progress()
            events = await self._supervisor.query(self._new_events)
            for event in events:
                yield _frame(event)
                self._seen = event.seq or self._seen
                if event.type in FINAL:
                    return
            for event in progress:
                yield _frame(event)
            if not events and not is_caught_up:
                is_caught_up = True
                yield _CAUGHT_UP
            if events or await self._wait():
                continue
            if not await self._goes_on():
                return
            yield b": keep-alive\n\n"

    def _new_events(self, store: JobStore) -> list[Event]:
        return store.events_after(self._seen, self._job_id)

    async def _wait(self) -> bool:
        """Wait for something new; False when nothing came for a while, or the stream has to end."""
        for _ in range(int(_KEEPALIVE_S / _POLL_S)):
            if not self._may_go_on():
                return False
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._watcher.has_changed.wait()
                return True
        return False

    async def _goes_on(self) -> bool:
        """Whether more may come: the client may still see it, and nobody has deleted the job."""
        if not self._may_go_on():
            return False
        return await self._supervisor.query(lambda store: store.get(self._job_id)) is not None


def _frame(event: Event) -> bytes:
    """An event in the format of `text/event-stream`."""
    content = dumps({"job_id": event.job_id, "timestamp_ms": event.timestamp_ms, "data": event.data})
    number = b"" if event.seq is None else b"id: %d\n" % event.seq
    return b"%sevent: %s\ndata: %s\n\n" % (number, event.type.encode(), content)
