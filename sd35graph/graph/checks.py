"""Checks of single nodes: their type, and each input against its declaration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pydantic import JsonValue

from sd35graph.graph.known_files import known_file, nearest
from sd35graph.graph.literals import article, convert_literal, fits, in_range, number_text, range_text, shown, wanted
from sd35graph.graph.ports import ANY, COMBO, compatible
from sd35graph.graph.problems import REFUSES_ALL, Problem, ProblemCode
from sd35graph.graph.schema import InputSchema, NodeSchema
from sd35graph.graph.workflow import Graph, Link, Node

_SUGGESTION_BUDGET = 100
"""Near misses are looked for at most so often per graph: each costs time in proportion to the number of choices."""

_LISTED_CHOICES = 20
_FILE_SOURCES = {
    "input": "the input folder",
    "input_latents": "the input folder",
    "output": "the output folder",
    "temp": "the temp folder",
}


class Checks:
    """Checks all nodes of one graph; keeps what several nodes ask for, such as the files of a source."""

    def __init__(
        self,
        graph: Graph,
        schemas: Mapping[str, NodeSchema],
        choices: Callable[[str], Sequence[str]],
        parsed: Iterable[Problem],
    ) -> None:
        self._graph = graph
        self._schemas = schemas
        self._ask_choices = choices
        self._files: dict[str, list[str]] = {}
        self._file_sets: dict[str, frozenset[str]] = {}
        self._specs: dict[str, dict[str, InputSchema]] = {}
        self._givers: dict[str, tuple[str, ...]] = {}
        self._near: dict[tuple[str, str], tuple[str, ...]] = {}
        errors = [problem for problem in parsed if problem.is_error]
        self._known = {(problem.node_id, problem.input) for problem in errors}
        self._unreadable = {problem.node_id for problem in errors if problem.code in REFUSES_ALL}

    def run(self) -> Iterator[Problem]:
        """The problems of all nodes, in the order of the document."""
        for node_id, node in self._graph.nodes.items():
            schema = self._schemas.get(node.type)
            if schema is None:
                yield self._unknown_node(node_id, node)
            else:
                yield from self._node(node_id, node, schema)

    def _node(self, node_id: str, node: Node, schema: NodeSchema) -> Iterator[Problem]:
        specs = self._specs.setdefault(schema.type, {spec.name: spec for spec in schema.inputs})
        for name, spec in specs.items():
            if (node_id, name) in self._known:
                continue
            if name not in node.inputs:
                if spec.required:
                    yield self._missing(node_id, spec)
                continue
            value = node.inputs[name]
            if isinstance(value, Link):
                problem = self._link(node_id, spec, value, schema)
            else:
                problem = self._literal(node_id, spec, value, schema)
            if problem is not None:
                yield problem
        for name in node.inputs:
            if name not in specs:
                yield unknown_input(self._graph.label(node_id), node_id, name, list(specs))

    def _unknown_node(self, node_id: str, node: Node) -> Problem:
        suggestions = self._nearest(node.type, list(self._schemas), "node types")
        lead_in = f"{did_you_mean(suggestions)} Otherwise" if suggestions else ";"
        return Problem(
            "unknown_node",
            f'Node {node_id}: there is no node type "{node.type[:100]}"{lead_in} install the pack that brings it, '
            "or remove the node.",
            node_id=node_id,
            expected="a known node type",
            received=node.type,
            suggestions=suggestions,
        )

    def _missing(self, node_id: str, spec: InputSchema) -> Problem:
        where = f'{self._graph.label(node_id)}: required input "{spec.name}" is missing'
        suggestions: tuple[str, ...] = ()
        if spec.type == COMBO.name:
            suggestions = tuple(self._choices(spec)[:3])
            help_text = f"; choose {_listed(self._choices(spec))}"
        elif spec.widget:
            usual = f" (usually {shown(spec.default)})" if spec.has_default and spec.default != "" else ""
            help_text = f"; give it {wanted(spec)}{usual}"
        else:
            suggestions = self._types_giving(spec.type)
            help_text = f"; link it to {self._output_of(spec.type)}"
        return Problem(
            "missing_input",
            f"{where}{help_text}.",
            node_id=node_id,
            input=spec.name,
            expected=spec.type,
            suggestions=suggestions,
        )

    def _link(self, node_id: str, spec: InputSchema, link: Link, schema: NodeSchema) -> Problem | None:
        source = self._graph.nodes.get(link.node_id)
        if source is None:
            unreadable = link.node_id in self._unreadable  # then that node has its own problem
            return None if unreadable else self._dangling(node_id, spec, link)
        given = self._schemas.get(source.type)
        if given is None:
            return None
        if not 0 <= link.output < len(given.outputs):
            return self._no_such_output(node_id, spec, link, given)
        if schema.validates_links or compatible(given.outputs[link.output].type, spec.type):
            return None
        return self._mismatch(node_id, spec, link, given)

    def _dangling(self, node_id: str, spec: InputSchema, link: Link) -> Problem:
        return Problem(
            "dangling_link",
            f'{self._where(node_id, spec)} is linked to node "{link.node_id[:60]}", which is not in the workflow; '
            f"link it to {self._output_of(spec.type)}.",
            node_id=node_id,
            input=spec.name,
            expected=spec.type,
            received=link.node_id,
            details={"linked_node": [link.node_id, link.output]},
        )

    def _no_such_output(self, node_id: str, spec: InputSchema, link: Link, given: NodeSchema) -> Problem:
        names = ", ".join(f"{number} {output.name}" for number, output in enumerate(given.outputs)) or "none"
        return Problem(
            "output_out_of_range",
            f"{self._where(node_id, spec)} is linked to output {number_text(link.output)} of node {link.node_id} "
            f'"{given.type}", whose outputs are: {names}.',
            node_id=node_id,
            input=spec.name,
            expected=f"an output number below {len(given.outputs)}",
            received=link.output,
            details={"linked_node": [link.node_id, link.output]},
        )

    def _mismatch(self, node_id: str, spec: InputSchema, link: Link, given: NodeSchema) -> Problem:
        output = given.outputs[link.output]
        return Problem(
            "wrong_type",
            f'{self._where(node_id, spec)} needs {spec.type}, but node {link.node_id} "{given.type}" output '
            f'"{output.name}" is {output.type}; link it to {self._output_of(spec.type)}.',
            node_id=node_id,
            input=spec.name,
            expected=spec.type,
            received=output.type,
            suggestions=self._types_giving(spec.type),
            details={"linked_node": [link.node_id, link.output], "received_type": output.type},
        )

    def _literal(self, node_id: str, spec: InputSchema, value: object, schema: NodeSchema) -> Problem | None:
        where = self._where(node_id, spec)
        if not fits(spec, value):
            converted = convert_literal(spec.type, value)
            near = (shown(converted),) if converted is not value and fits(spec, converted) else ()
            hint = f"; did you mean {near[0]}?" if near else "."
            return Problem(
                "wrong_type",
                f"{where} needs {wanted(spec)}, but is {shown(value)}{hint}",
                node_id=node_id,
                input=spec.name,
                expected=spec.type,
                received=_jsonable(value),
                suggestions=near,
            )
        if spec.name in schema.validated_inputs:
            return None
        if not in_range(spec, value):
            return self._out_of_range(node_id, where, spec, value)
        if spec.type == COMBO.name and value not in self._choice_set(spec):
            return self._not_in_list(node_id, where, spec, str(value))
        return None

    @staticmethod
    def _out_of_range(node_id: str, where: str, spec: InputSchema, value: object) -> Problem:
        return Problem(
            "out_of_range",
            f"{where} must be a number{range_text(spec)}, but is {shown(value)}.",
            node_id=node_id,
            input=spec.name,
            expected=wanted(spec),
            received=_jsonable(value),
            details={"min": spec.min, "max": spec.max},
        )

    def _not_in_list(self, node_id: str, where: str, spec: InputSchema, value: str) -> Problem:
        choices = self._choices(spec)
        suggestions = self._nearest(value, choices, spec.source or f"{self._graph.nodes[node_id].type}.{spec.name}")
        details: dict[str, JsonValue] = {"choice_count": len(choices)}
        if len(choices) <= _LISTED_CHOICES:
            details["choices"] = [*choices]
        code: ProblemCode = "not_in_list"
        name = f'"{value[:100]}"'
        if spec.source is None:
            hint = did_you_mean(suggestions) or f"; choose {_listed(choices)}."
            message = f"{where} has no choice {name}{hint}"
        elif spec.source in _FILE_SOURCES:
            code = "missing_file"
            hint = did_you_mean(suggestions) or "; upload it, or put it there."
            message = f"{where} names {name}, which is not in {_FILE_SOURCES[spec.source]}{hint}"
            details["source"] = spec.source
        else:
            code = "missing_model"
            message = _missing_model(where, value, spec.source, suggestions, details)
        return Problem(
            code,
            message,
            node_id=node_id,
            input=spec.name,
            expected=_listed(choices),
            received=value,
            suggestions=suggestions,
            details=details,
        )

    def _where(self, node_id: str, spec: InputSchema) -> str:
        return f'{self._graph.label(node_id)}: input "{spec.name}"'

    def _output_of(self, port_type: str) -> str:
        """`a VAE output, such as that of VAELoader`."""
        if port_type == ANY:
            return "any output"
        givers = self._types_giving(port_type)
        such_as = f", such as that of {' or '.join(givers)}" if givers else ""
        return f"{article(port_type)} {port_type} output{such_as}"

    def _choices(self, spec: InputSchema) -> Sequence[str]:
        if spec.source is None:
            return spec.choices or ()
        if spec.source not in self._files:
            self._files[spec.source] = list(self._ask_choices(spec.source))
        return self._files[spec.source]

    def _choice_set(self, spec: InputSchema) -> Sequence[str] | frozenset[str]:
        choices = self._choices(spec)
        if spec.source is None:
            return choices
        return self._file_sets.setdefault(spec.source, frozenset(choices))

    def _types_giving(self, port_type: str) -> tuple[str, ...]:
        """Up to three node types that have an output of this type."""
        if port_type not in self._givers:
            members = {name.strip() for name in port_type.split(",")}
            found = (
                name
                for name, schema in self._schemas.items()
                if not members.isdisjoint(output.type for output in schema.outputs)
            )
            self._givers[port_type] = tuple(name for name, _ in zip(found, range(3), strict=False))
        return self._givers[port_type]

    def _nearest(self, name: str, choices: Sequence[str], group: str) -> tuple[str, ...]:
        """The nearest choices, once per name and group of choices, until the budget is spent."""
        if (name, group) not in self._near:
            if len(self._near) >= _SUGGESTION_BUDGET:
                return ()
            self._near[name, group] = tuple(nearest(name, list(choices)))
        return self._near[name, group]


def unknown_input(label: str, node_id: str, name: str, known: Sequence[str]) -> Problem:
    """The warning about an input that a node type does not have."""
    return Problem(
        "unknown_input",
        f'{label}: it has no input "{name[:100]}", so that one is ignored; its inputs are '
        f"{', '.join(known) or 'none'}.",
        node_id=node_id,
        input=name,
        severity="warning",
    )


def did_you_mean(suggestions: Sequence[str]) -> str:
    """`; did you mean "a" or "b"?`, or nothing."""
    return "; did you mean " + " or ".join(f'"{name}"' for name in suggestions) + "?" if suggestions else ""


def _missing_model(
    where: str, name: str, source: str, suggestions: Sequence[str], details: dict[str, JsonValue]
) -> str:
    folder = f"models/{source}"
    details.update({"source": source, "folder": folder})
    known = known_file(name)
    if known is not None:
        details.update({"repository": known.repository, "path": known.path, "gated": known.gated})
        details["command"] = known.command
        way_out = f"{known.how_to_get()}, and put it there"
    else:
        way_out = "put it there"
    nearest_name = f', or choose "{suggestions[0]}"' if suggestions else ""
    return f'{where} names "{name[:100]}", which is not in {folder}; {way_out}{nearest_name}.'


def _listed(choices: Sequence[str]) -> str:
    """`one of "a", "b" … (42 in all)`."""
    if not choices:
        return "one of its choices, of which there are none now"
    if len(choices) == 1:
        return f'"{choices[0]}"'
    names = ", ".join(f'"{name}"' for name in choices[:6])
    return f"one of {names}" + (f" … ({len(choices)} in all)" if len(choices) > 6 else "")


def _jsonable(value: object) -> JsonValue:
    """A received value as JSON; objects a script put into the graph as their description."""
    plain = value is None or isinstance(value, str | int | float | list | dict)
    return value if plain else repr(value)[:200]  # type: ignore[return-value] # the branch says it is JSON
