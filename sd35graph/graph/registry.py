"""The registry: node packs in, node types out, each read once from its function's annotations."""

from __future__ import annotations

import functools
import inspect
import json
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

from sd35graph.graph.context import Context, ResourceFactory
from sd35graph.graph.errors import RegistrationError
from sd35graph.graph.literals import fits, in_range, wanted
from sd35graph.graph.node import (
    DECLARATION,
    Blocked,
    Choices,
    Declaration,
    Expansion,
    Hidden,
    Input,
    Lazy,
    Pack,
)
from sd35graph.graph.ports import ANY, COMBO, SCALARS, Ports
from sd35graph.graph.schema import HiddenInput, InputSchema, NodeSchema, OutputSchema

_WIDGET_TYPES = {port.name for port in SCALARS} | {COMBO.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeType:
    """A node type as the worker runs it: its schema and its functions.

    context_parameter: name of the parameter that receives the `Context`, if any.
    """

    schema: NodeSchema
    function: Callable[..., Any]
    is_async: bool
    context_parameter: str | None = None
    validate: Callable[..., Any] | None = None
    fingerprint: Callable[..., Any] | None = None


class Registry:
    """All node types by name, the ports they use and the resources their packs bring."""

    def __init__(self) -> None:
        self.ports = Ports()
        self.types: dict[str, NodeType] = {}
        self.resources: dict[type, ResourceFactory] = {}

    def add(self, pack: Pack) -> None:
        """Take in a pack, all of it or, with `RegistrationError`, nothing of its nodes."""
        for port in pack.ports:
            try:
                self.ports.add(port)
            except RegistrationError as error:
                raise RegistrationError(f'pack "{pack.name}": {error}') from error
        for kind, factory in pack.resources.items():
            if self.resources.get(kind, factory) is not factory:
                raise RegistrationError(
                    f'pack "{pack.name}": another pack already brings the resource {kind.__name__}; '
                    "use that one, or give this one a type of its own"
                )
        added: dict[str, NodeType] = {}
        for function in pack.nodes:
            node_type = _Reader(pack.name, function, self.ports).read()
            name = node_type.schema.type
            known = self.types.get(name) or added.get(name)
            if known is not None:
                raise RegistrationError(
                    f'pack "{pack.name}": node type "{name}" is already taken by pack "{known.schema.pack}"; '
                    "give it another name, or leave one of the packs out"
                )
            added[name] = node_type
        self.types.update(added)
        self.resources.update(pack.resources)

    def schemas(self) -> dict[str, NodeSchema]:
        """The schemas of all node types by name."""
        return {name: node_type.schema for name, node_type in self.types.items()}


class _Reader:
    """Turns one decorated function into a `NodeType`; every complaint names pack, node and parameter."""

    def __init__(self, pack: str, function: Callable[..., Any], ports: Ports) -> None:
        self._pack = pack
        self._function = function
        self._ports = ports
        declaration = getattr(function, DECLARATION, None)
        if not isinstance(declaration, Declaration):
            name = getattr(function, "__name__", repr(function))
            raise RegistrationError(f'pack "{pack}": {name} is no node; put @node("Name", category="…") above it')
        self._declaration = declaration

    def read(self) -> NodeType:
        declaration = self._declaration
        try:
            hints = get_type_hints(self._function, include_extras=True)
        except Exception as error:  # noqa: BLE001 - evaluating an annotation can raise anything
            self._fail(
                f"its annotations cannot be evaluated: {error}; import every type it names at module level", error
            )
        if "return" not in hints:
            self._fail("it has no return annotation; write the type it returns, or None if it has no outputs")
        inputs: list[InputSchema] = []
        renamed: dict[str, str] = {}  # input -> parameter, where they differ
        hidden: list[tuple[str, HiddenInput]] = []
        context_parameter = None
        for parameter in inspect.signature(self._function).parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
                self._fail(f'parameter "{parameter.name}" must be an ordinary named one (no *args, **kwargs or /)')
            if parameter.name not in hints:
                self._fail(f'parameter "{parameter.name}" has no annotation; write its type')
            annotation = hints[parameter.name]
            marker = _marker(annotation)
            if annotation is Context:
                context_parameter = parameter.name
            elif isinstance(marker, Hidden):
                hidden.append((parameter.name, marker.kind))
            else:
                inputs.append(self._input(parameter, annotation))
                if inputs[-1].name != parameter.name:
                    renamed[inputs[-1].name] = parameter.name
        for role, hook in (("validate", declaration.validate), ("fingerprint", declaration.fingerprint)):
            self._check_hook(role, hook, [spec.name for spec in inputs])
        validated, validates_links = _named_by(declaration.validate)
        schema = NodeSchema(
            type=declaration.type,
            title=declaration.title or declaration.type,
            category=declaration.category,
            pack=self._pack,
            description=inspect.getdoc(self._function) or "",
            version=declaration.version,
            inputs=tuple(inputs),
            outputs=self._outputs(hints["return"]),
            hidden=tuple(hidden),
            is_output=declaration.is_output,
            cacheable=declaration.cacheable,
            has_validator=declaration.validate is not None,
            validated_inputs=tuple(spec.name for spec in inputs) if validated is None else validated,
            validates_links=validates_links,
            deprecated=declaration.deprecated,
            experimental=declaration.experimental,
        )
        return NodeType(
            schema=schema,
            function=_taking(self._function, renamed) if renamed else self._function,
            is_async=inspect.iscoroutinefunction(self._function),
            context_parameter=context_parameter,
            validate=declaration.validate,
            fingerprint=declaration.fingerprint,
        )

    def _input(self, parameter: inspect.Parameter, annotation: Any) -> InputSchema:
        options, choices = Input(), None
        lazy = collects = nullable = False
        while True:  # peel Annotated, Lazy, list and "| None", in whatever order they stand
            origin, arguments = get_origin(annotation), get_args(annotation)
            if origin is Annotated:
                for extra in arguments[1:]:
                    options = extra if isinstance(extra, Input) else options
                    choices = extra if isinstance(extra, Choices) else choices
                annotation = arguments[0]
            elif origin is Lazy:
                lazy, annotation = True, arguments[0]
            elif origin is list:
                collects, annotation = True, arguments[0]
            elif origin in (Union, types.UnionType) and type(None) in arguments:
                nullable = True
                annotation = Union[tuple(a for a in arguments if a is not type(None))]  # noqa: UP007 - built at run time
            else:
                break
        has_default = parameter.default is not parameter.empty and parameter.default is not None
        type_name, literal_choices = self._type_name(annotation, f'parameter "{parameter.name}"')
        literal_choices = options.choices or literal_choices
        if choices is not None or literal_choices is not None:
            type_name = COMBO.name
        widget = type_name in _WIDGET_TYPES and not options.force_input and not options.raw_link
        spec = InputSchema(
            name=options.name or parameter.name,
            type=type_name,
            required=not (options.optional or nullable),
            widget=widget,
            has_default=has_default,
            default=parameter.default if has_default else None,
            choices=literal_choices,
            source=choices.source if choices else None,
            min=options.min,
            max=options.max,
            step=options.step,
            round=options.round,
            multiline=options.multiline,
            dynamic_prompts=options.dynamic_prompts,
            control_after_generate=options.control_after_generate,
            image_upload=options.image_upload,
            display=options.display,
            tooltip=options.tooltip,
            advanced=options.advanced,
            force_input=options.force_input,
            collects=collects,
            lazy=lazy,
            raw_link=options.raw_link,
        )
        if has_default:
            self._check_default(spec)
        return spec

    def _check_default(self, spec: InputSchema) -> None:
        where = f'parameter "{spec.name}" ({spec.type}) has the default {spec.default!r}'
        try:
            json.dumps(spec.default, allow_nan=False)
        except (TypeError, ValueError) as error:
            self._fail(f"{where}, which is no JSON value; give a plain value, or None for an optional socket", error)
        if not fits(spec, spec.default):
            self._fail(f"{where}, but takes {wanted(spec)}; give a default of that type, or None for an optional input")
        if not in_range(spec, spec.default):
            self._fail(f"{where}, but takes {wanted(spec)}; give a default within these limits, or widen them")
        if spec.choices is not None and spec.default not in spec.choices:
            self._fail(f"{where}, which is none of its choices ({', '.join(spec.choices)}); give one of them")

    def _check_hook(self, role: str, hook: Callable[..., Any] | None, inputs: list[str]) -> None:
        """A hook may only name inputs and what the engine adds; a misspelt one would never be passed."""
        known = (*inputs, "input_types" if role == "validate" else "folder_fingerprint")
        for parameter in inspect.signature(hook).parameters.values() if hook else ():
            is_named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if is_named and parameter.name not in known and parameter.default is parameter.empty:
                self._fail(
                    f'its {role} function asks for "{parameter.name}", which is no input; '
                    f"it can ask for {', '.join(inputs) or 'none'}"
                )

    def _outputs(self, annotation: Any) -> tuple[OutputSchema, ...]:
        annotation = self._without_control_values(annotation)
        names: tuple[str, ...] | None = self._declaration.output_names
        if annotation is type(None):
            members: list[Any] = []
        elif isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
            fields = get_type_hints(annotation, include_extras=True)
            members, names = list(fields.values()), names or tuple(fields)
        elif get_origin(annotation) is tuple:
            members = list(get_args(annotation))
        else:
            members = [annotation]
        if names is not None and len(names) != len(members):
            self._fail(f"it has {len(members)} outputs but output_names gives {len(names)}; name each once")
        tooltips = self._declaration.output_tooltips
        outputs = []
        for index, member in enumerate(members):
            is_list = get_origin(member) is list
            inner = self._without_control_values(get_args(member)[0] if is_list else member)
            type_name, _ = self._type_name(inner, f"output {index}")
            name = names[index] if names else type_name
            tooltip = tooltips[index] if index < len(tooltips) else ""
            outputs.append(OutputSchema(name=name, type=type_name, is_list=is_list, tooltip=tooltip))
        return tuple(outputs)

    @staticmethod
    def _without_control_values(annotation: Any) -> Any:
        """The annotation less `Blocked` and `Expansion`, which any node may return."""
        if get_origin(annotation) not in (Union, types.UnionType):
            return annotation
        members = tuple(a for a in get_args(annotation) if a not in (Blocked, Expansion))
        return Union[members] if members else type(None)  # noqa: UP007 - built at run time

    def _type_name(self, annotation: Any, where: str) -> tuple[str, tuple[str, ...] | None]:
        """Port name(s) of an annotation, and the choices if it is a `Literal`."""
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        if get_origin(annotation) is Literal:
            choices = get_args(annotation)
            if not all(isinstance(choice, str) for choice in choices):
                self._fail(f"{where}: choices must be strings, got {choices!r}")
            return COMBO.name, choices
        if get_origin(annotation) in (Union, types.UnionType):
            names = [self._type_name(member, where)[0] for member in get_args(annotation)]
            if ANY in names:
                self._fail(f"{where} is a union with Any; Any alone already takes every value")
            return ",".join(names), None
        if annotation in (Any, object):
            return ANY, None
        port = self._ports.of_type(annotation)
        if port is None:
            name = getattr(annotation, "__name__", annotation)
            self._fail(
                f"{where} is annotated {name}, which is no port; known ports: {', '.join(self._ports.names())}. "
                "Use the Python type of one of them, or add a Port to the pack"
            )
        return port.name, None

    def _fail(self, what: str, cause: Exception | None = None) -> NoReturn:
        message = f'pack "{self._pack}", node "{self._declaration.type}": {what}'
        raise RegistrationError(message) from cause


def _marker(annotation: Any) -> object:
    """The `Hidden` of an annotated parameter, if it has one."""
    if get_origin(annotation) is not Annotated:
        return None
    return next((extra for extra in get_args(annotation)[1:] if isinstance(extra, Hidden)), None)


def _taking(function: Callable[..., Any], renamed: Mapping[str, str]) -> Callable[..., Any]:
    """`function`, called by the names of its inputs instead of those of its parameters."""

    @functools.wraps(function)
    def call(**arguments: Any) -> Any:
        return function(**{renamed.get(name, name): value for name, value in arguments.items()})

    return call


def _named_by(validate: Callable[..., Any] | None) -> tuple[tuple[str, ...] | None, bool]:
    """(inputs a validator takes responsibility for, whether link types are among it); None means all inputs."""
    if validate is None:
        return (), False
    parameters = inspect.signature(validate).parameters
    links = "input_types" in parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None, links
    return tuple(name for name in parameters if name != "input_types"), links
