"""Expansions: the nodes a node returned, made part of the running graph."""

from __future__ import annotations

from collections.abc import Mapping

from sd35graph.engine.execution.calls import Calls
from sd35graph.engine.execution.tasks import Board, Task
from sd35graph.graph.errors import GraphError
from sd35graph.graph.node import Expansion
from sd35graph.graph.plan import Planner
from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.workflow import Link, Node


class ExpansionError(GraphError):
    """An expansion that cannot become part of the graph; the message says why."""


class Expander:
    """Adds the expansions of one run to its graph. limit: how many nodes they may have together."""

    def __init__(self, planner: Planner, board: Board, schemas: Mapping[str, NodeSchema], limit: int) -> None:
        self._planner = planner
        self._board = board
        self._schemas = schemas
        self._limit = limit
        self._count = 0

    def begin(self, task: Task, calls: Calls) -> None:
        """Add what the calls of a task expanded to, and let the task wait for it.

        Wanted are the nodes its outputs link to, and its output nodes. Raises `ExpansionError`, `PlanError` or
        `WrongReturn`.
        """
        wanted: list[str] = []
        for call, returned in sorted(calls.returned.items()):
            if isinstance(returned.value, Expansion):
                wanted += self._add(task, call, returned.value)
        self._planner.need(wanted)
        links = result_links(task)
        for link in links:
            self._check_output(link)
        self._board.demand(wanted)
        self._board.hold(link.node_id for link in links)
        self._board.release_inputs(task)  # not after the wait: the turns of a loop wait for each other to the last
        self._board.wait(task, wanted)

    def results(self, task: Task, call: int, columns: list[list[object]]) -> None:
        """Put the outputs of a finished expansion into `columns`. Raises `WrongReturn`."""
        for index, (output, column) in enumerate(zip(task.expanded[call], columns, strict=True)):
            if isinstance(output, Link):
                items = self._board.items(output.node_id, output.output)
                task.kind.check_items(index, items)
                column.extend(items)
                task.tainted = task.tainted or self._board.tasks[output.node_id].never_equal
            else:
                task.kind.add_output(index, output, column)

    def _add(self, task: Task, call: int, expansion: Expansion) -> list[str]:
        """Add one expansion; returns the ids of the wanted nodes."""
        task.kind.check_output_count(len(expansion.outputs))
        self._count += len(expansion.nodes)
        if self._count > self._limit:
            raise ExpansionError(
                f"this run's expansions have more than {self._limit:,} nodes; give the loop an end, or split the "
                "work over several runs"
            )
        ids = {local_id: task.place.inside(call, local_id).node_id for local_id in expansion.nodes}
        nodes = {ids[local_id]: _moved(node, ids) for local_id, node in expansion.nodes.items()}
        works = {} if task.never_equal else {ids[i]: f"{task.step.key}:{call}:{i!r}" for i in expansion.nodes}
        self._planner.add(nodes, works)
        self._board.settle_in(task, call, ids)
        task.expanded[call] = tuple(_linked(output, ids) for output in expansion.outputs)
        return self._linked_nodes(task.expanded[call]) + self._output_nodes(nodes)

    def _linked_nodes(self, outputs: tuple[object, ...]) -> list[str]:
        linked = [output.node_id for output in outputs if isinstance(output, Link)]
        for node_id in linked:
            if node_id not in self._planner.nodes:
                raise ExpansionError(f'one of its outputs links to node "{node_id}", which is not in the graph')
        return linked

    def _output_nodes(self, nodes: Mapping[str, Node]) -> list[str]:
        for node in nodes.values():
            if node.type not in self._schemas:
                raise ExpansionError(f'it has a node of type "{node.type}", which does not exist; install its pack')
        return [node_id for node_id, node in nodes.items() if self._schemas[node.type].is_output]

    def _check_output(self, link: Link) -> None:
        count = len(self._planner.steps[link.node_id].schema.outputs)
        if not 0 <= link.output < count:
            label = self._planner.label(link.node_id)
            raise ExpansionError(f"one of its outputs links to output {link.output} of {label}, which has {count}")


def result_links(task: Task) -> list[Link]:
    """The links among the outputs of a task's expansions."""
    return [output for outputs in task.expanded.values() for output in outputs if isinstance(output, Link)]


def _moved(node: Node, ids: Mapping[str, str]) -> Node:
    return Node(node.type, {name: _linked(value, ids) for name, value in node.inputs.items()}, node.title)


def _linked(value: object, ids: Mapping[str, str]) -> object:
    """A link into the expansion leads to the node's new id; any other one is to a node of the graph around it."""
    if isinstance(value, Link) and value.node_id in ids:
        return Link(ids[value.node_id], value.output)
    return value
