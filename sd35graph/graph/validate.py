"""Validation: every problem of a graph at once, in time linear in its links and without recursion."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from sd35graph.graph.checks import Checks
from sd35graph.graph.cycles import components, cycle_path, is_cycle
from sd35graph.graph.problems import PROBLEMS, REFUSES_ALL, Problem, ProblemCode, Severity
from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.workflow import Graph, Link

__all__ = [
    "PROBLEMS",
    "Problem",
    "ProblemCode",
    "Severity",
    "Validation",
    "ValidatorCall",
    "validate",
    "validator_calls",
    "with_problems",
]


@dataclass(frozen=True, slots=True)
class Validation:
    """What is wrong with a graph and what of it can run.

    problems: all of them, in the order of the document; problems of nodes that no wanted output needs are warnings.
    outputs: the wanted output nodes that can run, in the order of the document.
    dependents: for every node with an error the wanted outputs that need it.
    needed: the nodes `outputs` need, themselves included. wanted: the output nodes asked for, valid or not.
    """

    problems: tuple[Problem, ...]
    outputs: tuple[str, ...]
    dependents: Mapping[str, tuple[str, ...]]
    needed: frozenset[str] = frozenset()
    wanted: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that stand in the way."""
        return tuple(problem for problem in self.problems if problem.is_error)


@dataclass(frozen=True, slots=True)
class ValidatorCall:
    """A node whose own validator must be asked, in the worker.

    inputs: its inputs by name; linked ones are None. input_types: for the linked inputs, the type that arrives.
    """

    node_id: str
    type: str
    inputs: Mapping[str, JsonValue]
    input_types: Mapping[str, str] = field(default_factory=dict)


def validate(
    graph: Graph,
    schemas: Mapping[str, NodeSchema],
    choices: Callable[[str], Sequence[str]],
    targets: Collection[str] | None = None,
    parsed: Iterable[Problem] = (),
) -> Validation:
    """Check a graph against the node types.

    choices: the files a named source offers now; asked once per source.
    targets: the output nodes wanted; None: all. parsed: problems found when the document was read; an input named
    there is not complained about again.
    """
    parsed = list(parsed)
    checks = Checks(graph, schemas, choices, parsed)
    problems = [*parsed, *checks.run()]
    sources = _sources(graph, schemas, parsed)
    groups = components(sources)
    problems += _cycles(graph, groups, sources)
    wanted, target_problems = _wanted(graph, schemas, targets)
    return _judge(graph, sources, groups, wanted, [*target_problems, *problems])


def with_problems(
    validation: Validation, graph: Graph, schemas: Mapping[str, NodeSchema], found: Iterable[Problem]
) -> Validation:
    """The validation with what validators found added; outputs that need those nodes are dropped."""
    problems = [*validation.problems, *found]
    sources = _sources(graph, schemas, problems)
    return _judge(graph, sources, components(sources), validation.wanted, problems)


def validator_calls(graph: Graph, schemas: Mapping[str, NodeSchema], validation: Validation) -> list[ValidatorCall]:
    """The validators to ask before the valid outputs run, in the order of the document."""
    calls = []
    for node_id, node in graph.nodes.items():
        schema = schemas.get(node.type)
        if schema is None or not schema.has_validator or node_id not in validation.needed:
            continue
        given = {spec.name: node.inputs[spec.name] for spec in schema.inputs if spec.name in node.inputs}
        types = {
            name: schemas[graph.nodes[value.node_id].type].outputs[value.output].type
            for name, value in given.items()
            if isinstance(value, Link)
        }
        inputs = {name: None if isinstance(value, Link) else value for name, value in given.items()}
        # Graphs that came from documents hold JSON values only.
        calls.append(ValidatorCall(node_id, node.type, inputs, types))  # type: ignore[arg-type]
    return calls


def _sources(
    graph: Graph, schemas: Mapping[str, NodeSchema], problems: Iterable[Problem]
) -> dict[str, tuple[str, ...]]:
    """For each node the nodes it needs; entries that could not be read are nodes without inputs.

    A raw link is handed over as such and needs nothing; an undeclared input is not evaluated.
    """
    needs: dict[str, set[str] | None] = {
        name: {spec.name for spec in schemas[name].inputs if not spec.raw_link}
        for name in {node.type for node in graph.nodes.values()} & schemas.keys()
    }
    sources: dict[str, tuple[str, ...]] = {
        problem.node_id: () for problem in problems if problem.node_id is not None and problem.code in REFUSES_ALL
    }
    known = graph.nodes.keys() | sources.keys()
    for node_id, node in graph.nodes.items():
        declared = needs.get(node.type)
        links = (link.node_id for name, link in node.links() if declared is None or name in declared)
        sources[node_id] = tuple(dict.fromkeys(source for source in links if source in known))
    return sources


def _cycles(graph: Graph, groups: Sequence[Sequence[str]], sources: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    order = {node_id: place for place, node_id in enumerate(graph.nodes)}
    for group in groups:
        if is_cycle(group, sources):
            first = min(group, key=lambda node_id: order[node_id])
            path = cycle_path(first, group, sources)
            drawn = path if len(path) <= 12 else [*path[:6], "…", *path[-5:]]
            yield Problem(
                "cycle",
                f"{graph.label(first)} needs its own result: {' → '.join(drawn)}; remove one of these links.",
                node_id=first,
                received=" → ".join(drawn),
                details={"path": [*path], "nodes": [*group]},
            )


def _wanted(
    graph: Graph, schemas: Mapping[str, NodeSchema], targets: Collection[str] | None
) -> tuple[list[str], list[Problem]]:
    """The output nodes wanted, and what is wrong with the wish."""
    outputs = [
        node_id for node_id, node in graph.nodes.items() if (schema := schemas.get(node.type)) and schema.is_output
    ]
    if targets is not None:
        wanted = [node_id for node_id in outputs if node_id in targets]
        ignored = [_unknown_target(graph, target, outputs) for target in targets if target not in wanted]
    else:
        wanted, ignored = outputs, []
    if wanted:
        return wanted, ignored
    if targets is not None and outputs:
        names = ", ".join(graph.label(node_id) for node_id in outputs[:5])
        message = f"None of the workflow's output nodes was asked for; ask for at least one of {names}."
    else:
        types = sorted(name for name, schema in schemas.items() if schema.is_output)
        examples = ", ".join(sorted(types, key=lambda name: (name not in ("SaveImage", "PreviewImage"), name))[:3])
        message = "The workflow has no output node, so nothing would run; add one" + (
            f", such as {examples}." if examples else " (no known node type is one)."
        )
    return [], [Problem("no_output", message), *ignored]


def _unknown_target(graph: Graph, target: str, outputs: Sequence[str]) -> Problem:
    what = "is no output node" if target in graph.nodes else "is not in the workflow"
    return Problem(
        "unknown_target",
        f"{graph.label(target)} was asked for but {what}, so it is ignored; outputs are {', '.join(outputs[:10])}.",
        node_id=target,
        suggestions=tuple(outputs[:3]),
        severity="warning",
    )


def _judge(
    graph: Graph,
    sources: Mapping[str, Sequence[str]],
    groups: Sequence[Sequence[str]],
    wanted: Sequence[str],
    problems: Iterable[Problem],
) -> Validation:
    """Decide which outputs can run. A node's mask has bit i set when output number i needs it.

    What a node needs that nobody can read may well be needed: it may be an output itself.
    """
    problems = list(problems)
    unread = {problem.node_id for problem in problems if problem.code in REFUSES_ALL and problem.node_id is not None}
    masks = _masks(sources, groups, wanted, unread)
    judged = [_weighed(problem, masks) for problem in problems]
    refused = any(problem.code in REFUSES_ALL for problem in judged)
    bad = {problem.node_id for problem in judged if problem.is_error and problem.node_id is not None}
    bad |= {node_id for group in groups if is_cycle(group, sources) for node_id in group}
    spoilt = 0
    for node_id in bad:
        spoilt |= masks.get(node_id, 0)
    outputs = () if refused else tuple(node_id for bit, node_id in enumerate(wanted) if not spoilt >> bit & 1)
    running = sum(1 << bit for bit, node_id in enumerate(wanted) if not spoilt >> bit & 1) if outputs else 0
    if refused:  # the nodes that could not be read may have been the outputs
        judged = [problem for problem in judged if problem.code != "no_output"]
    order = {node_id: place for place, node_id in enumerate(graph.nodes)}
    judged.sort(key=lambda problem: -1 if problem.node_id is None else order.get(problem.node_id, len(order)))
    names = _Names(wanted)
    return Validation(
        problems=tuple(judged),
        outputs=outputs,
        dependents={
            problem.node_id: names.of(masks.get(problem.node_id, 0))
            for problem in judged
            if problem.is_error and problem.node_id is not None
        },
        needed=frozenset(node_id for node_id, mask in masks.items() if mask & running),
        wanted=tuple(wanted),
    )


def _masks(
    sources: Mapping[str, Sequence[str]],
    groups: Sequence[Sequence[str]],
    wanted: Sequence[str],
    unread: Collection[str],
) -> dict[str, int]:
    """For each node the set of wanted outputs that need it, as bits. One pass from the outputs to what they need.

    All nodes of `unread` together have the one bit above those.
    """
    masks = dict.fromkeys(sources, 0)
    for bit, node_id in enumerate(wanted):
        masks[node_id] |= 1 << bit
    for node_id in unread:
        masks[node_id] |= 1 << len(wanted)
    for group in reversed(groups):
        mask = 0
        for node_id in group:
            mask |= masks[node_id]
        if mask:
            for node_id in group:
                masks[node_id] = mask
                for source in sources[node_id]:
                    masks[source] |= mask
    return masks


def _weighed(problem: Problem, masks: Mapping[str, int]) -> Problem:
    """A problem of a node that no wanted output needs stands in nobody's way."""
    needed = problem.node_id is None or masks.get(problem.node_id, 0) or problem.code in REFUSES_ALL
    return problem if needed or not problem.is_error else problem.as_warning()


class _Names:
    """Node ids of the bits of a mask; equal masks share one tuple."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._wanted = wanted
        self._known: dict[int, tuple[str, ...]] = {}

    def of(self, mask: int) -> tuple[str, ...]:
        if mask not in self._known:
            bits = bin(mask)[:1:-1]
            named = zip(self._wanted, bits, strict=False)  # the bit above them names none
            self._known[mask] = tuple(name for name, bit in named if bit == "1")
        return self._known[mask]
