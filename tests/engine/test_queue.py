"""The store's queue: its pause, its order, and how much of the history is kept."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from supervised import call, supervised

from sd35graph.engine.events import Event, now_ms
from sd35graph.engine.jobs import Job, NewJob, Result, Retention, again
from sd35graph.engine.storage import retention
from sd35graph.engine.storage.store import JobStore

PROMPT: dict[str, Any] = {"9": {"class_type": "SaveImage", "inputs": {}}}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.sqlite'}"


@pytest.fixture
def store(url: str) -> Iterator[JobStore]:
    with closing(JobStore.open(url)) as store:
        yield store


def submit(store: JobStore, *job_ids: str, **fields: Any) -> None:
    for job_id in job_ids:
        store.submit(NewJob(job_id=job_id, prompt=PROMPT, targets=("9",), **fields))


def order(store: JobStore) -> list[str]:
    return [job.id for job in store.pending()]


def run(store: JobStore, *, text: str = "") -> str:
    """Run the first job; gives its id."""
    claimed = store.claim(30)
    assert claimed is not None
    job_id = claimed[0].id
    end = Event(type="succeeded", job_id=job_id, data={"text": text})
    assert store.finish(job_id, Result(state="succeeded"), [end]) is not None
    return job_id


def test_nothing_is_taken_from_a_paused_queue_also_after_a_restart(store: JobStore, url: str) -> None:
    submit(store, "a")
    assert store.set_paused(paused=True)
    assert not store.set_paused(paused=True)
    assert store.is_paused()
    with closing(JobStore.open(url)) as other:
        assert other.is_paused()
        assert other.claim(30) is None
        assert other.claim(30, lambda jobs: jobs[0]) is None
        submit(other, "b")  # is accepted all the same
    assert store.set_paused(paused=False)
    assert not store.set_paused(paused=False)
    assert not store.is_paused()
    assert [run(store), run(store)] == ["a", "b"]


def test_higher_priority_goes_first_whatever_the_numbers(store: JobStore) -> None:
    submit(store, "a", "b")
    submit(store, "later", priority=-1, front=True)
    submit(store, "urgent", priority=5)
    submit(store, "first", front=True)
    assert order(store) == ["urgent", "first", "a", "b", "later"]
    assert [job.priority for job in store.pending()] == [5, 0, 0, 0, -1]
    assert store.prioritize("b", 7)
    assert order(store) == ["b", "urgent", "first", "a", "later"]
    assert run(store) == "b"
    assert not store.prioritize("b", 1)
    assert not store.prioritize("unknown", 1)


@pytest.mark.parametrize(
    ("moved", "before", "expected"),
    [("d", "a", "dabc"), ("d", "b", "adbc"), ("a", "d", "bcad"), ("a", None, "bcda"), ("b", "c", "abcd")],
)
def test_job_is_moved_before_another_or_behind_all(
    store: JobStore, moved: str, before: str | None, expected: str
) -> None:
    submit(store, *"abcd")
    assert store.move(moved, before)
    assert "".join(order(store)) == expected
    submit(store, "new")
    submit(store, "front", front=True)
    assert "".join(order(store)) == f"front{expected}new"


def test_moved_job_takes_the_priority_of_its_place(store: JobStore) -> None:
    submit(store, "a", "b")
    submit(store, "urgent", priority=1)
    assert store.move("b", "urgent")
    assert order(store) == ["b", "urgent", "a"]
    assert store.move("urgent")
    assert [(job.id, job.priority) for job in store.pending()] == [("b", 1), ("a", 0), ("urgent", 0)]


def test_places_never_run_out(store: JobStore) -> None:
    submit(store, *"abc")
    for _ in range(100):  # halves the same gap until floating point has no number in it
        assert store.move("c", "b")
        assert order(store) == ["a", "c", "b"]
        assert store.move("b", "c")
        assert order(store) == ["a", "b", "c"]
    submit(store, "new")
    assert order(store)[-1] == "new"


def test_jobs_of_one_number_can_be_parted(store: JobStore) -> None:
    submit(store, *"abc", number=1)
    assert store.move("c", "b")
    assert order(store) == ["a", "c", "b"]


def test_only_waiting_jobs_are_moved(store: JobStore) -> None:
    submit(store, *"abc")
    assert run(store) == "a"
    assert not store.move("a", "b")
    assert not store.move("b", "a")
    assert not store.move("unknown")
    assert order(store) == ["b", "c"]


def test_jobs_of_others_are_left_alone(store: JobStore) -> None:
    submit(store, "a", "b", submitted_by="ann")
    assert not store.move("b", "a", user="bob")
    assert not store.prioritize("b", 3, user="bob")
    assert order(store) == ["a", "b"]
    assert store.move("b", "a", user="ann")
    assert store.prioritize("a", 3, user="ann")
    assert order(store) == ["a", "b"]


def test_worker_may_choose_among_the_first_jobs_of_one_priority(store: JobStore) -> None:
    submit(store, *"abc", priority=1)
    submit(store, "d")
    offered: list[list[str]] = []

    def choose(jobs: Sequence[Job]) -> Job | None:
        offered.append([job.id for job in jobs])
        return jobs[1] if len(jobs) > 1 else None

    claimed = store.claim(30, choose)
    assert claimed is not None
    assert (claimed[0].id, claimed[0].state, claimed[0].attempts) == ("b", "running", 1)
    assert claimed[1].type == "started"
    assert store.claim(30, lambda jobs: None) is None
    assert order(store) == ["a", "c", "d"]
    assert offered == [["a", "b", "c"]]


def test_job_can_be_queued_again(store: JobStore) -> None:
    submit(store, "a", client_id="me", workflow={"nodes": []}, priority=2, extra_data={"x": 1}, submitted_by="ann")
    run(store)
    old = store.get("a")
    assert old is not None
    job, _ = store.submit(again(old))
    assert job.id != "a"
    assert (job.prompt, job.targets, job.client_id, job.priority) == (PROMPT, ("9",), "me", 2)
    assert (job.workflow, job.extra_data, job.submitted_by) == ({"nodes": []}, {"x": 1}, "ann")
    assert (job.state, job.attempts) == ("pending", 0)
    still = store.get("a")
    assert still is not None
    assert still.state == "succeeded"


def test_newest_jobs_are_kept(store: JobStore) -> None:
    submit(store, *"abcde")
    for _ in range(4):
        run(store)
    assert store.excess(Retention()) == []
    assert store.excess(Retention(jobs=4)) == []
    assert store.excess(Retention(jobs=1)) == ["a", "b", "c"]
    assert store.excess(Retention(jobs=0)) == ["a", "b", "c", "d"]  # what waits is no history
    assert store.delete(store.excess(Retention(jobs=1))) == 3
    assert store.excess(Retention(jobs=1)) == []
    assert {event.job_id for event in store.events_after(0)} == {"d", "e"}


def test_excess_is_told_in_portions(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_OLDEST", retention._OLDEST.limit(2))
    submit(store, *"abc")
    for _ in range(3):
        run(store)
    assert store.excess(Retention(jobs=0)) == ["a", "b"]
    store.delete(["a", "b"])
    assert store.excess(Retention(jobs=0)) == ["c"]


def test_jobs_of_the_last_days_are_kept(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    submit(store, *"ab")
    run(store)
    run(store)
    later = now_ms() + round(1.5 * 86_400_000)
    monkeypatch.setattr(retention, "now_ms", lambda: later)
    assert store.excess(Retention(days=2)) == []
    assert store.excess(Retention(days=1)) == ["a", "b"]
    assert store.excess(Retention(days=2, jobs=1)) == ["a"]


def test_history_is_kept_within_a_size(store: JobStore) -> None:
    submit(store, *"abc")
    for size in (100_000, 10, 100_000):
        run(store, text="x" * size)
    assert store.excess(Retention(size_bytes=300_000)) == []
    assert store.excess(Retention(size_bytes=150_000)) == ["a"]
    assert store.excess(Retention(size_bytes=99_000)) == ["a", "b", "c"]


async def test_paused_queue_waits_and_goes_on(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await running.submit("a", call("WaitForCancel", mark=str(tmp_path / "mark")))
        await running.started_node("a")
        assert await running.supervisor.pause()
        await running.submit("b", call("Echo", text="b"))
        assert await running.supervisor.cancel("a")
        await running.end_of("a")
    async with supervised(tmp_path) as running:
        await running.supervisor.ready()
        await running.submit("c", call("Echo", text="c"), front=True)
        assert await running.supervisor.move("b", "c")
        assert running.types("c") == ["queued"]
        assert await running.supervisor.resume()
        await running.end_of("c")
        started = [event.job_id for event in running.events if event.type == "started"]
        assert started == ["b", "c"]


async def test_all_jobs_can_be_cancelled_at_once(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await running.submit("a", call("WaitForCancel", mark=str(tmp_path / "mark")))
        await running.started_node("a")
        await running.submit("b", call("Echo", text="b"))
        assert await running.supervisor.cancel_all() == 2
        assert [(await running.end_of(job_id)).type for job_id in "ab"] == ["cancelled", "cancelled"]


async def test_history_is_tidied_at_the_start(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        for job_id in "abc":
            await running.submit(job_id, call("Echo", text=job_id))
        await running.end_of("c")
    async with supervised(tmp_path, keep=Retention(jobs=1)) as running:
        await running.submit("d", call("Echo", text="d"))
        await running.end_of("d")
        ended = [job.id for job in await running.supervisor.query(lambda store: store.history())]
        assert ended == ["c", "d"]
