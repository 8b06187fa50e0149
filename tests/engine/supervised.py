"""What tests of the supervisor share: one that runs on a temporary folder, and a record of what it published."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from sd35graph.engine.events import FINAL, Event
from sd35graph.engine.folders import Folders
from sd35graph.engine.jobs import Job, NewJob
from sd35graph.engine.storage.store import JobStore
from sd35graph.engine.workers.protocol import WorkerConfig
from sd35graph.engine.workers.supervisor import Supervisor

TOY_PACK = Path(__file__).with_name("toy_pack.py")
TIMEOUT_S = 60


def call(node_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": node_type, "inputs": inputs}


def config_under(base: Path, *packs: Path) -> WorkerConfig:
    folders = Folders.under(base)
    folders.create()
    return WorkerConfig(folders=folders, packs=packs or (TOY_PACK,), builtin=False)


class Supervised:
    """A supervisor and the events it published, in order."""

    def __init__(self, base: Path, config: WorkerConfig, *, workers: int = 1, **options: Any) -> None:
        self.url = f"sqlite:///{base / 'jobs.sqlite'}"
        self.events: list[Event] = []
        self.seen_at_publication: dict[str, Job | None] = {}
        self._news = asyncio.Event()
        self._probe: JobStore | None = None
        self.supervisor = Supervisor(lambda: JobStore.open(self.url), self._publish, [config] * workers, **options)

    def _publish(self, events: list[Event]) -> None:
        for event in events:
            if event.type in FINAL:
                if self._probe is None:
                    self._probe = JobStore.open(self.url)
                self.seen_at_publication[event.job_id] = self._probe.get(event.job_id)
        self.events += events
        self._news.set()

    def close(self) -> None:
        if self._probe is not None:
            self._probe.close()

    async def submit(self, job_id: str, *nodes: dict[str, Any], **fields: Any) -> Job:
        prompt = {str(number): node for number, node in enumerate(nodes, 1)}
        return await self.supervisor.submit(NewJob(job_id=job_id, prompt=prompt, targets=tuple(prompt), **fields))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until published events make `condition` true."""
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def end_of(self, job_id: str) -> Event:
        await self.until(lambda: any(event.type in FINAL for event in self.of(job_id)))
        return next(event for event in self.of(job_id) if event.type in FINAL)

    async def started_node(self, job_id: str, times: int = 1) -> None:
        await self.until(lambda: self.types(job_id).count("node_started") >= times)

    def of(self, job_id: str) -> list[Event]:
        return [event for event in self.events if event.job_id == job_id]

    def types(self, job_id: str) -> list[str]:
        return [event.type for event in self.of(job_id)]

    async def until_process(self) -> None:
        """Wait until the worker's process has been started, which takes long to be ready after that."""
        async with asyncio.timeout(TIMEOUT_S):
            while self.worker()["pid"] is None:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0)

    def worker(self) -> Any:
        """The statistics of the only worker."""
        [worker] = self.workers()
        return worker

    def workers(self) -> list[Any]:
        """The statistics of all workers."""
        return cast(list[Any], self.supervisor.stats()["workers"])

    async def job(self, job_id: str) -> Job:
        job = await self.supervisor.query(lambda store: store.get(job_id))
        assert job is not None
        return job


@asynccontextmanager
async def supervised(base: Path, *packs: Path, **options: Any) -> AsyncIterator[Supervised]:
    """A started supervisor on `base`, stopped at the end."""
    running = Supervised(base, config_under(base, *packs), **options)
    await running.supervisor.start()
    try:
        yield running
    finally:
        await running.supervisor.stop()
        running.close()
