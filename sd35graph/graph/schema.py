"""What a node type looks like from outside: plain data that crosses process borders as JSON.

The API process validates graphs and describes nodes with these alone; it never imports node code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue, TypeAdapter

BUILTIN = "builtin"
"""Name of the pack that comes with the program."""

HiddenInput = Literal["UNIQUE_ID", "PROMPT", "DYNPROMPT", "EXTRA_PNGINFO"]
"""What the engine itself can pass to a node: its id, the submitted graph, the graph with expansions, PNG metadata."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSchema:
    """One input of a node type.

    type: port name; several joined by commas; `COMBO` with `choices` or `source`.
    required: must be given in the document, even when the widget has a default.
    default: initial value of the widget, and the value of an optional input that is not given.
    choices, source: the allowed strings, or the name of the source that lists them at request time.
    collects: takes the whole list of items at once; otherwise the node is called once per item.
    lazy: evaluated only when the node asks. raw_link: receives the `Link` itself, which creates no dependency.
    """

    name: str
    type: str
    required: bool = True
    widget: bool = False
    has_default: bool = False
    default: JsonValue = None
    choices: tuple[str, ...] | None = None
    source: str | None = None
    min: float | int | None = None
    max: float | int | None = None
    step: float | int | None = None
    round: float | None = None
    multiline: bool = False
    dynamic_prompts: bool = False
    control_after_generate: bool = False
    image_upload: bool = False
    display: str | None = None
    tooltip: str = ""
    advanced: bool = False
    force_input: bool = False
    collects: bool = False
    lazy: bool = False
    raw_link: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSchema:
    """One output of a node type. is_list: one call gives a list, whose items downstream nodes are mapped over."""

    name: str
    type: str
    is_list: bool = False
    tooltip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSchema:
    """A node type.

    title: name people read. pack: the pack it comes from. version: changing it makes cached results unequal.
    is_output: runs for its effect; execution starts from such nodes. cacheable: equal inputs may reuse the result.
    has_validator: the worker must be asked; validated_inputs skip range and choice checks, and with validates_links
    link types are left to the validator too.
    """

    type: str
    title: str
    category: str
    pack: str
    description: str = ""
    version: str = "1"
    inputs: tuple[InputSchema, ...] = ()
    outputs: tuple[OutputSchema, ...] = ()
    hidden: tuple[tuple[str, HiddenInput], ...] = ()
    is_output: bool = False
    cacheable: bool = True
    has_validator: bool = False
    validated_inputs: tuple[str, ...] = ()
    validates_links: bool = False
    deprecated: bool = False
    experimental: bool = False

    def input(self, name: str) -> InputSchema | None:
        """The input with this name."""
        return next((spec for spec in self.inputs if spec.name == name), None)


SCHEMAS: TypeAdapter[dict[str, NodeSchema]] = TypeAdapter(dict[str, NodeSchema])
"""Reads and writes the schemas of all node types as JSON."""
