"""Expansion: nodes that return a subgraph to run in their place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from lab import Lab, Ran, out

from sd35graph.graph.context import Context
from sd35graph.graph.node import (
    Blocked,
    DynamicPrompt,
    Expansion,
    GraphBuilder,
    Input,
    Lazy,
    UniqueId,
    node,
)
from sd35graph.graph.ports import Port
from sd35graph.graph.workflow import Link, Node

CALLS: list[Any] = []
EXPANSION: list[Expansion] = []


class Opaque:
    """A value without a canonical text."""

    def __init__(self, number: int) -> None:
        self.number = number


OPAQUE = Port("OPAQUE", Opaque)


@node("Add", category="test")
def add(a: int, b: int) -> int:
    CALLS.append((a, b))
    return a + b


@node("Several", category="test")
def several(count: int) -> list[int]:
    return list(range(count))


@node("Times", category="test")
def times(value: int, factor: int) -> int | Expansion:
    """A multiplication by repeated addition, as a chain of nodes made at once."""
    CALLS.append(("Times", value, factor))
    if factor == 0:
        return 0
    graph = GraphBuilder()
    result: object = value
    for _ in range(factor - 1):
        result = graph.add("Add", a=result, b=value)(0)
    return graph.expansion(result)


@node("Count", category="test")
def count(value: int, to: int) -> int | Expansion:
    """A loop by recursion."""
    if value >= to:
        return value
    graph = GraphBuilder()
    step = graph.add("Add", a=value, b=1)
    return graph.expansion(graph.add("Count", value=step(0), to=to)(0))


@node("Both", category="test", output_names=["sum", "product", "constant"])
def both(value: int) -> tuple[int, int, int] | Expansion:
    graph = GraphBuilder()
    total = graph.add("Add", a=value, b=value)
    product = graph.add("Times", value=value, factor=value)
    return graph.expansion(total(0), product(0), 7)


@node("ManyItems", category="test")
def many_items(value: int) -> int | Expansion:
    graph = GraphBuilder()
    return graph.expansion(graph.add("Several", count=value)(0))


@node("ShowsInside", category="test")
def shows_inside(value: int) -> int | Expansion:
    graph = GraphBuilder()
    graph.add("Show", node_id="show", value=value)
    return graph.expansion(value)


@node("NestedShow", category="test")
def nested_show(value: int) -> int | Expansion:
    graph = GraphBuilder()
    return graph.expansion(graph.add("ShowsInside", node_id="inner", value=value)(0))


@node("MakeOpaque", category="test")
def make_opaque(value: int) -> Opaque:
    return Opaque(value)


@node("ReadOpaque", category="test")
def read_opaque(value: Opaque, fail: bool = False) -> int:
    CALLS.append(("ReadOpaque", value.number))
    return value.number


@node("PassesObjects", category="test")
def passes_objects(value: Opaque, then: str) -> int | Expansion:
    CALLS.append("PassesObjects")
    graph = GraphBuilder()
    read = graph.add("ReadOpaque", value=Opaque(value.number + 1))
    return graph.expansion(graph.add(then, a=read(0), b=1)(0))


@node("Fails", category="test")
def fails(a: int, b: int) -> int:
    raise ValueError("no such luck")


@node("Scripted", category="test")
def scripted(value: int = 0) -> int | Expansion:
    return EXPANSION[0]


@node("Switch", category="test")
def switch(which: int, low: Lazy[int], high: Lazy[int]) -> int:
    return high.value if which else low.value


@node("BlockInside", category="test")
def block_inside(value: int) -> int | Expansion:
    graph = GraphBuilder()
    return graph.expansion(graph.add("Add", a=Blocked("not today"), b=value)(0))


@node("WhoAmI", category="test", is_output=True)
def who_am_i(ctx: Context, me: UniqueId, graph: DynamicPrompt) -> str:
    assert graph[me].type == "WhoAmI"
    ctx.show("value", [me])
    return me


@node("Now", category="test", cacheable=False)
def now() -> int:
    CALLS.append("Now")
    return len(CALLS)


@node("Notify", category="test", is_output=True, cacheable=False)
def notify() -> None:
    CALLS.append("Notify")


@node("FollowLater", category="test")
def follow_later(link: Annotated[int, Input(raw_link=True)], after: int) -> int | Expansion:
    return GraphBuilder().expansion(link)


@node("ExpandsNow", category="test")
def expands_now() -> int | Expansion:
    graph = GraphBuilder()
    return graph.expansion(graph.add("Now")(0))


@node("Repeat", category="test", output_names=["flow", "value"])
def repeat(times: int, value: int) -> tuple[int, int]:
    """The open end of a loop."""
    return times, value


@node("Until", category="test")
def until(
    flow: Annotated[int, Input(raw_link=True)], value: int, me: UniqueId, graph: DynamicPrompt, left: int = -1
) -> int | Expansion:
    """The closed end: makes the nodes between both ends again while turns are left."""
    link: Any = flow
    opened = graph[link.node_id]
    left = int(opened.inputs["times"]) - 1  # type: ignore[call-overload]
    if left <= 0:
        return value
    new = {"open": Node("Repeat", {"times": left, "value": value})}
    for node_id in body_between(graph, me, link.node_id):
        inputs = {name: copied(value_, link.node_id, me, graph) for name, value_ in graph[node_id].inputs.items()}
        new["close" if node_id == me else "b" + node_id] = Node(graph[node_id].type, inputs)
    return Expansion(new, (Link("close", 0),))


def body_between(graph: DynamicPrompt, close: str, opened: str) -> list[str]:
    """The nodes on ways from the open end to the closed end, the latter included."""
    found, stack = [], [close]
    while stack:
        node_id = stack.pop()
        if node_id in found or node_id == opened:
            continue
        found.append(node_id)
        stack.extend(link.node_id for _, link in graph[node_id].links())
    return [i for i in found if i == close or any(link.node_id == opened for _, link in graph[i].links())]


def copied(value: object, opened: str, close: str, graph: DynamicPrompt) -> object:
    if not isinstance(value, Link):
        return value
    if value.node_id == opened:
        return Link("open", value.output)
    inside = body_between(graph, close, opened)
    return Link("b" + value.node_id, value.output) if value.node_id in inside else value


@node("Show", category="test", is_output=True)
def show(ctx: Context, value: object) -> None:
    CALLS.append(("Show", value))
    ctx.show("value", [value])  # type: ignore[list-item]


ALL: list[Callable[..., Any]] = [
    *(add, several, times, count, both, many_items, shows_inside, nested_show, make_opaque, read_opaque),
    *(
        passes_objects,
        fails,
        scripted,
        switch,
        block_inside,
        who_am_i,
        now,
        notify,
        follow_later,
        expands_now,
        repeat,
        until,
        show,
    ),
]


def lab(folder: Path, **options: Any) -> Lab:
    CALLS.clear()
    return Lab(folder, ALL, ports=[OPAQUE], **options)


def shown_of(folder: Path, node_type: str, **inputs: object) -> Ran:
    return lab(folder).run({"7": (node_type, inputs), "s": ("Show", {"value": out("7")})})


def test_the_subgraph_runs_in_the_nodes_place(tmp_path: Path) -> None:
    ran = shown_of(tmp_path, "Times", value=5, factor=4)
    assert ran.shown("s") == [20]
    assert ran.outcome.executed == ("7", "s")
    inner = [data for data in ran.of("node_started") if data["parent_node"] is not None]
    assert [data["display_node"] for data in inner] == ["7"] * 3
    assert [data["parent_node"] for data in inner] == ["7"] * 3
    assert [data["node"] for data in inner] == ["7.0.new1", "7.0.new2", "7.0.new3"]
    finished = [data["node"] for data in ran.of("node_finished")]
    assert finished.index("7") > finished.index("7.0.new3")


def test_an_expansion_may_give_plain_values(tmp_path: Path) -> None:
    assert shown_of(tmp_path, "Times", value=5, factor=1).shown("s") == [5]
    assert shown_of(tmp_path, "Times", value=5, factor=0).shown("s") == [0]


def test_expansions_nest_and_several_outputs_are_told_apart(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "b": ("Both", {"value": 3}),
            "sum": ("Show", {"value": out("b", 0)}),
            "product": ("Show", {"value": out("b", 1)}),
            "constant": ("Show", {"value": out("b", 2)}),
        }
    )
    assert [ran.shown(i) for i in ("sum", "product", "constant")] == [[6], [9], [7]]
    assert {data["display_node"] for data in ran.of("node_started")} == {"b", "sum", "product", "constant"}


def test_several_expansions_at_once(tmp_path: Path) -> None:
    graph: dict[str, Any] = {f"t{i}": ("Times", {"value": i, "factor": 3}) for i in range(5)}
    graph |= {f"s{i}": ("Show", {"value": out(f"t{i}")}) for i in range(5)}
    ran = lab(tmp_path).run(graph)
    assert [ran.shown(f"s{i}") for i in range(5)] == [[0], [3], [6], [9], [12]]


def test_each_item_may_expand_or_not(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "l": ("Several", {"count": 4}),
            "t": ("Times", {"value": 10, "factor": out("l")}),
            "s": ("Show", {"value": out("t")}),
        }
    )
    assert ran.shown("s") == [0, 10, 20, 30]


def test_a_link_that_gives_several_items_gives_them_all(tmp_path: Path) -> None:
    assert shown_of(tmp_path, "ManyItems", value=3).shown("s") == [0, 1, 2]


def test_a_loop_by_recursion(tmp_path: Path) -> None:
    ran = shown_of(tmp_path, "Count", value=0, to=20)
    assert ran.shown("s") == [20]
    assert {data["display_node"] for data in ran.of("node_started")} == {"7", "s"}


def test_a_loop_of_10000_turns_overflows_nothing(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {"7": ("Count", {"value": 0, "to": 10_000}), "s": ("Show", {"value": out("7")})}
    ran = engine.run(graph)
    assert ran.shown("s") == [10_000]
    assert max(len(data["node"]) for data in ran.of("node_started")) < 40
    assert engine.run(graph).cached == ["7", "s"]


def test_a_loop_between_two_ends_copies_its_body(tmp_path: Path) -> None:
    graph: dict[str, Any] = {
        "start": ("Add", {"a": 1, "b": 1}),
        "open": ("Repeat", {"times": 3, "value": out("start")}),
        "outer": ("Add", {"a": 5, "b": 5}),
        "body": ("Add", {"a": out("open", 1), "b": out("outer")}),
        "close": ("Until", {"flow": out("open", 0), "value": out("body")}),
        "s": ("Show", {"value": out("close")}),
    }
    ran = lab(tmp_path).run(graph)
    assert ran.shown("s") == [2 + 3 * 10]
    assert CALLS.count((5, 5)) == 1


def test_output_nodes_inside_run_and_are_shown_again_when_reused(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {"7": ("NestedShow", {"value": 4}), "s": ("Show", {"value": out("7")})}
    first = engine.run(graph)
    (inner,) = [data for data in first.of("shown") if data["node"] != "s"]
    assert inner["display_node"] == "7"
    assert inner["output"] == {"value": [4]}
    assert inner["parent_node"] == "7.0.inner"
    again = engine.run(graph)
    assert again.started == []
    assert again.of("shown") == first.of("shown")
    assert again.outcome.outputs == first.outcome.outputs
    assert again.outcome.meta == first.outcome.meta


def test_lazy_inputs_work_inside(tmp_path: Path) -> None:
    graph = GraphBuilder()
    low, high = graph.add("Add", a=1, b=1), graph.add("Add", a=2, b=2)
    EXPANSION[:] = [graph.expansion(graph.add("Switch", which=1, low=low(0), high=high(0))(0))]
    ran = shown_of(tmp_path, "Scripted")
    assert ran.shown("s") == [4]
    assert (1, 1) not in CALLS


def test_blocks_work_inside(tmp_path: Path) -> None:
    ran = shown_of(tmp_path, "BlockInside", value=1)
    assert ran.outcome.state == "succeeded"
    assert ran.shown("s") == []
    assert [(data["display_node"], data["message"]) for data in ran.of("blocked")] == [("7", "not today")]


def test_ids_inside_are_the_same_in_every_run(tmp_path: Path) -> None:
    graph = GraphBuilder()
    graph.add("WhoAmI")
    EXPANSION[:] = [graph.expansion(1)]
    first, second = shown_of(tmp_path, "Scripted"), shown_of(tmp_path, "Scripted")
    assert first.started == second.started == ["7", "7.0.new1", "s"]
    assert first.shown("7.0.new1") == ["7.0.new1"]


def test_links_to_the_graph_around_are_kept_apart_from_links_inside(tmp_path: Path) -> None:
    graph = GraphBuilder()
    inner = graph.add("Add", a=out("1"), b=100)
    EXPANSION[:] = [graph.expansion(inner(0))]
    ran = lab(tmp_path).run({"1": ("Add", {"a": 2, "b": 3}), "x": ("Scripted", {}), "s": ("Show", {"value": out("x")})})
    assert ran.shown("s") == [105]


def test_an_expansion_may_link_to_a_node_whose_result_was_let_go(tmp_path: Path) -> None:
    graph = GraphBuilder()
    EXPANSION[:] = [graph.expansion(graph.add("Add", a=out("n"), b=out("n"))(0))]
    engine = lab(tmp_path)
    engine.cache.max_bytes = 0
    ran = engine.run(
        {
            "n": ("Several", {"count": 3}),
            "first": ("Show", {"value": out("n")}),
            "x": ("Scripted", {}),
            "s": ("Show", {"value": out("x")}),
        }
    )
    assert ran.shown("s") == [0, 2, 4]


# --- keys ------------------------------------------------------------------------------------------------------------


def test_results_inside_are_reused_when_the_expanding_node_runs_again(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {
        "o": ("MakeOpaque", {"value": 4}),
        "x": ("PassesObjects", {"value": out("o"), "then": "Fails"}),
        "s": ("Show", {"value": out("x")}),
    }
    assert engine.run(graph).outcome.state == "failed"
    assert engine.run(graph).outcome.state == "failed"
    # The object handed over is another one each time, but it comes out of the same work.
    assert CALLS == ["PassesObjects", ("ReadOpaque", 5), "PassesObjects"]


def test_results_inside_are_reused_under_another_id(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    for node_id in ("x", "y"):
        graph: dict[str, Any] = {
            "o": ("MakeOpaque", {"value": 4}),
            node_id: ("PassesObjects", {"value": out("o"), "then": "Fails"}),
        }
        engine.run(graph, targets=[node_id])
    assert CALLS == ["PassesObjects", ("ReadOpaque", 5), "PassesObjects"]


def test_objects_in_one_expansion_are_told_apart(tmp_path: Path) -> None:
    graph = GraphBuilder()
    one, two = graph.add("ReadOpaque", value=Opaque(1)), graph.add("ReadOpaque", value=Opaque(2))
    EXPANSION[:] = [graph.expansion(graph.add("Add", a=one(0), b=two(0))(0))]
    assert shown_of(tmp_path, "Scripted").shown("s") == [3]


def test_objects_of_each_item_are_told_apart(tmp_path: Path) -> None:
    ran = lab(tmp_path).run(
        {
            "l": ("Several", {"count": 3}),
            "o": ("MakeOpaque", {"value": out("l")}),
            "x": ("PassesObjects", {"value": out("o"), "then": "Add"}),
            "s": ("Show", {"value": out("x")}),
        }
    )
    assert ran.shown("s") == [2, 3, 4]


def test_objects_out_of_other_work_are_other_objects(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    for value in (4, 5):
        engine.run(
            {
                "o": ("MakeOpaque", {"value": value}),
                "x": ("PassesObjects", {"value": out("o"), "then": "Add"}),
                "s": ("Show", {"value": out("x")}),
            }
        )
    assert [call for call in CALLS if call[0] == "ReadOpaque"] == [("ReadOpaque", 5), ("ReadOpaque", 6)]


def test_plain_literals_inside_count_by_value(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.run({"7": ("Times", {"value": 5, "factor": 4})}, targets=["7"])
    CALLS.clear()
    engine.run({"8": ("Times", {"value": 5, "factor": 5})}, targets=["8"])
    assert CALLS == [("Times", 5, 5), (20, 5)]  # 5+5, 10+5 and 15+5 were there


def test_what_runs_always_inside_makes_the_outside_run_always(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {
        "x": ("ExpandsNow", {}),
        "a": ("Add", {"a": out("x"), "b": 0}),
        "s": ("Show", {"value": out("a")}),
    }
    first, second = engine.run(graph), engine.run(graph)
    assert second.cached == []
    assert first.shown("s") != second.shown("s")


def test_an_expansion_to_something_that_runs_always_runs_always(tmp_path: Path) -> None:
    EXPANSION[:] = [Expansion({}, (Link("now", 0),))]
    engine = lab(tmp_path)
    graph: dict[str, Any] = {"now": ("Now", {}), "x": ("Scripted", {}), "s": ("Show", {"value": out("x")})}
    first, second = engine.run(graph), engine.run(graph)
    assert second.cached == []
    assert first.shown("s") != second.shown("s")


def test_what_asks_lazily_for_what_runs_always_runs_always(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {
        "x": ("ExpandsNow", {}),
        "switch": ("Switch", {"which": 1, "low": 0, "high": out("x")}),
        "s": ("Show", {"value": out("switch")}),
    }
    first, second = engine.run(graph), engine.run(graph)
    assert first.shown("s") != second.shown("s")


def test_nodes_that_can_be_found_by_id_do_not_run_twice(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    ran = engine.run(
        {
            "now": ("Now", {}),
            "first": ("Show", {"value": out("now")}),
            "again": ("FollowLater", {"link": out("now"), "after": out("wait")}),
            "wait": ("Add", {"a": 1, "b": 2}),
            "s": ("Show", {"value": out("again")}),
        }
    )
    assert CALLS.count("Now") == 1
    assert ran.shown("s") == ran.shown("first")


def test_an_output_node_inside_that_runs_always_makes_the_outside_run_always(tmp_path: Path) -> None:
    EXPANSION[:] = [Expansion({"n": Node("Notify", {})}, (1,))]
    engine = lab(tmp_path)
    graph: dict[str, Any] = {"x": ("Scripted", {}), "s": ("Show", {"value": out("x")})}
    engine.run(graph)
    engine.run(graph)
    assert CALLS.count("Notify") == 2


def test_what_a_reused_node_inside_shows_is_shown_with_the_outside_too(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    engine.run({"7": ("ShowsInside", {"value": 4})}, targets=["7"])
    graph: dict[str, Any] = {"8": ("NestedShow", {"value": 4})}
    second, third = engine.run(graph, targets=["8"]), engine.run(graph, targets=["8"])
    assert second.started == ["8"]
    assert third.started == []
    assert second.of("shown") == third.of("shown")
    (shown,) = third.of("shown")
    assert (shown["display_node"], shown["output"]) == ("8", {"value": [4]})


# --- mistakes --------------------------------------------------------------------------------------------------------


def failure(folder: Path, expansion: Expansion, **graph: Any) -> Ran:
    EXPANSION[:] = [expansion]
    ran = lab(folder).run({"7": ("Scripted", {}), "s": ("Show", {"value": out("7")}), **graph})
    assert ran.outcome.state == "failed"
    assert ran.outcome.error is not None
    assert (ran.outcome.error.node_id, ran.outcome.error.node_type) == ("7", "Scripted")
    assert ran.of("failed")[0]["executed"] == list(ran.outcome.executed)
    return ran


def test_a_failure_inside_names_the_submitted_node(tmp_path: Path) -> None:
    ran = failure(tmp_path, Expansion({"bad": Node("Fails", {"a": 1, "b": 2})}, (Link("bad", 0),)))
    assert ran.error == "no such luck (in Fails (node 7.0.bad), which the expansion made)"


def test_an_unknown_type_in_an_expansion_is_named(tmp_path: Path) -> None:
    ran = failure(tmp_path, Expansion({"x": Node("Nothing", {})}, (1,)))
    assert ran.error == (
        'the expansion of Scripted (node 7) cannot run: it has a node of type "Nothing", which does not exist; '
        "install its pack"
    )


@pytest.mark.parametrize(
    ("nodes", "output", "reason"),
    [
        ({}, Link("gone", 0), 'one of its outputs links to node "gone", which is not in the graph'),
        (
            {"x": Node("Add", {"a": Link("gone", 0), "b": 1})},
            Link("x", 0),
            'Add (node 7.0.x): input "a" is linked to node gone, which is not in the graph',
        ),
        (
            {"x": Node("Add", {"a": 1, "b": 1})},
            Link("x", 3),
            "one of its outputs links to output 3 of Add (node 7.0.x), which has 1",
        ),
        (
            {"x": Node("Add", {"a": Link("y", 2), "b": 1}), "y": Node("Add", {"a": 1, "b": 1})},
            Link("x", 0),
            'Add (node 7.0.x): input "a" is linked to output 2 of Add (node 7.0.y), which has 1 (counted from 0)',
        ),
        (
            {"x": Node("Add", {"a": 1})},
            Link("x", 0),
            'Add (node 7.0.x): the required input "b" is missing; give it a value or a link',
        ),
        (
            {"x": Node("Add", {"a": Link("y", 0), "b": 1}), "y": Node("Add", {"a": Link("x", 0), "b": 1})},
            Link("x", 0),
            "these nodes wait for each other in a cycle: Add (node 7.0.x) → Add (node 7.0.y) → Add (node 7.0.x)",
        ),
        ({}, Link("7", 0), "these wait for each other: Scripted (node 7) → Scripted (node 7)"),
        (
            {"x": Node("Add", {"a": Link("after", 0), "b": 1})},
            Link("x", 0),
            "these wait for each other: ",
        ),
    ],
)
def test_an_expansion_that_cannot_run_is_named(
    tmp_path: Path, nodes: dict[str, Node], output: Link, reason: str
) -> None:
    ran = failure(
        tmp_path,
        Expansion(nodes, (output,)),
        after=("Add", {"a": out("7"), "b": 1}),
        s2=("Show", {"value": out("after")}),
    )
    assert ran.error.startswith(f"the expansion of Scripted (node 7) cannot run: {reason}")


def test_an_id_that_is_taken_is_named(tmp_path: Path) -> None:
    clash: dict[str, Any] = {"7.0.x": ("Add", {"a": 1, "b": 1})}
    ran = failure(tmp_path, Expansion({"x": Node("Add", {"a": 1, "b": 1})}, (Link("x", 0),)), **clash)
    assert 'node id "7.0.x" is used twice' in ran.error


def test_a_wrong_number_of_outputs_is_named(tmp_path: Path) -> None:
    ran = failure(tmp_path, Expansion({}, (1, 2)))
    assert ran.error == (
        "the expansion of Scripted (node 7) cannot run: expected an expansion with 1 output (INT), got 2"
    )


@pytest.mark.parametrize(
    ("nodes", "outputs", "message"),
    [
        ({"x": 5}, (1,), 'an Expansion maps ids to Node, but "x" is a value of type int'),
        ({1: Node("Add", {"a": 1, "b": 1})}, (1,), "an Expansion maps ids, which are text, to Node, but one is 1"),
        ([], (1,), "an Expansion maps ids to Node, but got a value of type list"),
        ({}, 5, "the outputs of an Expansion are a tuple, but got a value of type int"),
    ],
)
def test_an_expansion_of_something_else_is_refused_where_it_is_made(nodes: Any, outputs: Any, message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        Expansion(nodes, outputs)


def test_a_wrong_type_out_of_an_expansion_is_named(tmp_path: Path) -> None:
    ran = failure(tmp_path, Expansion({"x": Node("MakeOpaque", {"value": 1})}, (Link("x", 0),)))
    assert ran.error == ('pack "lab", Scripted (node 7): output 0 "INT" must be INT (int), got a value of type Opaque')


def test_an_endless_loop_is_ended_with_the_reason(tmp_path: Path) -> None:
    ran = lab(tmp_path, max_expanded_nodes=500).run({"7": ("Count", {"value": 0, "to": 10**9})}, targets=["7"])
    assert ran.outcome.state == "failed"
    assert "this run's expansions have more than 500 nodes" in ran.error
    assert "give the loop an end" in ran.error
    assert ran.outcome.error is not None
    assert ran.outcome.error.node_id == "7"
