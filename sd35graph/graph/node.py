"""How a node is written: one annotated function under `@node`.

`@node` only records what was said; `Registry.add` reads the annotations. Importing a pack has no effect on anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from sd35graph.graph.context import ResourceFactory
from sd35graph.graph.errors import InputNeeded
from sd35graph.graph.ports import Port
from sd35graph.graph.schema import HiddenInput
from sd35graph.graph.workflow import Link, Node

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

DECLARATION = "__sd35graph_node__"
"""Attribute under which `@node` leaves its declaration on the function."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """How an input looks and what it accepts, beyond its type: `Annotated[int, Input(min=1, max=64)]`.

    name: of the input, where it is not that of the parameter, because it is no Python name.
    choices: the allowed strings, where a `Literal` cannot list them. optional: need not be given in the document.
    force_input: a socket without a widget. raw_link: the node receives the `Link` itself.
    The rest describes the widget.
    """

    name: str | None = None
    choices: tuple[str, ...] | None = None
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
    optional: bool = False
    advanced: bool = False
    force_input: bool = False
    raw_link: bool = False


@dataclass(frozen=True, slots=True)
class Choices:
    """A drop-down filled from a named source at request time; the chosen file's fingerprint enters the cache key.

    source: a folder of models (`checkpoints`, `vae`, `text_encoders` …), `input` for uploaded pictures, or
    `input_latents` for latents beside them.
    """

    source: str


@dataclass(frozen=True, slots=True)
class Hidden:
    """Marks a parameter the engine fills by itself."""

    kind: HiddenInput


UniqueId = Annotated[str, Hidden("UNIQUE_ID")]
"""The node's own id; makes it part of the cache key."""
Prompt = Annotated[Mapping[str, Any] | None, Hidden("PROMPT")]
"""The submitted graph in API form."""
ExtraPngInfo = Annotated[Mapping[str, Any] | None, Hidden("EXTRA_PNGINFO")]
"""What the client wants written into pictures beside the prompt, such as the editor's workflow."""
DynamicPrompt = Annotated[Mapping[str, Node], Hidden("DYNPROMPT")]
"""All nodes of the running graph by id, expansions included."""


class Lazy(Generic[T]):
    """An input that is evaluated only when asked for.

    A node that reads `value` before the input is there is stopped, the input is evaluated, and the node is called
    again from its start; so ask before doing work.
    """

    __slots__ = ("_items", "name")

    def __init__(self, name: str, *items: T) -> None:
        self.name = name
        self._items = items

    @property
    def is_ready(self) -> bool:
        """Whether the value is there."""
        return bool(self._items)

    @property
    def value(self) -> T:
        """The value; raises `InputNeeded`, which the engine answers, while it is not there."""
        if not self._items:
            raise InputNeeded(self.name)
        return self._items[0]


def need(*inputs: Lazy[Any]) -> None:
    """Ask for several lazy inputs at once, so that one more call suffices."""
    missing = [lazy.name for lazy in inputs if not lazy.is_ready]
    if missing:
        raise InputNeeded(*missing)


@dataclass(frozen=True, slots=True)
class Blocked:
    """An output that stops what depends on it. With a message, clients are told; without, it is silent."""

    message: str | None = None


@dataclass(frozen=True, slots=True)
class Expansion:
    """A subgraph to run in the node's place.

    nodes: new nodes by id; the ids get the expanding node's id in front, so they need only be unique in here.
    outputs: the node's outputs: links into `nodes`, links to nodes of the graph around it, or values.
    Raises `TypeError` for anything else, so that the traceback leads to the code that made it.
    """

    nodes: Mapping[str, Node]
    outputs: tuple[object, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.nodes, Mapping):
            raise TypeError(f"an Expansion maps ids to Node, but got a value of type {type(self.nodes).__name__}")
        for node_id, made in self.nodes.items():
            if not isinstance(node_id, str):
                raise TypeError(f"an Expansion maps ids, which are text, to Node, but one is {node_id!r}")
            if not isinstance(made, Node):
                kind = type(made).__name__
                raise TypeError(f'an Expansion maps ids to Node, but "{node_id}" is a value of type {kind}')
        if not isinstance(self.outputs, tuple):
            kind = type(self.outputs).__name__
            raise TypeError(f"the outputs of an Expansion are a tuple, but got a value of type {kind}")


class GraphBuilder:
    """Collects the nodes of an `Expansion`.

    >>> graph = GraphBuilder()
    >>> doubled = graph.add("Add", a=link, b=link)
    >>> graph.expansion(doubled(0))
    """

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}

    def add(self, node_type: str, /, *, node_id: str | None = None, **inputs: object) -> Callable[[int], Link]:
        """Add a node; returns a function from output number to link. Inputs are links or any values."""
        # Not a plain number: a link to node "1" of the graph around must not be taken for one to a node in here.
        new_id = node_id or f"new{len(self._nodes) + 1}"
        if new_id in self._nodes:
            raise ValueError(f'node id "{new_id}" is used twice in one expansion; give each node its own')
        self._nodes[new_id] = Node(node_type, inputs)
        return lambda output: Link(new_id, output)

    def expansion(self, *outputs: object) -> Expansion:
        """The finished expansion with these outputs."""
        return Expansion(dict(self._nodes), outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What `@node` was told; see there."""

    type: str
    category: str
    title: str | None
    version: str
    is_output: bool
    cacheable: bool
    output_names: tuple[str, ...] | None
    output_tooltips: tuple[str, ...]
    validate: Callable[..., Any] | None
    fingerprint: Callable[..., Any] | None
    deprecated: bool
    experimental: bool


def node(
    type_name: str,
    *,
    category: str,
    title: str | None = None,
    version: str = "1",
    is_output: bool = False,
    cacheable: bool = True,
    output_names: Sequence[str] | None = None,
    output_tooltips: Sequence[str] = (),
    validate: Callable[..., Any] | None = None,
    fingerprint: Callable[..., Any] | None = None,
    deprecated: bool = False,
    experimental: bool = False,
) -> Callable[[F], F]:
    """Declare a function as a node type. Parameters are inputs, the return annotation the outputs.

    type_name: what workflows call it. title: what people read; None: the type's name. version: raise it when equal
    inputs give another result, so that cached results are not taken.
    is_output: runs for its effect, and execution starts from it. cacheable=False: has an effect outside, runs always.
    output_names: None: the fields of a NamedTuple, else the port names.
    validate: `(**inputs it names) -> None | str | Iterable[str]`, messages of what is wrong; linked inputs are None; a
    parameter `input_types` receives {input: type of the linked output}. May be async.
    fingerprint: `(**inputs it names) -> JSON value`, enters the cache key; NaN is equal to nothing, so it always runs.
    A parameter `folder_fingerprint` receives a function: source, as in `Choices` → text that changes when its files do.
    """

    def record(function: F) -> F:
        declaration = Declaration(
            type=type_name,
            category=category,
            title=title,
            version=version,
            is_output=is_output,
            cacheable=cacheable,
            output_names=tuple(output_names) if output_names is not None else None,
            output_tooltips=tuple(output_tooltips),
            validate=validate,
            fingerprint=fingerprint,
            deprecated=deprecated,
            experimental=experimental,
        )
        setattr(function, DECLARATION, declaration)
        return function

    return record


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A set of node types and what they bring along.

    name: shown in errors and listings. nodes: functions under `@node`. ports: the kinds of value they exchange.
    resources: shared objects of the worker by type, made on first use; `release()` of one, if it has it, frees memory.
    """

    name: str
    nodes: Sequence[Callable[..., Any]]
    ports: Sequence[Port] = ()
    resources: Mapping[type, ResourceFactory] = field(default_factory=dict)
