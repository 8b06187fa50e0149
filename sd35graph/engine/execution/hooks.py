"""Calling the functions a node type brings besides its own: change fingerprint and validator."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from sd35graph.engine.execution.async_calls import AsyncThread
from sd35graph.graph.steps import Fingerprint


def named_arguments(function: Callable[..., Any], values: Mapping[str, object]) -> dict[str, object]:
    """The values a hook asks for by name; all of them when it takes `**kwargs`."""
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return dict(values)
    return {name: value for name, value in values.items() if name in parameters}


def fingerprint_hook(
    function: Callable[..., Any], thread: AsyncThread, folder_fingerprint: Callable[[str], str]
) -> Fingerprint:
    """A fingerprint function as planning calls it; an async one runs on `thread`.

    folder_fingerprint: passed on if the function has a parameter of that name.
    """
    asks_for_folders = "folder_fingerprint" in inspect.signature(function).parameters

    def fingerprint(values: Mapping[str, object]) -> object:
        given = {**values, "folder_fingerprint": folder_fingerprint} if asks_for_folders else values
        value = function(**named_arguments(function, given))
        return thread.run(value) if inspect.iscoroutine(value) else value

    return fingerprint
