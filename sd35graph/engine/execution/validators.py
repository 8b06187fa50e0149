"""Asking nodes' own validators, beside whatever the device thread does."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterable
from typing import Any

from sd35graph.engine.execution.failure import message_of, type_name
from sd35graph.engine.execution.hooks import named_arguments
from sd35graph.graph.problems import Problem
from sd35graph.graph.registry import Registry
from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.validate import ValidatorCall

VALIDATOR_TIMEOUT_S = 10.0
_AT_ONCE = 8


async def run_validators(
    calls: Iterable[ValidatorCall], registry: Registry, timeout_s: float = VALIDATOR_TIMEOUT_S
) -> list[Problem]:
    """What the validators of nodes object to, in the order of `calls`.

    A validator that raises or takes longer than `timeout_s` is itself a problem of its node. Plain ones run in
    threads; one that never returns leaves its thread behind.
    """
    slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(call: ValidatorCall) -> list[Problem]:
        async with slots:
            return await _ask(call, registry, timeout_s)

    found = await asyncio.gather(*(ask(call) for call in calls))
    return [problem for problems in found for problem in problems]


async def _ask(call: ValidatorCall, registry: Registry, timeout_s: float) -> list[Problem]:
    node_type = registry.types.get(call.type)
    if node_type is None or node_type.validate is None:
        return []
    validate = node_type.validate
    try:
        arguments = _arguments(validate, call, node_type.schema)
        verdict = await asyncio.wait_for(_verdict(validate, arguments), timeout_s)
        messages = _messages(verdict)
    except TimeoutError:
        messages = [f"its validator gave no answer within {timeout_s:g} s"]
    except Exception as error:  # noqa: BLE001 - a pack's code may raise anything; the user is told
        messages = [f"its validator failed with {type_name(error)}: {message_of(error)}"]
    return [_problem(call, message) for message in messages]


def _arguments(validate: Callable[..., Any], call: ValidatorCall, schema: NodeSchema) -> dict[str, object]:
    """What the validator names of the node's inputs, absent ones with their defaults; all given ones for `**kwargs`."""
    parameters = inspect.signature(validate).parameters
    defaults = {spec.name: spec.default for spec in schema.inputs if spec.name in parameters}
    types = {"input_types": dict(call.input_types)} if "input_types" in parameters else {}
    return {**defaults, **named_arguments(validate, call.inputs), **types}


async def _verdict(validate: Callable[..., Any], arguments: dict[str, object]) -> object:
    if inspect.iscoroutinefunction(validate):
        return await validate(**arguments)
    return await _in_thread(lambda: validate(**arguments))


async def _in_thread(function: Callable[[], object]) -> object:
    """What `function` returns, called in a daemon thread: unlike a pool's, it cannot keep the process from ending."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[object] = loop.create_future()

    def settle(value: object, error: BaseException | None) -> None:
        if answer.done():  # too late: the one who asked has gone
            return
        if error is None:
            answer.set_result(value)
        else:
            answer.set_exception(error)

    def work() -> None:
        value: object = None
        failure: BaseException | None = None
        try:
            value = function()
        except Exception as error:  # noqa: BLE001 - handed over to the one who asked
            failure = error
        except BaseException as error:  # noqa: BLE001 - `SystemExit` and its like must not end the asking loop
            failure = RuntimeError(f"{type(error).__name__} was raised")
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value, failure)

    threading.Thread(target=work, name="validator", daemon=True).start()
    return await answer


def _messages(verdict: object) -> list[str]:
    """A validator's answer as messages: None or True is consent."""
    if verdict is None or verdict is True:
        return []
    if verdict is False:
        return ["its validator refused the inputs"]
    if isinstance(verdict, str):
        return [verdict]
    if isinstance(verdict, Iterable):
        return [str(message) for message in verdict]
    raise TypeError(f"a validator returns None or messages, got {type(verdict).__name__}")


def _problem(call: ValidatorCall, message: str) -> Problem:
    named = next((name for name in call.inputs if len(call.inputs) == 1), None)
    return Problem(
        code="invalid_value",
        message=f"{call.type} (node {call.node_id}): {message}",
        node_id=call.node_id,
        input=named,
        received=call.inputs[named] if named is not None else None,
        details={"reason": message},
    )
