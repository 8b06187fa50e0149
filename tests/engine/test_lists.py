"""List mapping, list collection, and blocking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab import Lab, out

from sd35graph.graph.context import Context
from sd35graph.graph.node import Blocked, node

CALLS: list[Any] = []


@node("Several", category="test")
def several(count: int, first: int = 0) -> list[int]:
    return list(range(first, first + count))


@node("Add", category="test")
def add(a: int, b: int) -> int:
    CALLS.append((a, b))
    return a + b


@node("Twice", category="test")
def twice(value: int) -> list[int]:
    return [value, value]


@node("Sum", category="test")
def total(values: list[int]) -> int:
    CALLS.append(values)
    return sum(values)


@node("Scale", category="test")
def scale(values: list[int], factor: int) -> int:
    CALLS.append((values, factor))
    return sum(values) * factor


@node("Spoil", category="test")
def spoil(values: list[int]) -> int:
    values.clear()
    return 0


@node("Block", category="test")
def block(value: int, limit: int, message: str = "") -> int | Blocked:
    return value if value < limit else Blocked(message or None)


@node("BlockBoth", category="test")
def block_both(value: int) -> tuple[int, list[int]] | Blocked:
    return Blocked() if value == 1 else (value, [value, value])


@node("BlockItem", category="test")
def block_item(value: int) -> list[int | Blocked]:  # type: ignore[return]
    return [value, Blocked(), value]


@node("Show", category="test", is_output=True)
def show(ctx: Context, value: object) -> None:
    ctx.show("value", [value])  # type: ignore[list-item]


ALL = [several, add, twice, total, scale, spoil, block, block_both, block_item, show]


def lab(folder: Path) -> Lab:
    CALLS.clear()
    return Lab(folder, ALL)


def test_a_node_is_called_once_per_item(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "l": ("Several", {"count": 3}),
            "a": ("Add", {"a": out("l"), "b": 10}),
            "s": ("Show", {"value": out("a")}),
        }
    )
    assert CALLS == [(0, 10), (1, 10), (2, 10)]
    assert ran.shown("s") == [10, 11, 12]
    assert ran.started == ["l", "a", "s"]  # one node, however many calls
    assert len(ran.of("shown")) == 1


def test_shorter_inputs_repeat_their_last_item(tmp_path: Path) -> None:
    lab(tmp_path).run(
        {
            "long": ("Several", {"count": 4}),
            "short": ("Several", {"count": 2, "first": 7}),
            "a": ("Add", {"a": out("long"), "b": out("short")}),
        },
        targets=["a"],
    )
    assert CALLS == [(0, 7), (1, 8), (2, 8), (3, 8)]


def test_an_empty_list_means_no_call(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "l": ("Several", {"count": 0}),
            "a": ("Add", {"a": out("l"), "b": 10}),
            "s": ("Show", {"value": out("a")}),
            "all": ("Sum", {"values": out("l")}),
            "sum": ("Show", {"value": out("all")}),
        }
    )
    assert ran.outcome.state == "succeeded"
    assert CALLS == [[]]
    assert ran.shown("s") == []
    assert ran.shown("sum") == [0]


def test_lists_returned_by_several_calls_are_joined(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "l": ("Several", {"count": 3}),
            "t": ("Twice", {"value": out("l")}),
            "s": ("Show", {"value": out("t")}),
        }
    )
    assert ran.shown("s") == [0, 0, 1, 1, 2, 2]


def test_a_collecting_input_takes_the_whole_list(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "l": ("Several", {"count": 4}),
            "sum": ("Sum", {"values": out("l")}),
            "one": ("Sum", {"values": 5}),
            "many": ("Sum", {"values": [1, 2]}),
            "s": ("Show", {"value": out("sum")}),
        },
        targets=["s", "one", "many"],
    )
    assert sorted(CALLS) == [[0, 1, 2, 3], [1, 2], [5]]
    assert ran.shown("s") == [6]


def test_collecting_and_mapped_inputs_of_one_node_mix(tmp_path: Path) -> None:
    lab(tmp_path).run(
        {
            "l": ("Several", {"count": 3}),
            "f": ("Several", {"count": 2, "first": 5}),
            "x": ("Scale", {"values": out("l"), "factor": out("f")}),
        },
        targets=["x"],
    )
    assert CALLS == [([0, 1, 2], 5), ([0, 1, 2], 6)]


def test_a_node_that_changes_its_list_changes_nobody_elses(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {
        "l": ("Several", {"count": 3}),
        "spoil": ("Spoil", {"values": out("l")}),
        "sum": ("Sum", {"values": out("l")}),
    }
    engine.run(graph, targets=["spoil"])
    engine.run(graph, targets=["sum"])
    assert CALLS == [[0, 1, 2]]


def test_a_blocked_item_skips_the_call_and_goes_on(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "l": ("Several", {"count": 4}),
            "b": ("Block", {"value": out("l"), "limit": 2}),
            "a": ("Add", {"a": out("b"), "b": 10}),
            "s": ("Show", {"value": out("a")}),
        }
    )
    assert ran.outcome.state == "succeeded"
    assert CALLS == [(0, 10), (1, 10)]
    assert ran.shown("s") == [10, 11]
    assert ran.of("blocked") == []


def test_a_fully_blocked_output_node_shows_nothing(tmp_path: Path) -> None:
    graph: dict[str, Any] = {
        "b": ("Block", {"value": 5, "limit": 2}),
        "a": ("Add", {"a": out("b"), "b": 10}),
        "s": ("Show", {"value": out("a")}),
    }
    ran = lab(tmp_path).run(graph)
    assert ran.outcome.state == "succeeded"
    assert CALLS == []
    assert ran.outcome.outputs == {}
    assert ran.of("shown") == []


def test_a_block_with_a_message_is_told_once_and_goes_on_silently(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {
        "l": ("Several", {"count": 4}),
        "b": ("Block", {"value": out("l"), "limit": 2, "message": "too much"}),
        "a": ("Add", {"a": out("b"), "b": 10}),
        "s": ("Show", {"value": out("a")}),
    }
    first, again = engine.run(graph), engine.run(graph)
    said = {"node": "a", "display_node": "a", "parent_node": None, "message": "too much"}
    assert first.of("blocked") == [said]  # by the node whose calls did not happen
    assert again.of("blocked") == [said]
    assert len(again.cached) == 4


def test_bare_blocked_blocks_every_output_and_lists_get_one_item(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "l": ("Several", {"count": 3}),
            "b": ("BlockBoth", {"value": out("l")}),
            "one": ("Show", {"value": out("b", 0)}),
            "list": ("Add", {"a": out("b", 1), "b": out("c")}),
            "c": ("Several", {"count": 5, "first": 100}),
            "s": ("Show", {"value": out("list")}),
        }
    )
    assert ran.shown("one") == [0, 2]
    # [0, 0, blocked, 2, 2] against [100 … 104]
    assert ran.shown("s") == [100, 101, 105, 106]


def test_a_skipped_call_gives_one_blocked_item_to_a_list_output(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "l": ("Several", {"count": 3}),
            "b": ("Block", {"value": out("l"), "limit": 1}),
            "t": ("Twice", {"value": out("b")}),
            "c": ("Several", {"count": 4, "first": 100}),
            "a": ("Add", {"a": out("t"), "b": out("c")}),
            "s": ("Show", {"value": out("a")}),
        }
    )
    # Twice gives [0, 0, blocked, blocked], which Add sees against [100 … 103]
    assert ran.shown("s") == [100, 101]
    assert ran.outcome.state == "succeeded"


def test_a_block_inside_a_collected_list_skips_the_call(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "b": ("BlockItem", {"value": 3}),
            "sum": ("Sum", {"values": out("b")}),
            "s": ("Show", {"value": out("sum")}),
            "each": ("Show", {"value": out("b")}),
        }
    )
    assert CALLS == []
    assert ran.shown("s") == []
    assert ran.shown("each") == [3, 3]
