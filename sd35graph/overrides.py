"""Changing inputs of a workflow from outside: `NODE.INPUT=VALUE`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy

from pydantic import JsonValue


class OverrideError(Exception):
    """An override names no input of the workflow; the message says which are there."""


def overridden(prompt: Mapping[str, JsonValue], overrides: Iterable[str]) -> dict[str, JsonValue]:
    """A copy of an API-form prompt with `NODE.INPUT=VALUE` applied. Raises `OverrideError`.

    A value that is JSON (`7`, `true`, `["4", 0]`) is taken as such unless the input holds a text now.
    """
    changed = deepcopy(dict(prompt))
    for override in overrides:
        target, equals, value = override.partition("=")
        node_name, dot, input_name = target.rpartition(".")
        if not equals or not dot or not node_name or not input_name:
            raise OverrideError(f'"{override}" is no override; write NODE.INPUT=VALUE, such as 3.seed=7')
        node = _node(changed, node_name)
        inputs = node.setdefault("inputs", {})
        if not isinstance(inputs, dict) or input_name not in inputs:
            known = ", ".join(inputs) if isinstance(inputs, dict) else ""
            raise OverrideError(
                f'node "{node_name}" ({node.get("class_type")}) has no input "{input_name}"; it has {known}'
            )
        inputs[input_name] = value if isinstance(inputs[input_name], str) else _value(value)
    return changed


def _node(prompt: Mapping[str, JsonValue], name: str) -> dict[str, JsonValue]:
    nodes = {node_id: node for node_id, node in prompt.items() if isinstance(node, dict)}
    if name in nodes:
        return nodes[name]
    found = [node for node in nodes.values() if _title(node) == name]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(node_id for node_id, node in nodes.items() if _title(node) == name)
        raise OverrideError(f'{len(found)} nodes have the title "{name}"; use an id: {ids}')
    known = ", ".join(f'{node_id} "{_title(node)}"' for node_id, node in nodes.items())
    raise OverrideError(f'there is no node with the id or title "{name}"; there are {known}')


def _title(node: Mapping[str, JsonValue]) -> JsonValue:
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, dict) else None
    return title or node.get("class_type")


def _value(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value
