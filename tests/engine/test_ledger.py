"""Changes to the store that are asked for at once are made together, and each still stands for itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from sd35graph.engine.events import Event
from sd35graph.engine.jobs import DuplicateJob, Job, NewJob, StoreError
from sd35graph.engine.storage.store import JobStore
from sd35graph.engine.workers.ledger import Change, Ledger


class Lab:
    """A ledger on a new store, what it published, and how often its store committed."""

    def __init__(self, base: Path) -> None:
        self.store = JobStore.open(f"sqlite:///{base / 'jobs.sqlite'}")
        self.published: list[Event] = []
        self.commits: list[str] = []
        event.listen(self.store._engine, "commit", lambda _connection: self.commits.append("commit"))
        self.ledger = Ledger(lambda: self.store, self.published.extend)


@asynccontextmanager
async def lab(base: Path) -> AsyncIterator[Lab]:
    found = Lab(base)
    await found.ledger.open()
    found.commits.clear()
    yield found
    await found.ledger.close()


def accept(job_id: str) -> Change[Job]:
    def change(store: JobStore) -> tuple[Job, Sequence[Event]]:
        job, queued = store.submit(NewJob(job_id=job_id, prompt={}, targets=()))
        return job, [queued]

    return change


async def test_changes_asked_for_at_once_are_one_transaction_in_their_order(tmp_path: Path) -> None:
    async with lab(tmp_path) as at:
        names = [f"job {number}" for number in range(20)]
        jobs = await asyncio.gather(*(at.ledger.write(accept(name), durable=True) for name in names))
        assert [job.id for job in jobs] == names
        assert [job.number for job in jobs] == list(range(20))
        assert len(at.commits) == 1
        assert [said.job_id for said in at.published] == names
        assert [said.seq for said in at.published] == sorted(said.seq or 0 for said in at.published)
        assert [job.id for job in at.store.pending()] == names


async def test_a_change_that_fails_harms_no_other_and_leaves_nothing(tmp_path: Path) -> None:
    def half(store: JobStore) -> tuple[None, Sequence[Event]]:
        accept("half")(store)
        raise StoreError("no")

    def wrong(store: JobStore) -> tuple[None, Sequence[Event]]:
        raise ZeroDivisionError("a slip")

    changes: list[Change[Any]] = [accept("a"), half, accept("a"), wrong, accept("b")]
    async with lab(tmp_path) as at:
        made = await asyncio.gather(*(at.ledger.write(change) for change in changes), return_exceptions=True)
        assert [type(outcome) for outcome in made] == [Job, StoreError, DuplicateJob, ZeroDivisionError, Job]
        assert [job.id for job in at.store.pending()] == ["a", "b"]
        assert [said.job_id for said in at.published] == ["a", "b"]


async def test_what_a_caller_that_gave_up_asked_for_is_made_and_told(tmp_path: Path) -> None:
    async with lab(tmp_path) as at:
        asked = asyncio.create_task(at.ledger.write(accept("a")))
        await asyncio.sleep(0)
        asked.cancel()
        await at.ledger.write(accept("b"))
        assert asked.cancelled()
        assert [said.job_id for said in at.published] == ["a", "b"]


async def test_closing_finishes_what_was_asked_for(tmp_path: Path) -> None:
    async with lab(tmp_path) as at:
        asked = [asyncio.create_task(at.ledger.write(accept(str(number)))) for number in range(200)]
        await asyncio.sleep(0)
        await at.ledger.close()
        assert [(await task).id for task in asked] == [str(number) for number in range(200)]


async def test_a_store_that_cannot_be_opened_is_told_to_all_who_wait(tmp_path: Path) -> None:
    def refuse() -> JobStore:
        raise StoreError("the disk is gone")

    ledger = Ledger(refuse, lambda _events: None)
    made = await asyncio.gather(*(ledger.write(accept(name)) for name in "ab"), return_exceptions=True)
    assert [str(outcome) for outcome in made] == ["the disk is gone"] * 2
    await ledger.close()


def test_what_is_done_together_is_seen_meanwhile_and_undone_together(tmp_path: Path) -> None:
    def fail(store: JobStore) -> None:
        with store.together(durable=True):
            accept("a")(store)
            seen.append(store.pending()[0].id)
            raise ZeroDivisionError

    seen: list[str] = []
    with closing(JobStore.open(f"sqlite:///{tmp_path / 'jobs.sqlite'}")) as store:
        with pytest.raises(ZeroDivisionError):
            fail(store)
        assert seen == ["a"]
        assert store.pending() == []
