"""Which of several workers takes which job."""

from collections.abc import Sequence
from pathlib import Path

from supervised import call, supervised

from sd35graph.engine.jobs import Job
from sd35graph.engine.workers.placement import Placement, Seat, models_of


def job(job_id: str, *models: str) -> Job:
    prompt = {str(number): call("Load", ckpt_name=model) for number, model in enumerate(models)}
    return Job(
        id=job_id,
        number=0,
        state="pending",
        prompt=prompt,
        targets=(),
        client_id=None,
        workflow=None,
        extra_data={},
        node_errors={},
        created_ms=0,
    )


def seats(count: int) -> list[Seat]:
    placement = Placement(lambda: None)
    made = [placement.seat() for _ in range(count)]
    for seat in made:
        seat.is_idle = True
    return made


def choice(seat: Seat, jobs: Sequence[Job]) -> str | None:
    assert seat.choose is not None
    chosen = seat.choose(jobs)
    return chosen.id if chosen else None


def test_models_are_the_files_of_weights_a_graph_names() -> None:
    prompt = {
        "1": call("CheckpointLoaderSimple", ckpt_name="sd3/medium.safetensors"),
        "2": call("CLIPTextEncode", text="a cat, model.safetensors in its paws", clip=["1", 1]),
        "3": call("UnetLoaderGGUF", unet_name="large.GGUF"),
        "4": call("LoadImage", image="cat.png"),
        "5": {"class_type": "Odd", "inputs": None},
    }
    assert models_of(prompt) == {"sd3/medium.safetensors", "large.GGUF"}


def test_one_worker_takes_jobs_in_their_order() -> None:
    [only] = seats(1)
    assert only.choose is None


def test_job_goes_to_the_worker_that_has_its_models() -> None:
    first, second = seats(2)
    first.take(frozenset({"a.gguf"}))
    second.take(frozenset({"b.gguf"}))
    first.is_idle = second.is_idle = True
    jobs = [job("1", "b.gguf"), job("2", "a.gguf")]
    assert choice(first, jobs) == "2"
    assert choice(second, jobs[:1]) == "1"


def test_job_is_left_to_an_idle_worker_that_has_its_models_but_not_to_a_busy_one() -> None:
    first, second = seats(2)
    second.take(frozenset({"b.gguf"}))
    second.is_idle = True
    assert choice(first, [job("1", "b.gguf")]) is None
    assert choice(second, [job("1", "b.gguf"), job("2", "b.gguf")]) == "1"
    assert choice(first, [job("2", "b.gguf")]) == "2"


def test_models_nobody_has_go_before_models_others_are_busy_with() -> None:
    first, second = seats(2)
    second.take(frozenset({"b.gguf"}))
    assert choice(first, [job("1", "b.gguf"), job("2", "c.gguf")]) == "2"


def test_jobs_without_models_run_in_their_order_anywhere() -> None:
    first, second = seats(2)
    assert choice(first, [job("1"), job("2")]) == "1"
    assert choice(second, [job("2")]) == "2"


def test_worker_whose_process_ended_holds_nothing() -> None:
    first, second = seats(2)
    second.take(frozenset({"b.gguf"}))
    second.is_idle = True
    second.leave()
    assert choice(first, [job("1", "b.gguf")]) == "1"


def test_no_job_is_passed_over_for_ever() -> None:
    first, second = seats(2)
    first.take(frozenset({"a.gguf"}))
    second.take(frozenset({"b.gguf"}))
    waiting = job("waiting", "b.gguf")
    taken = [choice(first, [waiting, job(str(number), "a.gguf")]) for number in range(12)]
    assert taken.index("waiting") == 8
    assert taken[:8] == [str(number) for number in range(8)]


def test_worker_remembers_the_files_used_last() -> None:
    first, _ = seats(2)
    first.take(frozenset(f"old{number}.gguf" for number in range(12)))
    first.take(frozenset({"new.gguf"}))
    assert first.holds(frozenset({"new.gguf", "old9.gguf"}))
    assert sum(first.holds(frozenset({f"old{number}.gguf"})) for number in range(12)) == 11


async def test_two_workers_run_jobs_side_by_side_and_each_jobs_events_stay_in_order(tmp_path: Path) -> None:
    async with supervised(tmp_path, workers=2) as running:
        for job_id in "ab":
            await running.submit(job_id, call("Steps", count=20), call("WaitForCancel", mark=str(tmp_path / job_id)))
        await running.started_node("a", times=2)
        await running.started_node("b", times=2)
        assert {worker["job_id"] for worker in running.workers()} == {"a", "b"}
        assert len({worker["pid"] for worker in running.workers()}) == 2
        await running.submit("c", call("Echo", text="c"))
        assert await running.supervisor.cancel("a")  # its worker is free again, the other goes on
        assert (await running.end_of("c")).type == "succeeded"
        assert await running.supervisor.cancel("b")
        for job_id in "ab":
            assert (await running.end_of(job_id)).type == "cancelled"
            stored = [event for event in running.of(job_id) if event.seq is not None]
            assert [event.seq for event in stored] == sorted(event.seq or 0 for event in stored)
            assert [event.type for event in stored][:3] == ["queued", "started", "cached"]
            values = [event.data["value"] for event in running.of(job_id) if event.type == "progress"]
            assert values == sorted(values)  # type: ignore[type-var]  # numbers, in JSON


async def test_the_end_of_one_worker_costs_the_other_nothing(tmp_path: Path) -> None:
    async with supervised(tmp_path, workers=2, cancel_deadline_s=0.1) as running:
        await running.submit("stuck", call("Hang", mark=str(tmp_path / "stuck")))
        await running.submit("other", call("WaitForCancel", mark=str(tmp_path / "other")))
        await running.started_node("stuck")
        await running.started_node("other")
        [pid] = [worker["pid"] for worker in running.workers() if worker["job_id"] == "other"]
        assert await running.supervisor.cancel("stuck")
        assert (await running.end_of("stuck")).type == "cancelled"
        assert running.types("other")[-1] == "node_started"
        assert pid in [worker["pid"] for worker in running.workers() if worker["job_id"] == "other"]
        await running.supervisor.cancel("other")
        assert (await running.end_of("other")).type == "cancelled"
