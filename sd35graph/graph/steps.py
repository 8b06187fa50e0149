"""Steps of a plan: a node with its key, which says what its result depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Literal, NamedTuple

from sd35graph.graph.canonical import canonical
from sd35graph.graph.errors import GraphError
from sd35graph.graph.schema import InputSchema, NodeSchema
from sd35graph.graph.workflow import Graph, Link, Node

FileFingerprint = Callable[[str, str], str]
"""(source, file name) → text that changes when the file does. Raises `OSError` or `ValueError` for no such file."""
FolderFingerprint = Callable[[str], str]
"""source → text that changes when one of the files that it offers does. Raises like `FileFingerprint`."""
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


class Spec(NamedTuple):
    """What planning needs of one input, unpacked once per type: looking it up each time costs more than the rest.

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


class Shape(NamedTuple):
    """What planning needs of a node type."""

    schema: NodeSchema
    header: str
    specs: tuple[Spec, ...]
    labels: tuple[Label, ...]
    has_id: bool
    fingerprint: Fingerprint | None
    sees_graph: bool


_ABSENT = object()
_NO_PART = "-"


class _Draft:
    """A step in the making."""

    __slots__ = ("has_objects", "lazy_links", "links", "never_equal", "node_id", "parts", "values")

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self.parts: list[str] = []
        self.values: dict[str, object] = {}
        self.links: list[tuple[str, Link]] = []
        self.lazy_links: list[tuple[str, Link]] = []
        self.never_equal: NeverEqual | None = None
        self.has_objects = False


class StepMaker:
    """Makes the steps of one plan.

    nodes, steps: those of the plan, which its owner adds to. works: for nodes of expansions, by id, text that names the
    work the node came out of: an input that is an arbitrary object counts as that.
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        steps: Mapping[str, Step],
        file_fingerprint: FileFingerprint,
        folder_fingerprint: FolderFingerprint,
    ) -> None:
        self.works: dict[str, str] = {}
        self._nodes = nodes
        self._steps = steps
        self._file_fingerprint = file_fingerprint
        self._folder_fingerprint = folder_fingerprint
        self._files: dict[tuple[str, str | None], str | None] = {}

    def make(self, node_id: str, node: Node, shape: Shape) -> Step:
        """The step of a node whose sources are planned. Raises `PlanError`."""
        draft = _Draft(node_id)
        given = node.inputs
        for spec in shape.specs:
            value = given.get(spec.name, _ABSENT)
            if type(value) is Link:
                if spec.is_raw:
                    self._take_raw(draft, spec, value)
                else:
                    self._take_link(draft, spec, value)
            elif value is _ABSENT:
                self._take_default(draft, spec)
            else:
                self._take_literal(draft, spec, value)
            if spec.source is not None:
                self._take_files(draft, spec, spec.source)
        self._take_own(draft, shape)
        key = None
        if draft.never_equal is None:
            key = sha256("\n".join((shape.header, *draft.parts)).encode()).hexdigest()
        return Step(
            node_id,
            node,
            shape.schema,
            key,
            draft.never_equal,
            shape.labels,
            tuple(draft.parts),
            draft.values,
            tuple(draft.links),
            tuple(draft.lazy_links),
            draft.has_objects,
        )

    def label(self, node_id: str) -> str:
        """How messages name a node."""
        return Graph(self._nodes).label(node_id)

    def _take_link(self, draft: _Draft, spec: Spec, link: Link) -> None:
        source = self._steps[link.node_id]
        if not 0 <= link.output < len(source.schema.outputs):
            raise PlanError(
                draft.node_id,
                f'{self.label(draft.node_id)}: input "{spec.name}" is linked to output {link.output} of '
                f"{self.label(link.node_id)}, which has {len(source.schema.outputs)} (counted from 0)",
            )
        if source.key is None:
            draft.never_equal = draft.never_equal or source.never_equal
        (draft.lazy_links if spec.is_lazy else draft.links).append((spec.name, link))
        draft.parts.append(f"@{source.key}:{link.output}")

    def _take_raw(self, draft: _Draft, spec: Spec, link: Link) -> None:
        """A raw link is seen as such, so its id counts, and so does what stands behind it as far as that is known."""
        source = self._steps.get(link.node_id)
        draft.values[spec.name] = link
        draft.parts.append(f"#{link.node_id!r}:{link.output}:{source.key if source else None}")

    def _take_default(self, draft: _Draft, spec: Spec) -> None:
        if spec.is_open:
            raise PlanError(
                draft.node_id,
                f'{self.label(draft.node_id)}: the required input "{spec.name}" is missing; give it a value or a link',
            )
        draft.values[spec.name] = spec.default
        draft.parts.append(spec.default_part)

    def _take_literal(self, draft: _Draft, spec: Spec, value: object) -> None:
        draft.values[spec.name] = [value] if spec.collects and type(value) is not list else value
        part = canonical(value)
        if part is None:
            draft.has_objects = True
            work = self.works.get(draft.node_id)
            if work is None:
                self._never(draft, f'has an input "{spec.name}" that equals nothing')
            part = f"^{work}:{spec.name!r}"
        draft.parts.append(part)

    def _take_files(self, draft: _Draft, spec: Spec, source: str) -> None:
        """What the files are that an input names; one whose value comes from another node may name any."""
        names: list[str | None] = [None]
        if spec.name in draft.values:
            value = draft.values[spec.name]
            names = [name for name in (value if isinstance(value, list) else [value]) if isinstance(name, str)]
        draft.parts.append("\n".join(self._file_part(draft, source, name) for name in names) or _NO_PART)

    def _file_part(self, draft: _Draft, source: str, name: str | None) -> str:
        """The fingerprint of a file, or for None of all that the source offers."""
        if (source, name) not in self._files:
            try:
                found = self._folder_fingerprint(source) if name is None else self._file_fingerprint(source, name)
                self._files[source, name] = repr(found)
            except (OSError, ValueError):
                self._files[source, name] = None  # the node itself will say what is wrong with the file
        fingerprint = self._files[source, name]
        if fingerprint is None:
            what = f"the files for {source}" if name is None else f'the file "{name}"'
            self._never(draft, f"cannot read {what}")
        return fingerprint or _NO_PART

    def _take_own(self, draft: _Draft, shape: Shape) -> None:
        """What counts besides the inputs."""
        if shape.has_id:
            draft.parts.append(repr(draft.node_id))
        if shape.fingerprint is not None:
            draft.parts.append(self._fingerprint(draft, shape.fingerprint))
        if not shape.schema.cacheable:
            self._never(draft, "always runs")

    def _fingerprint(self, draft: _Draft, fingerprint: Fingerprint) -> str:
        known = dict(draft.values) | dict.fromkeys(name for name, _ in (*draft.links, *draft.lazy_links))
        try:
            part = canonical(fingerprint(known))
        except Exception as error:  # noqa: BLE001 - a node's own code may raise anything; it then counts as changed
            self._never(draft, f"runs because its fingerprint failed ({type(error).__name__}: {error})")
            return _NO_PART
        if part is None:
            self._never(draft, "runs because its fingerprint is equal to nothing")
        return part or _NO_PART

    def _never(self, draft: _Draft, why: str) -> None:
        draft.never_equal = NeverEqual(draft.node_id, self.label(draft.node_id), why)


def shape_of(schema: NodeSchema, fingerprint: Fingerprint | None) -> Shape:
    """What planning needs of a node type."""
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
    return Shape(
        schema=schema,
        header=repr((schema.type, schema.version)),
        specs=tuple(_spec_of(spec) for spec in schema.inputs),
        labels=tuple(labels),
        has_id="UNIQUE_ID" in hidden,
        fingerprint=fingerprint,
        sees_graph="DYNPROMPT" in hidden or any(spec.raw_link for spec in schema.inputs),
    )


def _spec_of(spec: InputSchema) -> Spec:
    default: object = spec.default
    if spec.collects and spec.has_default and not isinstance(default, list):
        default = [default]
    return Spec(
        name=spec.name,
        is_raw=spec.raw_link,
        is_lazy=spec.lazy,
        collects=spec.collects,
        is_open=spec.required and not spec.has_default,
        default=default,
        default_part=canonical(spec.default) or _NO_PART,
        source=spec.source,
    )
