"""What is kept of an exception once it is caught: plain text, so that no frame keeps tensors alive."""

from __future__ import annotations

import builtins
import os
import reprlib
import traceback
from collections.abc import Mapping

from pydantic import JsonValue

from sd35graph.graph.node import Lazy

_ENGINE_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep
_MAX_FRAMES = 50
_MAX_MESSAGE = 10_000
_MAX_ITEMS = 4
_MAX_TEXT = 200
_LARGE = 1e300

_shortened = reprlib.Repr()
_shortened.maxstring = _shortened.maxother = _MAX_TEXT


def type_name(error: BaseException) -> str:
    """The exception's class, dotted unless built in."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == builtins.__name__ else f"{kind.__module__}.{kind.__qualname__}"


def message_of(error: BaseException) -> str:
    """What the exception says, shortened when it is very long; its class where it says nothing, or cannot."""
    try:
        message = str(error)
    except Exception as broken:  # noqa: BLE001 - the class is a pack's, and so is its `__str__`
        return f"{type_name(error)}, whose message cannot be had: its __str__ raised {type_name(broken)}"
    left_out = len(message) - _MAX_MESSAGE
    if left_out > 0:
        message = f"{message[:_MAX_MESSAGE]}… and {left_out:,} more characters"
    return message or type(error).__name__


def node_frames(error: BaseException) -> tuple[str, ...]:
    """The traceback from the node's own first frame on, one string per frame; of a long one, the last frames."""
    frames = traceback.extract_tb(error.__traceback__)
    first = next((i for i, frame in enumerate(frames) if not frame.filename.startswith(_ENGINE_FOLDER)), len(frames))
    own = frames[first:]
    left_out = len(own) - _MAX_FRAMES
    lines = traceback.format_list(own[-_MAX_FRAMES:])
    return tuple([f"  … {left_out} more frames\n", *lines] if left_out > 0 else lines)


def shortened_inputs(arguments: Mapping[str, object]) -> dict[str, JsonValue]:
    """A node's arguments for people to read: plain values as they are, the rest as shortened text."""
    return {name: _shorten(value) for name, value in arguments.items()}


def _shorten(value: object) -> JsonValue:
    if isinstance(value, Lazy):
        return _shorten_item(value.value) if value.is_ready else "<not evaluated>"
    if isinstance(value, list):
        more: list[JsonValue] = [f"… {len(value) - _MAX_ITEMS} more"] if len(value) > _MAX_ITEMS else []
        return [_shorten_item(item) for item in value[:_MAX_ITEMS]] + more
    return _shorten_item(value)


def _shorten_item(value: object) -> JsonValue:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float) and abs(value) < _LARGE:  # NaN is not, and JSON could not say it
        return value
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else value[:_MAX_TEXT] + "…"
    return _shortened.repr(value)  # says the type where somebody's __repr__ fails
