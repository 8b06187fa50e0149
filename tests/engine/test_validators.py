"""Nodes' own validators."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from sd35graph.engine.execution.validators import run_validators
from sd35graph.graph.node import Pack, node
from sd35graph.graph.registry import Registry
from sd35graph.graph.validate import ValidatorCall

GOT: list[Any] = []
NEVER = threading.Event()


def check(value: int, text: str = "absent") -> str | None:
    GOT.append((value, text))
    return "value must be even" if value is not None and value % 2 else None


@node("Even", category="test", validate=check)
def even(value: int, text: str = "default", other: int = 0) -> int:
    return value


async def check_async(value: int, input_types: dict[str, str]) -> list[str]:
    await asyncio.sleep(0)
    GOT.append((value, input_types))
    return [f"bad {name}" for name in input_types]


@node("Async", category="test", validate=check_async)
def asynchronous(value: int) -> int:
    return value


def check_all(**inputs: object) -> bool:
    GOT.append(inputs)
    return False


@node("All", category="test", validate=check_all)
def everything(value: int, other: int = 0) -> int:
    return value


def check_how(how: str) -> Any:
    if how == "raise":
        raise LookupError("cannot look")
    if how == "exit":
        raise SystemExit
    if how == "hang":
        NEVER.wait()
    return 5 if how == "nonsense" else True


@node("Trouble", category="test", validate=check_how)
def trouble(how: str) -> int:
    return 0


async def check_forever(value: int) -> None:
    await asyncio.Event().wait()


@node("Forever", category="test", validate=check_forever)
def forever(value: int) -> int:
    return value


@node("Plain", category="test")
def plain(value: int) -> int:
    return value


async def messages(*calls: ValidatorCall, timeout_s: float = 20) -> list[str]:
    GOT.clear()
    registry = Registry()
    registry.add(Pack(name="lab", nodes=[even, asynchronous, everything, trouble, forever, plain]))
    problems = await run_validators(calls, registry, timeout_s)
    assert all(problem.code == "invalid_value" and problem.is_error for problem in problems)
    return [problem.message for problem in problems]


async def test_a_validator_gets_what_it_names_and_its_message_names_the_node() -> None:
    calls = [
        ValidatorCall("1", "Even", {"value": 3, "text": "t", "other": 1}),
        ValidatorCall("2", "Even", {"value": 4}),
        ValidatorCall("3", "Even", {"value": None}),
    ]
    assert await messages(*calls) == ["Even (node 1): value must be even"]
    assert sorted(GOT, key=str) == [(3, "t"), (4, "default"), (None, "default")]


async def test_an_async_validator_may_ask_for_the_types_of_links() -> None:
    call = ValidatorCall("1", "Async", {"value": None}, {"value": "IMAGE"})
    assert await messages(call) == ["Async (node 1): bad value"]
    assert GOT == [(None, {"value": "IMAGE"})]


async def test_a_validator_with_keyword_arguments_gets_all_inputs() -> None:
    call = ValidatorCall("1", "All", {"value": 1}, {"value": "IMAGE"})
    assert await messages(call) == ["All (node 1): its validator refused the inputs"]
    assert GOT == [{"value": 1}]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raise", "its validator failed with LookupError: cannot look"),
        ("exit", "its validator failed with RuntimeError: SystemExit was raised"),
        ("nonsense", "its validator failed with TypeError: a validator returns None or messages, got int"),
    ],
)
async def test_a_validator_that_misbehaves_is_a_problem_of_its_node(how: str, message: str) -> None:
    assert await messages(ValidatorCall("1", "Trouble", {"how": how})) == [f"Trouble (node 1): {message}"]


@pytest.mark.parametrize(("node_type", "inputs"), [("Trouble", {"how": "hang"}), ("Forever", {"value": 1})])
async def test_a_validator_that_hangs_is_given_up(node_type: str, inputs: dict[str, Any]) -> None:
    found = await messages(ValidatorCall("1", node_type, inputs), timeout_s=0.05)
    NEVER.set()
    NEVER.clear()
    assert found == [f"{node_type} (node 1): its validator gave no answer within 0.05 s"]


async def test_problems_come_in_the_order_of_the_calls() -> None:
    calls = [ValidatorCall(str(i), "Even" if i % 2 else "Async", {"value": i}, {"value": "X"}) for i in range(30)]
    found: Iterable[str] = await messages(*calls)
    assert [int(message.split("node ")[1].split(")")[0]) for message in found] == list(range(30))


async def test_who_has_no_validator_has_no_objection() -> None:
    assert await messages(ValidatorCall("1", "Plain", {"value": 1}), ValidatorCall("2", "Gone", {})) == []


async def test_the_problem_names_the_input_when_there_is_only_one() -> None:
    registry = Registry()
    registry.add(Pack(name="lab", nodes=[even]))
    (problem,) = await run_validators([ValidatorCall("1", "Even", {"value": 3})], registry)
    assert (problem.input, problem.received, problem.node_id) == ("value", 3, "1")
    assert problem.details == {"reason": "value must be even"}
