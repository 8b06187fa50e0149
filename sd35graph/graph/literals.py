"""Literals: the values documents write into widgets, converted leniently when read and checked strictly afterwards."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sd35graph.graph.ports import ANY, COMBO, SCALARS
from sd35graph.graph.schema import InputSchema

_SCALAR_NAMES = {port.name for port in SCALARS}
_TAKES_LITERALS = _SCALAR_NAMES | {COMBO.name, ANY}
_ARTICLES = {"INT": "an integer", "FLOAT": "a number", "STRING": "a text", "BOOLEAN": "true or false"}
_WORDS = {"true": True, "false": False}


def convert_literal(port_type: str, value: object) -> object:
    """`value` as the type an input is declared with, where existing clients may mean it; otherwise unchanged.

    Only for types that are exactly INT, FLOAT, STRING or BOOLEAN: `"20"` and `20.9` are 20 for an INT, `2` is 2.0 for a
    FLOAT, `5` is `"5"` for a STRING, 0, 1, `"true"` and `"false"` are booleans. Never raises.
    """
    if port_type not in _SCALAR_NAMES or not isinstance(value, str | int | float) or _is_not_finite(value):
        return value
    try:
        if port_type == "INT":
            return int(value)
        if port_type == "FLOAT":
            number = float(value)
            return number if math.isfinite(number) else value
        if port_type == "STRING":
            return str(value)
    except (ValueError, OverflowError):  # not a number, or one without end
        return value
    return _WORDS.get(value.lower(), value) if isinstance(value, str) else bool(value)


def takes_literals(spec: InputSchema) -> bool:
    """Whether an input of this type can be given a JSON value instead of a link."""
    return not _TAKES_LITERALS.isdisjoint(name.strip() for name in spec.type.split(","))


def fits(spec: InputSchema, value: object) -> bool:
    """Whether a literal has the type of an input. A bool is no number; an int is a valid FLOAT; NaN is no number."""
    if spec.type == "INT":
        return isinstance(value, int) and not isinstance(value, bool)
    if spec.type == "FLOAT":
        return isinstance(value, int | float) and not isinstance(value, bool) and not _is_not_finite(value)
    if spec.type in ("STRING", COMBO.name):
        return isinstance(value, str)
    if spec.type == "BOOLEAN":
        return isinstance(value, bool)
    return takes_literals(spec)


def in_range(spec: InputSchema, value: object) -> bool:
    """Whether a number lies within an input's limits; other values have none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return (spec.min is None or value >= spec.min) and (spec.max is None or value <= spec.max)


def range_text(spec: InputSchema) -> str:
    """An input's limits: `from 1 to 10000`, `of at least 0`, or nothing."""
    if spec.min is not None and spec.max is not None:
        return f" from {spec.min} to {spec.max}"
    if spec.min is not None:
        return f" of at least {spec.min}"
    return f" of at most {spec.max}" if spec.max is not None else ""


def wanted(spec: InputSchema) -> str:
    """What an input takes, in words: `an integer from 1 to 10000`, `a link to a LATENT output`."""
    if spec.type in _ARTICLES:
        return _ARTICLES[spec.type] + range_text(spec)
    if spec.type == COMBO.name:
        return "the text of one of its choices"
    return "a value" if spec.type == ANY else f"a link to {article(spec.type)} {spec.type} output"


def article(name: str) -> str:
    """`a` or `an`."""
    return "an" if name[:1].upper() in "AEIO" else "a"


def shown(value: object) -> str:
    """A value for a message, cut to a readable length whatever it is."""
    if isinstance(value, str):
        text = value if len(value) <= 80 else f"{value[:77]}…"
        return f'the text "{text}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, Sequence):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, dict):
        return "an object"
    return f"a Python {type(value).__name__}"


def number_text(value: float) -> str:
    """A number for a message, also one of thousands of digits."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"about {'-' if value < 0 else ''}2^{value.bit_length()}"
    return str(value)


def _is_not_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
