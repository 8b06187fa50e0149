"""Our own interface under /v1, over real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from live_server import TIMEOUT_S, Message, Server, fresh, serving, show
from PIL import Image
from pydantic import TypeAdapter
from studio import ANNA, BOB, ROOT, VERA, save, slow, studio

from sd35graph.graph.prompt_length import PromptLength
from sd35graph.graph.schema import NodeSchema
from sd35graph.server import resources
from sd35graph.server.events import event_stream


async def submit(http: httpx.AsyncClient, graph: Message, key: str | None = None, **fields: Any) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    return await http.post("/v1/jobs", json={"workflow": graph, **fields}, headers=headers)


async def events(http: httpx.AsyncClient, job_id: str, last: str = "") -> AsyncIterator[Message]:
    """The events of a stream, as {event, id, data}."""
    async with http.stream("GET", f"/v1/jobs/{job_id}/events", headers={"last-event-id": last}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: Message = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name in ("event", "id", "data"):
                event[name] = json.loads(value) if name == "data" else value
            if not line and "event" in event:
                yield event
                event = {}


async def ended(http: httpx.AsyncClient, job_id: str) -> Message:
    """The job, once it has ended."""
    async for _ in events(http, job_id):
        pass
    job: Message = (await http.get(f"/v1/jobs/{job_id}")).json()
    return job


def check_problem(answer: httpx.Response, status: int, code: str) -> Message:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    resources.Problem.model_validate_json(answer.content)
    problem: Message = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    return problem


# --- jobs ---


async def test_a_job_is_submitted_runs_and_shows_its_result(server: Server) -> None:
    async with server.http() as http:
        answer = await submit(http, show(7), extra_data={"mine": 1})
        assert answer.status_code == 201
        assert answer.headers["location"] == answer.json()["url"]
        resources.JobDetail.model_validate_json(answer.content)
        job = await ended(http, answer.json()["id"])
        resources.JobDetail.model_validate(job)
        assert (job["state"], job["outputs"], job["attempts"]) == ("succeeded", {"show": {"text": ["7"]}}, 1)
        assert job["extra_data"] == {"mine": 1}
        assert job["created"] <= job["started"] <= job["ended"]


async def test_a_workflow_with_problems_is_refused_with_all_of_them(server: Server) -> None:
    async with server.http() as http:
        problem = check_problem(await submit(http, show(["nowhere", 0])), 422, "prompt_outputs_failed_validation")
        assert "show" in problem["node_errors"]
        problem = check_problem(await http.post("/v1/jobs", json={"workflow": {}, "wish": 1}), 400, "bad_request")
        assert "wish" in problem["detail"]
        check_problem(await http.post("/v1/jobs", content=b"{"), 400, "invalid_json")


async def test_the_same_key_gives_the_same_job(server: Server) -> None:
    key, graph = uuid4().hex, show(fresh())
    async with server.http() as http:
        answers = await asyncio.gather(*[submit(http, graph, key) for _ in range(6)])
        first = [answer for answer in answers if answer.status_code == 201]
        assert len(first) == 1
        for answer in answers:
            if answer.status_code == 409:
                check_problem(answer, 409, "in_progress")
            else:
                assert answer.json()["id"] == first[0].json()["id"]
        again = await submit(http, graph, key)
        assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
        check_problem(await submit(http, show(fresh()), key), 422, "idempotency_key_reused")
        check_problem(await submit(http, graph, "x" * 201), 400, "bad_request")


async def test_jobs_are_listed_in_parts_and_by_state(server: Server) -> None:
    async with server.http() as http:
        ids = [(await submit(http, show(fresh()))).json()["id"] for _ in range(5)]
        for job_id in ids:
            await ended(http, job_id)
        failed = (await submit(http, {**show(["f", 0]), "f": {"class_type": "ToyFail", "inputs": {"value": 1}}})).json()
        await ended(http, failed["id"])
        found: list[str] = []
        cursor: dict[str, Any] = {}
        while len(found) < 6:
            page = (await http.get("/v1/jobs", params={"limit": 2, **cursor})).json()
            resources.JobPage.model_validate(page)
            found += [job["id"] for job in page["jobs"]]
            cursor = {"cursor": page["next"]}
        assert found[:6] == [failed["id"], *reversed(ids)]
        page = (await http.get("/v1/jobs", params={"state": ["failed", "pending"], "limit": 200})).json()
        assert failed["id"] in [job["id"] for job in page["jobs"]]
        assert {job["state"] for job in page["jobs"]} <= {"failed", "pending"}
        error = next(job["error"] for job in page["jobs"] if job["id"] == failed["id"])
        assert (error["node_id"], error["message"]) == ("f", "no luck: 1")
        check_problem(await http.get("/v1/jobs?limit=0"), 400, "bad_request")
        check_problem(await http.get("/v1/jobs?state=lost"), 400, "bad_request")


async def test_a_running_job_is_cancelled_and_then_deleted(server: Server) -> None:
    async with server.http() as http:
        job = (await submit(http, slow())).json()
        stream = events(http, job["id"])
        async for event in stream:
            if event["event"] == "progress":
                break
        check_problem(await http.delete(job["url"]), 409, "not_ended")
        queue = (await http.get("/v1/queue")).json()
        resources.QueueState.model_validate(queue)
        assert job["id"] in queue["running_ids"]
        assert (await http.post(f"{job['url']}/cancel")).status_code == 202
        assert [event["event"] async for event in stream if event["event"] != "progress"][-1] == "cancelled"
        assert (await http.get(job["url"])).json()["state"] == "cancelled"
        assert (await http.delete(job["url"])).status_code == 204
        check_problem(await http.get(job["url"]), 404, "not_found")
        check_problem(await http.post(f"{job['url']}/cancel"), 404, "not_found")


async def test_the_queue_is_paused_reordered_and_resumed(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        async with running.http() as http:
            assert (await http.post("/v1/queue/pause")).status_code == 204
            first, second, third = [(await submit(http, show(fresh()))).json()["id"] for _ in range(3)]

            async def order() -> list[str]:
                queue = resources.QueueState.model_validate((await http.get("/v1/queue")).json())
                assert (queue.paused, queue.running, queue.pending) == (True, 0, 3)
                return queue.pending_ids

            assert await order() == [first, second, third]
            moved = await http.patch(f"/v1/jobs/{third}", json={"before": first})
            resources.JobDetail.model_validate(moved.json())
            assert await order() == [third, first, second]
            assert (await http.patch(f"/v1/jobs/{third}", json={"before": None})).status_code == 200
            assert await order() == [first, second, third]
            assert (await http.patch(f"/v1/jobs/{second}", json={"priority": 5})).json()["priority"] == 5
            assert await order() == [second, first, third]
            check_problem(await http.patch(f"/v1/jobs/{first}", json={"before": "none"}), 409, "not_waiting")
            check_problem(await http.patch(f"/v1/jobs/{first}", json={"priority": 5000}), 400, "bad_request")
            assert (await http.post("/v1/queue/resume")).status_code == 204
            jobs = [await ended(http, job_id) for job_id in (second, first, third)]
            assert [job["started"] for job in jobs] == sorted(job["started"] for job in jobs)
            check_problem(await http.patch(f"/v1/jobs/{first}", json={"before": None}), 409, "not_waiting")


async def test_everything_that_waits_or_runs_is_cancelled_at_once(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        async with running.http() as http:
            jobs = [(await submit(http, slow())).json() for _ in range(2)]
            async for event in events(http, jobs[0]["id"]):
                if event["event"] == "node_started":
                    break
            answer = await http.post("/v1/queue/cancel")
            assert (answer.status_code, answer.json()) == (202, {"cancelled": 2})
            assert [(await ended(http, job["id"]))["state"] for job in jobs] == ["cancelled", "cancelled"]


async def test_an_ended_job_is_run_again_as_a_new_one(server: Server) -> None:
    async with server.http() as http:
        job = (await submit(http, show(fresh()), priority=2)).json()
        await ended(http, job["id"])
        again = await http.post(f"{job['url']}/retry")
        assert (again.status_code, again.json()["id"] != job["id"]) == (201, True)
        assert (again.json()["prompt"], again.json()["priority"]) == (job["prompt"], 2)
        assert (await ended(http, again.json()["id"]))["state"] == "succeeded"
        running = (await submit(http, slow())).json()
        check_problem(await http.post(f"{running['url']}/retry"), 409, "not_ended")
        await http.post(f"{running['url']}/cancel")


# --- events ---


async def test_an_interrupted_stream_goes_on_after_the_last_event(server: Server) -> None:
    async with server.http() as http:
        job_id = (await submit(http, slow(0.2))).json()["id"]
        told = [event async for event in events(http, job_id)]
        numbered = [event for event in told if "id" in event]
        assert [event["event"] for event in numbered] == [
            "queued",
            "started",
            "cached",
            "node_started",
            "node_finished",
            "node_started",
            "shown",
            "node_finished",
            "succeeded",
        ]
        assert {event["event"] for event in told} - {event["event"] for event in numbered} == {"progress"}
        assert all(event["data"]["job_id"] == job_id for event in told)
        rest = [event async for event in events(http, job_id, numbered[3]["id"])]
        assert rest == numbered[4:]
        headers = {"last-event-id": numbered[-1]["id"]}
        assert (await http.get(f"/v1/jobs/{job_id}/events", headers=headers)).status_code == 204
        check_problem(await http.get(f"/v1/jobs/{job_id}/events", headers={"last-event-id": "x"}), 400, "bad_request")
        check_problem(await http.get("/v1/jobs/nowhere/events"), 404, "not_found")


async def test_a_quiet_stream_says_that_it_lives(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "_KEEPALIVE_S", 0.1)
    monkeypatch.setattr(event_stream, "_POLL_S", 0.05)
    async with server.http() as http:
        await asyncio.wait_for(_until_still_here(http), TIMEOUT_S)


async def _until_still_here(http: httpx.AsyncClient) -> None:
    running = (await submit(http, slow())).json()
    waiting = (await submit(http, slow())).json()
    async with http.stream("GET", f"{waiting['url']}/events") as answer:
        lines: list[str] = []
        async for line in answer.aiter_lines():
            lines.append(line)
            if line == ": keep-alive":
                break
    assert "event: queued" in lines[: lines.index(": caught up")]
    assert lines.count(": caught up") == 1
    for job in (waiting, running):
        await http.post(f"{job['url']}/cancel")
        await ended(http, job["id"])


async def test_the_server_stops_although_somebody_listens(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        http = running.http()
        job = (await submit(http, slow())).json()
        stream = events(http, job["id"])
        assert (await anext(stream))["event"] == "queued"
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < TIMEOUT_S  # `serving` fails when the server does not stop
    await http.aclose()


# --- artifacts ---


@pytest.fixture(scope="module")
def picture(server: Server) -> bytes:
    content = io.BytesIO()
    Image.effect_noise((300, 200), 50).convert("RGB").save(content, "PNG")
    folder = server.base / "output" / "v1 ü"
    folder.mkdir(parents=True)
    (folder / "a#.png").write_bytes(content.getvalue())
    return content.getvalue()


PICTURE = "/v1/artifacts/output/v1%20%C3%BC/a%23.png"


async def test_artifacts_have_their_hash_as_etag_and_come_in_parts(server: Server, picture: bytes) -> None:
    digest = hashlib.sha256(picture).hexdigest()
    async with server.http() as http:
        whole = await http.get(PICTURE)
        assert (whole.status_code, whole.content, whole.headers["etag"]) == (200, picture, f'"{digest}"')
        assert "sandbox" in whole.headers["content-security-policy"]
        same = await http.get(PICTURE, headers={"if-none-match": f'"x", W/"{digest}"'})
        assert (same.status_code, same.content) == (304, b"")
        part = await http.get(PICTURE, headers={"range": "bytes=10-19", "if-range": f'"{digest}"'})
        assert (part.status_code, part.content) == (206, picture[10:20])
        other = await http.get(PICTURE, headers={"range": "bytes=10-19", "if-range": '"other"'})
        assert other.content == picture
        beyond = await http.get(PICTURE, headers={"range": f"bytes={len(picture)}-"})
        assert beyond.status_code == 416
        (server.base / "output" / "v1 ü" / "a#.png").write_bytes(picture + b"more")
        assert (await http.get(PICTURE)).headers["etag"] != f'"{digest}"'


async def test_thumbnails_are_small_pictures(server: Server, picture: bytes) -> None:
    async with server.http() as http:
        answer = await http.get(PICTURE, params={"thumbnail": 64})
        assert answer.headers["content-type"] == "image/webp"
        with Image.open(io.BytesIO(answer.content)) as small:
            assert small.size == (64, 43)
        assert answer.headers["etag"] != (await http.get(PICTURE)).headers["etag"]
        check_problem(await http.get(PICTURE, params={"thumbnail": 5000}), 400, "bad_request")
        job = (await submit(http, save("v1_text"))).json()
        [artifact] = (await ended(http, job["id"]))["artifacts"]
        assert (artifact["node"], artifact["folder"]) == ("save", "output")
        assert (await http.get(artifact["url"])).status_code == 200
        check_problem(await http.get(artifact["url"], params={"thumbnail": 64}), 400, "bad_request")


@pytest.mark.parametrize(
    "name", ["output/..%2f..%2fetc%2fpasswd", "output/%00", "models/x", "output/", "temp/none.png"]
)
async def test_artifacts_do_not_leave_their_folder(server: Server, name: str) -> None:
    async with server.http() as http:
        answer = await http.get(f"/v1/artifacts/{name}")
    assert answer.status_code in (400, 404)
    check_problem(answer, answer.status_code, answer.json()["code"])


# --- nodes, models, the server ---


async def test_node_types_are_searched_and_shown_with_their_choices(server: Server) -> None:
    file = server.base / "models" / "checkpoints" / "v1.safetensors"
    file.write_bytes(b"")
    async with server.http() as http:
        every = TypeAdapter(list[NodeSchema]).validate_json((await http.get("/v1/nodes")).content)
        assert {"ToyInt", "ToyFile"} <= {schema.type for schema in every}
        found = (await http.get("/v1/nodes", params={"search": "toy FILE model"})).json()
        assert [schema["type"] for schema in found] == ["ToyFile"]
        assert "v1.safetensors" in found[0]["inputs"][0]["choices"]
        file.unlink()  # other tests use this server too
        one = await http.get("/v1/nodes/ToyShow%20(any)%20%5Btext%5D")
        assert TypeAdapter(NodeSchema).validate_json(one.content).is_output
        check_problem(await http.get("/v1/nodes/Nothing"), 404, "not_found")


async def test_models_are_listed_by_kind(server: Server) -> None:
    file = server.base / "models" / "vae" / "v1.safetensors"
    file.write_bytes(b"")
    async with server.http() as http:
        kinds = TypeAdapter(list[resources.ModelKind]).validate_json((await http.get("/v1/models")).content)
        assert "v1.safetensors" in next(kind.files for kind in kinds if kind.kind == "vae")
        assert "v1.safetensors" in (await http.get("/v1/models/vae")).json()["files"]
        file.unlink()
        check_problem(await http.get("/v1/models/nothing"), 404, "not_found")
        check_problem(await http.get("/v1/models/%2e%2e"), 404, "not_found")


async def test_a_prompt_is_measured_for_the_encoders_a_node_loads(tmp_path: Path) -> None:
    names = {
        f"clip_name{n}": f"sd35_tiny_{kind}.safetensors" for n, kind in enumerate(("clip_l", "clip_g", "t5xxl"), 1)
    }
    loader = {"class_type": "TripleCLIPLoader", "inputs": names}
    asked: Message = {"text": "a red fox", "loader": loader}
    with serving(tmp_path, builtin_nodes=True) as server:
        async with server.http() as http:
            answer = await http.post("/v1/prompt_length", json=asked)
            assert answer.status_code == 200, answer.text
            found = TypeAdapter(PromptLength).validate_json(answer.content)
            assert [length.encoder for length in found.encoders] == ["clip_l", "clip_g", "t5xxl"]
            assert all(length.tokens >= 3 for length in found.encoders)
            assert found.problems == ()
            assert found.unavailable is None
            for change, why, words in (
                ({"class_type": "Nothing"}, "unknown_node", 'no node type "Nothing"'),
                ({"inputs": {"clip_name1": "nothing.safetensors"}}, "missing_file", "nothing.safetensors"),
                ({"inputs": {"clip_name1": ["4", 0], "unknown": 1}}, "no_file", "clip_name1, clip_name2, clip_name3"),
                ({"class_type": "LoadImage", "inputs": {"image": "a.png"}}, "no_file", "none of its inputs names any"),
            ):
                answer = await http.post("/v1/prompt_length", json={**asked, "loader": {**loader, **change}})
                found = TypeAdapter(PromptLength).validate_json(answer.content)
                assert answer.status_code == 200
                assert found.encoders == ()
                assert found.unavailable is not None
                assert found.unavailable.code == why
                assert words in found.unavailable.detail
            for change, status, code in (
                ({"inputs": {"clip_name1": "../secret"}}, 400, "bad_file_name"),
                ({"inputs": 7}, 400, "bad_request"),
            ):
                answer = await http.post("/v1/prompt_length", json={**asked, "loader": {**loader, **change}})
                check_problem(answer, status, code)


async def test_without_a_pack_that_measures_prompts_that_is_said(server: Server) -> None:
    file = server.base / "models" / "checkpoints" / "measured.safetensors"
    file.write_bytes(b"")
    async with server.http() as http:
        loader = {"class_type": "ToyFile", "inputs": {"name": file.name}}
        found = (await http.post("/v1/prompt_length", json={"text": "a red fox", "loader": loader})).json()
        file.unlink()  # other tests use this server too
        why = {"code": "no_meter", "detail": "no node pack that is loaded tells how long prompts are"}
        assert found == {"encoders": [], "problems": [], "unavailable": why}


async def test_the_server_says_what_it_takes_and_that_it_is_ready(server: Server) -> None:
    async with server.http() as http:
        resources.Capabilities.model_validate_json((await http.get("/v1/capabilities")).content)
        assert (await http.get("/healthz")).json() == {"status": "ok", "reasons": []}
        assert (await http.get("/readyz")).json() == {"status": "ok", "reasons": []}


async def test_a_server_without_a_store_is_not_ready_and_says_why(tmp_path: Path) -> None:
    with serving(tmp_path, database_url="nonsense://nowhere") as running:
        async with running.http() as http:
            assert (await http.get("/healthz")).status_code == 200
            answer = await http.get("/readyz")
            assert answer.status_code == 503
            assert any("nonsense" in reason for reason in answer.json()["reasons"])
            check_problem(await http.get("/v1/jobs"), 503, "store_unavailable")


async def test_metrics_count_requests_and_jobs(server: Server) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    async def samples(http: httpx.AsyncClient) -> dict[tuple[str, str], float]:
        answer = await http.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        families = text_string_to_metric_families(answer.text)
        return {
            (sample.name, ",".join(sorted(sample.labels.values()))): sample.value
            for family in families
            for sample in family.samples
        }

    async with server.http() as http:
        before = await samples(http)
        await ended(http, (await submit(http, show(fresh()))).json()["id"])
        await http.get(f"/none/{uuid4()}")
        after = await samples(http)

    def grew(name: str, labels: str) -> float:
        return after[name, labels] - before.get((name, labels), 0.0)

    assert grew("sd35graph_job_events_total", "succeeded") == 1
    assert grew("sd35graph_http_requests_total", "201,POST,v1/jobs") == 1
    assert grew("sd35graph_http_requests_total", "404,GET,files") == 1
    assert grew("sd35graph_job_run_seconds_count", "") == 1
    assert after["sd35graph_workers", "ready"] + after["sd35graph_workers", "busy"] == 1
    assert after["sd35graph_jobs", "pending"] == 0


# --- workflows ---


async def test_workflows_are_saved_and_changed_only_by_who_knows_them(server: Server) -> None:
    first, second, third = ({"1": {"class_type": "ToyInt", "inputs": {"value": value}}} for value in range(3))
    async with server.http() as http:
        url = "/v1/workflows/mine/a%20b"
        saved = await http.put(url, json=first, headers={"if-none-match": "*"})
        resources.SavedWorkflow.model_validate(saved.json())
        assert (saved.status_code, saved.json()["name"], saved.json()["is_example"]) == (201, "mine/a b", False)
        got = await http.get(url)
        assert (got.json(), got.headers["etag"]) == (first, saved.headers["etag"])
        check_problem(await http.put(url, json=second, headers={"if-none-match": "*"}), 412, "precondition_failed")
        check_problem(await http.put(url, json=second), 428, "precondition_required")
        replaced = await http.put(url, json=second, headers={"if-match": got.headers["etag"]})
        assert replaced.status_code == 200
        problem = await http.put(url, json=third, headers={"if-match": got.headers["etag"]})
        assert check_problem(problem, 412, "precondition_failed")["etag"] == replaced.headers["etag"]
        assert (await http.get(url)).json() == second
        assert (await http.get("/userdata/workflows%2Fmine%2Fa%20b.json")).json() == second
        listed = (await http.get("/v1/workflows")).json()
        assert {
            "name": "mine/a b",
            "title": "mine/a b",
            "is_example": False,
            "etag": replaced.headers["etag"],
            "modified_ms": replaced.json()["modified_ms"],
        } in listed
        check_problem(await http.delete(url), 428, "precondition_required")
        check_problem(await http.delete(url, headers={"if-match": got.headers["etag"]}), 412, "precondition_failed")
        assert (await http.delete(url, headers={"if-match": "*"})).status_code == 204
        check_problem(await http.get(url), 404, "not_found")
        check_problem(await http.delete(url), 404, "not_found")
        check_problem(await http.put(url, json=third, headers={"if-match": '"x"'}), 412, "precondition_failed")
        check_problem(await http.put(url, json=[1]), 400, "bad_request")
        check_problem(await http.put("/v1/workflows/%2e%2e/x", json=first), 400, "bad_file_name")


async def test_an_example_is_hidden_by_ones_own_of_its_name_and_never_changed(server: Server) -> None:
    async with server.http() as http:
        example = (await http.get("/v1/workflows/sd35_tiny")).json()
        assert (await http.put("/v1/workflows/sd35_tiny", json={"a": 1})).status_code == 201
        assert (await http.get("/v1/workflows/sd35_tiny")).json() == {"a": 1}
        listed = {each["name"]: each["is_example"] for each in (await http.get("/v1/workflows")).json()}
        assert (listed["sd35_tiny"], listed["sd35_large"]) == (False, True)
        assert (await http.delete("/v1/workflows/sd35_tiny", headers={"if-match": "*"})).status_code == 204
        assert (await http.get("/v1/workflows/sd35_tiny")).json() == example
        check_problem(await http.delete("/v1/workflows/sd35_tiny"), 404, "not_found")


async def test_earlier_contents_of_a_workflow_are_kept_and_given(server: Server) -> None:
    async with server.http() as http:
        url = "/v1/workflows/versions/one"
        for n in range(3):
            assert (await http.put(url, json={"n": n}, headers={"if-match": "*"} if n else {})).status_code < 300
            await asyncio.sleep(0.002)  # a version is named by the millisecond
        listed = (await http.get("/v1/workflow_versions", params={"name": "versions/one"})).json()
        contents = [
            (await http.get(f"/v1/workflow_versions/{each['saved_ms']}/versions/one")).json() for each in listed
        ]
        assert contents == [{"n": 1}, {"n": 0}]
        # What is refused leaves no version; what is removed does.
        check_problem(await http.put(url, json={}, headers={"if-match": '"x"'}), 412, "precondition_failed")
        assert len((await http.get("/v1/workflow_versions", params={"name": "versions/one"})).json()) == 2
        assert (await http.delete(url, headers={"if-match": "*"})).status_code == 204
        newest = (await http.get("/v1/workflow_versions", params={"name": "versions/one"})).json()[0]
        assert (await http.get(f"/v1/workflow_versions/{newest['saved_ms']}/versions/one")).json() == {"n": 2}
        assert (await http.get("/v1/workflow_versions", params={"name": "never"})).json() == []
        check_problem(await http.get("/v1/workflow_versions/1/versions/one"), 404, "not_found")
        check_problem(await http.get("/v1/workflow_versions", params={"name": "../x"}), 400, "bad_file_name")


async def test_of_many_who_change_one_content_one_succeeds(server: Server) -> None:
    async with server.http() as http:
        etag = (await http.put("/v1/workflows/shared", json={"n": -1})).headers["etag"]
        headers = {"if-match": etag}
        puts = [http.put("/v1/workflows/shared", json={"n": n}, headers=headers) for n in range(8)]
        answers = [answer.status_code for answer in await asyncio.gather(*puts)]
        assert sorted(answers) == [200] + [412] * 7
        assert (await http.get("/v1/workflows/shared")).json() == {"n": answers.index(200)}
        assert (await http.delete("/v1/workflows/shared", headers={"if-match": "*"})).status_code == 204


# --- users ---


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with studio(tmp_path_factory.mktemp("studio_v1")) as running:
        yield running


async def test_users_see_and_change_their_own_jobs_only(users: Server) -> None:
    async with users.http(ANNA) as anna, users.http(BOB) as bob, users.http(ROOT) as root, users.http(VERA) as vera:
        key = uuid4().hex
        job = (await submit(anna, save("annas"), key)).json()
        artifact = (await ended(anna, job["id"]))["artifacts"][0]
        for path in (job["url"], f"{job['url']}/events", artifact["url"]):
            check_problem(await bob.get(path), 404, "not_found")
            assert (await root.get(path)).status_code == 200
        check_problem(await bob.post(f"{job['url']}/cancel"), 404, "not_found")
        check_problem(await bob.delete(job["url"]), 404, "not_found")
        assert (await submit(bob, save("annas"), key)).json()["id"] != job["id"]
        assert job["id"] not in [each["id"] for each in (await bob.get("/v1/jobs")).json()["jobs"]]
        assert (await bob.get("/v1/jobs", params={"submitted_by": "anna"})).json()["jobs"] == []
        mine = (await root.get("/v1/jobs", params={"submitted_by": "anna"})).json()["jobs"]
        assert {each["submitted_by"] for each in mine} == {"anna"}
        check_problem(await submit(vera, show(1)), 403, "role_too_low")


async def test_probes_need_no_token_and_metrics_do(users: Server) -> None:
    async with users.http() as http:
        assert [(await http.get(path)).status_code for path in ("/healthz", "/readyz")] == [200, 200]
        assert (await http.get("/metrics")).status_code == 401
        check_problem(await http.get("/v1/jobs"), 401, "login_needed")
