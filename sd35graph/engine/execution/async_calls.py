"""The helper thread on which `async` nodes and hooks run, beside the device thread."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")

STUCK_AFTER_S = 1.0
_CLOSE_TIMEOUT_S = 5.0


class AsyncThread:
    """An event loop in a thread of its own, started when it is first needed.

    call_scope: entered once on the thread, around everything that runs there.
    """

    def __init__(self, call_scope: Callable[[], AbstractContextManager[object]]) -> None:
        self._call_scope = call_scope
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(
        self, coroutine: Coroutine[Any, Any, T], done: Callable[[asyncio.Task[T]], object]
    ) -> Callable[[], object]:
        """Run a coroutine there and call `done` on that thread when it has ended; returns what cancels it."""
        loop = self._running_loop()
        tasks: list[asyncio.Task[T]] = []

        def begin() -> None:
            task = loop.create_task(coroutine)
            task.add_done_callback(done)
            tasks.append(task)

        loop.call_soon_threadsafe(begin)
        return lambda: loop.call_soon_threadsafe(lambda: tasks[0].cancel())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for its result."""
        return asyncio.run_coroutine_threadsafe(_contained(coroutine), self._running_loop()).result()

    def leave_if_stuck(self) -> None:
        """Leave the thread behind if a coroutine blocks it, so that what is started next gets a new one."""
        if self._loop is None:
            return
        answered = threading.Event()
        self._loop.call_soon_threadsafe(answered.set)
        if not answered.wait(STUCK_AFTER_S):
            logger.warning("an async node blocks its thread, which is left behind; it should await what it waits for")
            self._loop.call_soon_threadsafe(self._loop.stop)  # should it ever come to that
            self._loop = self._thread = None

    def close(self) -> None:
        """Stop the thread, cancelling what still runs there; it may be started again."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_CLOSE_TIMEOUT_S)
            self._loop = self._thread = None

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # A daemon, so that a node that never returns cannot keep the process from ending.
            self._thread = threading.Thread(target=self._serve, args=(self._loop,), name="async-nodes", daemon=True)
            self._thread.start()
        return self._loop

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        with self._call_scope():
            try:
                loop.run_forever()
                tasks = asyncio.all_tasks(loop)
                for task in tasks:
                    task.cancel()
                loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            finally:
                loop.close()


async def _contained(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result; what would end the whole loop, such as `SystemExit`, becomes an ordinary error."""
    try:
        return await coroutine
    except (KeyboardInterrupt, SystemExit) as error:
        raise RuntimeError(f"{type(error).__name__} was raised") from error
