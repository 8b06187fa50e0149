"""The job store as the event loop uses it: one writing thread, and events published only after they are stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sd35graph.engine.events import Event
from sd35graph.engine.jobs import StoreError

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore  # imports SQLAlchemy, which the first answer need not wait for

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_RETRY_S = 0.2
_LAST_RETRY_S = 5.0

_MAX_TOGETHER = 64

Change = Callable[["JobStore"], tuple[T, Sequence[Event]]]
"""Changes the store; gives a result and the events to publish. Is called again if it had to be undone."""

_Outcome = tuple[Any, Sequence[Event]] | BaseException  # Any: each change has a result of its own type


@dataclass(frozen=True, slots=True)
class _Request:
    """A change that waits to be made, and who waits for it."""

    change: Change[Any]  # Any: see `_Outcome`
    durable: bool
    ahead: bool
    done: asyncio.Future[Any]


class Ledger:
    """Changes to the store one after another, in a thread, each followed by its events in the same order.

    Changes that are asked for while others are made are then made together, in one transaction: under load they share
    the wait for the disk. Each still succeeds or fails by itself.

    open_store: called in that thread, at the first use. publish: called on the event loop, also when the caller that
    asked for the change was cancelled meanwhile. Use it on one event loop. Its `problem` says why changes wait.
    """

    def __init__(self, open_store: Callable[[], JobStore], publish: Callable[[list[Event]], None]) -> None:
        self._open_store = open_store
        self._publish = publish
        self._store: JobStore | None = None
        self.problem: str | None = None
        self._waiting: list[_Request] = []
        self._is_at_work = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="job-store")

    async def write(self, change: Change[T], *, durable: bool = False, ahead: bool = False) -> T:
        """Make a change and publish its events. Raises `StoreError`; then nothing was changed or published.

        durable: it shall survive the end of the machine too, if the store was opened so; not only that of processes.
        ahead: the caller goes on before the events are published, in the same turn of the loop.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Request(change, durable, ahead, done))
        if not self._is_at_work:
            self._is_at_work = True
            loop.call_soon(self._make_waiting, loop)  # after all that is asked for in this turn of the loop
        result: T = await done
        return result

    def _make_waiting(self, loop: asyncio.AbstractEventLoop) -> None:
        requests = self._waiting[:_MAX_TOGETHER]
        del self._waiting[:_MAX_TOGETHER]
        self._is_at_work = bool(requests)
        if requests:
            self._thread.submit(self._make_and_tell, loop, requests)

    def _make_and_tell(self, loop: asyncio.AbstractEventLoop, requests: Sequence[_Request]) -> None:
        outcomes = self._make(requests)
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(self._tell, loop, requests, outcomes)

    def _make(self, requests: Sequence[_Request]) -> list[_Outcome]:
        """Make changes together; should that fail, one by one, so that a bad one harms no other."""
        try:
            store = self._opened()
            if len(requests) > 1:
                with suppress(Exception), store.together(durable=any(request.durable for request in requests)):
                    return [request.change(store) for request in requests]
            return [_make_alone(store, request) for request in requests]
        except BaseException as error:  # noqa: BLE001  the store cannot be opened: all who wait are told
            return [error] * len(requests)

    def _tell(
        self, loop: asyncio.AbstractEventLoop, requests: Sequence[_Request], outcomes: Sequence[_Outcome]
    ) -> None:
        """Publish the events of changes that were made, and answer who asked for them."""
        answers = list(zip(requests, outcomes, strict=True))
        events = [event for outcome in outcomes if not isinstance(outcome, BaseException) for event in outcome[1]]
        _answer(answer for answer in answers if answer[0].ahead)
        if events:
            loop.call_soon(self._publish, events)  # comes before the others who wait go on
        _answer(answer for answer in answers if not answer[0].ahead)
        self._make_waiting(loop)

    async def write_surely(self, change: Change[T], *, ahead: bool = False) -> T:
        """`write`, repeated until the store takes it: no work is lost to a disk that was full for a time."""
        delay_s = _FIRST_RETRY_S
        while True:
            try:
                result = await self.write(change, ahead=ahead)
            except StoreError as error:
                self.problem = str(error)
                logger.error("the job store refuses; trying again", extra={"reason": str(error), "delay_s": delay_s})
            else:
                self.problem = None
                return result
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
        """Finish the changes that were asked for and close the store."""
        while self._is_at_work:
            await asyncio.sleep(0)
            await asyncio.get_running_loop().run_in_executor(self._thread, lambda: None)
        store, self._store = self._store, None
        if store is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, store.close)
        self._thread.shutdown(wait=False)

    def _opened(self) -> JobStore:
        if self._store is None:
            self._store = self._open_store()
        return self._store


def _answer(answers: Iterable[tuple[_Request, _Outcome]]) -> None:
    for request, outcome in answers:
        if request.done.done():
            continue  # the caller gave up meanwhile
        if isinstance(outcome, BaseException):
            request.done.set_exception(outcome)
        else:
            request.done.set_result(outcome[0])


def _make_alone(store: JobStore, request: _Request) -> _Outcome:
    try:
        with store.together(durable=request.durable):
            return request.change(store)
    except Exception as error:  # noqa: BLE001  whatever it is, it is for whoever asked
        return error


def with_stored(events: Sequence[Event], stored: Sequence[Event]) -> list[Event]:
    """`events` in their order, the state events among them as they were stored, with their numbers."""
    numbered = iter(stored)
    return [event if event.is_momentary else next(numbered) for event in events]
