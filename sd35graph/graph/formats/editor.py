"""The editor form to the API form: widgets get names, and what only the editor knows is resolved.

Muted and bypassed nodes, reroutes, primitives, notes and subgraphs disappear; what they connected is connected
directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sd35graph.graph.errors import DocumentError
from sd35graph.graph.formats.api import ApiForm, ApiNode
from sd35graph.graph.formats.editor_model import (
    BOUNDARY_IN,
    BYPASSED,
    MUTED,
    EditorGraph,
    EditorInput,
    EditorNode,
    read_definitions,
    read_editor_graph,
)
from sd35graph.graph.formats.widgets import named_values
from sd35graph.graph.problems import Problem
from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.workflow import Link

_NOTES = ("Note", "MarkdownNote")
_REROUTE = "Reroute"
_PRIMITIVE = "PrimitiveNode"
_EDITOR_ONLY = {*_NOTES, _REROUTE, _PRIMITIVE}

_MAX_NODES = 100_000
"""Subgraphs in subgraphs multiply; no honest workflow comes near."""
_MAX_NESTING = 100


def api_from_editor(workflow: Mapping[str, object], schemas: Mapping[str, NodeSchema]) -> tuple[ApiForm, list[Problem]]:
    """The API form of an editor workflow, with titles, and warnings about links that were cut.

    Nodes of unknown type keep their links; their widget values are kept where the file itself names them.
    Raises `DocumentError` naming the place that is malformed.
    """
    root = _Scope(read_editor_graph(workflow))
    resolver = _Resolver(read_definitions(workflow), root)
    prompt: ApiForm = {}
    problems: list[Problem] = []
    for scope, node in resolver.nodes:
        node_id = scope.prefix + node.id
        prompt[node_id] = _api_node(scope, node, resolver, schemas.get(node.type), problems)
    return prompt, problems


@dataclass(eq=False)
class _Scope:
    """One use of a graph: the workflow itself, or a subgraph in the place of the node `instance` of `parent`."""

    graph: EditorGraph
    prefix: str = ""
    parent: _Scope | None = None
    instance: EditorNode | None = None
    children: dict[str, _Scope] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Value:
    """A value instead of a link, out of a primitive or a subgraph's own widget."""

    value: object


@dataclass(frozen=True, slots=True)
class _Cut:
    """No source. reason: why, if that is worth a warning."""

    reason: str | None = None


_Source = Link | _Value | _Cut
_Place = tuple[_Scope, str]


class _Resolver:
    """Expands subgraphs and follows links to what really gives the value. nodes: all that remain, in document order."""

    def __init__(self, definitions: Mapping[str, EditorGraph], root: _Scope) -> None:
        self._definitions = definitions
        self._resolved: dict[_Place, _Source] = {}
        self.nodes: list[tuple[_Scope, EditorNode]] = []
        self._expand(root)

    def _expand(self, root: _Scope) -> None:
        seen = 0
        stack = [(root, iter(root.graph.nodes.values()))]
        while stack:
            scope, remaining = stack[-1]
            node = next(remaining, None)
            if node is None:
                stack.pop()
                continue
            seen += 1
            if seen > _MAX_NODES:
                raise DocumentError(f"the workflow has more than {_MAX_NODES} nodes once its subgraphs are expanded")
            definition = self._definitions.get(node.type)
            if node.mode in (MUTED, BYPASSED):
                continue
            if definition is not None:
                child = _Scope(definition, f"{scope.prefix}{node.id}:", scope, node)
                self._check_nesting(child, len(stack))
                scope.children[node.id] = child
                stack.append((child, iter(definition.nodes.values())))
            elif node.type not in _EDITOR_ONLY:
                self.nodes.append((scope, node))

    @staticmethod
    def _check_nesting(child: _Scope, depth: int) -> None:
        outer = child.parent
        while outer is not None:
            if outer.graph is child.graph:
                raise DocumentError(
                    f"node {child.prefix[:-1]}: its subgraph contains itself; a subgraph cannot be part of itself"
                )
            outer = outer.parent
        if depth > _MAX_NESTING:
            raise DocumentError(f"node {child.prefix[:80]}: subgraphs are nested more than {_MAX_NESTING} deep")

    def source(self, scope: _Scope, link_id: str) -> _Source:
        """What really feeds the end of a link."""
        way: list[_Place] = []
        place: _Place | _Source = (scope, link_id)
        passed: set[_Place] = set()
        while isinstance(place, tuple):
            if place in self._resolved:
                place = self._resolved[place]
            elif place in passed:
                place = _Cut("the links lead in a circle")
            else:
                passed.add(place)
                way.append(place)
                place = self._step(*place)
        for passed_place in way:
            self._resolved[passed_place] = place
        return place

    def _step(self, scope: _Scope, link_id: str) -> _Place | _Source:
        """One step against the direction of a link: the source, or the next link to follow."""
        link = scope.graph.links.get(link_id)
        if link is None:
            return _Cut(f"link {link_id} is not in the file")
        if link.origin == BOUNDARY_IN and scope.instance is not None:
            return self._leave(scope, link.origin_slot)
        node = scope.graph.nodes.get(link.origin)
        if node is None:
            return Link(scope.prefix + link.origin, link.origin_slot)  # validation says that it dangles
        if node.mode == MUTED:
            return _Cut(f'node {scope.prefix}{node.id} "{node.type}" is muted')
        if node.type == _REROUTE:
            return _follow(scope, node, node.inputs[0] if node.inputs else None, "has no input")
        if node.mode == BYPASSED:
            return _follow(scope, node, _bypass(node, link.origin_slot), "is bypassed and has no input of that type")
        if node.type == _PRIMITIVE:
            return _Value(node.widgets[0]) if isinstance(node.widgets, list) and node.widgets else _Cut()
        if node.type in _NOTES:
            return _Cut(f"node {scope.prefix}{node.id} is a note")
        child = scope.children.get(node.id)
        if child is None:
            return Link(scope.prefix + node.id, link.origin_slot)
        inner = child.graph.outputs.get(link.origin_slot)
        return (child, inner) if inner else _Cut(f"output {link.origin_slot} of subgraph {child.prefix[:-1]} is empty")

    @staticmethod
    def _leave(scope: _Scope, slot: int) -> _Place | _Source:
        """From a subgraph's own input number `slot` to what feeds the node it stands for."""
        instance, parent = scope.instance, scope.parent
        assert instance is not None
        assert parent is not None
        name = scope.graph.inputs[slot] if 0 <= slot < len(scope.graph.inputs) else None
        named = [socket for socket in instance.inputs if socket.name == name]
        by_place = instance.inputs[slot] if 0 <= slot < len(instance.inputs) else None
        socket = named[0] if named else by_place
        if socket is None:
            return _Cut()
        return (parent, socket.link) if socket.link is not None else _promoted(instance, socket)


def _follow(scope: _Scope, node: EditorNode, socket: EditorInput | None, otherwise: str) -> _Place | _Cut:
    if socket is None:
        return _Cut(f'node {scope.prefix}{node.id} "{node.type}" {otherwise}')
    if socket.link is None:
        return _Cut(f'node {scope.prefix}{node.id} "{node.type}" has nothing linked to its input "{socket.name}"')
    return scope, socket.link


def _bypass(node: EditorNode, slot: int) -> EditorInput | None:
    """The input whose source takes the place of an output: the same number, else the first, of the same type."""
    if not 0 <= slot < len(node.output_types):
        return None
    wanted = node.output_types[slot]
    candidates = [*node.inputs[slot : slot + 1], *node.inputs]
    return next((socket for socket in candidates if socket.type == wanted), None)


def _promoted(instance: EditorNode, socket: EditorInput) -> _Source:
    """The value a subgraph node's own widget gives to the widget inside; if it has none, the one inside stays."""
    if isinstance(instance.widgets, dict):
        return _Value(instance.widgets[socket.name]) if socket.name in instance.widgets else _Cut()
    widgets = [known for known in instance.inputs if known.is_widget]
    if socket.is_widget and len(widgets) == len(instance.widgets):
        return _Value(instance.widgets[widgets.index(socket)])
    return _Cut()


def _api_node(
    scope: _Scope, node: EditorNode, resolver: _Resolver, schema: NodeSchema | None, problems: list[Problem]
) -> ApiNode:
    node_id = scope.prefix + node.id
    inputs = _unknown_values(node) if schema is None else named_values(schema, node.widgets)
    for socket in node.inputs:
        if socket.link is None:
            continue
        source = resolver.source(scope, socket.link)
        if isinstance(source, Link):
            inputs[socket.name] = [source.node_id, source.output]
        elif isinstance(source, _Value):
            inputs[socket.name] = source.value
        elif source.reason is not None:
            problems.append(_cut_link(node_id, node, socket.name, source.reason))
    title = node.title or (schema.title if schema else node.type)
    # A decoded document holds JSON values only.
    return {"class_type": node.type, "inputs": inputs, "_meta": {"title": title}}  # type: ignore[dict-item] # all JSON


def _unknown_values(node: EditorNode) -> dict[str, object]:
    """Widget values of a node of unknown type, where the file names every one of them."""
    if isinstance(node.widgets, dict):
        return dict(node.widgets)
    names = [socket.name for socket in node.inputs if socket.is_widget]
    return dict(zip(names, node.widgets, strict=True)) if len(names) == len(node.widgets) else {}


def _cut_link(node_id: str, node: EditorNode, name: str, reason: str) -> Problem:
    return Problem(
        "cut_link",
        f'{node.type} (node {node_id}): input "{name}" is left without its link, because {reason}.',
        node_id=node_id,
        input=name,
        severity="warning",
    )
