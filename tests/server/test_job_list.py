"""`/jobs`: jobs of all states, page by page, and cancelling them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from live_server import Server, fresh, number, serving, show
from studio import ANNA, BOB, run_as, save, slow, studio

from sd35graph.engine.jobs import Job, JobState
from sd35graph.server import wire
from sd35graph.server.jobs.job_list import job_details, job_summary


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("base")) as running:
        yield running


async def listed(http: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await http.get("/api/jobs", params=query)
    assert answer.status_code == 200, answer.text
    wire.JobList.model_validate(answer.json())
    found: dict[str, Any] = answer.json()
    return found


async def queue(http: httpx.AsyncClient, graph: dict[str, Any], **request: Any) -> str:
    answer = await http.post("/prompt", json={"prompt": graph, **request})
    assert answer.status_code == 200, answer.text
    prompt_id: str = answer.json()["prompt_id"]
    return prompt_id


async def status_of(http: httpx.AsyncClient, job_id: str) -> str:
    details = (await http.get(f"/api/jobs/{job_id}")).json()
    wire.ListedJobDetails.model_validate(details)
    status: str = details["status"]
    return status


async def test_jobs_of_all_states_are_listed_filtered_and_cancelled(empty: Server) -> None:
    workflow = {"extra_pnginfo": {"workflow": {"id": "w1", "nodes": []}}}
    done, _ = await empty.run(save("listed"), extra_data=workflow)
    failed, _ = await empty.run({"f": {"class_type": "ToyFail", "inputs": {"value": fresh()}}, **show(["f", 0])})
    async with empty.listening() as listener, empty.http() as http:
        running = await queue(http, slow(), client_id=listener.client_id)
        await listener.until(lambda message: message["type"] == "progress")
        first, second = [await queue(http, show(fresh())) for _ in range(2)]
        ids = [job["id"] for job in (await listed(http))["jobs"]]
        assert ids == [second, first, running, failed, done]
        assert [job["id"] for job in (await listed(http, sort_order="asc"))["jobs"]] == ids[::-1]
        active = await listed(http, status="in_progress,pending")
        assert [(job["id"], job["status"]) for job in active["jobs"]] == [
            (second, "pending"),
            (first, "pending"),
            (running, "in_progress"),
        ]
        page = await listed(http, limit=2, offset=1)
        assert [job["id"] for job in page["jobs"]] == ids[1:3]
        assert page["pagination"] == {"offset": 1, "limit": 2, "total": 5, "has_more": True}
        assert not (await listed(http, limit=2, offset=3))["pagination"]["has_more"]
        assert [job["id"] for job in (await listed(http, workflow_id="w1"))["jobs"]] == [done]
        assert (await listed(http, workflow_id="nothing"))["jobs"] == []
        longest = (await listed(http, sort_by="execution_duration", status="completed,failed"))["jobs"]
        assert {job["id"] for job in longest} == {done, failed}

        assert (await http.post(f"/api/jobs/{first}/cancel")).json() == {"cancelled": [first]}
        several = await http.post("/jobs/cancel", json={"job_ids": [running, second, done, str(uuid4())]})
        assert several.json() == {"cancelled": [running, second]}
        await listener.until_end(running)
        assert [await status_of(http, job_id) for job_id in (first, second, running)] == ["cancelled"] * 3
        assert (await http.post(f"/api/jobs/{done}/cancel")).json() == {"cancelled": []}


async def test_details_hold_the_workflow_outputs_and_end(empty: Server) -> None:
    graph = save("details")
    info = {"extra_pnginfo": {"workflow": {"id": "w2", "nodes": []}}}
    done, _ = await empty.run(graph, extra_data=info)
    async with empty.http() as http:
        details = (await http.get(f"/jobs/{done}")).json()
        entry = (await http.get(f"/history/{done}")).json()[done]
    wire.ListedJobDetails.model_validate(details)
    assert details["workflow"]["prompt"] == graph
    assert details["workflow"]["extra_data"]["extra_pnginfo"] == info["extra_pnginfo"]
    assert (details["outputs"], details["execution_status"]) == (entry["outputs"], entry["status"])
    assert (details["workflow_id"], details["outputs_count"], details["status"]) == ("w2", 1, "completed")
    assert details["create_time"] <= details["execution_start_time"] <= details["execution_end_time"]


async def test_a_failed_job_says_why(empty: Server) -> None:
    graph = {"f": {"class_type": "ToyFail", "inputs": {"value": ["n", 0]}}, **number(fresh()), **show(["f", 0])}
    failed, _ = await empty.run(graph)
    async with empty.http() as http:
        [job] = (await listed(http, status="failed", limit=1))["jobs"]
    assert job["id"] == failed
    assert job["execution_error"]["node_id"] == "f"
    assert job["execution_error"]["exception_message"].startswith("no luck")


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("/jobs?status=done", 400, 'there is no status "done"; known: pending, in_progress'),
        ("/jobs?limit=0", 400, "limit"),
        ("/jobs?sort_by=name", 400, "sort_by"),
        ("/jobs/nothing", 404, 'there is no job "nothing"'),
    ],
)
async def test_what_makes_no_sense_is_refused(empty: Server, path: str, status: int, part: str) -> None:
    async with empty.http() as http:
        answer = await http.get(path)
    assert answer.status_code == status
    assert part in answer.json()["error"]["message"]


async def test_cancelling_needs_ids_and_a_job(empty: Server) -> None:
    async with empty.http() as http:
        answers = [await http.post("/jobs/cancel", json={}), await http.post("/jobs/nothing/cancel")]
    assert [answer.status_code for answer in answers] == [400, 404]


async def test_users_see_and_cancel_only_their_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    with studio(tmp_path_factory.mktemp("studio")) as users:
        annas, _ = await run_as(users, ANNA, save("annas"))
        async with users.http(ANNA) as anna, users.http(BOB) as bob:
            async with users.listening(token=ANNA) as listener:
                running = await queue(anna, slow(), client_id=listener.client_id)
                await listener.until(lambda message: message["type"] == "progress")
            assert (await listed(bob))["jobs"] == []
            assert [job["id"] for job in (await listed(anna))["jobs"]] == [running, annas]
            assert (await bob.get(f"/jobs/{annas}")).status_code == 404
            assert (await bob.post(f"/jobs/{running}/cancel")).status_code == 404
            assert (await bob.post("/jobs/cancel", json={"job_ids": [running]})).json() == {"cancelled": []}
            assert (await anna.post(f"/jobs/{running}/cancel")).json() == {"cancelled": [running]}


def job(state: JobState = "succeeded", **fields: Any) -> Job:
    asked: dict[str, Any] = {"prompt": {}, "targets": (), "client_id": None, "extra_data": {}, "node_errors": {}}
    return Job(id="j", number=1, state=state, workflow=None, created_ms=1, **asked, **fields)


def test_the_preview_is_the_last_kept_picture_and_counts_tell_files_apart() -> None:
    def file(name: str, kind: str = "output") -> dict[str, str]:
        return {"filename": name, "subfolder": "", "type": kind}

    outputs = {
        "1": {"images": [file("a.png"), file("b.png")], "text": ["no file"]},
        "2": {"images": [file("c.png", "temp")], "latents": [file("d.latent")], "animated": [False]},
    }
    summary = job_summary(job(outputs=outputs))
    assert summary["preview_output"] == {**file("b.png"), "nodeId": "1", "mediaType": "images"}
    assert (summary["outputs_count"], summary["previewable_outputs_count"]) == (4, 3)
    temporary = job_summary(job(outputs={"2": {"images": [file("c.png", "temp")]}}))["preview_output"]
    assert temporary == {**file("c.png", "temp"), "nodeId": "2", "mediaType": "images"}


def test_what_is_not_known_yet_is_left_out() -> None:
    waiting = job("pending")
    assert job_summary(waiting) == {"id": "j", "status": "pending", "priority": 1, "create_time": 1}
    assert job_details(waiting).keys() - job_summary(waiting).keys() == {"update_time", "workflow"}
