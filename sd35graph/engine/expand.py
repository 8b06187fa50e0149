"""Expansions: the nodes a node returned, made part of the running graph."""

from __future__ import annotations

from collections.abc import Mapping

from sd35graph.engine.trace import Place
from sd35graph.graph.errors import GraphError
from sd35graph.graph.node import Expansion
from sd35graph.graph.workflow import Link, Node


class ExpansionError(GraphError):
    """An expansion that cannot become part of the graph; the message says why."""


class Expanded:
    """One expansion with the ids it has in the running graph.

    ids: {local id: id}. nodes: the new nodes by id. outputs: as returned, links leading to where they do now.
    """

    __slots__ = ("ids", "nodes", "outputs")

    def __init__(self, expansion: Expansion, place: Place, call: int) -> None:
        self.ids = {local_id: place.inside(call, local_id).node_id for local_id in expansion.nodes}
        self.nodes = {self.ids[local_id]: self._node(node) for local_id, node in expansion.nodes.items()}
        self.outputs = tuple(_linked(output, self.ids) for output in expansion.outputs)

    def _node(self, node: Node) -> Node:
        return Node(node.type, {name: _linked(value, self.ids) for name, value in node.inputs.items()}, node.title)


def _linked(value: object, ids: Mapping[str, str]) -> object:
    """A link into the expansion leads to the node's new id; any other one is to a node of the graph around it."""
    if isinstance(value, Link) and value.node_id in ids:
        return Link(ids[value.node_id], value.output)
    return value
