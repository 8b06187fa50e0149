import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy.event import listens_for
from sqlalchemy.exc import OperationalError
from supervised import TIMEOUT_S, Supervised, call, config_under, supervised

from sd35graph.engine.jobs import DuplicateJob, StoreError
from sd35graph.engine.storage.store import JobStore
from sd35graph.engine.workers.supervisor import Supervisor, WorkerUnavailable
from sd35graph.graph.validate import ValidatorCall


async def test_job_runs_from_acceptance_to_history(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        job = await running.submit("a", call("Echo", text="hi"), call("Picture", prefix="p"), client_id="me")
        assert (job.state, job.number) == ("pending", 0)
        await running.end_of("a")
        assert running.types("a")[:3] == ["queued", "started", "cached"]
        assert running.types("a")[-1] == "succeeded"
        done = await running.job("a")
        assert done.state == "succeeded"
        assert done.outputs == {
            "1": {"text": ["hi"]},
            "2": {"images": [{"filename": "p_00001_.txt", "subfolder": "", "type": "output"}]},
        }
        assert done.meta["1"] == {"node_id": "1", "display_node": "1", "parent_node": None, "real_node_id": "1"}
        assert [message.type for message in done.messages] == ["started", "cached", "succeeded"]


async def test_history_answers_when_the_last_event_is_published(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await running.submit("a", call("Echo", text="hi"))
        await running.submit("b", call("SysExit"))
        await running.end_of("b")
        at_end = running.seen_at_publication
        assert [(job.state if job else None) for job in (at_end["a"], at_end["b"])] == ["succeeded", "failed"]
        assert at_end["a"] is not None
        assert at_end["a"].outputs == {"1": {"text": ["hi"]}}


async def test_published_state_events_are_those_of_the_store_in_its_order(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        for number in range(5):
            await running.submit(str(number), call("Steps", count=20), call("Echo", text=f"{number}"))
        await running.end_of("4")
        states = [published for published in running.events if not published.is_momentary]
        assert states == await running.supervisor.query(lambda store: store.events_after(0, limit=10_000))
        momentary = [published for published in running.events if published.is_momentary]
        assert {published.type for published in momentary} == {"progress", "preview"}
        assert all(published.seq is None for published in momentary)
        assert all(published.blob == b"\x89PNG" for published in momentary if published.type == "preview")


async def test_progress_comes_between_the_start_and_the_end_of_its_node(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await running.submit("a", call("Steps", count=500))
        await running.end_of("a")
        types = running.types("a")
        first, last = types.index("progress"), len(types) - 1 - types[::-1].index("progress")
        assert types.index("node_started") < first <= last < types.index("node_finished")
        values: list[Any] = [published.data["value"] for published in running.of("a") if published.type == "progress"]
        assert values[-1] == 500
        assert values == sorted(values)


async def test_jobs_run_in_queue_order(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        mark = tmp_path / "mark"
        await running.submit("running", call("WaitForCancel", mark=str(mark)))
        await running.started_node("running")
        for job_id, front in (("a", False), ("b", False), ("front", True)):
            await running.submit(job_id, call("Echo", text=job_id), front=front)
        assert await running.supervisor.cancel("running")
        await running.end_of("b")
        started = [published.job_id for published in running.events if published.type == "started"]
        assert started == ["running", "front", "a", "b"]


async def test_second_use_of_an_id_is_refused_and_publishes_nothing(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await running.submit("a", call("Echo", text="x"))
        with pytest.raises(DuplicateJob):
            await running.submit("a", call("Echo", text="y"))
        await running.end_of("a")
        assert running.types("a").count("queued") == 1


async def test_job_is_accepted_and_published_even_if_the_caller_gives_up(tmp_path: Path) -> None:
    running = Supervised(tmp_path, config_under(tmp_path))
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def open_store() -> JobStore:
        store = JobStore.open(running.url)
        listens_for(store._engine, "commit")(lambda _: loop.call_soon_threadsafe(begun.set))
        return store

    running.supervisor = Supervisor(open_store, running._publish, [config_under(tmp_path)])
    asking = asyncio.create_task(running.submit("a", call("Echo", text="x")))
    await begun.wait()
    asking.cancel()
    await running.until(lambda: running.types("a") == ["queued"])
    assert asking.cancelled()
    await running.supervisor.stop()


async def test_cancel_by_token_leaves_the_worker_alive_and_other_jobs_alone(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await running.submit("a", call("WaitForCancel", mark=str(tmp_path / "mark")))
        await running.submit("b", call("Echo", text="b"))
        await running.submit("c", call("Echo", text="c"))
        await running.started_node("a")
        worker = running.worker()
        assert worker["state"] == "busy"
        assert await running.supervisor.cancel("c")
        assert await running.supervisor.cancel("a")
        assert (await running.end_of("a")).type == "cancelled"
        assert (await running.end_of("c")).type == "cancelled"
        assert (await running.end_of("b")).type == "succeeded"
        assert "started" not in running.types("c")
        after = running.worker()
        assert (after["pid"], after["restarts"]) == (worker["pid"], 0)
        assert not await running.supervisor.cancel("a")
        assert not await running.supervisor.cancel("unknown")
        cancelled = await running.job("a")
        assert (cancelled.state, cancelled.attempts) == ("cancelled", 1)


async def test_node_that_ignores_its_token_is_ended_after_the_deadline_and_not_retried(tmp_path: Path) -> None:
    async with supervised(tmp_path, cancel_deadline_s=0.2) as running:
        await running.submit("a", call("Hang", mark=str(tmp_path / "mark")))
        await running.submit("b", call("Echo", text="b"))
        await running.started_node("a")
        assert await running.supervisor.interrupt() == 1
        ended = await running.end_of("a")
        assert (ended.type, ended.data) == ("cancelled", {"node": "1", "executed": []})
        assert (await running.end_of("b")).type == "succeeded"
        assert "retried" not in running.types("a")
        assert (await running.job("a")).state == "cancelled"


async def test_all_pending_jobs_can_be_cancelled_at_once(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await running.submit("a", call("WaitForCancel", mark=str(tmp_path / "mark")))
        await running.started_node("a")
        for job_id in "bcd":
            await running.submit(job_id, call("Echo", text="x"))
        assert await running.supervisor.cancel_pending(["b", "unknown", "a"]) == 1
        assert await running.supervisor.cancel_pending() == 2
        assert await running.supervisor.query(lambda store: store.counts()) == (0, 1)
        await running.supervisor.cancel("a")
        await running.end_of("a")
        assert await running.supervisor.delete(["b", "c"]) == 2
        assert await running.supervisor.delete() == 2


async def test_killed_worker_is_replaced_and_its_job_tried_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    async with supervised(tmp_path) as running:
        await running.submit("a", call("HangWhileNew", mark=str(mark)))
        await running.submit("b", call("Echo", text="b"))
        await running.started_node("a")
        kill_worker(running)
        assert (await running.end_of("a")).type == "succeeded"
        assert (await running.end_of("b")).type == "succeeded"
        [retried] = [published for published in running.of("a") if published.type == "retried"]
        reason = "was ended by SIGKILL while node 1 (HangWhileNew) ran; the system does that when memory runs out"
        assert retried.data["reason"] == f"the worker process {reason}"
        job = await running.job("a")
        assert (job.attempts, job.outputs) == (2, {"1": {"text": ["second time"]}})
        assert [message.type for message in job.messages if message.type != "cached"] == [
            "started",
            "retried",
            "started",
            "succeeded",
        ]


def kill_worker(running: Supervised) -> None:
    os.kill(running.worker()["pid"], signal.SIGKILL)


@pytest.mark.parametrize(
    ("node", "how"),
    [
        (call("Exit", code=3), "ended with code 3 while node 1 (Exit) ran"),
        (call("Fork"), "ended with code 7 while node 1 (Fork) ran"),
    ],
)
async def test_job_that_ends_its_worker_twice_fails_with_the_reason(
    tmp_path: Path, node: dict[str, Any], how: str
) -> None:
    async with supervised(tmp_path) as running:
        await running.submit("a", node)
        await running.submit("b", call("Echo", text="b"))
        failed = await running.end_of("a")
        assert failed.type == "failed"
        assert (await running.end_of("b")).type == "succeeded"
        job = await running.job("a")
        assert job.error is not None
        assert job.error["message"] == f"the worker process {how}"
        assert (job.error["type"], job.error["node_id"]) == ("WorkerDied", "1")
        assert job.attempts == 2
        assert running.types("a").count("started") == 2


async def test_idle_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    async with supervised(tmp_path, restart_delay_s=0.01) as running:
        await running.submit("a", call("Echo", text="a"))
        await running.end_of("a")
        await killed(running)
        await running.submit("b", call("Echo", text="b"))
        assert (await running.end_of("b")).type == "succeeded"
        assert running.types("b").count("started") == 1
        worker = running.worker()
        assert worker["last_error"] == "the worker process was ended by SIGKILL"


async def test_worker_that_cannot_start_is_tried_again_and_the_reason_told(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    pack = tmp_path / "crashing.py"
    pack.write_text(
        f"import os\nif not os.path.exists({str(gate)!r}):\n    os._exit(9)\n"
        "from sd35graph.graph.node import Pack\npack = Pack(name='crashing', nodes=[])\n"
    )
    toy = Path(__file__).with_name("toy_pack.py")
    async with supervised(tmp_path, pack, toy, restart_delay_s=0.01) as running:
        await running.submit("a", call("Echo", text="a"))  # accepted all the same
        async with asyncio.timeout(TIMEOUT_S):
            while running.worker()["restarts"] < 2:
                with pytest.raises((TimeoutError, WorkerUnavailable)):
                    await running.supervisor.validate([ValidatorCall("1", "Echo", {"text": "x"})], timeout_s=0.1)
        worker = running.worker()
        assert worker["last_error"] == "the worker process ended with code 9"
        assert running.types("a") == ["queued"]
        gate.touch()
        assert (await running.end_of("a")).type == "succeeded"


async def test_schemas_wait_for_the_first_hello_and_are_known_at_once_the_next_time(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        assert running.supervisor.schemas is None
        first = await asyncio.wait_for(running.supervisor.ready(), TIMEOUT_S)
        assert "Echo" in first
        info = await running.supervisor.system_info(TIMEOUT_S)
        assert info["devices"]
    (tmp_path / "hang.py").write_text("import time\ntime.sleep(600)\n")
    config = config_under(tmp_path)
    again = Supervised(tmp_path, config)
    await again.supervisor.start()
    assert await asyncio.wait_for(again.supervisor.ready(), TIMEOUT_S) == first
    await again.supervisor.stop()
    other = Supervised(tmp_path, config_under(tmp_path, tmp_path / "hang.py"))
    await other.supervisor.start()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(other.supervisor.ready(), 0.3)
    assert await other.supervisor.system_info(0.01) == {}
    await other.supervisor.stop()


async def test_unreadable_schema_file_is_passed_over(tmp_path: Path) -> None:
    config = config_under(tmp_path)
    (tmp_path / ".sd35graph").mkdir()
    (tmp_path / ".sd35graph" / "schemas.json").write_text("{broken")
    running = Supervised(tmp_path, config)
    await running.supervisor.start()
    assert "Echo" in await asyncio.wait_for(running.supervisor.ready(), TIMEOUT_S)
    await running.supervisor.stop()


async def test_validators_answer_while_a_job_runs_and_slow_ones_time_out(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await running.submit("a", call("WaitForCancel", mark=str(tmp_path / "mark")))
        await running.started_node("a")
        problems = await running.supervisor.validate([ValidatorCall("7", "Echo", {"text": "bad"})], TIMEOUT_S)
        assert [(problem.code, problem.node_id) for problem in problems] == [("invalid_value", "7")]
        assert await running.supervisor.validate([ValidatorCall("7", "Echo", {"text": "x"})], TIMEOUT_S) == []
        assert await running.supervisor.validate([]) == []
        with pytest.raises(TimeoutError):
            await running.supervisor.validate([ValidatorCall("7", "SlowValidator", {"text": "x"})], timeout_s=0.1)
        assert await running.supervisor.validate([ValidatorCall("7", "Echo", {"text": "x"})], TIMEOUT_S) == []


async def killed(running: Supervised) -> None:
    """Kill the worker and wait until the supervisor has noticed."""
    calls = [ValidatorCall("7", "SlowValidator", {"text": "x"})]
    await running.supervisor.ready()
    asking = asyncio.create_task(running.supervisor.validate(calls, TIMEOUT_S))
    await running.supervisor.validate([ValidatorCall("7", "Echo", {"text": "x"})], TIMEOUT_S)
    kill_worker(running)
    with pytest.raises(WorkerUnavailable, match="was ended by SIGKILL before it answered"):
        await asking


async def test_question_to_a_worker_that_dies_is_answered_by_an_error(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await killed(running)


async def test_free_reaches_the_worker_between_jobs(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await running.submit("a", call("Use"))
        await running.end_of("a")
        await running.supervisor.free(unload_models=True, free_memory=True)
        await running.submit("b", call("Use"))
        await running.end_of("b")
        assert (tmp_path / "released").read_text() == "released\n"
        [cached] = [published for published in running.of("b") if published.type == "cached"]
        assert cached.data["nodes"] == []


async def test_free_leaves_a_worker_alone_that_is_only_starting(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await running.until_process()
        await running.supervisor.free(unload_models=True, free_memory=True)
        await running.submit("a", call("Echo", text="x"))
        assert (await running.end_of("a")).type == "succeeded"
        assert running.worker()["restarts"] == 0


async def test_stop_puts_the_running_job_back_and_the_next_start_runs_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    async with supervised(tmp_path) as running:
        await running.submit("a", call("HangWhileNew", mark=str(mark)))
        await running.started_node("a")
        worker = running.worker()
    assert not psutil.pid_exists(worker["pid"])
    assert running.of("a")[-1].data == {"reason": "the server was stopped"}
    async with supervised(tmp_path) as running:
        assert (await running.end_of("a")).type == "succeeded"
        assert (await running.job("a")).attempts == 1


async def test_job_taken_over_by_another_process_is_dropped_here(tmp_path: Path) -> None:
    async with supervised(tmp_path, lease_s=0.3) as running:
        await running.submit("a", call("WaitForCancel", mark=str(tmp_path / "mark")))
        await running.submit("b", call("Echo", text="b"))
        await running.started_node("a")
        with sqlite3.connect(tmp_path / "jobs.sqlite") as database:
            database.execute(
                "UPDATE jobs SET owner = 'elsewhere/1/2.00/3', lease_until_ms = 9999999999999 WHERE id = 'a'"
            )
        assert (await running.end_of("b")).type == "succeeded"
        assert "cancelled" not in running.types("a")
        assert (await running.job("a")).state == "running"


async def test_cancel_by_another_process_reaches_the_job(tmp_path: Path) -> None:
    async with supervised(tmp_path, lease_s=0.3) as running:
        await running.submit("a", call("WaitForCancel", mark=str(tmp_path / "mark")))
        await running.started_node("a")
        other = JobStore.open(running.url)
        assert other.cancel("a") == (True, [])
        other.close()
        assert (await running.end_of("a")).type == "cancelled"


async def test_job_put_into_the_store_by_another_process_is_found(tmp_path: Path) -> None:
    async with supervised(tmp_path, lease_s=0.3) as running:
        await running.supervisor.ready()
        other = Supervised(tmp_path, config_under(tmp_path))  # never started: only its store is used
        await other.submit("a", call("Echo", text="x"))
        await other.supervisor.stop()
        assert (await running.end_of("a")).type == "succeeded"


async def test_result_is_kept_until_the_store_takes_it_again(tmp_path: Path) -> None:
    refusing = False
    refused = asyncio.Event()
    loop = asyncio.get_running_loop()
    running = Supervised(tmp_path, config_under(tmp_path))

    def open_store() -> JobStore:
        store = JobStore.open(running.url)

        @listens_for(store._engine, "commit")
        def refuse(_connection: object) -> None:
            if refusing:
                loop.call_soon_threadsafe(refused.set)
                raise OperationalError("COMMIT", {}, sqlite3.OperationalError("database or disk is full"))

        return store

    running.supervisor = Supervisor(open_store, running._publish, [config_under(tmp_path)])
    await running.supervisor.start()
    mark = tmp_path / "mark"
    await running.submit("a", call("HangWhileNew", mark=str(mark)))
    await running.started_node("a")
    refusing = True
    with mark.open("a") as file:
        file.write("go on\n")
    await asyncio.wait_for(refused.wait(), TIMEOUT_S)
    assert running.types("a")[-1] == "node_started"
    with pytest.raises(StoreError):
        await running.submit("b", call("Echo", text="b"))
    refusing = False
    assert (await running.end_of("a")).type == "succeeded"
    assert (await running.job("a")).outputs == {"1": {"text": ["second time"]}}
    await running.supervisor.stop()
    running.close()


async def test_store_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    def fail() -> JobStore:
        raise StoreError("it is broken")

    supervisor = Supervisor(fail, lambda events: None, [config_under(tmp_path)])
    await supervisor.start()
    with pytest.raises(StoreError, match="it is broken"):
        await supervisor.opened()
    await supervisor.stop()


def test_nothing_heavy_is_imported_by_the_supervisor() -> None:
    heavy = {"sqlalchemy", "alembic", "torch", "numpy", "PIL", "transformers", "fastapi"}
    script = (
        "import sys, sd35graph.engine.workers.supervisor, sd35graph.engine.artifacts, sd35graph.engine.folders;"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "[]\n"
