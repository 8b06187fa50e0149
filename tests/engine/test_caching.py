"""What is taken from the cache from run to run, and the reason why something is not."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from lab import Lab, out

from sd35graph.engine.execution.cache import OutputCache
from sd35graph.graph.context import Context
from sd35graph.graph.node import Choices, Expansion, ExtraPngInfo, GraphBuilder, Prompt, UniqueId, node
from sd35graph.graph.ports import Port

CALLS: list[Any] = []
TIDE: list[object] = []


class Block:
    """A value of a given size."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes


BLOCK = Port("BLOCK", Block)


@node("Number", category="test")
def number(value: int = 0) -> int:
    CALLS.append(value)
    return value


@node("Add", category="test")
def add(a: int, b: int = 1) -> int:
    CALLS.append((a, b))
    return a + b


@node("Load", category="test")
def load(name: Annotated[str, Choices("models")], scale: int = 1) -> int:
    CALLS.append(name)
    return scale


@node("Say", category="test")
def say(text: str) -> str:
    return text


@node("Id", category="test")
def identity(me: UniqueId, value: int = 0) -> str:
    CALLS.append(me)
    return me


@node("Save", category="test", is_output=True)
def save(ctx: Context, value: int, prompt: Prompt, extra: ExtraPngInfo) -> None:
    CALLS.append("saved")
    artifact = ctx.save("output", "file", ".txt", lambda file: file.write(str(value).encode()))
    ctx.show("images", [artifact.reference()])


@node("Now", category="test", cacheable=False)
def now() -> int:
    CALLS.append("Now")
    return len(CALLS)


def tide(value: int) -> object:
    CALLS.append(("tide", value))
    if isinstance(TIDE[0], Exception):
        raise TIDE[0]
    return TIDE[0]


@node("Sea", category="test", fingerprint=tide)
def sea(value: int = 3) -> int:
    CALLS.append("Sea")
    return value


async def tide_async(value: int) -> object:
    return TIDE[0]


@node("SeaAsync", category="test", fingerprint=tide_async)
def sea_async(value: int = 3) -> int:
    return value


def shore(folder_fingerprint: Callable[[str], str]) -> str:
    return folder_fingerprint("seas")


@node("Shore", category="test", fingerprint=shore)
def shore_node() -> int:
    return 1


@node("MakeBlock", category="test")
def make_block(size: int, seed: int = 0) -> Block:
    CALLS.append(("block", size, seed))
    return Block(size)


@node("UseBlock", category="test")
def use_block(block: Block) -> int:
    gc.collect()
    CALLS.append(("alive", [ref() is not None for ref in BORN]))
    return block.size_bytes


BORN: list[weakref.ref[Block]] = []


@node("Pass", category="test")
def pass_on(block: Block) -> Block:
    BORN.append(weakref.ref(block))
    return Block(block.size_bytes)


@node("FailBlock", category="test")
def fail_block(block: Block) -> int:
    raise ValueError


@node("ExpandBlock", category="test")
def expand_block(block: Block) -> int | Expansion:
    graph = GraphBuilder()
    return graph.expansion(graph.add("UseBlock", block=graph.add("Pass", block=block)(0))(0))


ALIVE: list[int] = []


@node("LoopBlock", category="test")
def loop_block(block: Block, turns: int) -> Block | Expansion:
    ALIVE.append(sum(ref() is not None for ref in BORN))
    if not turns:
        return block
    graph = GraphBuilder()
    counter = graph.add("Number", value=turns - 1)
    passed = graph.add("Made", turn=counter(0))
    return graph.expansion(graph.add("LoopBlock", block=passed(0), turns=counter(0))(0))


@node("Made", category="test")
def made(turn: int) -> Block:
    block = Block(turn)
    BORN.append(weakref.ref(block))
    return block


@node("Show", category="test", is_output=True)
def show(ctx: Context, value: object) -> None:
    ctx.show("value", [value])  # type: ignore[list-item]


ALL = [number, add, load, identity, save, now, sea, sea_async, shore_node, make_block, use_block, pass_on, show]
ALL += [say, fail_block, expand_block, loop_block, made]


def lab(folder: Path, **options: Any) -> Lab:
    CALLS.clear()
    BORN.clear()
    ALIVE.clear()
    return Lab(folder, ALL, ports=[BLOCK], **options)


CHAIN: dict[str, Any] = {
    "n": ("Number", {"value": 2}),
    "a": ("Add", {"a": out("n"), "b": 3}),
    "s": ("Show", {"value": out("a")}),
}


def test_an_unchanged_repeat_runs_nothing_and_shows_all_again(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    first, again = engine.run(CHAIN), engine.run(CHAIN)
    assert first.cached == []
    assert set(first.reasons.values()) == {"not run before"}
    assert again.cached == ["n", "a", "s"]
    assert again.reasons == {}
    assert [event.type for event in again.events] == ["cached", "shown", "succeeded"]
    assert again.of("shown") == first.of("shown")
    assert again.outcome.outputs == {"s": {"value": [5]}}
    assert again.outcome.executed == ()


def test_a_change_runs_what_depends_on_it(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.run(CHAIN)
    ran = engine.run({**CHAIN, "a": ("Add", {"a": out("n"), "b": 4})})
    assert ran.cached == ["n"]
    assert ran.started == ["a", "s"]
    assert ran.reasons == {"a": 'input "b" changed', "s": 'input "value" changed'}


def test_equal_work_is_found_under_other_ids_and_in_other_order(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.run(CHAIN)
    ran = engine.run(
        {
            "z": ("Show", {"value": out("y")}),
            "y": ("Add", {"b": 3, "a": out("x")}),
            "x": ("Number", {"value": 2}),
        }
    )
    assert ran.cached == ["x", "y", "z"]
    assert ran.shown("z") == [5]


def test_equal_work_within_one_run_is_done_once(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "x": ("Number", {"value": 2}),
            "y": ("Number", {"value": 2}),
            "a": ("Add", {"a": out("x"), "b": out("y")}),
            "s": ("Show", {"value": out("a")}),
        }
    )
    assert CALLS == [2, (2, 2)]
    assert [data["node"] for data in ran.of("node_finished") if data["cached"]] == ["y"]


def test_a_default_counts_as_given(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.run({"n": ("Number", {})}, targets=["n"])
    assert engine.run({"n": ("Number", {"value": 0})}, targets=["n"]).cached == ["n"]


def test_results_last_over_a_run_of_something_else(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.run(CHAIN)
    engine.run({"n": ("Number", {"value": 50})}, targets=["n"])
    assert engine.run(CHAIN).cached == ["n", "a", "s"]


def test_prompt_and_png_info_do_not_count(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {"s": ("Save", {"value": 1})}
    first = engine.run(graph, prompt={"x": 1}, extra_pnginfo={"workflow": {}})
    again = engine.run(graph, prompt={"x": 2}, extra_pnginfo=None)
    assert CALLS == ["saved"]
    assert again.shown("s", "images") == first.shown("s", "images")


def test_a_result_whose_file_is_gone_is_made_again(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {"s": ("Save", {"value": 1})}
    engine.run(graph)
    (tmp_path / "file_00001_.txt").unlink()
    ran = engine.run(graph)
    assert ran.started == ["s"]
    assert ran.reasons == {"s": "a file it wrote is gone"}


def test_the_id_counts_for_a_node_that_sees_it(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.run({"a": ("Id", {})}, targets=["a"])
    assert engine.run({"a": ("Id", {})}, targets=["a"]).cached == ["a"]
    assert engine.run({"b": ("Id", {})}, targets=["b"]).cached == []
    assert CALLS == ["a", "b"]


def test_a_changed_file_counts(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.services.files["models", "m"] = "1"
    engine.services.files["models", "k"] = "1"
    graph: dict[str, Any] = {"l": ("Load", {"name": "m"}), "s": ("Show", {"value": out("l")})}
    engine.run(graph)
    assert engine.run(graph).cached == ["l", "s"]
    engine.services.files["models", "m"] = "2"
    changed = engine.run(graph)
    assert changed.started == ["l", "s"]
    assert changed.reasons["l"] == 'file "m" changed'
    other = engine.run({**graph, "l": ("Load", {"name": "k"})})
    assert other.reasons["l"] == 'input "name" changed'
    missing = engine.run({**graph, "l": ("Load", {"name": "gone"})})
    assert missing.reasons["l"] == 'cannot read the file "gone"'


def test_a_changed_file_counts_though_its_name_comes_from_another_node(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.services.files["models", "m"] = "1"
    graph: dict[str, Any] = {
        "t": ("Say", {"text": "m"}),
        "l": ("Load", {"name": out("t")}),
        "s": ("Show", {"value": out("l")}),
    }
    engine.run(graph)
    assert engine.run(graph).cached == ["t", "l", "s"]
    engine.services.files["models", "m"] = "2"
    changed = engine.run(graph)
    assert changed.started == ["l", "s"]
    assert changed.reasons["l"] == 'a file that input "name" may name changed'


def test_what_is_not_cacheable_runs_always_and_so_does_what_depends_on_it(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {
        "now": ("Now", {}),
        "a": ("Add", {"a": out("now")}),
        "s": ("Show", {"value": out("a")}),
        "n": ("Number", {"value": 1}),
    }
    engine.run(graph, targets=["s", "n"])
    again = engine.run(graph, targets=["s", "n"])
    assert again.started == ["now", "a", "s"]
    assert again.cached == ["n"]
    assert again.reasons == {
        "now": "always runs",
        "a": "depends on Now (node now), which always runs",
        "s": "depends on Now (node now), which always runs",
    }
    assert len(engine.cache) == 1


@pytest.mark.parametrize("kind", ["Sea", "SeaAsync"])
def test_a_fingerprint_decides(tmp_path: Path, kind: str) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {"s": (kind, {})}
    TIDE[:] = [1]
    engine.run(graph, targets=["s"])
    assert engine.run(graph, targets=["s"]).cached == ["s"]
    TIDE[:] = [2]
    ran = engine.run(graph, targets=["s"])
    assert ran.reasons == {"s": "its fingerprint changed"}
    TIDE[:] = [math.nan]
    assert engine.run(graph, targets=["s"]).cached == []
    assert engine.run(graph, targets=["s"]).reasons == {"s": "runs because its fingerprint is equal to nothing"}
    TIDE[:] = [OSError("no sea")]
    assert engine.run(graph, targets=["s"]).outcome.state == "succeeded"
    if kind == "Sea":
        ran = engine.run(graph, targets=["s"])
        assert ran.reasons == {"s": "runs because its fingerprint failed (OSError: no sea)"}
    engine.executor.close()


def test_a_fingerprint_sees_literals_and_none_for_links(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    TIDE[:] = [1]
    engine.run({"n": ("Number", {"value": 1}), "s": ("Sea", {"value": out("n")})}, targets=["s"])
    engine.run({"s": ("Sea", {"value": 8})}, targets=["s"])
    engine.run({"s": ("Sea", {})}, targets=["s"])
    assert [call for call in CALLS if isinstance(call, tuple)] == [("tide", None), ("tide", 8), ("tide", 3)]


def test_a_fingerprint_may_ask_for_that_of_a_folder(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.services.files = {("seas", "a"): "1", ("lakes", "a"): "1"}
    engine.run({"s": ("Shore", {})}, targets=["s"])
    engine.services.files["lakes", "a"] = "2"
    assert engine.run({"s": ("Shore", {})}, targets=["s"]).cached == ["s"]
    engine.services.files["seas", "a"] = "2"
    assert engine.run({"s": ("Shore", {})}, targets=["s"]).reasons == {"s": "its fingerprint changed"}


def test_other_types_and_versions_are_named(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.run({"x": ("Number", {"value": 1})}, targets=["x"])
    assert engine.run({"x": ("Add", {"a": 1})}, targets=["x"]).reasons == {"x": "its type changed from Number to Add"}

    @node("Number", category="test", version="2")
    def newer(value: int = 0) -> int:
        return value

    updated = Lab(tmp_path, [newer, add], cache=engine.cache)
    engine.run({"x": ("Number", {"value": 1})}, targets=["x"])
    assert updated.run({"x": ("Number", {"value": 1})}, targets=["x"]).reasons == {"x": "Number has a new version"}


def test_a_cleared_cache_is_empty(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.run(CHAIN)
    engine.cache.clear()
    ran = engine.run(CHAIN)
    assert ran.cached == []
    assert set(ran.reasons.values()) == {"the cache was cleared"}


def test_what_was_evicted_runs_again_and_says_so(tmp_path: Path) -> None:
    engine = lab(tmp_path, cache=OutputCache(1000, min_available_bytes=0))
    first: dict[str, Any] = {"b": ("MakeBlock", {"size": 600})}
    engine.run(first, targets=["b"])
    engine.run({"c": ("MakeBlock", {"size": 700})}, targets=["c"])
    ran = engine.run(first, targets=["b"])
    assert ran.started == ["b"]
    assert ran.reasons == {"b": "was evicted to make room in the cache"}
    big: dict[str, Any] = {"d": ("MakeBlock", {"size": 5000})}
    engine.run(big, targets=["d"])
    assert engine.run(big, targets=["d"]).reasons == {"d": "is larger than the whole cache"}


@pytest.mark.parametrize("max_bytes", [0, 1000])
def test_outputs_nobody_needs_any_more_are_let_go(tmp_path: Path, max_bytes: int) -> None:
    engine = lab(tmp_path, cache=OutputCache(max_bytes, min_available_bytes=0))
    graph: dict[str, Any] = {
        "b": ("MakeBlock", {"size": 5000}),
        "p": ("Pass", {"block": out("b")}),
        "q": ("Pass", {"block": out("p")}),
        "u": ("UseBlock", {"block": out("q")}),
    }
    ran = engine.run(graph, targets=["u"])
    assert ran.outcome.state == "succeeded", ran.outcome.error
    assert CALLS[-1] == ("alive", [False, False])


def test_outputs_of_a_target_nobody_needs_are_let_go(tmp_path: Path) -> None:
    engine = lab(tmp_path, cache=OutputCache(0, min_available_bytes=0))
    graph: dict[str, Any] = {
        "m": ("Made", {"turn": 9}),
        "b": ("MakeBlock", {"size": 9}),
        "u": ("UseBlock", {"block": out("b")}),
    }
    ran = engine.run(graph, targets=["m", "u"])
    assert ran.started == ["m", "b", "u"]
    assert CALLS[-1] == ("alive", [False])


def test_outputs_the_cache_keeps_stay(tmp_path: Path) -> None:
    graph: dict[str, Any] = {
        "b": ("MakeBlock", {"size": 5000}),
        "p": ("Pass", {"block": out("b")}),
        "u": ("UseBlock", {"block": out("p")}),
    }
    engine = lab(tmp_path)
    engine.run(graph, targets=["u"])
    assert CALLS[-1] == ("alive", [True])
    engine.cache.clear()
    gc.collect()
    assert [ref() for ref in BORN] == [None]  # and nothing else keeps them once the run is over


@pytest.mark.parametrize("last", ["UseBlock", "FailBlock", "ExpandBlock"])
def test_a_run_that_is_over_keeps_nothing(tmp_path: Path, last: str) -> None:
    graph: dict[str, Any] = {
        "b": ("MakeBlock", {"size": 5000}),
        "p": ("Pass", {"block": out("b")}),
        "u": (last, {"block": out("p")}),
        "v": ("UseBlock", {"block": out("p")}),
    }
    engine = lab(tmp_path, cache=OutputCache(0, min_available_bytes=0))
    gc.collect()
    gc.disable()
    try:
        engine.run(graph, targets=["u", "v"])
        assert len(BORN) in (1, 2)
        assert [ref() for ref in BORN] == [None] * len(BORN)
    finally:
        gc.enable()


def test_the_turns_of_a_loop_do_not_keep_their_inputs(tmp_path: Path) -> None:
    engine = lab(tmp_path, cache=OutputCache(0, min_available_bytes=0))
    engine.run({"b": ("MakeBlock", {"size": 9}), "l": ("LoopBlock", {"block": out("b"), "turns": 30})}, targets=["l"])
    assert max(ALIVE) <= 4


def test_partial_runs_share_the_cache(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph = {**CHAIN, "t": ("Show", {"value": out("n")})}
    assert engine.run(graph, targets=["t"]).started == ["n", "t"]
    assert engine.run(graph, targets=["s"]).started == ["a", "s"]
    assert engine.run(graph).cached == ["n", "a", "s", "t"]
