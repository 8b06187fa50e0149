"""Running graphs: order, arguments, outputs, events, errors."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pytest
from lab import Lab, Ran, out

from sd35graph.engine.execution.run_context import Call, current_call
from sd35graph.graph.context import Context
from sd35graph.graph.node import Choices, DynamicPrompt, ExtraPngInfo, Input, Prompt, UniqueId, node
from sd35graph.graph.ports import Port
from sd35graph.graph.workflow import Link


class Picture:
    """A value of a port of its own."""


PICTURE = Port("PICTURE", Picture)


class Parts(NamedTuple):
    whole: int
    rest: int


class Alone(NamedTuple):
    value: int


@node("Number", category="test")
def number(value: int = 0) -> int:
    return value


@node("Add", category="test")
def add(a: int, b: int = 1) -> int:
    return a + b


@node("Divide", category="test")
def divide(a: int, b: int) -> Parts:
    return Parts(a // b, a % b)


@node("Alone", category="test")
def alone(value: int) -> Alone:
    return Alone(value)


@node("Show", category="test", is_output=True)
def show(ctx: Context, value: object) -> None:
    ctx.show("value", [value])  # type: ignore[list-item]


@node("Optional", category="test", is_output=True)
def optional(ctx: Context, a: int | None = None, b: Annotated[int, Input(optional=True)] = 7) -> None:
    ctx.show("value", [a, b])


def test_values_flow_along_links(tmp_path: Path) -> None:
    ran = Lab(tmp_path, [number, add, show]).run(
        {"n": ("Number", {"value": 2}), "a": ("Add", {"a": out("n"), "b": 3}), "s": ("Show", {"value": out("a")})}
    )
    assert ran.outcome.state == "succeeded"
    assert ran.shown("s") == [5]


def test_events_of_a_run_come_in_order(tmp_path: Path) -> None:
    ran = Lab(tmp_path, [number, show]).run({"n": ("Number", {"value": 2}), "s": ("Show", {"value": out("n")})})
    assert [(event.type, event.data.get("node")) for event in ran.events] == [
        ("cached", None),
        ("node_started", "n"),
        ("node_finished", "n"),
        ("node_started", "s"),
        ("shown", "s"),
        ("node_finished", "s"),
        ("succeeded", None),
    ]
    assert all(event.job_id == "job" for event in ran.events)
    (shown,) = ran.of("shown")
    assert shown == {"node": "s", "display_node": "s", "parent_node": None, "output": {"value": [2]}}
    assert all(data["cached"] is False and data["seconds"] >= 0 for data in ran.of("node_finished"))
    assert ran.outcome.executed == ("n", "s")
    assert ran.outcome.outputs == {"s": {"value": [2]}}
    assert ran.outcome.meta == {"s": {"node_id": "s", "display_node": "s", "parent_node": None, "real_node_id": "s"}}
    json.dumps([dict(event.data) for event in ran.events])  # all of it can be stored


def test_a_node_used_twice_runs_once(tmp_path: Path) -> None:
    ran = Lab(tmp_path, [number, add, show]).run(
        {
            "n": ("Number", {"value": 2}),
            "l": ("Add", {"a": out("n"), "b": 10}),
            "r": ("Add", {"a": out("n"), "b": 20}),
            "x": ("Add", {"a": out("l"), "b": out("r")}),
            "s": ("Show", {"value": out("x")}),
        }
    )
    assert ran.shown("s") == [34]
    assert sorted(ran.started) == ["l", "n", "r", "s", "x"]


def test_one_source_may_feed_two_inputs(tmp_path: Path) -> None:
    ran = Lab(tmp_path, [number, add, show]).run(
        {
            "n": ("Number", {"value": 2}),
            "x": ("Add", {"a": out("n"), "b": out("n")}),
            "s": ("Show", {"value": out("x")}),
        }
    )
    assert ran.shown("s") == [4]


def test_only_what_the_targets_need_runs(tmp_path: Path) -> None:
    graph: dict[str, Any] = {
        "n": ("Number", {"value": 2}),
        "unused": ("Number", {"value": 3}),
        "s": ("Show", {"value": out("n")}),
        "other": ("Show", {"value": out("unused")}),
    }
    ran = Lab(tmp_path, [number, show]).run(graph, targets=["s"])
    assert ran.started == ["n", "s"]
    assert Lab(tmp_path, [number, show]).run(graph, targets=["unused"]).started == ["unused"]
    assert Lab(tmp_path, [number, show]).run(graph, targets=[]).outcome.state == "succeeded"


def test_several_outputs_are_told_apart(tmp_path: Path) -> None:
    ran = Lab(tmp_path, [divide, alone, show]).run(
        {
            "d": ("Divide", {"a": 17, "b": 5}),
            "whole": ("Show", {"value": out("d", 0)}),
            "one": ("Alone", {"value": out("d", 1)}),
            "rest": ("Show", {"value": out("one")}),
        }
    )
    assert (ran.shown("whole"), ran.shown("rest")) == ([3], [2])


def test_inputs_not_given_have_their_defaults(tmp_path: Path) -> None:
    lab = Lab(tmp_path, [optional])
    assert lab.run({"s": ("Optional", {})}).shown("s") == [None, 7]
    assert lab.run({"s": ("Optional", {"a": 1, "undeclared": 5})}).shown("s") == [1, 7]


def test_a_chain_of_10000_nodes_runs(tmp_path: Path) -> None:
    graph: dict[str, Any] = {"0": ("Number", {"value": 0})}
    graph |= {str(i): ("Add", {"a": out(str(i - 1))}) for i in range(1, 10_000)}
    graph["s"] = ("Show", {"value": out("9999")})
    lab = Lab(tmp_path, [number, add, show])
    assert lab.run(graph).shown("s") == [9999]
    again = lab.run(graph)
    assert len(again.cached) == 10_001
    assert again.started == []


def test_a_fan_of_10000_nodes_runs(tmp_path: Path) -> None:
    graph: dict[str, Any] = {"n": ("Number", {"value": 1})}
    graph |= {f"a{i}": ("Add", {"a": out("n"), "b": i}) for i in range(5_000)}
    graph |= {f"s{i}": ("Show", {"value": out(f"a{i}")}) for i in range(5_000)}
    ran = Lab(tmp_path, [number, add, show]).run(graph)
    assert [ran.shown(f"s{i}") for i in range(5_000)] == [[i + 1] for i in range(5_000)]
    assert ran.started.count("n") == 1


def test_a_branch_is_finished_before_the_next_begins(tmp_path: Path) -> None:
    graph: dict[str, Any] = {}
    for branch in "xy":
        graph[f"{branch}0"] = ("Number", {"value": ord(branch)})
        graph |= {f"{branch}{i}": ("Add", {"a": out(f"{branch}{i - 1}")}) for i in range(1, 4)}
        graph[branch] = ("Show", {"value": out(f"{branch}3")})
    assert Lab(tmp_path, [number, add, show]).run(graph).started == [
        *("x0", "x1", "x2", "x3", "x"),
        *("y0", "y1", "y2", "y3", "y"),
    ]


def test_of_several_that_become_ready_the_first_wanted_runs_first(tmp_path: Path) -> None:
    graph: dict[str, Any] = {"n": ("Number", {"value": 1})}
    graph |= {f"a{i}": ("Add", {"a": out("n"), "b": i}) for i in range(5)}
    ran = Lab(tmp_path, [number, add]).run(graph, targets=["a0", "a1", "a2", "a3", "a4"])
    assert ran.started == ["n", "a0", "a1", "a2", "a3", "a4"]


# --- hidden inputs and context ---------------------------------------------------------------------------------------


@node("Hidden", category="test", is_output=True)
def hidden(ctx: Context, me: UniqueId, prompt: Prompt, extra: ExtraPngInfo, graph: DynamicPrompt) -> None:
    assert ctx.node_id == me
    ctx.show("value", [me, dict(prompt or {}), dict(extra or {}), sorted(graph), graph[me].type])


def test_hidden_inputs_are_filled_by_the_engine(tmp_path: Path) -> None:
    lab = Lab(tmp_path, [hidden, number])
    ran = lab.run(
        {"h": ("Hidden", {}), "n": ("Number", {})},
        prompt={"h": {"class_type": "Hidden"}},
        extra_pnginfo={"workflow": {"nodes": []}},
    )
    assert ran.shown("h") == ["h", {"h": {"class_type": "Hidden"}}, {"workflow": {"nodes": []}}, ["h", "n"], "Hidden"]


@node("Raw", category="test", is_output=True)
def raw(ctx: Context, link: Annotated[int, Input(raw_link=True)]) -> None:
    assert isinstance(link, Link)
    ctx.show("value", [link.node_id, link.output])


def test_a_raw_link_is_handed_over_and_its_source_does_not_run(tmp_path: Path) -> None:
    ran = Lab(tmp_path, [raw, number]).run({"r": ("Raw", {"link": out("n")}), "n": ("Number", {})})
    assert ran.shown("r") == ["n", 0]
    assert ran.started == ["r"]


@node("UsesContext", category="test", is_output=True)
def uses_context(ctx: Context, name: Annotated[str, Choices("models")]) -> None:
    ctx.progress(1, 2)
    ctx.preview(b"jpeg", "image/jpeg")
    ctx.progress(2, 2)
    artifact = ctx.save("output", "pic", ".txt", lambda file: file.write(b"content"))
    ctx.show("images", [artifact.reference()])
    ctx.show("path", [ctx.file("models", name).name])
    ctx.show("resource", [ctx.resource(dict)["key"]])
    ctx.show("images", ["and another"])


def test_a_node_uses_its_context(tmp_path: Path) -> None:
    lab = Lab(tmp_path, [uses_context])
    lab.services.files["models", "m"] = "1"
    lab.services.resources[dict] = {"key": "shared"}
    ran = lab.run({"c": ("UsesContext", {"name": "m"})})
    assert [(data["node"], data["value"], data["total"]) for data in ran.of("progress")] == [("c", 1, 2), ("c", 2, 2)]
    (preview,) = [event for event in ran.events if event.type == "preview"]
    assert (preview.blob, preview.data) == (b"jpeg", {"node": "c", "media_type": "image/jpeg"})
    file = {"filename": "pic_00001_.txt", "subfolder": "", "type": "output"}
    assert ran.shown("c", "images") == [file, "and another"]
    assert (ran.shown("c", "path"), ran.shown("c", "resource")) == (["m"], ["shared"])
    assert (tmp_path / "pic_00001_.txt").read_bytes() == b"content"


@node("ShowsObject", category="test", is_output=True)
def shows_object(ctx: Context, nan: bool) -> None:
    ctx.show("value", [float("nan") if nan else object()])  # type: ignore[list-item]


@pytest.mark.parametrize("nan", [False, True])
def test_only_json_values_can_be_shown(tmp_path: Path, nan: bool) -> None:
    ran = Lab(tmp_path, [shows_object]).run({"s": ("ShowsObject", {"nan": nan})})
    assert ran.error.startswith('show("value", …) takes JSON values: ')
    assert ran.of("shown") == []


@node("Reports", category="test", is_output=True)
def reports(ctx: Context) -> None:
    ctx.progress(Fraction(1, 2), 1)  # type: ignore[arg-type]


@node("LoseCount", category="test", is_output=True)
def lose_count(ctx: Context) -> None:
    ctx.progress(1, float("nan"))


def test_progress_without_an_end_is_refused_by_name(tmp_path: Path) -> None:
    ran = Lab(tmp_path, [lose_count]).run({"l": ("LoseCount", {})})
    assert ran.error == "progress takes finite numbers, but got nan"


def test_progress_is_a_plain_number_whatever_a_node_counts_with(tmp_path: Path) -> None:
    ran = Lab(tmp_path, [reports]).run({"r": ("Reports", {})})
    assert json.dumps(ran.of("progress")) == '[{"node": "r", "value": 0.5, "total": 1}]'


SEEN: list[Call | None] = []


@node("WhereAmI", category="test", is_output=True, cacheable=False)
def where_am_i(value: int) -> None:
    SEEN.append(current_call.get())


def test_code_of_a_node_can_tell_which_call_it_runs_in(tmp_path: Path) -> None:
    SEEN.clear()
    Lab(tmp_path, [where_am_i]).run({"w": ("WhereAmI", {"value": 1})})
    assert [Call("job", "w", 0)] == SEEN
    assert current_call.get() is None


def test_the_call_scope_surrounds_nodes_once_per_run(tmp_path: Path) -> None:
    entered: list[str] = []

    @contextmanager
    def scope() -> Iterator[None]:
        entered.append(threading.current_thread().name)
        yield
        entered.append("left")

    lab = Lab(tmp_path, [number, add], call_scope=scope)
    lab.run({"n": ("Number", {}), "a": ("Add", {"a": out("n")})}, targets=["a"])
    assert entered == [threading.current_thread().name, "left"]


# --- what nodes return -----------------------------------------------------------------------------------------------

RETURNS: list[object] = []


@node("Returns", category="test")
def returns_one() -> int:
    return RETURNS[0]  # type: ignore[return-value]


@node("ReturnsList", category="test")
def returns_list() -> list[int]:
    return RETURNS[0]  # type: ignore[return-value]


@node("ReturnsTwo", category="test", output_names=["first", "second"])
def returns_two() -> tuple[int, float]:
    return RETURNS[0]  # type: ignore[return-value]


@node("ReturnsNothing", category="test")
def returns_nothing() -> None:
    return RETURNS[0]  # type: ignore[return-value]


@node("ReturnsPicture", category="test")
def returns_picture() -> Picture:
    return RETURNS[0]  # type: ignore[return-value]


@node("ReturnsEither", category="test")
def returns_either() -> Picture | int:
    return RETURNS[0]  # type: ignore[return-value]


ALL_RETURNS = [returns_one, returns_list, returns_two, returns_nothing, returns_picture, returns_either]


def run_returning(folder: Path, node_type: str, value: object) -> Ran:
    RETURNS[:] = [value]
    return Lab(folder, ALL_RETURNS, ports=[PICTURE]).run({"7": (node_type, {})}, targets=["7"])


@pytest.mark.parametrize(
    ("node_type", "value", "message"),
    [
        ("Returns", "5", 'output 0 "INT" must be INT (int), got a value of type str'),
        ("Returns", None, 'output 0 "INT" must be INT (int), got None'),
        ("Returns", True, 'output 0 "INT" must be INT (int), got a value of type bool'),
        ("Returns", (1, 2), 'output 0 "INT" must be INT (int), got a tuple of 2'),
        ("Returns", 1.5, 'output 0 "INT" must be INT (int), got a value of type float'),
        ("ReturnsList", 5, 'output 0 "INT" must be a list of INT, got a value of type int'),
        ("ReturnsList", [1, "2"], 'output 0 "INT" must be INT (int), got a value of type str'),
        ("ReturnsTwo", 1, "expected a tuple with 2 outputs (first, second), got a value of type int"),
        ("ReturnsTwo", (1,), "expected a tuple with 2 outputs (first, second), got one of 1"),
        ("ReturnsTwo", (1, "x"), 'output 1 "second" must be FLOAT (float), got a value of type str'),
        ("ReturnsNothing", 5, "expected no outputs, so None, got a value of type int"),
        ("ReturnsPicture", 5, 'output 0 "PICTURE" must be PICTURE (Picture), got a value of type int'),
        ("ReturnsEither", "x", 'output 0 "PICTURE,INT" must be PICTURE,INT (Picture or int), got a value of type str'),
    ],
)
def test_a_wrong_return_value_is_named(tmp_path: Path, node_type: str, value: object, message: str) -> None:
    ran = run_returning(tmp_path, node_type, value)
    assert ran.outcome.state == "failed"
    assert ran.error == f'pack "lab", {node_type} (node 7): {message}'


@pytest.mark.parametrize(
    ("node_type", "value"),
    [
        ("Returns", 5),
        ("ReturnsList", []),
        ("ReturnsList", (1, 2)),
        ("ReturnsTwo", (1, 2)),
        ("ReturnsTwo", (1, 2.5)),
        ("ReturnsNothing", None),
        ("ReturnsPicture", Picture()),
        ("ReturnsEither", Picture()),
        ("ReturnsEither", 1),
    ],
)
def test_a_right_return_value_is_taken(tmp_path: Path, node_type: str, value: object) -> None:
    assert run_returning(tmp_path, node_type, value).outcome.state == "succeeded"


# --- errors ----------------------------------------------------------------------------------------------------------

ERRORS: list[BaseException] = []


class Tracked:
    """An object a failing node has in its hands."""


TRACKED: list[weakref.ref[Tracked]] = []


@node("Fails", category="test")
def fails(value: int, text: str = "") -> int:
    big = Tracked()
    TRACKED.append(weakref.ref(big))
    raise ERRORS[0]


FAILING: dict[str, Any] = {
    "n": ("Number", {"value": 2}),
    "f": ("Fails", {"value": out("n"), "text": "x" * 1000}),
    "s": ("Show", {"value": out("f")}),
}


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (RuntimeError("no luck"), "RuntimeError"),
        (MemoryError("no luck"), "MemoryError"),
        (KeyboardInterrupt("no luck"), "KeyboardInterrupt"),
        (SystemExit("no luck"), "SystemExit"),
        (json.JSONDecodeError("no luck", "", 0), "json.decoder.JSONDecodeError"),
    ],
)
def test_an_exception_of_a_node_fails_the_job(tmp_path: Path, error: BaseException, name: str) -> None:
    ERRORS[:] = [error]
    ran = Lab(tmp_path, [number, fails, show]).run(FAILING)
    assert ran.outcome.state == "failed"
    failure = ran.outcome.error
    assert failure is not None
    assert failure.message.startswith("no luck")
    assert (failure.type, failure.node_id, failure.node_type) == (name, "f", "Fails")
    assert failure.inputs == {"value": 2, "text": "x" * 200 + "…"}
    assert ran.outcome.executed == ("n",)
    (data,) = ran.of("failed")
    assert data == {"error": failure.as_json(), "executed": ["n"]}
    assert ran.events[-1].type == "failed"
    assert ran.of("shown") == []


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Unspeakable(), "Unspeakable, whose message cannot be had: its __str__ raised ValueError"),
        (RuntimeError("no luck " * 100_000), "no luck … and 790,000 more characters"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_an_exception_without_a_fit_message_still_names_its_node(
    tmp_path: Path, error: Exception, message: str
) -> None:
    ERRORS[:] = [error]
    failure = Lab(tmp_path, [number, fails, show]).run(FAILING).outcome.error
    assert failure is not None
    assert failure.node_id == "f"
    assert failure.message.endswith(message)
    assert len(failure.message) < 11_000


def test_the_traceback_begins_in_the_node(tmp_path: Path) -> None:
    ERRORS[:] = [RuntimeError("no luck")]
    failure = Lab(tmp_path, [number, fails, show]).run(FAILING).outcome.error
    assert failure is not None
    assert len(failure.traceback) == 1
    assert "in fails" in failure.traceback[0]


@node("Deep", category="test")
def deep(value: int) -> int:
    def down(level: int) -> int:
        return down(level + 1)

    return down(value)


def test_a_node_that_recurses_without_end_fails_with_a_short_traceback(tmp_path: Path) -> None:
    failure = Lab(tmp_path, [deep]).run({"d": ("Deep", {"value": 0})}, targets=["d"]).outcome.error
    assert failure is not None
    assert failure.type == "RecursionError"
    assert len(failure.traceback) < 60


def test_a_failure_keeps_nothing_of_the_node_alive(tmp_path: Path) -> None:
    lab = Lab(tmp_path, [number, fails, show])
    ERRORS[:] = [RuntimeError("no luck")]
    TRACKED.clear()
    gc.disable()
    try:
        lab.run(FAILING)
        ERRORS.clear()  # the exception itself holds the frames
        assert TRACKED[0]() is None
    finally:
        gc.enable()


def test_results_from_before_an_error_are_kept(tmp_path: Path) -> None:
    ERRORS[:] = [RuntimeError("no luck")]
    lab = Lab(tmp_path, [number, fails, show])
    lab.run(FAILING)
    again = lab.run(FAILING)
    assert again.cached == ["n"]
    assert again.started == ["f"]
    assert again.reasons["f"] == "did not finish before"
    assert again.outcome.executed == ()


class Unprintable:
    def __repr__(self) -> str:
        raise ValueError("no text")


@node("MakesUnprintable", category="test")
def makes_unprintable() -> object:
    return Unprintable()


@node("Chokes", category="test")
def chokes(value: object, numbers: list[int], wide: float = float(10)) -> int:
    raise RuntimeError


def test_inputs_that_cannot_be_printed_are_named_by_type(tmp_path: Path) -> None:
    ran = Lab(tmp_path, [makes_unprintable, chokes]).run(
        {"u": ("MakesUnprintable", {}), "c": ("Chokes", {"value": out("u"), "numbers": [1, 2, 3, 4, 5, 6]})},
        targets=["c"],
    )
    assert ran.outcome.error is not None
    assert ran.outcome.error.inputs["numbers"] == [1, 2, 3, 4, "… 2 more"]
    assert str(ran.outcome.error.inputs["value"]).startswith("<Unprintable instance")
    assert ran.error == "RuntimeError"  # an exception without a text is named by its class


def test_graphs_that_cannot_be_planned_fail_with_the_reason(tmp_path: Path) -> None:
    lab = Lab(tmp_path, [number, add])
    cycle = lab.run({"a": ("Add", {"a": out("b")}), "b": ("Add", {"a": out("a")})}, targets=["a"])
    assert cycle.error.startswith("these nodes wait for each other in a cycle: ")
    unknown = lab.run({"x": ("Nothing", {})}, targets=["x"])
    assert unknown.error == 'Nothing (node x): there is no node type "Nothing"; install its pack'
    assert unknown.outcome.error is not None
    assert (unknown.outcome.error.node_id, unknown.outcome.error.node_type) == ("x", "Nothing")
    assert unknown.events[-1].type == "failed"
    absent = lab.run({}, targets=["x"])
    assert absent.error == 'node "x" is wanted but is not in the graph'


def test_what_emit_raises_is_raised(tmp_path: Path) -> None:
    def watch(event: object) -> None:
        raise BrokenPipeError("nobody listens")

    with pytest.raises(BrokenPipeError):
        Lab(tmp_path, [number]).run({"n": ("Number", {})}, targets=["n"], watch=watch)
