"""The supervisor: takes jobs in, has workers run them, and answers for what the workers know."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import JsonValue

from sd35graph.engine.artifacts import ArtifactStore
from sd35graph.engine.events import FINAL, Event
from sd35graph.engine.jobs import KEEP_ALL, Job, NewJob, Retention, StoreError
from sd35graph.engine.workers.ledger import Ledger
from sd35graph.engine.workers.placement import Placement
from sd35graph.engine.workers.protocol import WORKER_CONFIG, Message, WorkerConfig
from sd35graph.engine.workers.room import Room
from sd35graph.engine.workers.schema_cache import SchemaCache
from sd35graph.engine.workers.slot import SlotState, WorkerSlot, WorkerUnavailable
from sd35graph.graph.problems import PROBLEMS, Problem
from sd35graph.graph.prompt_length import PROMPT_LENGTH, PromptLength
from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.validate import ValidatorCall

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore  # imports SQLAlchemy, which the first answer need not wait for

__all__ = ["Supervisor", "WorkerUnavailable", "worker_command"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_TIDY_EVERY_S = 60.0
_READINESS: dict[SlotState, int] = {"ready": 0, "busy": 1}

Publish = Callable[[list[Event]], None]


def worker_command(config: WorkerConfig) -> list[str]:
    """The command line of a worker process."""
    return [sys.executable, "-m", "sd35graph.engine.workers.worker", WORKER_CONFIG.dump_json(config).decode()]


class Supervisor:
    """Owns the workers and all changes to the job store of this process. Use it on one event loop.

    open_store: called in a thread, soon after the start. publish: gets every event on the loop, state events after
    they are stored and with their numbers. configs: what each worker is started with, one or more.
    cancel_deadline_s: how long a cancelled job may go on before its worker is replaced. lease_s: after what time
    without sign of life another host may take our jobs over. restart_delay_s: pause after a worker's first failed
    start. keep: what of the history stays.
    """

    def __init__(
        self,
        open_store: Callable[[], JobStore],
        publish: Publish,
        configs: Sequence[WorkerConfig],
        *,
        cancel_deadline_s: float = 0.5,
        lease_s: float = 30.0,
        restart_delay_s: float = 0.5,
        keep: Retention = KEEP_ALL,
    ) -> None:
        self._publish = publish
        self._keep = keep
        self._lease_s = lease_s
        self._ledger = Ledger(open_store, self._on_events)
        self._schema_cache = SchemaCache(configs[0])
        self._devices = [config.device for config in configs]
        placement = Placement(self.wake)
        self._room = Room(ArtifactStore(configs[0].folders).obstacle)
        self._slots = [
            WorkerSlot(
                worker_command(config),
                self._ledger,
                placement.seat(),
                self._room,
                self._on_hello,
                lease_s=lease_s,
                cancel_deadline_s=cancel_deadline_s,
                restart_delay_s=restart_delay_s,
            )
            for config in configs
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._saving: asyncio.Task[None] | None = None
        self._schemas_known = asyncio.Event()
        self._system: Mapping[str, JsonValue] = {}
        self.is_draining = False
        self._failures: list[JsonValue] = []
        self.schemas: Mapping[str, NodeSchema] | None = None

    async def start(self) -> None:
        """Start the workers and, in the background, open the store and put the jobs of ended processes back."""
        work = [slot.run() for slot in self._slots]
        self._tasks = [
            asyncio.create_task(task) for task in (*work, self._keep_house(), self._tidy(), self._load_schemas())
        ]
        for task in self._tasks:
            task.add_done_callback(_log_failure)

    async def drain(self, limit_s: float) -> bool:
        """Take no more jobs, and let those that run end and be told of; False when some still run after `limit_s`."""
        self.is_draining = True
        drained = [asyncio.create_task(slot.drain()) for slot in self._slots]
        _, running = await asyncio.wait(drained, timeout=limit_s)
        for task in running:
            task.cancel()
        await self._ledger.write(lambda _store: (None, []))  # the ends of jobs before it are stored and published now
        return not running

    async def stop(self) -> None:
        """End the workers; their jobs go back into the queue, for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *filter(None, [self._saving]), return_exceptions=True)
        try:
            await self._ledger.write(lambda store: (None, store.give_back("the server was stopped")))
        except StoreError as error:
            logger.error("running jobs stay marked as running until the next start", extra={"reason": str(error)})
        await self._ledger.close()

    async def opened(self) -> None:
        """Wait until the store is open. Raises `StoreError`."""
        await self._ledger.open()

    # --- jobs ---

    async def submit(self, new: NewJob) -> Job:
        """Accept a job; it is on disk when this returns. Raises `DuplicateJob` or `StoreError`."""

        def accept(store: JobStore) -> tuple[Job, list[Event]]:
            job, queued = store.submit(new)
            return job, [queued]

        return await self._ledger.write(accept, durable=True)

    async def query(self, ask: Callable[[JobStore], T]) -> T:
        """Read from the store, in a thread: `await supervisor.query(lambda store: store.pending())`."""
        return await self._ledger.read(ask)

    async def change(self, change: Callable[[JobStore], T]) -> T:
        """Change something in the store that causes no events: `query`, for changes."""
        return await self._ledger.write(lambda store: (change(store), []))

    # In all of these, `user` leaves alone what is not that user's; None: everybody's.

    async def cancel(self, job_id: str, user: str | None = None) -> bool:
        """Cancel a pending or running job; False when there is none. Its last event says when it has stopped."""
        if self._cancel_here(job_id, user):
            return True
        known = await self._ledger.write(lambda store: store.cancel(job_id, user))
        self._cancel_here(job_id, user)  # a worker may have taken it meanwhile
        return known

    async def cancel_pending(self, job_ids: Sequence[str] | None = None, user: str | None = None) -> int:
        """Cancel these pending jobs, None: all; gives how many."""

        def cancel(store: JobStore) -> tuple[int, list[Event]]:
            events = store.cancel_pending(job_ids, user)
            return len(events), events

        return await self._ledger.write(cancel)

    async def interrupt(self, user: str | None = None) -> int:
        """Cancel the jobs that run in this process; gives how many."""
        running = [slot.active.job.id for slot in self._slots if slot.active is not None]
        return sum(self._cancel_here(job_id, user) for job_id in running)

    async def delete(self, job_ids: Sequence[str] | None = None, user: str | None = None) -> int:
        """Remove these ended jobs from the history, None: all; gives how many."""
        return await self._ledger.write(lambda store: (store.delete(job_ids, user), []))

    async def cancel_all(self, user: str | None = None) -> int:
        """Cancel all jobs that wait or run in this process; gives how many."""
        waiting = await self.cancel_pending(user=user)
        return waiting + await self.interrupt(user)

    async def move(self, job_id: str, before: str | None = None, user: str | None = None) -> bool:
        """See `JobStore.move`."""
        return await self._ledger.write(lambda store: (store.move(job_id, before, user), []))

    async def prioritize(self, job_id: str, priority: int, user: str | None = None) -> bool:
        """See `JobStore.prioritize`."""
        return await self._ledger.write(lambda store: (store.prioritize(job_id, priority, user), []))

    async def pause(self) -> bool:
        """Take no more jobs from the queue, also after a restart; those that run go on. False: it was paused."""
        return await self._ledger.write(lambda store: (store.set_paused(paused=True), []))

    async def resume(self) -> bool:
        """Take jobs from the queue again; False when it was not paused."""
        was_paused = await self._ledger.write(lambda store: (store.set_paused(paused=False), []))
        self.wake()
        return was_paused

    # --- what the workers know ---

    async def ready(self) -> Mapping[str, NodeSchema]:
        """The schemas of all node types; waits for the first worker when none are known from an earlier start."""
        await self._schemas_known.wait()
        assert self.schemas is not None
        return self.schemas

    async def validate(self, calls: Sequence[ValidatorCall], timeout_s: float = 10.0) -> list[Problem]:
        """What nodes' own validators say, also while a job runs. Raises `WorkerUnavailable` or `TimeoutError`."""
        if not calls:
            return []
        asked = [
            {"node_id": call.node_id, "type": call.type, "inputs": call.inputs, "input_types": call.input_types}
            for call in calls
        ]
        return PROBLEMS.validate_python(await self._readiest().ask("validate", timeout_s, calls=asked))

    async def measure(self, text: str, files: Sequence[Path], timeout_s: float = 10.0) -> PromptLength:
        """How long a prompt is to the encoders in `files`. Raises `WorkerUnavailable` or `TimeoutError`."""
        asked = [str(path) for path in files]
        return PROMPT_LENGTH.validate_python(await self._readiest().ask("measure", timeout_s, text=text, files=asked))

    async def free(self, *, unload_models: bool, free_memory: bool) -> None:
        """Have the workers let go of models, cached results, or both, once no job runs."""
        for slot in self._slots:
            slot.free(unload_models=unload_models, free_memory=free_memory)

    async def system_info(self, timeout_s: float = 1.0) -> Mapping[str, JsonValue]:
        """What the workers answer to `info`, together; the last known when none answers, empty before a hello."""
        running = [slot for slot in self._slots if slot.state in _READINESS] or self._slots
        asked = [slot.ask("info", timeout_s) for slot in running]
        answers = [
            answer for answer in await asyncio.gather(*asked, return_exceptions=True) if isinstance(answer, dict)
        ]
        if answers:
            loaded = [model for answer in answers for model in _list_in(answer, "loaded")]
            self._system = {**answers[0], "devices": _devices_of(answers), "loaded": loaded}
        return self._system

    def stats(self) -> dict[str, JsonValue]:
        """The workers' states, the packs that could not be loaded, and why the queue waits, if it does."""
        workers: list[JsonValue] = [
            {
                "device": device,
                "state": slot.state,
                "pid": slot.pid,
                "job_id": slot.active.job.id if slot.active is not None else None,
                "restarts": slot.restarts,
                "last_error": slot.last_error,
            }
            for slot, device in zip(self._slots, self._devices, strict=True)
        ]
        obstacle = self._ledger.problem or self._room.problem
        return {"workers": workers, "pack_failures": list(self._failures), "obstacle": obstacle}

    # --- inside ---

    def _cancel_here(self, job_id: str, user: str | None) -> bool:
        return any(slot.cancel(job_id) for slot in self._slots if _is_of(slot, user))

    def _readiest(self) -> WorkerSlot:
        """A worker that can answer now, if there is one."""
        return min(self._slots, key=lambda slot: _READINESS.get(slot.state, len(_READINESS)))

    def _on_events(self, events: list[Event]) -> None:
        self._publish(events)
        for event in events:
            _log(event)
        if any(event.type in ("queued", "retried") for event in events):
            self.wake()

    def wake(self) -> None:
        """Have idle workers look for jobs; what is submitted here does so by itself."""
        for slot in self._slots:
            slot.wake()

    def _on_hello(self, message: Message) -> None:
        self._system = message["system"]
        self._failures = message["failures"]
        schemas = self._schema_cache.read(message["schemas"])
        self._learn(schemas)
        self._saving = asyncio.create_task(asyncio.to_thread(self._schema_cache.save, schemas))

    async def _load_schemas(self) -> None:
        known = await asyncio.to_thread(self._schema_cache.load)
        if known is not None and self.schemas is None:
            self._learn(known)

    def _learn(self, schemas: Mapping[str, NodeSchema]) -> None:
        self.schemas = schemas
        self._schemas_known.set()

    async def _keep_house(self) -> None:
        """Open the store, and from then on hold our leases and look for jobs of processes that ended."""
        while True:
            await self._ledger.write_surely(lambda store: (None, store.recover()))
            await self._renew()
            self.wake()  # another process may have put a job into the store
            await asyncio.sleep(self._lease_s / 3)

    async def _tidy(self) -> None:
        """Remove what is too old or too much from the history, now and every minute."""
        while self._keep != KEEP_ALL:
            try:
                while old := await self._ledger.read(lambda store: store.excess(self._keep)):
                    await self.delete(old)
            except StoreError as error:
                logger.warning("the history cannot be tidied; trying again", extra={"reason": str(error)})
            await asyncio.sleep(_TIDY_EVERY_S)

    async def _renew(self) -> None:
        held = {slot.active.job.id: slot for slot in self._slots if slot.active is not None}
        if not held:
            return
        still_ours = await self._ledger.write_surely(lambda store: (store.renew(list(held), self._lease_s), []))
        for job_id, slot in held.items():
            if job_id not in still_ours:
                slot.disown(job_id)
            elif still_ours[job_id]:
                slot.cancel(job_id)


def _is_of(slot: WorkerSlot, user: str | None) -> bool:
    """Whether the job a worker runs is this user's; None: everybody's."""
    return user is None or (slot.active is not None and slot.active.job.submitted_by == user)


def _devices_of(answers: Sequence[Mapping[str, JsonValue]]) -> list[JsonValue]:
    """The devices several workers told of, each once."""
    found: dict[object, JsonValue] = {}
    for answer in answers:
        for device in _list_in(answer, "devices"):
            found.setdefault(device.get("name") if isinstance(device, dict) else None, device)
    return list(found.values())


def _list_in(answer: Mapping[str, JsonValue], key: str) -> list[JsonValue]:
    value = answer.get(key)
    return value if isinstance(value, list) else []


def _log(event: Event) -> None:
    """Log what became of a job: ids and kinds only, for messages can quote prompts."""
    if event.type in FINAL:
        error = event.data.get("error")
        facts = {"node": error.get("node_id"), "error": error.get("type")} if isinstance(error, dict) else {}
        logger.info("job ended", extra={"job": event.job_id, "state": event.type, **facts})
    elif event.type == "retried":
        logger.warning("job goes back into the queue", extra={"job": event.job_id})
    elif event.type == "started":
        logger.debug("job started", extra={"job": event.job_id, "attempt": event.data.get("attempt")})


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.critical("a part of the supervisor failed; restart the server", exc_info=task.exception())
