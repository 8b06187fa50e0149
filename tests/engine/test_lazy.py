"""Lazy inputs: evaluated only when asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab import Lab, out

from sd35graph.graph.context import Context
from sd35graph.graph.errors import InputNeeded
from sd35graph.graph.node import Blocked, Lazy, need, node

CALLS: list[Any] = []


@node("Number", category="test")
def number(value: int) -> int:
    CALLS.append(value)
    return value


@node("Several", category="test")
def several(count: int, first: int = 0) -> list[int]:
    return list(range(first, first + count))


@node("Switch", category="test")
def switch(which: int, low: Lazy[int], high: Lazy[int]) -> int:
    return high.value if which else low.value


@node("SwitchAsync", category="test")
async def switch_async(which: int, low: Lazy[int], high: Lazy[int]) -> int:
    return high.value if which else low.value


@node("AddLazy", category="test")
def add_lazy(ctx: Context, a: Lazy[int], b: Lazy[int]) -> int:
    CALLS.append("called")
    ctx.show("aborted calls", ["show nothing"] if not a.is_ready else [])
    need(a, b)
    return a.value + b.value


@node("OneByOne", category="test")
def one_by_one(a: Lazy[int], b: Lazy[int], c: Lazy[int | None] = None) -> int:  # type: ignore[assignment]
    return a.value + b.value + (c.value or 0)


@node("SumLazy", category="test")
def sum_lazy(which: bool, values: Lazy[list[int]]) -> int:
    return sum(values.value) if which else -1


@node("AsksTwice", category="test")
def asks_twice(a: Lazy[int]) -> int:
    raise InputNeeded("a")


@node("AsksForOther", category="test")
def asks_for_other(a: Lazy[int], b: int = 0) -> int:
    raise InputNeeded("b")


@node("Block", category="test")
def block(value: int) -> int | Blocked:
    return value if value < 10 else Blocked("ten is too much")


@node("Show", category="test", is_output=True)
def show(ctx: Context, value: object) -> None:
    ctx.show("value", [value])  # type: ignore[list-item]


ALL = [number, several, switch, switch_async, add_lazy, one_by_one, sum_lazy, asks_twice, asks_for_other, block, show]


def lab(folder: Path) -> Lab:
    CALLS.clear()
    return Lab(folder, ALL)


def switching(which: object, kind: str = "Switch") -> dict[str, Any]:
    return {
        "low": ("Number", {"value": 1}),
        "high": ("Number", {"value": 2}),
        "x": (kind, {"which": which, "low": out("low"), "high": out("high")}),
        "s": ("Show", {"value": out("x")}),
    }


@pytest.mark.parametrize("kind", ["Switch", "SwitchAsync"])
def test_only_the_branch_asked_for_is_evaluated(tmp_path: Path, kind: str) -> None:
    engine = lab(tmp_path)
    ran = engine.run(switching(1, kind))
    assert ran.shown("s") == [2]
    assert CALLS == [2]
    assert ran.started == ["x", "high", "s"]  # told once, though it was called twice
    other = engine.run(switching(0, kind))
    assert other.shown("s") == [1]
    assert CALLS == [2, 1]


def test_literals_are_ready_at_once(tmp_path: Path) -> None:
    ran = lab(tmp_path).run({"x": ("AddLazy", {"a": 1, "b": 2}), "s": ("Show", {"value": out("x")})})
    assert ran.shown("s") == [3]
    assert CALLS == ["called"]


def test_several_inputs_asked_for_at_once_need_one_more_call(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "a": ("Number", {"value": 1}),
            "b": ("Number", {"value": 2}),
            "x": ("AddLazy", {"a": out("a"), "b": out("b")}),
            "s": ("Show", {"value": out("x")}),
        }
    )
    assert ran.shown("s") == [3]
    assert CALLS == ["called", 1, 2, "called"]
    assert ran.outcome.outputs.get("x", {}).get("aborted calls", []) == []  # type: ignore[union-attr]


def test_inputs_can_be_asked_for_one_by_one_and_one_may_be_absent(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "a": ("Number", {"value": 1}),
            "b": ("Number", {"value": 2}),
            "x": ("OneByOne", {"a": out("a"), "b": out("b")}),
            "s": ("Show", {"value": out("x")}),
        }
    )
    assert ran.shown("s") == [3]


def test_a_lazy_source_another_node_needs_runs_once(tmp_path: Path) -> None:
    graph = switching(1)
    graph["also"] = ("Show", {"value": out("high")})
    ran = lab(tmp_path).run(graph)
    assert CALLS == [2]
    assert (ran.shown("s"), ran.shown("also")) == ([2], [2])


def test_each_item_asks_for_itself(tmp_path: Path) -> None:
    graph = switching(out("which"))
    graph["which"] = ("Several", {"count": 2})
    ran = lab(tmp_path).run(graph)
    assert ran.shown("s") == [1, 2]
    assert sorted(CALLS) == [1, 2]


def test_a_lazy_input_may_bring_more_items(tmp_path: Path) -> None:
    graph = switching(1)
    graph["high"] = ("Several", {"count": 3, "first": 5})
    assert lab(tmp_path).run(graph).shown("s") == [5, 6, 7]
    graph["high"] = ("Several", {"count": 0})
    assert lab(tmp_path).run(graph).shown("s") == []


def test_a_lazy_input_may_collect(tmp_path: Path) -> None:
    graph: dict[str, Any] = {
        "l": ("Several", {"count": 4}),
        "yes": ("SumLazy", {"which": True, "values": out("l")}),
        "s": ("Show", {"value": out("yes")}),
    }
    assert lab(tmp_path).run(graph).shown("s") == [6]
    graph["yes"] = ("SumLazy", {"which": False, "values": out("l")})
    ran = lab(tmp_path).run(graph)
    assert ran.shown("s") == [-1]
    assert "l" not in ran.started


def test_a_block_behind_a_lazy_input_stops_only_who_asks_for_it(tmp_path: Path) -> None:
    graph = switching(out("which"))
    graph["which"] = ("Several", {"count": 2})
    graph["ten"] = ("Number", {"value": 10})
    graph["high"] = ("Block", {"value": out("ten")})
    ran = lab(tmp_path).run(graph)
    assert ran.outcome.state == "succeeded"
    assert ran.shown("s") == [1]
    assert [data["message"] for data in ran.of("blocked")] == ["ten is too much"]
    assert ran.of("blocked")[0]["node"] == "x"


@pytest.mark.parametrize("value", [out("n"), 5])
def test_asking_again_for_what_is_there_is_an_error(tmp_path: Path, value: object) -> None:
    ran = lab(tmp_path).run({"n": ("Number", {"value": 1}), "x": ("AsksTwice", {"a": value})}, targets=["x"])
    assert ran.error == 'pack "lab", AsksTwice (node x): asked for a again, though it was given'


def test_asking_for_something_else_is_an_error(tmp_path: Path) -> None:
    ran = lab(tmp_path).run({"x": ("AsksForOther", {"a": 1})}, targets=["x"])
    assert ran.error == 'pack "lab", AsksForOther (node x): asked for "b", which is none of its lazy inputs'


def test_the_branch_not_taken_counts_in_the_key(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.run(switching(1))
    graph = switching(1)
    graph["low"] = ("Number", {"value": 100})
    ran = engine.run(graph)
    assert ran.cached == ["high"]
    assert ran.reasons["x"] == 'input "low" changed'
    assert CALLS == [2]  # the other branch is still not evaluated


def test_what_a_reused_branch_shows_is_shown_when_it_is_asked_for(tmp_path: Path) -> None:
    @node("ShowThrough", category="test", is_output=True)
    def show_through(ctx: Context, value: int) -> int:
        ctx.show("value", [value])
        return value

    engine = Lab(tmp_path, [*ALL, show_through])
    graph = switching(1)
    graph["high"] = ("ShowThrough", {"value": 2})
    engine.run(graph, targets=["s"])
    graph["x"] = ("Switch", {"which": 0, "low": out("low"), "high": out("high")})
    ran = engine.run(graph, targets=["s"])
    assert "high" in ran.cached
    assert ran.shown("high") == []  # it was not asked for this time
    graph["x"] = ("Switch", {"which": 5, "low": out("low"), "high": out("high")})
    ran = engine.run(graph, targets=["s"])
    assert ran.shown("high") == [2]
    assert "high" not in ran.started
