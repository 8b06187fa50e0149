"""A workflow graph: nodes by id, whose inputs are literals or links to outputs of other nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Link:
    """Output number `output` (from 0) of node `node_id`."""

    node_id: str
    output: int


@dataclass(frozen=True, slots=True)
class Node:
    """One node: the name of its type and its inputs by name.

    An input is a `Link` or a literal: a JSON value in documents, any Python object in an expansion.
    """

    type: str
    inputs: Mapping[str, object] = field(default_factory=dict)
    title: str | None = None

    def links(self) -> Iterator[tuple[str, Link]]:
        """The linked inputs as (input name, link), in the order they stand in the document."""
        return ((name, value) for name, value in self.inputs.items() if isinstance(value, Link))


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by id. Position, tab and titles carry no meaning for execution."""

    nodes: Mapping[str, Node]

    def label(self, node_id: str) -> str:
        """How messages name a node: `KSampler (node 7)`, with its title when it has one of its own."""
        node = self.nodes.get(node_id)
        if node is None:
            return f"node {node_id}"
        title = f' "{node.title}"' if node.title and node.title != node.type else ""
        return f"{node.type}{title} (node {node_id})"
