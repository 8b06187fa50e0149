"""Planning: the nodes a run needs, in dependency order, each with a key that says what its result depends on.

A node's key is the SHA-256 of its type, its version and its inputs; a link counts as the key of its source. Equal
keys mean equal results, in whatever workflow the nodes stand: position, title and, for most types, id do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.steps import (
    FileFingerprint,
    Fingerprint,
    FolderFingerprint,
    PlanError,
    Shape,
    Spec,
    Step,
    StepMaker,
    shape_of,
)
from sd35graph.graph.workflow import Graph, Link, Node

_MAX_NAMED = 8


class Plan(NamedTuple):
    """The steps by node id, each after the ones it depends on, lazily or not."""

    steps: Mapping[str, Step]
    targets: tuple[str, ...]


def plan(
    graph: Graph,
    schemas: Mapping[str, NodeSchema],
    targets: Iterable[str],
    file_fingerprint: FileFingerprint,
    folder_fingerprint: FolderFingerprint,
    fingerprints: Mapping[str, Fingerprint] | None = None,
) -> Plan:
    """Plan what `targets` need. Linear in the links, without recursion. Raises `PlanError`.

    fingerprints: by node type, for those that have one.
    """
    planner = Planner(graph.nodes, schemas, file_fingerprint, folder_fingerprint, fingerprints or {})
    targets = tuple(targets)
    planner.need(targets)
    return Plan(planner.steps, targets)


class Planner:
    """A plan that can grow while it runs: expansions add nodes and ask for them.

    nodes: all nodes by id. steps: those planned so far, in dependency order.
    sees_graph: some planned node can learn the ids of nodes it is not linked to, and may link its expansion to them.
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        schemas: Mapping[str, NodeSchema],
        file_fingerprint: FileFingerprint,
        folder_fingerprint: FolderFingerprint,
        fingerprints: Mapping[str, Fingerprint],
    ) -> None:
        self.nodes: dict[str, Node] = dict(nodes)
        self.steps: dict[str, Step] = {}
        self.sees_graph = False
        self._schemas = schemas
        self._fingerprints = fingerprints
        self._shapes: dict[str, Shape] = {}
        self._maker = StepMaker(self.nodes, self.steps, file_fingerprint, folder_fingerprint)

    def add(self, nodes: Mapping[str, Node], works: Mapping[str, str]) -> None:
        """Add the nodes of an expansion. Raises `PlanError` for an id that is taken.

        works: for each new node, text that names the work it came out of. With it an input that is an arbitrary object
        has a place in keys: the same work gives the same object. Without, the node's result equals no other.
        """
        for node_id, node in nodes.items():
            if node_id in self.nodes:
                raise PlanError(node_id, f'node id "{node_id}" is used twice; ids must be unique in the whole graph')
            self.nodes[node_id] = node
        self._maker.works.update(works)

    def need(self, node_ids: Iterable[str]) -> list[Step]:
        """Plan these nodes and what they depend on; returns the new steps in dependency order. Raises `PlanError`."""
        steps = self.steps
        new: list[Step] = []
        unfinished: dict[str, None] = {}  # the nodes on the way from the wanted one to the top of `stack`
        for wanted in node_ids:
            stack = [wanted]
            while stack:
                node_id = stack[-1]
                if node_id in steps:
                    stack.pop()
                    continue
                node, shape = self._node(node_id)
                unfinished[node_id] = None
                missing = self._missing_sources(node_id, node, shape, unfinished)
                if missing:
                    stack.extend(missing)
                else:
                    steps[node_id] = step = self._maker.make(node_id, node, shape)
                    new.append(step)
                    del unfinished[node_id]
                    stack.pop()
        return new

    def label(self, node_id: str) -> str:
        """How messages name a node."""
        return self._maker.label(node_id)

    def _node(self, node_id: str) -> tuple[Node, Shape]:
        node = self.nodes.get(node_id)
        if node is None:
            raise PlanError(node_id, f'node "{node_id}" is wanted but is not in the graph')
        shape = self._shapes.get(node.type)
        if shape is None:
            schema = self._schemas.get(node.type)
            if schema is None:
                label = self.label(node_id)
                raise PlanError(node_id, f'{label}: there is no node type "{node.type}"; install its pack')
            shape = self._shapes[node.type] = shape_of(schema, self._fingerprints.get(node.type))
            self.sees_graph = self.sees_graph or shape.sees_graph
        return node, shape

    def _missing_sources(
        self, node_id: str, node: Node, shape: Shape, unfinished: Mapping[str, None]
    ) -> list[str] | None:
        """The sources of a node that are not planned yet, the first one last."""
        missing: list[str] | None = None
        given, steps = node.inputs, self.steps
        for spec in shape.specs:
            link = given.get(spec.name)
            if type(link) is not Link or link.node_id in steps:
                continue
            if not self._is_plannable(node_id, spec, link.node_id, unfinished):
                continue
            if missing is None:
                missing = []
            missing.append(link.node_id)
        if missing:
            missing.reverse()
        return missing

    def _is_plannable(self, node_id: str, spec: Spec, source: str, unfinished: Mapping[str, None]) -> bool:
        """Whether a source can be planned now. A raw link, which is no dependency, may lead back or nowhere."""
        if source in self.nodes and source not in unfinished:
            return True
        if spec.is_raw:
            return False
        if source in unfinished:
            raise PlanError(node_id, self._cycle(source, unfinished))
        label = self.label(node_id)
        raise PlanError(node_id, f'{label}: input "{spec.name}" is linked to node {source}, which is not in the graph')

    def _cycle(self, start: str, unfinished: Mapping[str, None]) -> str:
        """Say which nodes depend on each other; `unfinished` leads from consumer to source and ends at `start`."""
        way = list(unfinished)
        way = way[way.index(start) :][::-1]
        names = [self.label(node_id) for node_id in (way[-1], *way[:_MAX_NAMED])]
        more = f" → … ({len(way) - _MAX_NAMED} more)" if len(way) > _MAX_NAMED else ""
        return f"these nodes wait for each other in a cycle: {' → '.join(names)}{more}; cut one of the links"
