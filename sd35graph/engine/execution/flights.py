"""Calls of async nodes that are under way."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable
from typing import NamedTuple

from sd35graph.engine.execution.async_calls import AsyncThread
from sd35graph.engine.execution.run_context import Call, current_call
from sd35graph.engine.execution.tasks import Task
from sd35graph.graph.errors import InputNeeded

Arguments = dict[str, object]


class CallOutcome(NamedTuple):
    """How one call of a node function ended: with a value, or with an exception."""

    number: int
    arguments: Arguments
    value: object = None
    error: BaseException | None = None

    @property
    def has_failed(self) -> bool:
        """Whether the job is over because of it; asking for lazy inputs is no failure."""
        return self.error is not None and not isinstance(self.error, InputNeeded)


class Landing(NamedTuple):
    """The calls of a task that are over. Calls cut short because another of them failed are left out."""

    task: Task
    outcomes: list[CallOutcome]
    seconds: float


class Flights:
    """The async tasks of one run in flight; they land in a queue that the device thread reads."""

    def __init__(self, thread: AsyncThread, job_id: str) -> None:
        self._thread = thread
        self._job_id = job_id
        self._landed: queue.SimpleQueue[Landing | None] = queue.SimpleQueue()
        self._cancels: dict[Task, Callable[[], object]] = {}

    def __len__(self) -> int:
        return len(self._cancels)

    def launch(self, task: Task, due: list[tuple[int, Arguments]]) -> None:
        """Begin the calls of an async node, all at once."""
        started_s = time.perf_counter()

        def land(ended: asyncio.Task[list[CallOutcome]]) -> None:
            outcomes = [] if ended.cancelled() else ended.result()
            self._landed.put(Landing(task, outcomes, time.perf_counter() - started_s))

        self._cancels[task] = self._thread.start(self._call_all(task, due), land)

    def land(self, timeout_s: float | None) -> Landing | None:
        """The next task that is over; None when woken up, or nothing landed within the time (None: wait for it)."""
        try:
            landing = self._landed.get(timeout=timeout_s) if timeout_s != 0 else self._landed.get_nowait()
        except queue.Empty:
            return None
        if landing is not None:
            del self._cancels[landing.task]
        return landing

    def wake(self) -> None:
        """End the wait of `land`."""
        self._landed.put(None)

    def any_task(self) -> Task | None:
        """One of the tasks in flight."""
        return next(iter(self._cancels), None)

    def abandon(self, grace_s: float) -> list[Task]:
        """Cancel all and wait for their ends; returns those that go on regardless."""
        for cancel in self._cancels.values():
            cancel()
        deadline_s = time.monotonic() + grace_s
        while self._cancels and (left_s := deadline_s - time.monotonic()) > 0:
            self.land(left_s)
        if self._cancels:
            self._thread.leave_if_stuck()
        return list(self._cancels)

    async def _call_all(self, task: Task, due: list[tuple[int, Arguments]]) -> list[CallOutcome]:
        calls = [asyncio.create_task(self._call(task, index, arguments)) for index, arguments in due]
        try:
            pending = set(calls)
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if any(call.result().has_failed for call in done):
                    break
        finally:
            left = [call for call in calls if not call.done()]
            for call in left:
                call.cancel()
            if left:
                await asyncio.wait(left)
        return [call.result() for call in calls if not call.cancelled()]

    async def _call(self, task: Task, index: int, arguments: Arguments) -> CallOutcome:
        current_call.set(Call(self._job_id, task.step.node_id, index))
        try:
            return CallOutcome(index, arguments, value=await task.kind.function(**arguments))
        except asyncio.CancelledError as error:
            running = asyncio.current_task()
            if running is not None and running.cancelling():
                raise
            return CallOutcome(index, arguments, error=error)  # the node itself raised it
        except BaseException as error:  # noqa: BLE001 - `SystemExit` of a node must not end the loop's thread
            return CallOutcome(index, arguments, error=error)
