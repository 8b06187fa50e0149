"""Problems: what is wrong with a workflow, in words for people and in fields for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import JsonValue, TypeAdapter

Severity = Literal["error", "warning"]

ProblemCode = Literal[
    "unknown_node",
    "missing_class_type",
    "bad_node",
    "missing_input",
    "wrong_type",
    "out_of_range",
    "not_in_list",
    "missing_model",
    "missing_file",
    "cycle",
    "dangling_link",
    "bad_link",
    "output_out_of_range",
    "no_output",
    "invalid_value",
    "unknown_input",
    "unknown_target",
    "cut_link",
]
"""Stable names of what can be wrong.

bad_node: an entry that is no node, or whose inputs are no object. missing_model, missing_file: a drop-down names a file
that is not in its model folder or not among the uploaded ones. invalid_value: the node's own validator refuses.
Warnings only: unknown_input (ignored), unknown_target (ignored), cut_link (led to a muted node).
"""

REFUSES_ALL: frozenset[ProblemCode] = frozenset({"unknown_node", "missing_class_type", "bad_node"})
"""Problems that make the whole workflow unusable, wherever the node stands: nobody knows what it would have done."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    message: one sentence: where, what was expected, what came, the way out.
    node_id: None when it concerns the workflow as a whole. input: name of the input, if it is about one.
    expected, received: in short; `received` is the value or type that came.
    suggestions: valid values, the nearest first. details: further facts by name, such as `linked_node`, `min`, `max`.
    """

    code: ProblemCode
    message: str
    node_id: str | None = None
    input: str | None = None
    expected: str | None = None
    received: JsonValue = None
    suggestions: tuple[str, ...] = ()
    severity: Severity = "error"
    details: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def is_error(self) -> bool:
        """Whether the node cannot run because of it."""
        return self.severity == "error"

    def as_json(self) -> dict[str, JsonValue]:
        """The problem's fields as JSON."""
        fields: dict[str, JsonValue] = {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "node_id": self.node_id,
            "input": self.input,
            "expected": self.expected,
            "received": self.received,
        }
        return {**fields, "suggestions": [*self.suggestions], "details": dict(self.details)}

    def as_warning(self) -> Problem:
        """The same problem, not standing in the way."""
        return replace(self, severity="warning")


PROBLEMS: TypeAdapter[list[Problem]] = TypeAdapter(list[Problem])
"""Reads and writes problems as JSON, for the border between processes."""
