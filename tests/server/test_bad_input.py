"""Whatever a client sends, the answer is 4xx in one shape and the server goes on."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from live_server import Server, fresh, show

from sd35graph.server import wire


async def post(server: Server, content: bytes, path: str = "/prompt") -> httpx.Response:
    async with server.http() as http:
        return await http.post(path, content=content, headers={"content-type": "application/json"})


async def refused(server: Server, content: object, path: str = "/prompt") -> dict[str, Any]:
    """The error of an answer that must be a refusal in our shape, after which the server still works."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = await post(server, raw, path)
    assert 400 <= answer.status_code < 500, answer.text
    wire.ErrorReply.model_validate_json(answer.content)
    async with server.http() as http:
        assert (await http.get("/prompt")).status_code == 200
    error: dict[str, Any] = answer.json()
    return error


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  ",
        b"{not json",
        b"{'a': 1}",
        b"\xff\xfe\x00",
        b'{"prompt": NaN}',
        b'{"prompt": {"1": {"class_type": "ToyFloat", "inputs": {"value": Infinity}}}}',
        b'{"prompt": {"1": {"class_type": "ToyFloat", "inputs": {"value": 1e999}}}}',
        b'{"prompt": {"1": {"class_type": "ToyFloat", "inputs": {"value": -1e400}}}}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 1000 + b"]" * 1000,
    ],
)
async def test_what_is_no_json_is_named_so(server: Server, content: bytes) -> None:
    assert (await refused(server, content))["error"]["type"] == "invalid_json"


@pytest.mark.parametrize("content", [[], [1, 2], "hi", 5, True, {}, {"foo": 1}, {"prompt": []}, {"prompt": "x"}])
async def test_what_is_no_workflow_is_named_so(server: Server, content: object) -> None:
    assert (await refused(server, content))["error"]["type"] == "no_prompt"


async def test_null_is_no_workflow(server: Server) -> None:
    await refused(server, {"prompt": None})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("client_id", 5),
        ("client_id", ["a"]),
        ("client_id", "x" * 1001),
        ("number", "first"),
        ("number", True),
        ("front", "yes"),
        ("extra_data", []),
        ("extra_data", "x"),
        ("partial_execution_targets", "9"),
        ("partial_execution_targets", [9]),
        ("partial_execution_targets", {"9": 1}),
    ],
)
async def test_fields_of_the_wrong_type_are_named(server: Server, field: str, value: object) -> None:
    reply = await refused(server, {"prompt": show(1), field: value})
    assert reply["error"]["type"] == "bad_request"
    assert field in reply["error"]["message"]


@pytest.mark.parametrize(
    "prompt_id", ["x", "", "5DF83256-B4AA-424C-B767-AC48F72EE2A6", "{5df83256-b4aa-424c-b767-ac48f72ee2a6}", "../../x"]
)
async def test_ids_that_are_no_canonical_uuid_are_refused(server: Server, prompt_id: str) -> None:
    reply = await refused(server, {"prompt": show(1), "prompt_id": prompt_id})
    assert reply["error"]["type"] == "invalid_prompt_id"


async def test_a_body_over_the_limit_is_refused(server: Server) -> None:
    huge = '{"prompt": {}, "extra_data": {"x": "' + "y" * (33 * 2**20) + '"}}'
    async with server.http() as http:
        answer = await http.post("/prompt", content=huge)
        assert answer.status_code == 413
        assert (await http.get("/prompt")).status_code == 200


@pytest.mark.parametrize(
    ("nodes", "error_type"),
    [
        ({"1": {"class_type": "Nothing", "inputs": {}}}, "invalid_prompt"),
        ({"1": {"inputs": {}}}, "invalid_prompt"),
        ({"1": 5}, "invalid_prompt"),
        ({"1": {"class_type": ["a"], "inputs": {}}}, "invalid_prompt"),
        ({"1": {"class_type": "ToyInt", "inputs": {"value": 1}}}, "prompt_no_outputs"),
        (show(["gone", 0]), "prompt_outputs_failed_validation"),
        (show([7, 0]), "prompt_outputs_failed_validation"),
        (show(["show", 0]), "prompt_outputs_failed_validation"),
    ],
)
async def test_bad_graphs_are_refused_as_clients_expect(server: Server, nodes: Any, error_type: str) -> None:
    assert (await refused(server, {"prompt": nodes}))["error"]["type"] == error_type


@pytest.mark.parametrize(
    ("inputs", "error_type"),
    [
        ({"value": -1}, "value_smaller_than_min"),
        ({"value": 2**33}, "value_bigger_than_max"),
        ({"value": "many"}, "invalid_input_type"),
        ({"value": None}, "invalid_input_type"),
        ({"value": {}}, "invalid_input_type"),
        ({"value": 10**400}, None),
        ({"value": ["1"]}, "bad_linked_input"),
        ({"value": ["f", 0]}, "return_type_mismatch"),
        ({"value": ["f", 9]}, None),
        ({"value": ["f", "0"]}, None),
        ({"value": ["f", -1]}, None),
        ({}, "required_input_missing"),
    ],
)
async def test_each_bad_input_names_its_node(server: Server, inputs: Any, error_type: str | None) -> None:
    graph = {
        "n": {"class_type": "ToyInt", "inputs": inputs},
        "f": {"class_type": "ToyFile", "inputs": {"name": "gone.safetensors"}},
        **show(["n", 0]),
    }
    reply = await refused(server, {"prompt": graph})
    if error_type is not None:
        assert error_type in [error["type"] for error in reply["node_errors"]["n"]["errors"]]


async def test_cycles_and_missing_models_are_refused(server: Server) -> None:
    cycle = {
        "a": {"class_type": "ToyAdd", "inputs": {"a": ["b", 0], "b": 1}},
        "b": {"class_type": "ToyAdd", "inputs": {"a": ["a", 0], "b": 1}},
        **show(["a", 0]),
    }
    reply = await refused(server, {"prompt": cycle})
    assert reply["error"]["type"] == "prompt_outputs_failed_validation"
    missing = {"f": {"class_type": "ToyFile", "inputs": {"name": "sd3.5_large.safetensors"}}, **show(["f", 0])}
    [error] = (await refused(server, {"prompt": missing}))["node_errors"]["f"]["errors"]
    assert error["type"] == "value_not_in_list"
    assert "checkpoints" in error["details"]


async def test_a_validator_that_hangs_holds_neither_jobs_nor_other_validators(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def checked(value: int) -> bytes:
        graph = {"e": {"class_type": "ToyEven", "inputs": {"value": value}}, **show(["e", 0])}
        return json.dumps({"prompt": graph}).encode()

    monkeypatch.setattr("sd35graph.server.jobs.submission.VALIDATION_TIMEOUT_S", 0.5)
    answer = await post(server, checked(13))
    assert answer.status_code == 504
    assert "ToyEven (node e)" in answer.json()["error"]["message"]
    monkeypatch.undo()
    _, messages = await server.run(show(fresh()))
    assert "execution_success" in [message["type"] for message in messages]
    assert (await refused(server, json.loads(checked(3))))["error"]["type"] == "prompt_outputs_failed_validation"


@pytest.mark.parametrize("path", ["/queue", "/history", "/interrupt", "/free"])
@pytest.mark.parametrize("content", [b"{", b"[]", b'"x"', b'{"delete": "x", "prompt_id": 5, "unload_models": "yes"}'])
async def test_other_bodies_are_checked_too(server: Server, path: str, content: bytes) -> None:
    await refused(server, content, path)


@pytest.mark.parametrize("path", ["/queue", "/history"])
async def test_so_many_ids_that_others_would_wait_are_refused(server: Server, path: str) -> None:
    await refused(server, json.dumps({"delete": ["x"] * 10_001}).encode(), path)


@pytest.mark.parametrize("query", ["max_items=x", "offset=x", "max_items=1e99"])
async def test_bad_query_parameters_are_refused(server: Server, query: str) -> None:
    async with server.http() as http:
        answer = await http.get(f"/history?{query}")
    assert answer.status_code == 400
    wire.ErrorReply.model_validate_json(answer.content)


@pytest.mark.parametrize(
    "query", ["max_items=99999999999999999999", "offset=99999999999999999999", "max_items=-3", "offset=-1"]
)
async def test_odd_numbers_do_not_break_the_history(server: Server, query: str) -> None:
    async with server.http() as http:
        answer = await http.get(f"/history?{query}")
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize("name", ["x", "%00", "%ff", "..%2f..%2fetc%2fpasswd", "a" * 5000])
async def test_history_of_odd_ids_is_empty(server: Server, name: str) -> None:
    async with server.http() as http:
        answer = await http.get(f"/history/{name}")
    assert (answer.status_code, answer.json()) in ((200, {}), (404, answer.json()))


async def test_unknown_routes_and_methods_answer_in_the_same_shape(server: Server) -> None:
    async with server.http() as http:
        unknown, method = await http.get("/nothing/here"), await http.delete("/prompt")
    assert (unknown.status_code, method.status_code) == (404, 405)
    for answer in (unknown, method):
        wire.ErrorReply.model_validate_json(answer.content)


async def test_odd_client_ids_are_only_names(server: Server) -> None:
    for client_id in ("ü ☃", "a" * 900, "'; drop table jobs; --", "%00"):
        async with server.listening() as listener, server.http() as http:
            answer = await http.post("/prompt", json={"prompt": show(fresh()), "client_id": client_id})
            assert answer.status_code == 200
            assert (await listener.next())["type"] == "status"
