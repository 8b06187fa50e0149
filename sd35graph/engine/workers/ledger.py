"""The job store as the event loop uses it: one writing thread, and events published only after they are stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from sd35graph.engine.events import Event
from sd35graph.engine.jobs import StoreError

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore  # imports SQLAlchemy, which the first answer need not wait for

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_RETRY_S = 0.2
_LAST_RETRY_S = 5.0

Change = Callable[["JobStore"], tuple[T, Sequence[Event]]]
"""Changes the store; gives a result and the events to publish."""


class Ledger:
    """Changes to the store one after another, in a thread, each followed by its events in the same order.

    open_store: called in that thread, at the first use. publish: called on the event loop, also when the caller that
    asked for the change was cancelled meanwhile. Use it on one event loop.
    """

    def __init__(self, open_store: Callable[[], JobStore], publish: Callable[[list[Event]], None]) -> None:
        self._open_store = open_store
        self._publish = publish
        self._store: JobStore | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="job-store")

    async def write(self, change: Change[T]) -> T:
        """Make a change and publish its events. Raises `StoreError`; then nothing was changed or published."""
        loop = asyncio.get_running_loop()

        def work() -> T:
            result, events = change(self._opened())
            if events:
                # From here, not from the caller: in the order of the changes, and even if the caller gave up.
                loop.call_soon_threadsafe(self._publish, list(events))
            return result

        return await loop.run_in_executor(self._thread, work)

    async def write_surely(self, change: Change[T]) -> T:
        """`write`, repeated until the store takes it: no work is lost to a disk that was full for a time."""
        delay_s = _FIRST_RETRY_S
        while True:
            try:
                return await self.write(change)
            except StoreError as error:
                logger.error("the job store refuses; trying again", extra={"reason": str(error), "delay_s": delay_s})
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, _LAST_RETRY_S)

    def publish(self, events: Sequence[Event]) -> None:
        """Publish momentary events; from the loop, after the changes made before them."""
        self._publish(list(events))

    async def read(self, ask: Callable[[JobStore], T]) -> T:
        """Ask the store something, beside the changes. Raises `StoreError`."""
        store = self._store
        if store is None:
            store = await asyncio.get_running_loop().run_in_executor(self._thread, self._opened)
        return await asyncio.to_thread(ask, store)

    async def open(self) -> None:
        """Open the store, if that has not happened yet. Raises `StoreError`."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._opened)

    async def close(self) -> None:
        """Finish the changes that are under way and close the store."""
        store, self._store = self._store, None
        if store is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, store.close)
        self._thread.shutdown(wait=False)

    def _opened(self) -> JobStore:
        if self._store is None:
            self._store = self._open_store()
        return self._store


def with_stored(events: Sequence[Event], stored: Sequence[Event]) -> list[Event]:
    """`events` in their order, the state events among them as they were stored, with their numbers."""
    numbered = iter(stored)
    return [event if event.is_momentary else next(numbered) for event in events]
