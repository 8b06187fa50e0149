"""The registry: what annotations become, and complaints that name pack, node, parameter and remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import pytest

from sd35graph.graph.context import Context
from sd35graph.graph.errors import RegistrationError
from sd35graph.graph.node import (
    Blocked,
    Choices,
    DynamicPrompt,
    Expansion,
    ExtraPngInfo,
    Input,
    Lazy,
    Pack,
    Prompt,
    UniqueId,
    node,
)
from sd35graph.graph.ports import Port
from sd35graph.graph.registry import NodeType, Registry
from sd35graph.graph.schema import SCHEMAS, InputSchema, OutputSchema


class Picture:
    pass


class Mask:
    pass


class Unknown:
    pass


class Both(NamedTuple):
    picture: Picture
    mask: Mask


PORTS = (Port("PICTURE", Picture), Port("MASK", Mask))


def added(function: Callable[..., Any], *more: Callable[..., Any]) -> NodeType:
    registry = Registry()
    registry.add(Pack(name="toys", nodes=[function, *more], ports=PORTS))
    return next(iter(registry.types.values()))


def refused(function: Callable[..., Any]) -> str:
    with pytest.raises(RegistrationError) as caught:
        added(function)
    return str(caught.value)


@node("Everything", category="test")
def everything(
    picture: Picture,
    either: Picture | Mask,
    anything: Any,
    steps: Annotated[int, Input(min=1, max=10, step=2, tooltip="How many.")] = 4,
    cfg: Annotated[float, Input(min=0.0, round=0.01)] = 5,
    text: Annotated[str, Input(multiline=True, dynamic_prompts=True)] = "",
    flag: bool = False,
    mode: Literal["a", "b"] = "b",
    named: Annotated[str, Input(choices=("x", "y"))] = "x",
    file: Annotated[str, Choices("checkpoints")] = "",
    forced: Annotated[int, Input(force_input=True)] = 0,
    raw: Annotated[Any, Input(raw_link=True, optional=True)] = None,
    maybe: Picture | None = None,
    number: int | None = None,
    lazy: Lazy[Picture] | None = None,
    many: list[Mask] | None = None,
) -> Picture | Blocked | Expansion:
    """What it does.

    And more.
    """
    raise NotImplementedError


@node("Renamed", category="test")
def renamed(plain: int, dotted: Annotated[float, Input(name="blocks.0.")] = 0.5) -> float:
    """An input with a name that no parameter can have."""
    return plain + dotted


def test_an_input_may_have_a_name_that_no_parameter_can_have() -> None:
    node_type = added(renamed)
    assert [spec.name for spec in node_type.schema.inputs] == ["plain", "blocks.0."]
    assert node_type.function(**{"plain": 1, "blocks.0.": 0.25}) == 1.25
    assert renamed(plain=1, dotted=0.25) == 1.25


def test_annotations_become_inputs() -> None:
    schema = added(everything).schema
    specs = {spec.name: spec for spec in schema.inputs}
    assert {name: spec.type for name, spec in specs.items()} == {
        "picture": "PICTURE",
        "either": "PICTURE,MASK",
        "anything": "*",
        "steps": "INT",
        "cfg": "FLOAT",
        "text": "STRING",
        "flag": "BOOLEAN",
        "mode": "COMBO",
        "named": "COMBO",
        "file": "COMBO",
        "forced": "INT",
        "raw": "*",
        "maybe": "PICTURE",
        "number": "INT",
        "lazy": "PICTURE",
        "many": "MASK",
    }
    optional = {name for name, spec in specs.items() if not spec.required}
    assert optional == {"raw", "maybe", "number", "lazy", "many"}
    widgets = {name for name, spec in specs.items() if spec.widget}
    assert widgets == {"steps", "cfg", "text", "flag", "mode", "named", "file", "number"}
    assert specs["steps"] == InputSchema(
        name="steps", type="INT", widget=True, has_default=True, default=4, min=1, max=10, step=2, tooltip="How many."
    )
    assert specs["mode"].choices == ("a", "b")
    assert specs["named"].choices == ("x", "y")
    assert (specs["file"].source, specs["file"].choices) == ("checkpoints", None)
    assert specs["lazy"].lazy
    assert specs["many"].collects
    assert specs["raw"].raw_link
    assert schema.outputs == (OutputSchema(name="PICTURE", type="PICTURE"),)
    assert schema.description == "What it does.\n\nAnd more."
    assert (schema.pack, schema.title, schema.is_output) == ("toys", "Everything", False)


def test_schemas_survive_the_way_through_json() -> None:
    registry = Registry()
    registry.add(Pack(name="toys", nodes=[everything], ports=PORTS))
    assert SCHEMAS.validate_json(SCHEMAS.dump_json(registry.schemas())) == registry.schemas()


@node("Injected", category="test", is_output=True)
async def injected(
    ctx: Context, me: UniqueId, prompt: Prompt, info: ExtraPngInfo, graph: DynamicPrompt, value: int
) -> None:
    raise NotImplementedError


def test_what_the_engine_fills_in_is_no_input() -> None:
    node_type = added(injected)
    assert [spec.name for spec in node_type.schema.inputs] == ["value"]
    assert node_type.schema.hidden == (
        ("me", "UNIQUE_ID"),
        ("prompt", "PROMPT"),
        ("info", "EXTRA_PNGINFO"),
        ("graph", "DYNPROMPT"),
    )
    assert node_type.context_parameter == "ctx"
    assert node_type.is_async
    assert node_type.schema.outputs == ()


@node("Named", category="test", output_tooltips=("The picture.",))
def named_outputs() -> Both:
    raise NotImplementedError


@node("Listed", category="test", output_names=("first", "rest"))
def listed_outputs() -> tuple[Picture, list[Mask]]:
    raise NotImplementedError


def test_outputs_get_names() -> None:
    assert added(named_outputs).schema.outputs == (
        OutputSchema(name="picture", type="PICTURE", tooltip="The picture."),
        OutputSchema(name="mask", type="MASK"),
    )
    assert added(listed_outputs).schema.outputs == (
        OutputSchema(name="first", type="PICTURE"),
        OutputSchema(name="rest", type="MASK", is_list=True),
    )


def check_some(a: int, input_types: dict[str, str]) -> str | None:
    return None


def check_all(**inputs: object) -> str | None:
    return None


@node("Some", category="test", validate=check_some)
def validated_some(a: int, b: int) -> int:
    raise NotImplementedError


@node("All", category="test", validate=check_all)
def validated_all(a: int, b: int) -> int:
    raise NotImplementedError


def test_a_validator_takes_over_the_inputs_it_names() -> None:
    some, every = added(validated_some).schema, added(validated_all).schema
    assert (some.has_validator, some.validated_inputs, some.validates_links) == (True, ("a",), True)
    assert (every.has_validator, every.validated_inputs, every.validates_links) == (True, ("a", "b"), False)


def plain(a: int) -> int:
    raise NotImplementedError


@node("X", category="test")
def unannotated(a) -> int:  # type: ignore[no-untyped-def]
    raise NotImplementedError


@node("X", category="test")
def no_return(a: int):  # type: ignore[no-untyped-def]
    raise NotImplementedError


@node("X", category="test")
def no_port(a: Unknown) -> int:
    raise NotImplementedError


@node("X", category="test")
def no_port_out() -> Unknown:
    raise NotImplementedError


@node("X", category="test")
def undefined(a: NotThere) -> int:  # type: ignore[name-defined]  # noqa: F821
    raise NotImplementedError


@node("X", category="test")
def keywords(**more: int) -> int:
    raise NotImplementedError


@node("X", category="test")
def not_text(a: Literal[1, 2]) -> int:
    raise NotImplementedError


@node("X", category="test")
def union_with_any(a: Picture | Any) -> int:
    raise NotImplementedError


@node("X", category="test")
def bad_default(a: int = "x") -> int:  # type: ignore[assignment]
    raise NotImplementedError


@node("X", category="test")
def default_too_large(a: Annotated[int, Input(min=1, max=3)] = 5) -> int:
    raise NotImplementedError


@node("X", category="test")
def default_no_choice(a: Literal["a", "b"] = "c") -> int:  # type: ignore[assignment]
    raise NotImplementedError


@node("X", category="test")
def default_no_json(a: float = float("nan")) -> int:
    raise NotImplementedError


@node("X", category="test")
def default_on_a_socket(a: Picture = 5) -> int:  # type: ignore[assignment]
    raise NotImplementedError


@node("X", category="test", output_names=("a", "b"))
def too_many_names() -> int:
    raise NotImplementedError


@node("X", category="test", validate=lambda stpes: None)
def misspelt_validator(steps: int) -> int:
    raise NotImplementedError


@node("X", category="test", fingerprint=lambda file: 1)
def misspelt_fingerprint() -> int:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (plain, 'pack "toys": plain is no node; put @node("Name", category="…") above it'),
        (unannotated, 'pack "toys", node "X": parameter "a" has no annotation; write its type'),
        (
            no_return,
            'pack "toys", node "X": it has no return annotation; '
            "write the type it returns, or None if it has no outputs",
        ),
        (
            no_port,
            'pack "toys", node "X": parameter "a" is annotated Unknown, which is no port; '
            "known ports: *, BOOLEAN, COMBO, "
            "FLOAT, INT, MASK, PICTURE, STRING. Use the Python type of one of them, or add a Port to the pack",
        ),
        (
            no_port_out,
            'pack "toys", node "X": output 0 is annotated Unknown, which is no port; known ports: *, BOOLEAN, COMBO, '
            "FLOAT, INT, MASK, PICTURE, STRING. Use the Python type of one of them, or add a Port to the pack",
        ),
        (
            undefined,
            'pack "toys", node "X": its annotations cannot be evaluated: name \'NotThere\' is not defined; '
            "import every type it names at module level",
        ),
        (
            keywords,
            'pack "toys", node "X": parameter "more" must be an ordinary named one (no *args, **kwargs or /)',
        ),
        (not_text, 'pack "toys", node "X": parameter "a": choices must be strings, got (1, 2)'),
        (
            union_with_any,
            'pack "toys", node "X": parameter "a" is a union with Any; Any alone already takes every value',
        ),
        (
            bad_default,
            'pack "toys", node "X": parameter "a" (INT) has the default \'x\', but takes an integer; '
            "give a default of that type, or None for an optional input",
        ),
        (
            default_too_large,
            'pack "toys", node "X": parameter "a" (INT) has the default 5, but takes an integer from 1 to 3; '
            "give a default within these limits, or widen them",
        ),
        (
            default_no_choice,
            'pack "toys", node "X": parameter "a" (COMBO) has the default \'c\', which is none of its choices (a, b); '
            "give one of them",
        ),
        (
            default_no_json,
            'pack "toys", node "X": parameter "a" (FLOAT) has the default nan, which is no JSON value; '
            "give a plain value, or None for an optional socket",
        ),
        (
            default_on_a_socket,
            'pack "toys", node "X": parameter "a" (PICTURE) has the default 5, but takes a link to a PICTURE output; '
            "give a default of that type, or None for an optional input",
        ),
        (
            too_many_names,
            'pack "toys", node "X": it has 1 outputs but output_names gives 2; name each once',
        ),
        (
            misspelt_validator,
            'pack "toys", node "X": its validate function asks for "stpes", which is no input; it can ask for steps',
        ),
        (
            misspelt_fingerprint,
            'pack "toys", node "X": its fingerprint function asks for "file", which is no input; it can ask for none',
        ),
    ],
)
def test_mistakes_name_pack_node_parameter_and_remedy(function: Callable[..., Any], message: str) -> None:
    assert refused(function) == message


def test_a_name_is_taken_once_and_a_refused_pack_leaves_nothing() -> None:
    registry = Registry()
    registry.add(Pack(name="toys", nodes=[everything], ports=PORTS))
    with pytest.raises(RegistrationError) as caught:
        registry.add(Pack(name="others", nodes=[injected, everything]))
    assert str(caught.value) == (
        'pack "others": node type "Everything" is already taken by pack "toys"; '
        "give it another name, or leave one of the packs out"
    )
    assert list(registry.types) == ["Everything"]


def test_a_clashing_port_names_the_pack() -> None:
    registry = Registry()
    registry.add(Pack(name="toys", nodes=[], ports=PORTS))
    with pytest.raises(RegistrationError, match=r'pack "others": port PICTURE \(Mask\) clashes with'):
        registry.add(Pack(name="others", nodes=[], ports=[Port("PICTURE", Mask)]))


def test_a_clashing_resource_names_the_pack() -> None:
    registry = Registry()
    registry.add(Pack(name="toys", nodes=[], resources={Picture: lambda environment: Picture()}))
    with pytest.raises(RegistrationError, match='pack "others": another pack already brings the resource Picture'):
        registry.add(Pack(name="others", nodes=[], resources={Picture: lambda environment: Picture()}))
