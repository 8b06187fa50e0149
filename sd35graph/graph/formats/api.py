"""The API form: `{"<node id>": {"class_type", "inputs": {name: literal or ["<node id>", output]}, "_meta"}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import JsonValue

from sd35graph.graph.checks import unknown_input
from sd35graph.graph.literals import convert_literal, shown
from sd35graph.graph.problems import Problem
from sd35graph.graph.schema import InputSchema, NodeSchema
from sd35graph.graph.workflow import Graph, Link, Node

ApiNode = dict[str, JsonValue]
ApiForm = dict[str, JsonValue]


def graph_from_api(prompt: Mapping[str, object], schemas: Mapping[str, NodeSchema]) -> tuple[Graph, list[Problem]]:
    """Read the API form as leniently as existing clients need; what cannot be read is a problem, never an exception.

    Literals are converted to the declared type where that is plainly meant (see `convert_literal`), other numbers kept
    exactly. Inputs a known node type does not have are dropped with a warning, and so is a null for an optional one.
    Entries that are no nodes are left out of the graph.
    """
    reader = _Reader(schemas)
    nodes = {node_id: node for node_id, entry in prompt.items() if (node := reader.node(node_id, entry)) is not None}
    return Graph(nodes), reader.problems


def api_from_graph(graph: Graph) -> ApiForm:
    """Write a graph of JSON literals and links in the API form."""
    return {node_id: _api_node(node) for node_id, node in graph.nodes.items()}


def _api_node(node: Node) -> ApiNode:
    inputs: dict[str, JsonValue] = {}
    for name, value in node.inputs.items():
        # What is no link is a JSON literal in graphs that this function is for.
        inputs[name] = [value.node_id, value.output] if isinstance(value, Link) else cast(JsonValue, value)
    written: ApiNode = {"class_type": node.type, "inputs": inputs}
    if node.title is not None:
        written["_meta"] = {"title": node.title}
    return written


class _Reader:
    """Reads node after node and collects the problems."""

    def __init__(self, schemas: Mapping[str, NodeSchema]) -> None:
        self._schemas = schemas
        self._specs: dict[str, dict[str, InputSchema]] = {}
        self.problems: list[Problem] = []

    def node(self, node_id: str, entry: object) -> Node | None:
        """The node of one entry, or None when it is none."""
        if not isinstance(entry, Mapping):
            self._bad_node(node_id, f'it should be an object with "class_type" and "inputs", but is {shown(entry)}')
            return None
        node_type = entry.get("class_type")
        if not isinstance(node_type, str) or not node_type:
            self._missing_class_type(node_id, entry)
            return None
        inputs = entry.get("inputs")
        if inputs is not None and not isinstance(inputs, Mapping):
            self._bad_node(node_id, f'its "inputs" should be an object of values by name, but is {shown(inputs)}')
            return None
        schema = self._schemas.get(node_type)
        node = Node(node_type, {}, _title(entry, node_type, schema))
        return Node(node.type, self._inputs(node_id, node, inputs or {}, schema), node.title)

    def _inputs(
        self, node_id: str, node: Node, given: Mapping[str, object], schema: NodeSchema | None
    ) -> dict[str, object]:
        label = Graph({node_id: node}).label(node_id)
        specs = self._specs_of(schema)
        inputs: dict[str, object] = {}
        for name, value in given.items():
            spec = specs.get(name)
            if schema is not None and spec is None:
                self.problems.append(unknown_input(label, node_id, name, list(specs)))
            elif isinstance(value, list):
                link = _link(value)
                if link is None:
                    self._bad_link(label, node_id, name, value)
                else:
                    inputs[name] = link
            elif value is not None or spec is None or spec.required:
                inputs[name] = value if spec is None else convert_literal(spec.type, value)
        return inputs

    def _specs_of(self, schema: NodeSchema | None) -> dict[str, InputSchema]:
        if schema is None:
            return {}
        if schema.type not in self._specs:
            self._specs[schema.type] = {spec.name: spec for spec in schema.inputs}
        return self._specs[schema.type]

    def _bad_node(self, node_id: str, what: str) -> None:
        self.problems.append(Problem("bad_node", f"Node {node_id} cannot be read: {what}.", node_id=node_id))

    def _missing_class_type(self, node_id: str, entry: Mapping[str, object]) -> None:
        came = f"it is {shown(entry['class_type'])}" if "class_type" in entry else "it is missing"
        self.problems.append(
            Problem(
                "missing_class_type",
                f'Node {node_id}: "class_type" should name the node\'s type, but {came}.',
                node_id=node_id,
                expected="the name of a node type",
            )
        )

    def _bad_link(self, label: str, node_id: str, name: str, value: list[JsonValue]) -> None:
        meant = value[0] if len(value) == 2 and _is_integer(value[1]) and _is_integer(value[0]) else None
        hint = f', with the id as text: ["{meant}", {value[1]}]' if meant is not None else ""
        self.problems.append(
            Problem(
                "bad_link",
                f'{label}: input "{name}" is a list, so it should be a link ["<node id>", <output number>]{hint}, '
                f"but is {_listing(value)}.",
                node_id=node_id,
                input=name,
                expected='["<node id>", <output number>]',
                received=value,
                suggestions=(str(meant),) if meant is not None else (),
            )
        )


def _title(entry: Mapping[str, object], node_type: str, schema: NodeSchema | None) -> str | None:
    """The title a node was given, if it is not just its type's."""
    meta = entry.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    if not isinstance(title, str) or title in (node_type, schema.title if schema else node_type):
        return None
    return title


def _link(value: list[object]) -> Link | None:
    """The link a list stands for: a node id as text and a whole output number (existing clients also send `0.0`)."""
    if len(value) != 2 or not isinstance(value[0], str):
        return None
    output = value[1]
    if isinstance(output, float) and output.is_integer():
        output = int(output)
    return Link(value[0], output) if isinstance(output, int) and not isinstance(output, bool) else None


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _listing(value: list[JsonValue]) -> str:
    """A short list as it stands, a long one by its length."""
    plain = len(value) <= 3 and all(isinstance(item, str | int | float | None) for item in value)
    text = repr(value) if plain and all(not isinstance(item, int) or item.bit_length() < 64 for item in value) else ""
    return text if 0 < len(text) <= 60 else shown(value)
