"""Cancelling a job: between nodes, while a node reports, while async nodes wait."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

from lab import Lab, out

from sd35graph.engine.events import Event
from sd35graph.engine.execution.run_context import CancelToken
from sd35graph.graph.context import Context
from sd35graph.graph.errors import Cancelled
from sd35graph.graph.node import Expansion, GraphBuilder, node

SEEN: list[Any] = []
BEGAN: list[threading.Event] = []


@node("Number", category="test")
def number(value: int = 0) -> int:
    return value


@node("Sample", category="test")
def sample(ctx: Context, value: int, report: str = "progress") -> int:
    for step in range(1, 100):
        if report == "progress":
            ctx.progress(step, 100)
        else:
            ctx.preview(b"", "image/jpeg")
        SEEN.append(step)
    return value


@node("Look", category="test")
def look(ctx: Context, value: int) -> int:
    BEGAN[0].set()
    give_up_s = time.monotonic() + 20
    while time.monotonic() < give_up_s:
        ctx.check_cancelled()
    return value


@node("Inside", category="test")
def inside(value: int) -> int | Expansion:
    graph = GraphBuilder()
    return graph.expansion(graph.add("Sample", value=value)(0))


@node("Stubborn", category="test")
def stubborn(ctx: Context, value: int) -> int:
    try:
        ctx.progress(1, 2)
    except Cancelled:
        raise RuntimeError("all is lost") from None
    return value


@node("Wait", category="test")
async def wait(value: int) -> int:
    BEGAN[0].set()
    try:
        await asyncio.Event().wait()
    finally:
        SEEN.append("ended")
    return value


@node("GiveUp", category="test")
def give_up(value: int) -> int:
    raise Cancelled("enough")


ALL = [number, sample, look, inside, stubborn, wait, give_up]


def cancelling(folder: Path, graph: dict[str, Any], event_type: str, **data: object) -> Any:
    """Run `graph`, whose last node is the target, and cancel at the first event with this type and data."""
    SEEN.clear()
    token = CancelToken()

    def watch(event: Event) -> None:
        if event.type == event_type and all(event.data.get(name) == value for name, value in data.items()):
            token.cancel()

    return Lab(folder, ALL).run(graph, targets=[list(graph)[-1]], cancel=token, watch=watch)


def test_between_nodes(tmp_path: Path) -> None:
    graph: dict[str, Any] = {"n": ("Number", {}), "x": ("Sample", {"value": out("n")})}
    ran = cancelling(tmp_path, graph, "node_finished", node="n")
    assert ran.outcome.state == "cancelled"
    assert ran.started == ["n"]
    assert ran.of("cancelled") == [{"node": None, "node_type": None, "executed": ["n"]}]
    assert ran.events[-1].type == "cancelled"
    assert ran.outcome.executed == ("n",)


def test_at_a_progress_report(tmp_path: Path) -> None:
    graph: dict[str, Any] = {"n": ("Number", {}), "x": ("Sample", {"value": out("n")})}
    ran = cancelling(tmp_path, graph, "progress", value=3)
    assert SEEN == [1, 2, 3]  # the report after the cancel stops it
    assert ran.of("cancelled") == [{"node": "x", "node_type": "Sample", "executed": ["n"]}]


def test_at_a_preview(tmp_path: Path) -> None:
    ran = cancelling(tmp_path, {"x": ("Sample", {"value": 1, "report": "preview"})}, "preview")
    assert SEEN == [1]
    assert ran.outcome.state == "cancelled"


def test_where_a_node_only_looks(tmp_path: Path) -> None:
    BEGAN[:] = [threading.Event()]
    token = CancelToken()
    canceller = threading.Thread(target=lambda: (BEGAN[0].wait(20), token.cancel()))
    canceller.start()
    ran = Lab(tmp_path, ALL).run({"x": ("Look", {"value": 1})}, targets=["x"], cancel=token)
    canceller.join()
    assert ran.outcome.state == "cancelled"
    assert ran.of("node_finished") == []


def test_inside_an_expansion_the_submitted_node_is_named(tmp_path: Path) -> None:
    ran = cancelling(tmp_path, {"x": ("Inside", {"value": 1})}, "progress")
    assert ran.of("cancelled") == [{"node": "x", "node_type": "Inside", "executed": []}]


def test_before_the_run(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    ran = Lab(tmp_path, ALL).run({"n": ("Number", {})}, targets=["n"], cancel=token)
    assert ran.outcome.state == "cancelled"
    assert ran.started == []


def test_whatever_a_cancelled_node_raises(tmp_path: Path) -> None:
    ran = cancelling(tmp_path, {"x": ("Stubborn", {"value": 1})}, "node_started")
    assert ran.outcome.state == "cancelled"


def test_a_node_may_cancel_its_job(tmp_path: Path) -> None:
    ran = Lab(tmp_path, ALL).run({"x": ("GiveUp", {"value": 1})}, targets=["x"])
    assert ran.of("cancelled") == [{"node": "x", "node_type": "GiveUp", "executed": []}]


def test_while_an_async_node_waits(tmp_path: Path) -> None:
    SEEN.clear()
    BEGAN[:] = [threading.Event()]
    token = CancelToken()
    canceller = threading.Thread(target=lambda: (BEGAN[0].wait(20), token.cancel()))
    canceller.start()
    lab = Lab(tmp_path, ALL)
    ran = lab.run({"w": ("Wait", {"value": 1})}, targets=["w"], cancel=token)
    canceller.join()
    assert ran.of("cancelled") == [{"node": "w", "node_type": "Wait", "executed": []}]
    assert SEEN == ["ended"]
    lab.executor.close()


def test_results_from_before_a_cancel_are_kept(tmp_path: Path) -> None:
    token = CancelToken()
    lab = Lab(tmp_path, ALL)
    graph: dict[str, Any] = {"n": ("Number", {}), "x": ("Sample", {"value": out("n")})}
    lab.run(
        graph, targets=["x"], cancel=token, watch=lambda event: token.cancel() if event.type == "progress" else None
    )
    assert lab.run(graph, targets=["x"]).cached == ["n"]


def test_a_callback_set_too_late_is_called_at_once() -> None:
    token = CancelToken()
    called: list[str] = []
    token.on_cancel(lambda: called.append("early"))
    token.cancel()
    token.cancel()
    token.on_cancel(lambda: called.append("late"))
    assert called == ["early", "late"]
