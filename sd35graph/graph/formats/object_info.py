"""Node types as existing clients read them from `/object_info`: `{type: {"input", "input_order", "output", …}}`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from pydantic import JsonValue

from sd35graph.graph.ports import COMBO
from sd35graph.graph.schema import BUILTIN, InputSchema, NodeSchema

ChoicesOf = Callable[[str], Sequence[str]]

_OPTION_NAMES = (
    ("min", "min"),
    ("max", "max"),
    ("step", "step"),
    ("round", "round"),
    ("display", "display"),
)
_FLAG_NAMES = (
    ("multiline", "multiline"),
    ("dynamic_prompts", "dynamicPrompts"),
    ("control_after_generate", "control_after_generate"),
    ("image_upload", "image_upload"),
    ("advanced", "advanced"),
    ("force_input", "forceInput"),
    ("lazy", "lazy"),
    ("raw_link", "rawLink"),
)


def object_info(schemas: Iterable[NodeSchema], choices: ChoicesOf) -> dict[str, JsonValue]:
    """All node types by name. choices: the files a named source offers now; asked once per source."""
    asked: dict[str, Sequence[str]] = {}

    def once(source: str) -> Sequence[str]:
        if source not in asked:
            asked[source] = choices(source)
        return asked[source]

    return {schema.type: node_info(schema, once) for schema in schemas}


def node_info(schema: NodeSchema, choices: ChoicesOf) -> dict[str, JsonValue]:
    """One node type. Inputs are grouped as required, optional (if any) and hidden (if any), with their order beside."""
    required = {spec.name: input_info(spec, choices) for spec in schema.inputs if spec.required}
    optional = {spec.name: input_info(spec, choices) for spec in schema.inputs if not spec.required}
    groups: dict[str, dict[str, JsonValue]] = {"required": required}
    if optional:
        groups["optional"] = optional
    if schema.hidden:
        groups["hidden"] = dict(schema.hidden)
    info = {
        "input": groups,
        "input_order": {group: list(inputs) for group, inputs in groups.items()},
        "output": [output.type for output in schema.outputs],
        "output_is_list": [output.is_list for output in schema.outputs],
        "output_name": [output.name for output in schema.outputs],
        "output_tooltips": [output.tooltip for output in schema.outputs],
        "name": schema.type,
        "display_name": schema.title,
        "description": schema.description,
        "python_module": _module_of(schema.pack),
        "category": schema.category,
        "output_node": schema.is_output,
        "deprecated": schema.deprecated,
        "experimental": schema.experimental,
    }
    return cast(dict[str, JsonValue], info)  # nested dicts and lists of JSON values, whose types are invariant


def _module_of(pack: str) -> str:
    """Where existing servers would have a node type from; front ends show the pack's name that they find in it."""
    return "nodes" if pack == BUILTIN else f"custom_nodes.{pack}"


def input_info(spec: InputSchema, choices: ChoicesOf) -> JsonValue:
    """One input: `[type, options]`; a drop-down has the list of its choices in the type's place."""
    options: dict[str, JsonValue] = {"default": spec.default} if spec.has_default else {}
    options.update({name: value for field, name in _OPTION_NAMES if (value := getattr(spec, field)) is not None})
    options.update({name: True for field, name in _FLAG_NAMES if getattr(spec, field)})
    if spec.tooltip:
        options["tooltip"] = spec.tooltip
    if spec.type != COMBO.name:
        return [spec.type, options]
    return [[*(choices(spec.source) if spec.source else spec.choices or ())], options]
