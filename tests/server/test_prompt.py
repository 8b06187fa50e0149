"""Jobs through a real server and a real worker: messages, history, queue, cancelling."""

from __future__ import annotations

import asyncio
import struct
from typing import Any
from uuid import uuid4

import pytest
from live_server import Message, Server, fresh, number, show

from sd35graph.server import wire

Nodes = dict[str, Any]


def types(messages: list[Message]) -> list[str]:
    return [message["type"] for message in messages]


def of_type(messages: list[Message], kind: str) -> list[Any]:
    return [message["data"] for message in messages if message["type"] == kind]


async def test_a_prompt_sends_the_recorded_sequence_and_ends_in_the_history(server: Server) -> None:
    value = fresh()
    graph = {**number(value), **show(["n", 0])}
    prompt_id, messages = await server.run(graph)
    assert types(messages) == [
        "status",
        "status",
        "execution_start",
        "execution_cached",
        *("progress_state", "executing", "progress_state"),
        *("progress_state", "executing", "executed", "progress_state"),
        "execution_success",
        "status",
        "executing",
    ]
    assert of_type(messages, "executed")[0]["output"] == {"text": [str(value)]}
    entry = await server.history(prompt_id)
    wire.HistoryEntry.model_validate(entry)
    assert entry["prompt"][1:3] == [prompt_id, graph]
    assert entry["prompt"][4] == ["show"]
    assert entry["outputs"] == {"show": {"text": [str(value)]}}
    assert entry["status"]["status_str"] == "success"
    assert entry["status"]["completed"] is True
    assert [kind for kind, _ in entry["status"]["messages"]] == [
        "execution_start",
        "execution_cached",
        "execution_success",
    ]
    assert entry["meta"] == {
        "show": {"node_id": "show", "display_node": "show", "parent_node": None, "real_node_id": "show"}
    }


async def test_every_message_fits_its_published_model(server: Server) -> None:
    steps = {"s": {"class_type": "ToySteps", "inputs": {"value": ["n", 0]}}}
    _, messages = await server.run({**number(fresh()), **steps, **show(["s", 0])})
    for message in messages:
        if message["type"] != "binary":
            wire.SOCKET_MESSAGES[message["type"]].model_validate(message["data"])


async def test_an_unchanged_prompt_is_cached_and_sends_executed_again(server: Server) -> None:
    graph = {**number(fresh()), **show(["n", 0])}
    _, first = await server.run(graph)
    _, second = await server.run(graph)
    assert set(of_type(second, "execution_cached")[0]["nodes"]) == {"n", "show"}
    assert [data["output"] for data in of_type(second, "executed")] == [
        data["output"] for data in of_type(first, "executed")
    ]
    assert [data["node"] for data in of_type(second, "executing")] == [None]


async def test_progress_and_previews_come_for_every_step(server: Server) -> None:
    steps = {"s": {"class_type": "ToySteps", "inputs": {"value": ["n", 0], "steps": 4, "seconds_per_step": 0.05}}}
    _, messages = await server.run({**number(fresh()), **steps, **show(["s", 0])})
    assert [data["value"] for data in of_type(messages, "progress")] == [1, 2, 3, 4]
    assert [struct.unpack(">II", data[:8]) for data in of_type(messages, "binary")] == [(1, 1)] * 4


async def test_announced_clients_get_previews_with_metadata(server: Server) -> None:
    async with server.listening() as listener, server.http() as http:
        await listener.socket.send('{"type": "feature_flags", "data": {"supports_preview_metadata": true}}')
        features = await listener.next()
        assert features["type"] == "feature_flags"
        assert features["data"] == (await http.get("/features")).json()
        steps = {"s": {"class_type": "ToySteps", "inputs": {"value": fresh(), "seconds_per_step": 0.02}}}
        body = {"prompt": {**steps, **show(["s", 0])}, "client_id": listener.client_id}
        prompt_id = (await http.post("/prompt", json=body)).json()["prompt_id"]
        previews = of_type(await listener.until_end(prompt_id), "binary")
    assert [struct.unpack(">I", data[:4]) for data in previews] == [(4,)] * 3


@pytest.mark.parametrize(
    "nonsense", ["", "hello", "[]", '{"type": "feature_flags", "data": 3}', "[" * 5000, b"\x00\x01"]
)
async def test_nonsense_on_the_socket_is_ignored(server: Server, nonsense: str | bytes) -> None:
    async with server.listening() as listener, server.http() as http:
        await listener.socket.send(nonsense)
        body = {"prompt": show(fresh()), "client_id": listener.client_id}
        prompt_id = (await http.post("/prompt", json=body)).json()["prompt_id"]
        assert "execution_success" in types(await listener.until_end(prompt_id))


async def test_a_failing_node_gives_execution_error_and_the_next_job_runs(server: Server) -> None:
    graph = {"f": {"class_type": "ToyFail", "inputs": {"value": ["n", 0]}}, **number(fresh()), **show(["f", 0])}
    prompt_id, messages = await server.run(graph)
    [error] = of_type(messages, "execution_error")
    assert error["node_id"] == "f"
    assert error["node_type"] == "ToyFail"
    assert error["exception_type"] == "RuntimeError"
    assert error["exception_message"].startswith("no luck")
    assert error["executed"] == ["n"]
    assert any("toy_fail" in line for line in error["traceback"])
    assert messages[-1]["data"].items() >= {"node": None, "prompt_id": prompt_id}.items()
    status = (await server.history(prompt_id))["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    assert status["messages"][-1] == ["execution_error", error]
    assert "execution_success" in types((await server.run(show(fresh())))[1])


async def test_a_node_that_returns_the_wrong_type_is_named(server: Server) -> None:
    graph = {"w": {"class_type": "ToyWrongType", "inputs": {"value": fresh()}}, **show(["w", 0])}
    [error] = of_type((await server.run(graph))[1], "execution_error")
    assert error["node_id"] == "w"
    assert "INT" in error["exception_message"]


async def test_a_worker_that_dies_fails_its_job_with_the_reason_and_the_next_one_runs(server: Server) -> None:
    dies, messages = await server.run({"d": {"class_type": "ToyDie", "inputs": {"value": fresh()}}, **show(["d", 0])})
    assert "execution_error" in types(messages)
    status = (await server.history(dies))["status"]
    assert status["status_str"] == "error"
    assert "SIGKILL" in status["messages"][-1][1]["exception_message"]
    assert "execution_success" in types((await server.run(show(fresh())))[1])


async def test_a_blocked_output_tells_its_message_and_the_job_succeeds(server: Server) -> None:
    graph = {"g": {"class_type": "ToyGate", "inputs": {"value": fresh()}}, **show(["g", 0])}
    _, messages = await server.run(graph)
    [error] = of_type(messages, "execution_error")
    assert error["exception_type"] == "ExecutionBlocked"
    assert error["exception_message"] == "closed"
    assert "execution_success" in types(messages)
    assert of_type(messages, "executed") == []


async def test_a_warning_reaches_the_client_and_the_history_also_when_the_result_is_reused(server: Server) -> None:
    graph = {"w": {"class_type": "ToyWarn", "inputs": {"value": fresh()}}, **show(["w", 0])}
    for _ in range(2):
        prompt_id, messages = await server.run(graph)
        [warning] = of_type(messages, "execution_warning")
        told = {"node": "w", "display_node": "w", "node_type": "ToyWarn", "message": "two keys fit nothing"}
        assert warning.items() >= told.items()
        assert "execution_success" in types(messages)
        status = (await server.history(prompt_id))["status"]
        assert (status["status_str"], status["completed"]) == ("success", True)
        assert ["execution_warning", warning] in status["messages"]
    assert "w" in of_type(messages, "execution_cached")[0]["nodes"]


def slow(steps: int = 200, name: str = "s") -> Nodes:
    inputs = {"value": fresh(), "steps": steps, "seconds_per_step": 0.02}
    return {name: {"class_type": "ToySteps", "inputs": inputs}, **show([name, 0], f"show {name}")}


async def test_interrupt_stops_the_running_job_and_only_that(server: Server) -> None:
    async with server.listening() as listener, server.http() as http:

        async def queue(graph: Nodes) -> str:
            answer = await http.post("/prompt", json={"prompt": graph, "client_id": listener.client_id})
            return str(answer.json()["prompt_id"])

        first, second = await queue(slow(2000)), await queue(slow(3))
        await listener.until(lambda message: message["type"] == "progress")
        assert (await http.post("/interrupt", json={"prompt_id": second})).json() == {}  # it waits: not interrupted
        assert (await http.post("/interrupt")).json() == {}
        stopped = await listener.until_end(first)
        assert "execution_success" in types(await listener.until_end(second))
    [interrupted] = of_type(stopped, "execution_interrupted")
    assert (interrupted["node_id"], interrupted["node_type"]) == ("s", "ToySteps")
    assert interrupted["executed"] == []
    status = (await server.history(first))["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    assert status["messages"][-1] == ["execution_interrupted", interrupted]


async def test_interrupt_by_id_stops_that_job(server: Server) -> None:
    async with server.listening() as listener, server.http() as http:
        body = {"prompt": slow(2000), "client_id": listener.client_id}
        prompt_id = (await http.post("/prompt", json=body)).json()["prompt_id"]
        await listener.until(lambda message: message["type"] == "progress")
        await http.post("/interrupt", json={"prompt_id": prompt_id})
        assert "execution_interrupted" in types(await listener.until_end(prompt_id))


async def test_interrupt_while_nothing_runs_is_harmless(server: Server) -> None:
    async with server.http() as http:
        answer = await http.post("/interrupt", json={})
    assert (answer.status_code, answer.json()) == (200, {})


async def test_the_queue_lists_and_deletes_waiting_jobs_in_order(server: Server) -> None:
    async with server.listening() as listener, server.http() as http:

        async def queue(**request: Any) -> str:
            body = {"prompt": show(fresh()), "client_id": listener.client_id, **request}
            return str((await http.post("/prompt", json=body)).json()["prompt_id"])

        async def waiting() -> list[str]:
            listed = (await http.get("/api/queue")).json()
            wire.Queue.model_validate_json((await http.get("/queue")).content)
            return [item[1] for item in listed["queue_pending"]]

        running = await queue(prompt=slow(2000))
        await listener.until(lambda message: message["type"] == "progress")
        last, first, number_given = await queue(), await queue(front=True), await queue(number=1e9)
        assert await waiting() == [first, last, number_given]
        assert (await http.get("/prompt")).json() == {"exec_info": {"queue_remaining": 4}}
        assert (await http.post("/queue", json={"delete": [last, "nope"]})).json() == {}
        assert await waiting() == [first, number_given]
        assert "execution_interrupted" in types(await listener.until_end(last))  # its client need not wait for ever
        assert (await http.post("/queue", json={"clear": True})).json() == {}
        assert await waiting() == []
        assert [item[1] for item in (await http.get("/queue")).json()["queue_running"]] == [running]
        await http.post("/interrupt", json={})
        await listener.until_end(running)


async def test_history_pages_as_clients_expect(server: Server) -> None:
    ids = [(await server.run(show(fresh())))[0] for _ in range(3)]
    async with server.http() as http:

        async def page(**query: int) -> list[str]:
            return list((await http.get("/history", params=query)).json())

        everything = await page()
        assert everything[-3:] == ids  # oldest first
        assert await page(max_items=2) == ids[-2:]
        assert await page(offset=0) == everything
        assert await page(offset=len(everything) - 2) == ids[-2:]
        assert await page(offset=len(everything)) == []
        assert await page(offset=len(everything) - 3, max_items=1) == ids[:1]
        assert (await http.get("/history")).json() == (await http.get("/api/history")).json()
        await http.post("/history", json={"delete": [ids[0], "nope"]})
        assert (await http.get(f"/history/{ids[0]}")).json() == {}
        assert await page(max_items=2) == ids[1:]


async def test_partial_execution_runs_only_the_chosen_outputs(server: Server) -> None:
    graph = {**show(fresh(), "a"), **show(fresh(), "b")}
    prompt_id, _ = await server.run(graph, partial_execution_targets=["b"])
    entry = await server.history(prompt_id)
    assert list(entry["outputs"]) == ["b"]
    assert entry["prompt"][4] == ["b"]
    async with server.http() as http:
        answer = await http.post("/prompt", json={"prompt": graph, "partial_execution_targets": []})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "prompt_no_outputs"


async def test_one_good_output_runs_and_the_bad_one_is_reported(server: Server) -> None:
    graph = {**show(fresh(), "good"), **show(["gone", 0], "bad")}
    async with server.listening() as listener, server.http() as http:
        answer = await http.post("/prompt", json={"prompt": graph, "client_id": listener.client_id})
        reply = answer.json()
        assert answer.status_code == 200
        assert list(reply["node_errors"]) == ["bad"]
        wire.PromptReply.model_validate(reply)
        messages = await listener.until_end(reply["prompt_id"])
    assert [data["node"] for data in of_type(messages, "executed")] == ["good"]


async def test_the_client_chooses_the_id_and_extra_data_comes_back(server: Server) -> None:
    wanted = str(uuid4())
    extra = {"extra_pnginfo": {"workflow": {"nodes": []}}, "mine": 1}
    prompt_id, _ = await server.run(show(fresh()), prompt_id=wanted, extra_data=extra)
    assert prompt_id == wanted
    entry = await server.history(wanted)
    client_id = entry["prompt"][3].pop("client_id")
    assert client_id
    assert entry["prompt"][3] == extra


async def test_a_repeated_id_is_refused_while_it_waits_and_after_it_ended(server: Server) -> None:
    async with server.http() as http:
        body = {"prompt": slow(20), "prompt_id": str(uuid4())}
        assert (await http.post("/prompt", json=body)).status_code == 200
        again = await http.post("/prompt", json=body)
        assert again.status_code == 409
        assert again.json()["error"]["type"] == "duplicate_prompt_id"
        ended = str(uuid4())
    await server.run(show(fresh()), prompt_id=ended)
    async with server.http() as http:
        assert (await http.post("/prompt", json={"prompt": show(1), "prompt_id": ended})).status_code == 409
        assert (await http.get(f"/history/{ended}")).json() != {}  # the first one is untouched


async def test_a_bare_workflow_of_either_form_is_accepted(server: Server) -> None:
    editor = {
        "last_node_id": 1,
        "last_link_id": 0,
        "nodes": [
            {
                "id": 1,
                "type": "ToySave",
                "pos": [0, 0],
                "size": [1, 1],
                "mode": 0,
                "inputs": [],
                "outputs": [],
                "widgets_values": [fresh(), "bare", ".txt"],
            }
        ],
        "links": [],
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }
    for document in (show(fresh()), editor):
        async with server.listening() as listener, server.http() as http:
            answer = await http.post(f"/prompt?clientId={listener.client_id}", json=document)
            assert answer.status_code == 200, answer.text
            messages = await listener.until_end(answer.json()["prompt_id"])
            assert "execution_success" in types(messages)
            entry = await server.history(answer.json()["prompt_id"])
            if "nodes" in document:
                assert entry["prompt"][2]["1"]["class_type"] == "ToySave"


async def test_a_client_that_reconnects_goes_on_receiving(server: Server) -> None:
    async with server.listening("again") as listener, server.http() as http:
        body = {"prompt": slow(100), "client_id": "again"}
        prompt_id = (await http.post("/prompt", json=body)).json()["prompt_id"]
        await listener.until(lambda message: message["type"] == "progress")
    async with server.listening("again") as listener:
        messages = await listener.until_end(prompt_id)
    assert messages[0]["data"].items() >= {"node": "s", "display_node": "s", "prompt_id": prompt_id}.items()
    assert "execution_success" in types(messages)


async def test_a_client_that_was_away_is_told_what_it_missed_and_nothing_twice(server: Server) -> None:
    me = uuid4().hex
    async with server.http() as http:

        async def queue(graph: Nodes) -> str:
            return str((await http.post("/prompt", json={"prompt": graph, "client_id": me})).json()["prompt_id"])

        async with server.listening(me) as listener:
            missed, running = await queue({**slow(10, "s"), **show(fresh(), "other")}), await queue(slow(150))
            seen = await listener.until(lambda message: message["type"] == "execution_cached")
        async with server.listening() as other:  # nobody listens as `me` until the first job is done
            await other.until(lambda message: message["data"] == {"status": {"exec_info": {"queue_remaining": 1}}})
        after = max(message["data"].get("seq", 0) for message in seen)
        async with server.listening(me, after=after) as listener:
            first, second = await listener.until_end(missed), await listener.until_end(running)
    assert {data["node"] for data in of_type(first, "executed")} == {"show s", "other"}
    assert types(first).count("execution_success") == 1
    assert types(second).count("execution_start") == 1
    assert types(second).count("execution_success") == 1
    told = [message for message in (*first, *second) if message["type"] not in ("binary", "status")]
    assert min(message["data"]["seq"] for message in told) > after  # each carries a number
    once = [message["data"]["seq"] for message in told if message["type"].startswith(("execution_", "executed"))]
    assert once == sorted(set(once))


@pytest.mark.parametrize("after", ["x", "-1", "9" * 40, ""])
async def test_odd_numbers_of_a_last_event_are_harmless(server: Server, after: str) -> None:
    async with server.listening(after=after) as listener, server.http() as http:
        body = {"prompt": show(fresh()), "client_id": listener.client_id}
        prompt_id = (await http.post("/prompt", json=body)).json()["prompt_id"]
        assert "execution_success" in types(await listener.until_end(prompt_id))


async def test_a_client_that_vanishes_harms_nobody(server: Server) -> None:
    async with server.http() as http:
        async with server.listening("vanishing") as listener:
            body = {"prompt": slow(30), "client_id": "vanishing"}
            vanished = (await http.post("/prompt", json=body)).json()["prompt_id"]
            await listener.until(lambda message: message["type"] == "progress")
            listener.socket.transport.abort()
        assert "execution_success" in types((await server.run(show(fresh())))[1])
    assert (await server.history(vanished))["status"]["status_str"] == "success"


async def test_messages_about_a_job_go_only_to_the_client_that_queued_it(server: Server) -> None:
    async with server.listening() as other:
        prompt_id, _ = await server.run(show(fresh()))
        await server.history(prompt_id)
        seen = []
        try:
            while True:
                seen.append(await asyncio.wait_for(other.next(), 0.3))
        except TimeoutError:
            pass
    assert set(types(seen)) == {"status"}


async def test_the_socket_is_there_under_api_too(server: Server) -> None:
    async with server.listening(path="/api/ws") as listener, server.http() as http:
        body = {"prompt": show(fresh()), "client_id": listener.client_id}
        prompt_id = (await http.post("/api/prompt", json=body)).json()["prompt_id"]
        assert "execution_success" in types(await listener.until_end(prompt_id))


async def test_a_validator_refuses_before_the_job_is_accepted(server: Server) -> None:
    graph = {"e": {"class_type": "ToyEven", "inputs": {"value": 3}}, **show(["e", 0])}
    async with server.http() as http:
        answer = await http.post("/prompt", json={"prompt": graph})
    assert answer.status_code == 400
    [error] = answer.json()["node_errors"]["e"]["errors"]
    assert error["type"] == "custom_validation_failed"
    assert "3 is odd" in error["details"]


async def test_a_validator_is_answered_while_another_job_runs(server: Server) -> None:
    async with server.listening() as listener, server.http() as http:
        body = {"prompt": slow(2000), "client_id": listener.client_id}
        prompt_id = (await http.post("/prompt", json=body)).json()["prompt_id"]
        await listener.until(lambda message: message["type"] == "progress")
        graph = {"e": {"class_type": "ToyEven", "inputs": {"value": 3}}, **show(["e", 0])}
        assert (await http.post("/prompt", json={"prompt": graph})).status_code == 400
        await http.post("/interrupt", json={"prompt_id": prompt_id})
        assert "execution_interrupted" in types(await listener.until_end(prompt_id))
