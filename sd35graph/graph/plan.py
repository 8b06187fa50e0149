"""Planning: the nodes a run needs, in dependency order, each with a key that says what its result depends on.

A node's key is the SHA-256 of its type, its version and its inputs; a link counts as the key of its source. Equal
keys mean equal results, in whatever workflow the nodes stand: position, title and, for most types, id do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Literal, NamedTuple

from sd35graph.graph.canonical import canonical
from sd35graph.graph.errors import GraphError
from sd35graph.graph.schema import InputSchema, NodeSchema
from sd35graph.graph.workflow import Graph, Link, Node

FileFingerprint = Callable[[str, str], str]
"""(source, file name) → text that changes when the file does. Raises `OSError` or `ValueError` for no such file."""
Fingerprint = Callable[[Mapping[str, object]], object]
"""A node type's change fingerprint: its literal inputs by name (linked ones are None) → JSON value, or NaN."""


class PlanError(GraphError):
    """A graph cannot be planned; the message names the node to blame, which is `node_id`."""

    def __init__(self, node_id: str, message: str) -> None:
        super().__init__(message)
        self.node_id = node_id


class NeverEqual(NamedTuple):
    """Why a result must not be reused: the node where that starts, as messages name it, and the reason."""

    node_id: str
    label: str
    why: str


class Label(NamedTuple):
    """What one part of a key stands for: an input or the file it names, the node's id, the fingerprint."""

    kind: Literal["input", "file", "id", "fingerprint"]
    name: str = ""


class Step(NamedTuple):
    """A node of the plan.

    key: None when the result equals no other one; `never_equal` says why.
    parts: what went into the key, in the order of `labels`; comparing two runs' parts explains a changed key.
    values: arguments known before the run: literals and defaults, and the `Link` of a raw link.
    links, lazy_links: inputs that come from other steps; lazy ones are evaluated only when the node asks.
    has_objects: some literal has no canonical text; only nodes of expansions have such inputs.
    """

    node_id: str
    node: Node
    schema: NodeSchema
    key: str | None
    never_equal: NeverEqual | None
    labels: tuple[Label, ...]
    parts: tuple[str, ...]
    values: dict[str, object]
    links: tuple[tuple[str, Link], ...]
    lazy_links: tuple[tuple[str, Link], ...]
    has_objects: bool


class Plan(NamedTuple):
    """The steps by node id, each after the ones it depends on, lazily or not."""

    steps: Mapping[str, Step]
    targets: tuple[str, ...]


def plan(
    graph: Graph,
    schemas: Mapping[str, NodeSchema],
    targets: Iterable[str],
    file_fingerprint: FileFingerprint,
    fingerprints: Mapping[str, Fingerprint] | None = None,
) -> Plan:
    """Plan what `targets` need. Linear in the links, without recursion. Raises `PlanError`."""
    planner = Planner(graph.nodes, schemas, file_fingerprint, fingerprints or {})
    targets = tuple(targets)
    planner.need(targets)
    return Plan(planner.steps, targets)


class _Spec(NamedTuple):
    """What planning needs of one input, unpacked once per type: attribute look-ups dominate the cost of planning.

    is_open: must be given, since there is no default.
    """

    name: str
    is_raw: bool
    is_lazy: bool
    collects: bool
    is_open: bool
    default: object
    default_part: str
    source: str | None


class _Shape(NamedTuple):
    """What planning needs of a node type."""

    schema: NodeSchema
    header: str
    specs: tuple[_Spec, ...]
    labels: tuple[Label, ...]
    has_id: bool
    fingerprint: Fingerprint | None
    sees_graph: bool


_ABSENT = object()
_NO_PART = "-"


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
        fingerprints: Mapping[str, Fingerprint],
    ) -> None:
        self.nodes: dict[str, Node] = dict(nodes)
        self.steps: dict[str, Step] = {}
        self.sees_graph = False
        self._schemas = schemas
        self._shapes: dict[str, _Shape] = {}
        self._file_fingerprint = file_fingerprint
        self._files: dict[tuple[str, str], str | None] = {}
        self._fingerprints = fingerprints
        self._provenance: dict[str, str] = {}

    def add(self, nodes: Mapping[str, Node], provenance: str | None) -> None:
        """Add the nodes of an expansion.

        provenance: text that names the work the expansion came out of; with it an input that is an arbitrary object
        has a place in keys: the same work gives the same object. None when that work equals no other.
        Raises `PlanError` for an id that is taken.
        """
        for node_id, node in nodes.items():
            if node_id in self.nodes:
                raise PlanError(node_id, f'node id "{node_id}" is used twice; ids must be unique in the whole graph')
            self.nodes[node_id] = node
            if provenance is not None:
                self._provenance[node_id] = f"{provenance}:{node_id!r}"

    def need(self, node_ids: Iterable[str]) -> list[Step]:
        """Plan these nodes and what they depend on; returns the new steps in dependency order. Raises `PlanError`."""
        steps, nodes = self.steps, self.nodes
        new: list[Step] = []
        unfinished: dict[str, None] = {}  # the nodes on the way from the wanted one to the top of `stack`
        for wanted in node_ids:
            stack = [wanted]
            while stack:
                node_id = stack[-1]
                if node_id in steps:
                    stack.pop()
                    continue
                node = nodes.get(node_id)
                if node is None:
                    raise PlanError(node_id, f'node "{node_id}" is wanted but is not in the graph')
                unfinished[node_id] = None
                shape = self._shapes.get(node.type) or self._shape(node_id, node)
                missing = self._missing_sources(node_id, node, shape, unfinished)
                if missing:
                    stack.extend(missing)
                else:
                    steps[node_id] = step = self._step(node_id, node, shape)
                    new.append(step)
                    del unfinished[node_id]
                    stack.pop()
        return new

    def label(self, node_id: str) -> str:
        """How messages name a node."""
        return Graph(self.nodes).label(node_id)

    def _shape(self, node_id: str, node: Node) -> _Shape:
        schema = self._schemas.get(node.type)
        if schema is None:
            raise PlanError(node_id, f'{self.label(node_id)}: there is no node type "{node.type}"; install its pack')
        shape = self._shapes[node.type] = _shape_of(schema, self._fingerprints.get(node.type))
        self.sees_graph = self.sees_graph or shape.sees_graph
        return shape

    def _missing_sources(
        self, node_id: str, node: Node, shape: _Shape, unfinished: Mapping[str, None]
    ) -> list[str] | None:
        """The sources of a node that are not planned yet, the first one last. A raw link may lead back."""
        missing: list[str] | None = None
        given, steps = node.inputs, self.steps
        for spec in shape.specs:
            link = given.get(spec.name)
            if type(link) is not Link or link.node_id in steps:
                continue
            source = link.node_id
            if source not in self.nodes:
                if spec.is_raw:
                    continue
                raise PlanError(node_id, f'{self.label(node_id)}: input "{spec.name}" is linked to node {source}, '
                                         "which is not in the graph")  # fmt: skip
            if source in unfinished:
                if spec.is_raw:
                    continue
                raise PlanError(node_id, self._cycle(source, unfinished))
            if missing is None:
                missing = []
            missing.append(source)
        if missing:
            missing.reverse()
        return missing

    def _cycle(self, start: str, unfinished: Mapping[str, None]) -> str:
        """Say which nodes depend on each other; `unfinished` leads from consumer to source and ends at `start`."""
        way = list(unfinished)
        way = way[way.index(start) :][::-1]
        names = [self.label(node_id) for node_id in (way[-1], *way[:8])]
        more = f" → … ({len(way) - 8} more)" if len(way) > 8 else ""
        return f"these nodes wait for each other in a cycle: {' → '.join(names)}{more}; cut one of the links"

    def _step(self, node_id: str, node: Node, shape: _Shape) -> Step:
        """The step of a node whose sources are planned."""
        given, steps = node.inputs, self.steps
        parts: list[str] = []
        values: dict[str, object] = {}
        links: list[tuple[str, Link]] = []
        lazy_links: list[tuple[str, Link]] = []
        never_equal: NeverEqual | None = None
        has_objects = False
        for name, is_raw, is_lazy, collects, is_open, default, default_part, source in shape.specs:
            value = given.get(name, _ABSENT)
            part: str | None
            if type(value) is Link:
                if is_raw:
                    values[name] = value
                    part = self._raw_part(value)
                else:
                    origin = steps[value.node_id]
                    if not 0 <= value.output < len(origin.schema.outputs):
                        raise PlanError(node_id, self._no_output(node_id, name, value, origin))
                    if origin.key is None:
                        never_equal = never_equal or origin.never_equal
                    (lazy_links if is_lazy else links).append((name, value))
                    part = f"@{origin.key}:{value.output}"
            elif value is _ABSENT:
                if is_open:
                    raise PlanError(
                        node_id,
                        f'{self.label(node_id)}: the required input "{name}" is missing; give it a value or a link',
                    )
                values[name] = default
                part, value = default_part, default
            else:
                values[name] = [value] if collects and type(value) is not list else value
                part = canonical(value)
                if part is None:
                    has_objects = True
                    part = self._object_part(node_id, name)
                    if part is None:
                        part = _NO_PART
                        never_equal = never_equal or self._never(
                            node_id, f'has an input "{name}" without a fixed value'
                        )
            parts.append(part)
            if source is not None:
                fingerprint = self._file_part(source, value)
                if fingerprint is None:
                    never_equal = never_equal or self._never(node_id, f'cannot read the file "{value}"')
                parts.append(fingerprint or _NO_PART)
        if shape.has_id:
            parts.append(repr(node_id))
        if shape.fingerprint is not None:
            part, why = self._fingerprint_part(shape.fingerprint, values, links, lazy_links)
            parts.append(part or _NO_PART)
            if part is None:
                never_equal = self._never(node_id, why)
        if not shape.schema.cacheable:
            never_equal = self._never(node_id, "always runs")
        key = None
        if never_equal is None:
            key = sha256("\n".join((shape.header, *parts)).encode()).hexdigest()
        return Step(
            node_id,
            node,
            shape.schema,
            key,
            never_equal,
            shape.labels,
            tuple(parts),
            values,
            tuple(links),
            tuple(lazy_links),
            has_objects,
        )

    def _never(self, node_id: str, why: str) -> NeverEqual:
        return NeverEqual(node_id, self.label(node_id), why)

    def _raw_part(self, link: Link) -> str:
        """A raw link is seen as such, so its id counts, and so does what stands behind it as far as that is known."""
        origin = self.steps.get(link.node_id)
        return f"#{link.node_id!r}:{link.output}:{origin.key if origin else None}"

    def _object_part(self, node_id: str, name: str) -> str | None:
        provenance = self._provenance.get(node_id)
        return None if provenance is None else f"^{provenance}:{name!r}"

    def _no_output(self, node_id: str, name: str, link: Link, origin: Step) -> str:
        return (
            f'{self.label(node_id)}: input "{name}" is linked to output {link.output} of '
            f"{self.label(origin.node_id)}, which has {len(origin.schema.outputs)} (counted from 0)"
        )

    def _file_part(self, source: str, name: object) -> str | None:
        """Fingerprint of the chosen file, "-" when none is chosen by name here, None when there is no such file."""
        if not isinstance(name, str):
            return _NO_PART
        if (source, name) not in self._files:
            try:
                fingerprint = self._file_fingerprint(source, name)
            except (OSError, ValueError):
                self._files[source, name] = None  # the node itself will say what is wrong with the file
            else:
                self._files[source, name] = repr(fingerprint)
        return self._files[source, name]

    def _fingerprint_part(
        self,
        fingerprint: Fingerprint,
        values: Mapping[str, object],
        links: Sequence[tuple[str, Link]],
        lazy_links: Sequence[tuple[str, Link]],
    ) -> tuple[str | None, str]:
        """(text of the fingerprint or None for never equal, why then)."""
        known = dict(values) | dict.fromkeys(name for name, _ in (*links, *lazy_links))
        try:
            value = fingerprint(known)
        except Exception as error:  # noqa: BLE001 - a node's own code may raise anything; it then counts as changed
            return None, f"runs because its fingerprint failed ({type(error).__name__}: {error})"
        return canonical(value), "runs because its fingerprint is equal to nothing"


def _shape_of(schema: NodeSchema, fingerprint: Fingerprint | None) -> _Shape:
    labels: list[Label] = []
    for spec in schema.inputs:
        labels.append(Label("input", spec.name))
        if spec.source is not None:
            labels.append(Label("file", spec.name))
    hidden = {kind for _, kind in schema.hidden}
    if "UNIQUE_ID" in hidden:
        labels.append(Label("id"))
    if fingerprint is not None:
        labels.append(Label("fingerprint"))
    return _Shape(
        schema=schema,
        header=repr((schema.type, schema.version)),
        specs=tuple(_spec_of(spec) for spec in schema.inputs),
        labels=tuple(labels),
        has_id="UNIQUE_ID" in hidden,
        fingerprint=fingerprint,
        sees_graph="DYNPROMPT" in hidden or any(spec.raw_link for spec in schema.inputs),
    )


def _spec_of(spec: InputSchema) -> _Spec:
    default: object = spec.default
    if spec.collects and spec.has_default and not isinstance(default, list):
        default = [default]
    return _Spec(
        name=spec.name,
        is_raw=spec.raw_link,
        is_lazy=spec.lazy,
        collects=spec.collects,
        is_open=spec.required and not spec.has_default,
        default=default,
        default_part=canonical(spec.default) or _NO_PART,
        source=spec.source,
    )
