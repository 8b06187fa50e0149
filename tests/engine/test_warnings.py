"""What nodes tell the user without stopping the job: `ctx.warn`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab import Lab, out

from sd35graph.graph.context import Context
from sd35graph.graph.node import Expansion, GraphBuilder, node


@node("Several", category="test")
def several(count: int) -> list[int]:
    return list(range(count))


@node("Warn", category="test")
def warn(ctx: Context, value: int, message: str) -> int:
    ctx.warn(message)
    return value


@node("WarnAndFail", category="test")
def warn_and_fail(ctx: Context, value: int) -> int:
    ctx.warn("this will not end well")
    raise RuntimeError("it did not")


@node("WarnInside", category="test")
def warn_inside(message: str) -> int | Expansion:
    graph = GraphBuilder()
    return graph.expansion(graph.add("Warn", value=1, message=message)(0))


@node("WarnWrong", category="test")
def warn_wrong(ctx: Context) -> int:
    ctx.warn(ValueError("no text"))  # type: ignore[arg-type]
    return 1


@node("Show", category="test", is_output=True)
def show(ctx: Context, value: object) -> None:
    ctx.show("value", [str(value)])


def lab(folder: Path) -> Lab:
    return Lab(folder, [several, warn, warn_and_fail, warn_inside, warn_wrong, show])


def said(node: str, message: str) -> dict[str, Any]:
    return {"node": node, "display_node": node, "parent_node": None, "message": message}


def test_a_warning_is_told_once_and_again_when_the_result_is_reused(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {
        "l": ("Several", {"count": 3}),
        "w": ("Warn", {"value": out("l"), "message": "two keys fit nothing"}),
        "s": ("Show", {"value": out("w")}),
    }
    first, again = engine.run(graph), engine.run(graph)
    assert first.outcome.state == again.outcome.state == "succeeded"
    assert first.of("warning") == again.of("warning") == [said("w", "two keys fit nothing")]
    assert len(again.cached) == 3


def test_a_warning_comes_before_the_error_of_the_same_node(tmp_path: Path) -> None:
    ran = lab(tmp_path).run({"w": ("WarnAndFail", {"value": 1}), "s": ("Show", {"value": out("w")})})
    assert [event.type for event in ran.events] == ["cached", "node_started", "warning", "failed"]
    assert ran.of("warning") == [said("w", "this will not end well")]


def test_equal_nodes_that_share_a_result_both_warn(tmp_path: Path) -> None:
    equal = ("Warn", {"value": 1, "message": "odd"})
    ran = lab(tmp_path).run(
        {"a": equal, "b": equal, "s": ("Show", {"value": out("a")}), "t": ("Show", {"value": out("b")})}
    )
    assert sorted(data["node"] for data in ran.of("warning")) == ["a", "b"]


def test_a_warning_inside_an_expansion_names_the_users_node_also_when_reused(tmp_path: Path) -> None:
    engine = lab(tmp_path)
    graph: dict[str, Any] = {"7": ("WarnInside", {"message": "deep"}), "s": ("Show", {"value": out("7")})}
    first, again = engine.run(graph), engine.run(graph)
    (inner,) = first.of("warning")
    assert (inner["display_node"], inner["parent_node"], inner["message"]) == ("7", "7", "deep")
    assert again.started == []
    assert again.of("warning") == [inner]


def test_a_warning_that_is_no_text_is_the_packs_error(tmp_path: Path) -> None:
    ran = lab(tmp_path).run({"w": ("WarnWrong", {}), "s": ("Show", {"value": out("w")})})
    assert ran.error == "warn(…) takes a sentence, but got ValueError('no text')"
