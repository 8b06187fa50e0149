"""Async nodes: they overlap with each other and with plain ones. Proved by events that wait for each other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, out

from sd35graph.engine.execution import async_calls, run
from sd35graph.engine.execution.run_context import Call, current_call
from sd35graph.graph.context import Context
from sd35graph.graph.node import Blocked, Expansion, GraphBuilder, node

TIMEOUT_S = 20.0


class Meeting:
    """A place where `parties` coroutines wait for each other."""

    def __init__(self, parties: int) -> None:
        self.parties = parties
        self.arrived = 0
        self.all_there = asyncio.Event()

    async def wait(self) -> None:
        self.arrived += 1
        if self.arrived == self.parties:
            self.all_there.set()
        await asyncio.wait_for(self.all_there.wait(), TIMEOUT_S)


MEETING: list[Meeting] = []
OPENED: list[threading.Event] = []
SEEN: list[Any] = []


@node("Meet", category="test")
async def meet(value: int) -> int:
    await MEETING[0].wait()
    return value


@node("MeetHere", category="test")
async def meet_here(ctx: Context, value: int) -> int:
    SEEN.append((threading.current_thread().name, current_call.get()))
    ctx.progress(1, 1)
    await MEETING[0].wait()
    SEEN.append(current_call.get())
    return value


@node("WaitForDoor", category="test")
async def wait_for_door(value: int) -> int:
    opened = await asyncio.to_thread(OPENED[0].wait, TIMEOUT_S)
    if not opened:
        raise TimeoutError("nobody opened the door")
    return value


@node("OpenDoor", category="test")
def open_door(value: int) -> int:
    OPENED[0].set()
    return value


@node("StandAtDoor", category="test")
def stand_at_door(value: int) -> int:
    if not OPENED[0].wait(TIMEOUT_S):
        raise TimeoutError("nobody opened the door")
    return value


@node("OpenDoorAsync", category="test")
async def open_door_async(value: int) -> int:
    await asyncio.sleep(0)
    OPENED[0].set()
    return value


@node("Forever", category="test")
async def forever(value: int) -> int:
    SEEN.append("began")
    OPENED[0].set()
    try:
        await asyncio.Event().wait()
    finally:
        SEEN.append("cancelled")
    return value


@node("FailAfterDoor", category="test")
def fail_after_door(value: int) -> int:
    OPENED[0].wait(TIMEOUT_S)
    raise ValueError("sync failure")


LEFT: list[asyncio.Event] = []


@node("Stubborn", category="test")
async def stubborn(ctx: Context, value: int) -> int:
    OPENED[0].set()
    while not LEFT[0].is_set():
        with suppress(asyncio.CancelledError):
            await LEFT[0].wait()
    ctx.progress(1, 1)
    OPENED[0].set()
    return value


@node("Release", category="test")
async def release(value: int) -> int:
    LEFT[0].set()
    return value


BLOCKED: list[threading.Event] = []


@node("BlockTheLoop", category="test")
async def block_the_loop(value: int) -> int:
    OPENED[0].set()
    BLOCKED[0].wait(TIMEOUT_S)
    return value


@node("FailAsync", category="test")
async def fail_async(value: int, kind: str = "ValueError") -> int:
    await asyncio.sleep(0)
    if kind == "SystemExit":
        raise SystemExit("async failure")
    if kind == "CancelledError":
        raise asyncio.CancelledError("async failure")
    raise ValueError("async failure")


@node("FailSome", category="test")
async def fail_some(value: int) -> int:
    if value == 1:
        raise ValueError("item 1")
    await asyncio.Event().wait()
    return value


@node("WrongAsync", category="test")
async def wrong_async(value: int) -> int:
    return "text"  # type: ignore[return-value]


@node("ExpandAsync", category="test")
async def expand_async(value: int) -> int | Expansion:
    graph = GraphBuilder()
    first, second = graph.add("Meet", value=value), graph.add("Meet", value=value + 1)
    return graph.expansion(graph.add("Add", a=first(0), b=second(0))(0))


@node("BlockAsync", category="test")
async def block_async(value: int) -> int | Blocked:
    return Blocked("no")


@node("Several", category="test")
def several(count: int) -> list[int]:
    return list(range(count))


@node("Add", category="test")
def add(a: int, b: int) -> int:
    return a + b


@node("Show", category="test", is_output=True)
def show(ctx: Context, value: object) -> None:
    ctx.show("value", [value])  # type: ignore[list-item]


ALL = [
    *(meet, meet_here, wait_for_door, open_door, stand_at_door, open_door_async, forever, fail_after_door),
    *(stubborn, release, block_the_loop, fail_async, fail_some, wrong_async, expand_async, block_async),
    *(several, add, show),
]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    OPENED[:] = [threading.Event()]
    SEEN.clear()
    made = Lab(tmp_path, ALL)
    yield made
    made.executor.close()


def test_independent_async_nodes_overlap(lab: Lab) -> None:
    MEETING[:] = [Meeting(3)]
    graph: dict[str, Any] = {f"m{i}": ("Meet", {"value": i}) for i in range(3)}
    graph["s"] = ("Add", {"a": out("m0"), "b": out("m1")})
    graph["t"] = ("Add", {"a": out("s"), "b": out("m2")})
    graph["show"] = ("Show", {"value": out("t")})
    assert lab.run(graph).shown("show") == [3]


def test_the_items_of_one_async_node_overlap(lab: Lab) -> None:
    MEETING[:] = [Meeting(4)]
    ran = lab.run(
        {"l": ("Several", {"count": 4}), "m": ("Meet", {"value": out("l")}), "s": ("Show", {"value": out("m")})}
    )
    assert ran.shown("s") == [0, 1, 2, 3]
    assert ran.started == ["l", "m", "s"]


def test_a_plain_node_runs_while_an_async_one_waits(lab: Lab) -> None:
    graph: dict[str, Any] = {
        "wait": ("WaitForDoor", {"value": 1}),
        "open": ("OpenDoor", {"value": 2}),
        "x": ("Add", {"a": out("wait"), "b": out("open")}),
        "s": ("Show", {"value": out("x")}),
    }
    assert lab.run(graph).shown("s") == [3]


def test_an_async_node_goes_on_while_a_plain_one_runs(lab: Lab) -> None:
    graph: dict[str, Any] = {
        "stand": ("StandAtDoor", {"value": 1}),
        "open": ("OpenDoorAsync", {"value": 2}),
        "x": ("Add", {"a": out("stand"), "b": out("open")}),
        "s": ("Show", {"value": out("x")}),
    }
    assert lab.run(graph).shown("s") == [3]


def test_async_nodes_inside_an_expansion_overlap(lab: Lab) -> None:
    MEETING[:] = [Meeting(2)]
    ran = lab.run({"e": ("ExpandAsync", {"value": 5}), "s": ("Show", {"value": out("e")})})
    assert ran.shown("s") == [11]


def test_equal_async_nodes_share_one_call(lab: Lab) -> None:
    MEETING[:] = [Meeting(1)]
    ran = lab.run(
        {
            "a": ("Meet", {"value": 5}),
            "b": ("Meet", {"value": 5}),
            "x": ("Add", {"a": out("a"), "b": out("b")}),
            "s": ("Show", {"value": out("x")}),
        }
    )
    assert ran.shown("s") == [10]
    assert MEETING[0].arrived == 1


def test_each_call_knows_which_one_it_is(lab: Lab) -> None:
    MEETING[:] = [Meeting(2)]
    ran = lab.run({"l": ("Several", {"count": 2}), "m": ("MeetHere", {"value": out("l")})}, targets=["m"])
    assert [
        ("async-nodes", Call("job", "m", 0)),
        ("async-nodes", Call("job", "m", 1)),
        Call("job", "m", 0),
        Call("job", "m", 1),
    ] == SEEN
    assert len(ran.of("progress")) == 2


def test_the_call_scope_is_entered_once_on_the_async_thread(tmp_path: Path) -> None:
    entered: list[str] = []

    @contextmanager
    def scope() -> Iterator[None]:
        entered.append(threading.current_thread().name)
        yield

    made = Lab(tmp_path, ALL, call_scope=scope)
    MEETING[:] = [Meeting(1), Meeting(1)]
    for value in (1, 2):
        MEETING[:] = [Meeting(1)]
        made.run({"m": ("Meet", {"value": value})}, targets=["m"])
    made.executor.close()
    assert entered.count("async-nodes") == 1
    assert len(entered) == 3


@pytest.mark.parametrize("kind", ["ValueError", "SystemExit", "CancelledError"])
def test_an_async_exception_names_its_node(lab: Lab, kind: str) -> None:
    ran = lab.run({"f": ("FailAsync", {"value": 1, "kind": kind})}, targets=["f"])
    assert ran.outcome.error is not None
    assert ran.error == "async failure"
    assert (ran.outcome.error.node_id, ran.outcome.error.type.split(".")[-1]) == ("f", kind)
    assert ran.outcome.error.inputs == {"value": 1, "kind": kind}
    assert "in fail_async" in ran.outcome.error.traceback[0]
    MEETING[:] = [Meeting(1)]
    assert lab.run({"m": ("Meet", {"value": 1})}, targets=["m"]).outcome.state == "succeeded"


def test_a_plain_failure_ends_async_nodes_under_way(lab: Lab) -> None:
    ran = lab.run({"wait": ("Forever", {"value": 1}), "f": ("FailAfterDoor", {"value": 1})}, targets=["wait", "f"])
    assert ran.error == "sync failure"
    assert SEEN == ["began", "cancelled"]
    assert ran.events[-1].type == "failed"


def test_an_async_node_that_will_not_end_is_left_behind(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(run, "ASYNC_GRACE_S", 0.05)
    LEFT[:] = [asyncio.Event()]
    ran = lab.run({"x": ("Stubborn", {"value": 1}), "f": ("FailAfterDoor", {"value": 1})}, targets=["x", "f"])
    assert ran.error == "sync failure"
    assert [record.message for record in caplog.records] == ["an async node goes on after its job"]
    told = len(ran.events)
    OPENED[:] = [threading.Event()]
    lab.run({"o": ("Release", {"value": 1})}, targets=["o"])
    assert OPENED[0].wait(TIMEOUT_S)  # it went on to its end
    assert len(ran.events) == told


def test_an_async_node_that_blocks_its_thread_does_not_hinder_later_runs(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(run, "ASYNC_GRACE_S", 0.05)
    monkeypatch.setattr(async_calls, "STUCK_AFTER_S", 0.05)
    BLOCKED[:] = [threading.Event()]
    ran = lab.run({"x": ("BlockTheLoop", {"value": 1}), "f": ("FailAfterDoor", {"value": 1})}, targets=["x", "f"])
    assert ran.error == "sync failure"
    MEETING[:] = [Meeting(1)]
    assert lab.run({"m": ("Meet", {"value": 1})}, targets=["m"]).outcome.state == "succeeded"
    BLOCKED[0].set()
    assert "blocks" in caplog.text


def test_one_failing_item_ends_the_others(lab: Lab) -> None:
    ran = lab.run({"l": ("Several", {"count": 3}), "f": ("FailSome", {"value": out("l")})}, targets=["f"])
    assert ran.error == "item 1"


def test_async_results_are_checked_blocked_and_cached_like_others(lab: Lab) -> None:
    ran = lab.run({"w": ("WrongAsync", {"value": 1})}, targets=["w"])
    assert 'output 0 "INT" must be INT (int), got a value of type str' in ran.error
    graph: dict[str, Any] = {"b": ("BlockAsync", {"value": 1}), "s": ("Show", {"value": out("b")})}
    assert [data["message"] for data in lab.run(graph).of("blocked")] == ["no"]
    MEETING[:] = [Meeting(1)]
    graph = {"m": ("Meet", {"value": 77}), "s": ("Show", {"value": out("m")})}
    lab.run(graph)
    assert lab.run(graph).cached == ["m", "s"]
