"""The editor form decoded: nodes, links and subgraph definitions, checked for shape and with ids as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sd35graph.graph.errors import DocumentError
from sd35graph.graph.literals import shown

MUTED = 2
BYPASSED = 4

BOUNDARY_IN = "-10"
"""Origin of links that come from a subgraph's own inputs."""
BOUNDARY_OUT = "-20"
"""Target of links that lead to a subgraph's own outputs."""


@dataclass(frozen=True, slots=True)
class EditorInput:
    """A socket of a node. link: id of the link into it. is_widget: a widget turned into (or shown beside) a socket."""

    name: str
    type: str
    link: str | None
    is_widget: bool


@dataclass(frozen=True, slots=True)
class EditorNode:
    """A node as the editor stores it. widgets: values by position, or by name in nodes that store an object."""

    id: str
    type: str
    mode: int
    title: str | None
    inputs: tuple[EditorInput, ...]
    output_types: tuple[str, ...]
    widgets: list[object] | dict[str, object]


@dataclass(frozen=True, slots=True)
class EditorLink:
    """From output `origin_slot` of node `origin` to a node's input."""

    origin: str
    origin_slot: int


@dataclass(frozen=True, slots=True)
class EditorGraph:
    """A graph of the editor: the workflow itself or the definition of a subgraph.

    inputs: names of a definition's own inputs. outputs: for each of a definition's own outputs the link into it.
    """

    nodes: Mapping[str, EditorNode]
    links: Mapping[str, EditorLink]
    inputs: tuple[str, ...] = ()
    outputs: Mapping[int, str] = field(default_factory=dict)


def is_editor_form(document: Mapping[str, object]) -> bool:
    """Whether a document is a workflow as the editor stores it."""
    return isinstance(document.get("nodes"), list)


def read_editor_graph(document: Mapping[str, object], where: str = "") -> EditorGraph:
    """Decode a workflow or a subgraph definition. Raises `DocumentError` naming the place that is malformed."""
    nodes: dict[str, EditorNode] = {}
    for number, entry in enumerate(_list(document.get("nodes"), f"{where}nodes")):
        node = _node(entry, f"{where}nodes[{number}]")
        if node.id in nodes:
            raise DocumentError(f"{where}nodes[{number}]: the id {node.id} is used twice; every node needs its own")
        nodes[node.id] = node
    links: dict[str, EditorLink] = {}
    outputs: dict[int, str] = {}
    for number, entry in enumerate(_list(document.get("links"), f"{where}links")):
        if entry is not None:  # some editors leave null where a link was deleted
            link_id, link, target, target_slot = _link(entry, f"{where}links[{number}]")
            links[link_id] = link
            if target == BOUNDARY_OUT:
                outputs[target_slot] = link_id
    names = [
        _text(_object(entry, f"{where}inputs[{number}]").get("name"), "")
        for number, entry in enumerate(_list(document.get("inputs"), f"{where}inputs"))
    ]
    return EditorGraph(nodes, links, tuple(names), outputs)


def read_definitions(workflow: Mapping[str, object]) -> dict[str, EditorGraph]:
    """The subgraph definitions of a workflow by id. Raises `DocumentError`."""
    definitions = workflow.get("definitions")
    if definitions is None:
        return {}
    entries = _list(_object(definitions, "definitions").get("subgraphs"), "definitions.subgraphs")
    found: dict[str, EditorGraph] = {}
    for number, entry in enumerate(entries):
        where = f"definitions.subgraphs[{number}]"
        subgraph = _object(entry, where)
        found[_id(subgraph.get("id"), f"{where}.id")] = read_editor_graph(subgraph, f"{where}.")
    return found


def _node(entry: object, where: str) -> EditorNode:
    node = _object(entry, where)
    node_id = _id(node.get("id"), f"{where}.id")
    where = f"{where} (node {node_id})"
    node_type = node.get("type")
    if not isinstance(node_type, str) or not node_type:
        raise DocumentError(f"{where}.type: expected the name of a node type, got {shown(node_type)}")
    mode = node.get("mode", 0)
    values = node.get("widgets_values")
    if values is not None and not isinstance(values, list | dict):
        raise DocumentError(f"{where}.widgets_values: expected a list or an object, got {shown(values)}")
    title = node.get("title")
    return EditorNode(
        id=node_id,
        type=node_type,
        mode=0 if mode is None else _integer(mode, f"{where}.mode"),
        title=title if isinstance(title, str) and title else None,
        inputs=tuple(
            _input(socket, f"{where}.inputs[{number}]")
            for number, socket in enumerate(_list(node.get("inputs"), f"{where}.inputs"))
        ),
        output_types=tuple(
            _type_name(_object(socket, f"{where}.outputs[{number}]").get("type"))
            for number, socket in enumerate(_list(node.get("outputs"), f"{where}.outputs"))
        ),
        widgets=values if values is not None else [],
    )


def _input(entry: object, where: str) -> EditorInput:
    socket = _object(entry, where)
    link = socket.get("link")
    name = socket.get("name")
    if not isinstance(name, str):
        raise DocumentError(f"{where}.name: expected the name of an input, got {shown(name)}")
    return EditorInput(
        name=name,
        type=_type_name(socket.get("type")),
        link=None if link is None else _id(link, f"{where}.link"),
        is_widget=isinstance(socket.get("widget"), dict),
    )


def _link(entry: object, where: str) -> tuple[str, EditorLink, str, int]:
    """(id, link, target node, target slot) of either version: a list of six, or an object."""
    if isinstance(entry, list):
        if len(entry) < 5:
            raise DocumentError(
                f"{where}: expected [id, from node, from slot, to node, to slot, type], got a list of {len(entry)}"
            )
        link_id, origin, origin_slot, target, target_slot = entry[:5]
    else:
        link = _object(entry, where)
        link_id, origin, origin_slot = link.get("id"), link.get("origin_id"), link.get("origin_slot")
        target, target_slot = link.get("target_id"), link.get("target_slot")
    return (
        _id(link_id, f"{where}: id"),
        EditorLink(_id(origin, f"{where}: origin node"), _integer(origin_slot, f"{where}: origin slot")),
        _id(target, f"{where}: target node"),
        _integer(target_slot, f"{where}: target slot"),
    )


def _list(value: object, where: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise DocumentError(f"{where}: expected a list, got {shown(value)}")
    return value


def _object(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise DocumentError(f"{where}: expected an object, got {shown(value)}")
    return value


def _id(value: object, where: str) -> str:
    """Ids are numbers in most files and text in some; text here."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise DocumentError(f"{where}: expected an id, got {shown(value)}")
    return str(value)


def _integer(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise DocumentError(f"{where}: expected a whole number, got {shown(value)}")
    return value


def _type_name(value: object) -> str:
    """A socket's type; some files hold 0 or a list of choices there, which match nothing but themselves."""
    return value if isinstance(value, str) else "*" if value in (0, None) else "COMBO"


def _text(value: object, default: str) -> str:
    return value if isinstance(value, str) else default
