"""Problems in the words of existing clients: the error replies of `POST /prompt`.

`error` is `{type, message, details, extra_info}`, `node_errors` is `{id: {errors, dependent_outputs, class_type}}`. The
types and messages are those existing clients know; `details` is our own sentence, and `extra_info` says more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import JsonValue

from sd35graph.graph.formats.object_info import input_info
from sd35graph.graph.problems import REFUSES_ALL, Problem, ProblemCode
from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.validate import Validation
from sd35graph.graph.workflow import Graph

JsonObject = dict[str, JsonValue]

_NOT_IN_LIST = ("value_not_in_list", "Value not in list")
_CUSTOM = ("custom_validation_failed", "Custom validation failed for node")
_INNER = ("exception_during_inner_validation", "Exception when validating inner node")
_INVALID_PROMPT = ("invalid_prompt", "Cannot execute because a node is missing the class_type property.")

_TYPES: Mapping[ProblemCode, tuple[str, str]] = {
    "unknown_node": ("invalid_prompt", "Cannot execute because the node's type does not exist."),
    "missing_class_type": _INVALID_PROMPT,
    "bad_node": _INVALID_PROMPT,
    "missing_input": ("required_input_missing", "Required input is missing"),
    "wrong_type": ("invalid_input_type", "Failed to convert an input value"),
    "out_of_range": ("value_bigger_than_max", "Value out of range"),
    "not_in_list": _NOT_IN_LIST,
    "missing_model": _NOT_IN_LIST,
    "missing_file": _CUSTOM,
    "invalid_value": _CUSTOM,
    "cycle": _INNER,
    "dangling_link": _INNER,
    "output_out_of_range": _INNER,
    "bad_link": ("bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]"),
}

_SAID_ELSEWHERE = frozenset({"choices", "choice_count", "linked_node", "nodes"})
"""Facts of problems that `extra_info` holds in other places, or that nobody needs to read."""


def legacy_errors(
    validation: Validation, graph: Graph, schemas: Mapping[str, NodeSchema]
) -> tuple[JsonObject | None, JsonObject]:
    """(error, node_errors) of the reply. `error` is None when some output can run: then the answer is 200."""
    by_node: dict[str, list[Problem]] = {}
    for problem in validation.errors:
        if problem.node_id is not None:
            by_node.setdefault(problem.node_id, []).append(problem)
    node_errors: JsonObject = {}
    for node_id, problems in by_node.items():
        node = graph.nodes.get(node_id)
        schema = schemas.get(node.type) if node else None
        node_errors[node_id] = {
            "errors": [_node_error(problem, schema) for problem in problems],
            "dependent_outputs": [*validation.dependents.get(node_id, ())],
            "class_type": node.type if node else "",
        }
    return (None if validation.outputs else _error(validation)), node_errors


def _error(validation: Validation) -> JsonObject:
    """The reply's `error` when nothing can run."""
    refused = [problem for problem in validation.errors if problem.code in REFUSES_ALL]
    if refused:
        first = refused[0]
        kind, message = _TYPES[first.code]
        if first.code == "unknown_node":
            message = f"Cannot execute because node {first.received} does not exist."
        return error_body(kind, message, "\n".join(problem.message for problem in refused))
    nothing = next((problem for problem in validation.errors if problem.code == "no_output"), None)
    if nothing is not None:
        return error_body("prompt_no_outputs", "Prompt has no outputs", nothing.message)
    sentences = "\n".join(problem.message for problem in validation.errors)
    return error_body("prompt_outputs_failed_validation", "Prompt outputs failed validation", sentences)


def error_body(kind: str, message: str, details: str = "") -> JsonObject:
    """One `error` object."""
    return {"type": kind, "message": message, "details": details, "extra_info": {}}


def _node_error(problem: Problem, schema: NodeSchema | None) -> JsonObject:
    """One problem of a node. `extra_info` holds what existing clients read, and our code and suggestions beside it."""
    kind, message = _kind(problem)
    extra: JsonObject = {}
    if problem.input is not None:
        extra["input_name"] = problem.input
        extra["input_config"] = _input_config(problem, schema)
    if problem.code in ("wrong_type", "out_of_range", "not_in_list", "missing_model", "missing_file", "bad_link"):
        extra["received_value"] = problem.received
    if kind == "return_type_mismatch":
        extra["received_type"] = extra.pop("received_value")
    if "linked_node" in problem.details:
        extra["linked_node"] = problem.details["linked_node"]
    extra["code"] = problem.code
    extra["suggestions"] = [*problem.suggestions]
    extra["expected"] = problem.expected
    extra["facts"] = {name: fact for name, fact in problem.details.items() if name not in _SAID_ELSEWHERE}
    return {"type": kind, "message": message, "details": problem.message, "extra_info": extra}


def _kind(problem: Problem) -> tuple[str, str]:
    """The type and message existing clients know for a problem."""
    if problem.code == "wrong_type":
        if "received_type" in problem.details:
            return "return_type_mismatch", "Return type mismatch between linked nodes"
        return "invalid_input_type", f"Failed to convert an input value to a {problem.expected} value"
    if problem.code == "out_of_range":
        # Range problems are only made for numbers, with their limits beside.
        value, low = cast(float, problem.received), cast("float | None", problem.details["min"])
        if low is not None and value < low:
            return "value_smaller_than_min", f"Value {value} smaller than min of {low}"
        return "value_bigger_than_max", f"Value {value} bigger than max of {problem.details['max']}"
    return _TYPES.get(problem.code, _CUSTOM)


def _input_config(problem: Problem, schema: NodeSchema | None) -> JsonValue:
    """The input's entry of `/object_info`; None for a drop-down too long to repeat."""
    spec = schema.input(problem.input) if schema and problem.input else None
    if spec is None:
        return None
    listed = problem.details.get("choices")
    if "choice_count" in problem.details and listed is None:
        return None
    return input_info(spec, lambda _source: [str(name) for name in listed] if isinstance(listed, list) else [])
