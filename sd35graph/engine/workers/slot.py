"""The place of one worker: keeps a process running in it, feeds it jobs and stores what it reports."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from pydantic import JsonValue

from sd35graph.engine.events import FINAL, Event, EventType
from sd35graph.engine.jobs import Job, Result
from sd35graph.engine.workers.active_job import ActiveJob
from sd35graph.engine.workers.inbox import Inbox
from sd35graph.engine.workers.ledger import Ledger, with_stored
from sd35graph.engine.workers.placement import Seat
from sd35graph.engine.workers.protocol import Frame, Message, event_of
from sd35graph.engine.workers.room import Room
from sd35graph.engine.workers.worker_process import WorkerProcess, describe_exit

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore  # imports SQLAlchemy, which the first answer need not wait for

logger = logging.getLogger(__name__)

SlotState = Literal["starting", "ready", "busy", "restarting", "stopped"]

_OWN_EVENTS: frozenset[EventType] = frozenset({"queued", "started", "retried"})
"""Events the store makes itself, when it changes the job's state."""
_STABLE_AFTER_S = 10.0
_MAX_RESTART_DELAY_S = 30.0
_STOP_TIMEOUT_S = 2.0


class WorkerUnavailable(Exception):
    """No worker can answer: it takes no messages, or it ended before it answered. Try again in a moment."""


class WorkerSlot:
    """Runs jobs one at a time in a process that is replaced when it ends. Lives on one event loop.

    command: starts the worker. seat: its place among the others. room: whether results can be kept. on_hello: gets its
    hello message. lease_s: how long a job is claimed for. cancel_deadline_s: how long a cancelled job may go on before
    the process is ended. restart_delay_s: pause after a first failed start, doubled with each further one.
    """

    def __init__(
        self,
        command: Sequence[str],
        ledger: Ledger,
        seat: Seat,
        room: Room,
        on_hello: Callable[[Message], None],
        *,
        lease_s: float,
        cancel_deadline_s: float,
        restart_delay_s: float,
    ) -> None:
        self._command = command
        self._ledger = ledger
        self._seat = seat
        self._room = room
        self._on_hello = on_hello
        self._lease_s = lease_s
        self._cancel_deadline_s = cancel_deadline_s
        self._restart_delay_s = restart_delay_s
        self._process: WorkerProcess | None = None
        self._inbox: Inbox | None = None
        self._ready = asyncio.Event()
        self._wake = asyncio.Event()
        self._questions: dict[int, asyncio.Future[JsonValue]] = {}
        self._numbers = itertools.count(1)
        self._fatal: str | None = None
        self._is_draining = False
        self._state: SlotState = "starting"
        self.active: ActiveJob | None = None
        self.restarts = 0
        self.last_error: str | None = None

    @property
    def state(self) -> SlotState:
        """What the worker is doing. restarting: its process ended and a new one is on its way."""
        return "busy" if self._state == "ready" and self.active is not None else self._state

    @property
    def pid(self) -> int | None:
        """The process id of the worker, if one runs."""
        return self._process.pid if self._process is not None else None

    async def run(self) -> None:
        """Keep a worker running and feed it, until cancelled; then its process is ended."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_running())
                tasks.create_task(self._feed())
        finally:
            await self._stop_process()
            self._state = "stopped"

    async def drain(self) -> None:
        """Take no more jobs, and wait for the end of the one that runs."""
        self._is_draining = True
        if self.active is not None:
            await self.active.ended.wait()

    def wake(self) -> None:
        """Look for a job: there may be one."""
        self._wake.set()

    def cancel(self, job_id: str) -> bool:
        """Cancel the running job: by its token, and after the deadline by ending the process. False: not this one."""
        active = self.active
        if active is None or active.job.id != job_id:
            return False
        if not active.cancel_asked:
            active.cancel_asked = True
            self._send({"kind": "cancel", "job_id": job_id})
            loop = asyncio.get_running_loop()
            active.deadline = loop.call_later(self._cancel_deadline_s, self._end_overdue, active)
        return True

    def disown(self, job_id: str) -> None:
        """Stop the running job because another process has taken it over; what it still reports is dropped."""
        if self.cancel(job_id) and self.active is not None:
            self.active.disowned = True

    async def ask(self, kind: str, timeout_s: float, **fields: object) -> JsonValue:
        """Ask the worker something, also while a job runs. Raises `WorkerUnavailable` or `TimeoutError`."""
        number = next(self._numbers)
        answer: asyncio.Future[JsonValue] = asyncio.get_running_loop().create_future()
        self._questions[number] = answer
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
                if not self._send({"kind": kind, "id": number, **fields}):
                    raise WorkerUnavailable("the worker process takes no messages; try again in a moment")
                return await answer
        finally:
            del self._questions[number]

    def free(self, *, unload_models: bool, free_memory: bool) -> None:
        """Have the worker let go of memory once no job runs. A worker that is only starting holds none."""
        if not self._ready.is_set():
            return
        self._send({"kind": "free", "unload_models": unload_models, "free_memory": free_memory})
        if unload_models:
            self._seat.forget()

    # --- the process ---

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        failed_starts = 0
        while True:
            started = loop.time()
            how = await self._run_once()
            self.last_error = self._fatal or f"the worker process {how}"
            logger.error("worker process ended", extra={"reason": self.last_error})
            had_job = await self._settle(how)
            stable = had_job or loop.time() - started > _STABLE_AFTER_S
            failed_starts = 0 if stable else failed_starts + 1
            self.restarts += 1
            if failed_starts:
                await asyncio.sleep(min(self._restart_delay_s * 2 ** (failed_starts - 1), _MAX_RESTART_DELAY_S))

    async def _run_once(self) -> str:
        """Start a process and handle what it says until it ends; gives how it ended."""
        self._fatal = None
        self._inbox = inbox = Inbox()
        try:
            # On the loop's thread: the worker ends with the thread that started it.
            self._process = WorkerProcess(self._command, inbox.post, inbox.post_exit)
        except OSError as error:
            return f"cannot be started: {error}"
        exit_code = None
        while exit_code is None:
            frames, exit_code = await inbox.take()
            await self._handle(frames)
        self._process = None
        self._ready.clear()
        self._seat.leave()
        self._state = "restarting"
        how = describe_exit(exit_code)
        for answer in self._questions.values():
            if not answer.done():
                answer.set_exception(WorkerUnavailable(f"the worker process {how} before it answered"))
        return how

    async def _handle(self, frames: Sequence[Frame]) -> None:
        events: list[Event] = []
        for frame in frames:
            message = frame.message
            match message["kind"]:
                case "event":
                    events.append(event_of(frame))
                case "hello":
                    self._on_hello(message)
                    self._state = "ready"
                    self._ready.set()
                    self._seat.is_idle = True
                case "answer":
                    self._take_answer(message)
                case "fatal":
                    self._fatal = str(message["message"])
                case unknown:
                    logger.error("unknown message from the worker", extra={"kind": unknown})
        if events:
            await self._record(events)

    def _take_answer(self, message: Message) -> None:
        answer = self._questions.get(message["id"])
        if answer is None or answer.done():
            return  # it came too late, and nobody waits for it any more
        if message["error"] is not None:
            answer.set_exception(WorkerUnavailable(message["error"]))
        else:
            answer.set_result(message["result"])

    async def _stop_process(self) -> None:
        if self._process is None or self._inbox is None:
            return
        if not self._send({"kind": "stop"}):
            self._process.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await _exit_of(self._inbox)
                return
        self._process.kill()
        await _exit_of(self._inbox)

    def _send(self, message: Message) -> bool:
        return self._process is not None and self._process.send(message)

    def _end_overdue(self, active: ActiveJob) -> None:
        if self.active is active and self._process is not None:
            logger.warning("cancelled job goes on; its worker is ended", extra={"job": active.job.id})
            self._process.kill()

    # --- jobs ---

    async def _feed(self) -> None:
        while True:
            await self._ready.wait()
            await self._room.wait()
            self._wake.clear()
            job = None if self._is_draining else await self._ledger.write_surely(self._claim, ahead=True)
            if job is None:
                await self._wake.wait()
            elif self._is_draining:
                await self._give_back(job, "the server was stopped")
            elif self._ready.is_set():
                self._seat.took()
                await self._work_on(job)
                self._seat.is_idle = self._ready.is_set()
            else:
                await self._give_back(job, "the worker process ended before the job reached it")

    def _claim(self, store: JobStore) -> tuple[Job | None, list[Event]]:
        claimed = store.claim(self._lease_s, self._seat.choose)
        return (None, []) if claimed is None else (claimed[0], [claimed[1]])

    async def _give_back(self, job: Job, reason: str) -> None:
        await self._ledger.write_surely(lambda store: (None, store.give_back(reason, [job.id])))

    async def _work_on(self, job: Job) -> None:
        self.active = active = ActiveJob(job=job)
        self._send(
            {
                "kind": "run",
                "job_id": job.id,
                "prompt": job.prompt,
                "targets": list(job.targets),
                "extra_pnginfo": job.extra_pnginfo,
            }
        )
        if job.cancel_requested:
            self.cancel(job.id)
        await active.ended.wait()

    async def _record(self, reported: Sequence[Event]) -> None:
        """Store and publish events of the running job; those of another one, or after the last one, are dropped."""
        active = self.active
        if active is None:
            return
        events: list[Event] = []
        final: Event | None = None
        for event in reported:
            if event.job_id == active.job.id and event.type not in _OWN_EVENTS:
                active.follow(event)
                events.append(event)
                if event.type in FINAL:
                    final = event
                    break
        if final is not None:
            if final.type == "failed":
                self._room.doubt()
            self.active = None
            active.end()  # before it is stored: then the next job is claimed in the same transaction
        if not active.disowned:
            await self._store(active, events, final)

    async def _store(self, active: ActiveJob, events: Sequence[Event], final: Event | None) -> None:
        state_events = [event for event in events if not event.is_momentary]
        if final is not None:
            await self._finish(active, active.result(final), state_events, events)
        elif state_events:
            await self._ledger.write_surely(lambda store: (None, with_stored(events, store.append(state_events))))
        else:
            self._ledger.publish(events)

    async def _finish(
        self, active: ActiveJob, result: Result, state_events: Sequence[Event], events: Sequence[Event]
    ) -> None:
        stored = await self._ledger.write_surely(
            lambda store: _published(store.finish(active.job.id, result, state_events), events)
        )
        if not stored:
            logger.warning("another process has taken the job over", extra={"job": active.job.id})

    async def _settle(self, how: str) -> bool:
        """Decide what becomes of the job whose process ended; False when there was none."""
        active, self.active = self.active, None
        if active is None:
            return False
        if active.cancel_asked and not active.disowned:
            last = [active.cancelled()]
            await self._finish(active, active.result(last[0]), last, last)
        elif not active.disowned:
            error = active.lost(how)
            await self._ledger.write_surely(lambda store: (None, store.retry_or_fail(active.job.id, error) or []))
        active.end()
        return True


def _published(stored: Sequence[Event] | None, events: Sequence[Event]) -> tuple[bool, list[Event]]:
    """(whether it was stored, what to publish)."""
    return (False, []) if stored is None else (True, with_stored(events, stored))


async def _exit_of(inbox: Inbox) -> None:
    exit_code = None
    while exit_code is None:
        _, exit_code = await inbox.take()
