"""Thousands of requests and frames at random: no 5xx, no hang, no leak, no lost job.

`make test` sends a few hundred, always the same; the slow target 10,000, other ones each time.
"""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import pytest
import schemathesis
from documents import TEXTS, VALUES, bodies, real_documents
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from server_process import TIMEOUT_S, ServerProcess, serving
from websockets.sync.client import connect

WORKFLOWS = Path(__file__).parents[2] / "workflows"
MOST_GROWTH_BYTES = 64 * 2**20
MOST_NEW_FILES = 20  # the store's pool of connections fills, to a limit
Case = TypeVar("Case")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("fuzz")) as running:
        yield running


def send_all(strategy: st.SearchStrategy[Case], send: Callable[[Case], None], most: int, *, is_same: bool) -> int:
    """Try `send` with so many examples, always the same ones if wanted; gives how many there were."""
    sent = 0

    @settings(
        max_examples=most,
        deadline=None,
        database=None,
        derandomize=is_same,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(strategy)
    def each(case: Case) -> None:
        nonlocal sent
        sent += 1
        send(case)

    each()
    return sent


# --- prompts ---


def fuzz_prompts(target: ServerProcess, shared: Path, most: int, *, is_same: bool) -> int:
    """Send changed workflows; every accepted one ends and is in the history."""
    accepted: list[str] = []
    with target.http() as http:
        http.post("/v1/queue/resume")

        def send(body: bytes) -> None:
            answer = http.post("/prompt", content=body)
            assert answer.status_code in (200, 400, 409, 413), (answer.status_code, answer.text[:500])
            if answer.status_code == 200:
                accepted.append(answer.json()["prompt_id"])
            else:
                assert answer.json()["error"]["message"]

        documents = real_documents(shared / "workflows", WORKFLOWS)
        sent = send_all(bodies(documents), send, most, is_same=is_same)
        assert sent < 100 or len(accepted) > sent // 25, "too few of the changed workflows still run"
        http.post("/queue", json={"clear": True})
        while (running := http.get("/v1/queue").json())["running"]:
            http.post("/interrupt", json={})
            for job_id in running["running_ids"]:
                target.state_after(job_id)
        states = {job_id: target.state_after(job_id) for job_id in accepted}
    assert len(states) == len(accepted), "two jobs have one id"
    assert set(states.values()) <= {"succeeded", "failed", "cancelled"}
    return sent


# --- the socket ---

FRAMES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=50),
    TEXTS.filter(lambda text: "\ud800" not in text),
    st.sampled_from(
        [
            '{"type": "feature_flags", "data": {"supports_preview_metadata": true}}',
            '{"type": "feature_flags", "data": [1]}',
            '{"type": "feature_flags", "data": null}',
            '{"type": "feature_flags", "data": {"supports_preview_metadata": {"a": [1e999]}}}',
            '{"type": ["feature_flags"]}',
            "[" * 10_000,
            "1" * 100_000,
            b"\0\0\0\1" + bytes(1000),
        ]
    ),
)
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "clientId": st.text(st.characters(codec="utf-8"), max_size=20),
        "after": st.integers().map(str) | st.text(st.characters(codec="utf-8"), max_size=5),
    },
)


def fuzz_frames(target: ServerProcess, most: int, *, is_same: bool) -> int:
    """Send messages of all kinds; the socket still answers after them."""

    def send(case: tuple[dict[str, str], list[str | bytes]]) -> None:
        query, frames = case
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        with connect(f"{target.url.replace('http', 'ws')}/ws?{text}", max_size=None, open_timeout=60) as client:
            client.recv(TIMEOUT_S)
            for frame in frames:
                client.send(frame)
            client.send('{"type": "feature_flags", "data": {}}')
            while "feature_flags" not in str(client.recv(TIMEOUT_S)):
                pass

    return send_all(st.tuples(QUERIES, st.lists(FRAMES, max_size=4)), send, most, is_same=is_same)


def fuzz_bytes(target: ServerProcess, most: int, *, is_same: bool) -> int:
    """Send bytes that are mostly no frames at all; the server ends the connection or waits, and others go on."""

    def send(garbage: bytes) -> None:
        address = urlsplit(target.url)
        with socket.create_connection((address.hostname, address.port), TIMEOUT_S) as raw:
            key = base64.b64encode(os.urandom(16)).decode()
            head = f"GET /ws HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            raw.sendall(f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
            assert raw.recv(4096).startswith(b"HTTP/1.1 101 ")
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            try:
                while raw.recv(65536):
                    pass
            except ConnectionResetError:
                pass

    opcodes = st.integers(0, 255).map(lambda first: bytes([first]))
    frames = st.builds(lambda first, rest: first + rest, opcodes, st.binary(max_size=60))
    return send_all(frames | st.binary(max_size=300), send, most, is_same=is_same)


# --- saved workflows ---

PLAIN_NAMES = ("a", "b/c", "ä ö")
SAVED = st.sampled_from([{}, {"nodes": []}, {"1": {"class_type": "KSampler", "inputs": {}}}]) | VALUES
CHANGES = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["PUT", "PUT", "DELETE"]),
        "name": st.sampled_from(PLAIN_NAMES) | TEXTS.filter(bool),
        "content": SAVED,
        "if_match": st.sampled_from([None, "*", "current", '"old"', ", ,", "W/"]),
        "if_none_match": st.sampled_from([None, "*"]),
    }
)


def fuzz_workflows(target: ServerProcess, most: int, *, is_same: bool) -> int:
    """Save and remove workflows; there is always what the last change left that was allowed to be made."""
    kept: dict[str, tuple[str, bytes]] = {}
    with target.http() as http:

        def send(change: dict[str, Any]) -> None:
            method, name, value = change["method"], change["name"], change["content"]
            path = f"/v1/workflows/{quote(name, safe='', errors='surrogatepass')}"
            current, _ = kept.get(name, ('"none"', b""))
            match = current if change["if_match"] == "current" else change["if_match"]
            conditions = {"if-match": match, "if-none-match": change["if_none_match"]}
            headers = {header: condition for header, condition in conditions.items() if condition is not None}
            content = json.dumps(value).encode() if method == "PUT" else b""
            answer = http.request(method, path, content=content, headers=headers)
            assert answer.status_code in (200, 201, 204, 400, 404, 412, 428), (answer.status_code, answer.text[:500])
            is_allowed = match in ("*", current) if name in kept else match is None and method == "PUT"
            may_change = is_allowed and (method == "DELETE" or isinstance(value, dict))
            if answer.is_success:
                assert may_change, (change, answer.text)
                assert answer.status_code == (204 if method == "DELETE" else 200 if name in kept else 201)
                kept.pop(name, None)
                if method == "PUT":
                    kept[name] = answer.headers["etag"], content
            else:
                assert not may_change or name not in PLAIN_NAMES, (change, answer.text)
            found = http.get(path)
            assert (found.content == kept[name][1]) if name in kept else found.status_code in (400, 404)

        return send_all(CHANGES, send, most, is_same=is_same)


# --- the whole description ---

CONFORMANCE = [status_code_conformance, content_type_conformance, response_schema_conformance]


def names_in_use(target: ServerProcess) -> dict[str, str]:
    """What there is on the server, by the names that paths have for it."""
    with target.http() as http:
        newest = http.get("/v1/jobs", params={"limit": 1, "state": ["succeeded", "failed", "cancelled"]}).json()["jobs"]
    names = {"node_type": "KSampler", "kind": "checkpoints", "folder": "checkpoints", "name": "sd35_tiny"}
    names |= {"pack": "sd35graph", "file": "sd35_tiny.json"}
    return names | ({"job_id": newest[0]["id"]} if newest else {})


def fuzz_routes(target: ServerProcess, most: int, *, is_same: bool) -> int:
    """Send each route what its description allows, and what it does not; the answers are as described too."""
    schema = schemathesis.openapi.from_url(f"{target.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    sent = 0

    def send(asked: tuple[schemathesis.Case, bool]) -> None:
        case, is_there = asked
        if is_there:
            case.path_parameters = {name: in_use.get(name, value) for name, value in case.path_parameters.items()}
        answer = case.call(base_url=target.url, timeout=TIMEOUT_S)
        assert answer.status_code < 500, (case.as_curl_command(), answer.status_code, answer.text[:500])
        case.validate_response(answer, checks=CONFORMANCE)

    allowed, forbidden = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
    for number, operation in enumerate(operations):
        in_use = names_in_use(target)
        modes = [allowed, forbidden] if most else [(allowed, forbidden)[number % 2]]  # to look at each takes its time
        for mode in modes:
            share = max(1, most // (2 * len(operations)))
            with suppress(Unsatisfiable):  # a route without parameters can be asked nothing wrong
                cases = st.tuples(operation.as_strategy(generation_mode=mode), st.booleans())
                sent += send_all(cases, send, share, is_same=is_same)
    return sent


# --- all of it ---


def fuzz(target: ServerProcess, shared: Path, prompts: int, frames: int, routes: int, *, is_same: bool) -> int:
    """Everything, so many of each; gives how many there were."""
    sent = fuzz_prompts(target, shared, prompts, is_same=is_same)
    sent += fuzz_frames(target, frames // 2, is_same=is_same)
    sent += fuzz_bytes(target, frames // 2, is_same=is_same)
    sent += fuzz_workflows(target, prompts // 2, is_same=is_same)
    return sent + fuzz_routes(target, routes, is_same=is_same)


def check_holds(target: ServerProcess, before: tuple[int, int]) -> str:
    """Fail when the server has grown; gives the numbers."""
    after = target.holds()
    growth, files = after[0] - before[0], after[1] - before[1]
    told = f"memory {before[0] / 2**20:.0f} MB + {growth / 2**20:.1f} MB, files {before[1]} + {files}"
    assert growth < MOST_GROWTH_BYTES, told
    assert files <= MOST_NEW_FILES, told
    return told


def check_log(target: ServerProcess) -> None:
    """Fail when the server had something to say of mistakes of its own."""
    text = target.log.read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in text, text[-5000:]


def test_a_few_hundred_requests_at_random_do_no_harm(target: ServerProcess, shared: Path) -> None:
    fuzz_prompts(target, shared, 30, is_same=True)  # so that most is loaded
    fuzz_frames(target, 10, is_same=True)
    before = target.holds()
    sent = fuzz(target, shared, 100, 60, 0, is_same=True)
    assert sent > 200
    check_holds(target, before)
    check_log(target)


@pytest.mark.slow
def test_ten_thousand_requests_at_random_do_no_harm(
    target: ServerProcess, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fuzz(target, shared, 500, 500, 500, is_same=False)
    before, sent = target.holds(), 0
    while sent < 10_000:
        sent += fuzz(target, shared, 3000, 2000, 4000, is_same=False)
    told = check_holds(target, before)
    check_log(target)
    with capsys.disabled():
        print(f"\n{sent} cases; {told}")  # noqa: T201
