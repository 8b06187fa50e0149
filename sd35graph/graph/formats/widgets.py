"""Widget values of the editor form, stored by position, and the names they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from sd35graph.graph.schema import InputSchema, NodeSchema

CONTROL_WORDS = ("fixed", "increment", "decrement", "randomize")
"""What becomes of a seed after a run; an extra value behind every seed widget."""

_SEED_NAMES = ("seed", "noise_seed")
_UPLOAD = "image"
"""The extra value behind an image upload widget."""


def widget_inputs(schema: NodeSchema) -> list[InputSchema]:
    """The inputs that have a widget, in the order their values are stored: required ones first, then optional ones."""
    return sorted((spec for spec in schema.inputs if spec.widget), key=lambda spec: not spec.required)


def has_control(spec: InputSchema) -> bool:
    """Whether the widget's value is followed by one of `CONTROL_WORDS`."""
    return spec.type == "INT" and (spec.control_after_generate or spec.name in _SEED_NAMES)


def named_values(schema: NodeSchema, values: Sequence[object] | dict[str, object]) -> dict[str, object]:
    """Widget values by input name; where the file has too few, the defaults; what it has too many is left out."""
    if isinstance(values, dict):
        given = {spec.name: values[spec.name] for spec in widget_inputs(schema) if spec.name in values}
    else:
        given = dict(_by_position(schema, values))
    for spec in widget_inputs(schema):
        if spec.name not in given:
            given.update(_default(spec))
    return given


def _by_position(schema: NodeSchema, values: Sequence[object]) -> Iterator[tuple[str, object]]:
    place = 0
    for spec in widget_inputs(schema):
        if place >= len(values):
            return
        yield spec.name, values[place]
        place += 1
        extra = CONTROL_WORDS if has_control(spec) else (_UPLOAD,) if spec.image_upload else ()
        if extra and place < len(values) and values[place] in extra:
            place += 1


def _default(spec: InputSchema) -> dict[str, JsonValue]:
    """What a widget starts with, as far as the declaration says; an optional one may stay away."""
    if spec.has_default:
        return {spec.name: spec.default}
    if spec.required and spec.choices:
        return {spec.name: spec.choices[0]}
    return {}
