"""One job's run: from its graph to its last event.

Steps become tasks when something needs them, wait for their sources by counting, and run when the count is zero.
Nothing recurses, so a chain, or a loop of expansions in expansions, may be as long as memory allows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from pydantic import JsonValue

from sd35graph.engine.async_calls import AsyncThread
from sd35graph.engine.cache import CacheEntry, OutputCache
from sd35graph.engine.calls import Calls, Returned, WrongRequest
from sd35graph.engine.events import Event, JobError
from sd35graph.engine.expand import Expanded, ExpansionError
from sd35graph.engine.failure import node_frames, shortened_inputs, type_name
from sd35graph.engine.flights import CallOutcome, Flights
from sd35graph.engine.kinds import Kind, WrongReturn
from sd35graph.engine.report import Report
from sd35graph.engine.run_context import Call, CancelToken, NodeContext, Services, current_call
from sd35graph.engine.tasks import Board, Task
from sd35graph.engine.trace import NO_TRACE, Place, Trace
from sd35graph.graph.errors import Cancelled, InputNeeded
from sd35graph.graph.node import Expansion
from sd35graph.graph.plan import Planner
from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.steps import Fingerprint, PlanError
from sd35graph.graph.workflow import Graph, Link

ASYNC_GRACE_S = 5.0
"""How long a run that is over waits for its async nodes to notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What to run. prompt, extra_pnginfo: handed to the nodes that ask for them."""

    job_id: str
    graph: Graph
    targets: tuple[str, ...]
    prompt: Mapping[str, Any] | None = None
    extra_pnginfo: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended.

    outputs: what nodes showed, {node: {key: items}}, cached ones included. meta: {node: {node_id, display_node,
    parent_node, real_node_id}}. executed: submitted nodes that ran to their end.
    """

    state: Literal["succeeded", "failed", "cancelled"]
    outputs: Mapping[str, JsonValue] = field(default_factory=dict)
    meta: Mapping[str, JsonValue] = field(default_factory=dict)
    error: JobError | None = None
    executed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What all runs of an executor share."""

    kinds: Mapping[str, Kind]
    schemas: Mapping[str, NodeSchema]
    fingerprints: Mapping[str, Fingerprint]
    cache: OutputCache
    services: Services
    async_thread: AsyncThread
    max_expanded_nodes: int


class _Failed(Exception):
    """The job is over. Carries text only: the exception it came from must not keep its frames' tensors alive."""

    def __init__(self, error: JobError) -> None:
        super().__init__(error.message)
        self.error = error


class _Stopped(Exception):
    """The job was cancelled, inside `task` if there is one."""

    def __init__(self, task: Task | None) -> None:
        super().__init__("the job was cancelled")
        self.task = task


class Run:
    """The run of one job. `execute` is called once."""

    def __init__(
        self, workshop: Workshop, request: JobRequest, emit: Callable[[Event], None], cancel: CancelToken
    ) -> None:
        self._workshop = workshop
        self._request = request
        self._cancel = cancel
        self._report = Report(request.job_id, emit)
        self._planner = Planner(
            request.graph.nodes, workshop.schemas, workshop.services.file_fingerprint, workshop.fingerprints
        )
        self._board = Board(self._planner, workshop.kinds, self._reuse)
        self._flights = Flights(workshop.async_thread, request.job_id)
        self._in_flight: dict[str, Task] = {}
        self._made: set[str] = set()
        self._listed: frozenset[str] = frozenset()
        self._announced: set[str] = set()
        self._expanded_nodes = 0
        self._hidden = {
            "PROMPT": request.prompt,
            "EXTRA_PNGINFO": request.extra_pnginfo,
            "DYNPROMPT": MappingProxyType(self._planner.nodes),
        }

    def execute(self) -> Outcome:
        """Run the job to its end and send all its events from `cached` on. Errors of nodes are not raised."""
        report = self._report
        started_s = time.perf_counter()
        self._cancel.on_cancel(self._flights.wake)
        error: JobError | None = None
        try:
            self._plan()
            self._work()
        except _Failed as failed:
            error = failed.error
        except _Stopped as stopped:
            return self._cancelled(stopped.task)
        finally:
            self._abandon_flights()
        if error is not None:
            report.send("failed", {"error": error.as_json(), "executed": list(report.executed)})
            return self._outcome("failed", error)
        report.send("succeeded", {"seconds": time.perf_counter() - started_s})
        return self._outcome("succeeded")

    def _cancelled(self, task: Task | None) -> Outcome:
        node_id = task.place.origin if task else None
        node_type = self._planner.nodes[node_id].type if node_id is not None else None
        executed: list[JsonValue] = list(self._report.executed)
        self._report.send("cancelled", {"node": node_id, "node_type": node_type, "executed": executed})
        return self._outcome("cancelled")

    def _outcome(self, state: Literal["succeeded", "failed", "cancelled"], error: JobError | None = None) -> Outcome:
        report = self._report
        report.close()
        return Outcome(
            state=state, outputs=report.outputs, meta=report.meta, error=error, executed=tuple(report.executed)
        )

    # --- planning -----------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        targets = self._request.targets
        try:
            steps = self._planner.need(targets)
        except PlanError as error:
            raise _Failed(self._plan_error(error, None)) from error
        found, reasons = self._workshop.cache.reusable(steps)
        self._report.send("cached", {"nodes": list(found), "reasons": dict(reasons)})
        self._listed = frozenset(found)
        said = {node_id: entry.trace for node_id, entry in found.items() if entry.trace is not NO_TRACE}
        if said:
            self._announce(said)
        self._board.demand(targets)

    def _announce(self, said: Mapping[str, Trace]) -> None:
        """Replay what reused nodes said; those behind a lazy input only once they are asked for."""
        certain = set(self._request.targets)
        for step in reversed(self._planner.steps.values()):
            if step.node_id in certain:
                certain.update(link.node_id for _, link in step.links)
        for node_id, trace in said.items():
            if node_id in certain:
                self._announced.add(node_id)
                self._report.replay(Place(node_id, node_id), trace)

    def _reuse(self, task: Task) -> bool:
        """Finish a task from the cache, if that has its result."""
        key = task.step.key
        entry = self._workshop.cache.get(key) if key is not None else None
        if entry is None:
            return False
        node_id = task.step.node_id
        task.outputs, task.finished = entry.outputs, True
        if entry.trace is not NO_TRACE:
            if node_id not in self._announced:
                self._report.replay(task.place, entry.trace)
            if task.parent is not None:
                task.parent.inside.append((task.call, task.local_id, entry.trace))
        if node_id not in self._listed:
            self._report.finished(task.place, 0.0, cached=True)
        return True

    # --- scheduling ---------------------------------------------------------------------------------------------

    def _work(self) -> None:
        board, flights, cancel = self._board, self._flights, self._cancel
        while True:
            if cancel.cancelled:
                raise _Stopped(flights.any_task())
            if flights:
                self._land(timeout_s=0)
            if board.ready_async:
                self._advance(board.ready_async.pop())
            elif board.ready:
                self._advance(board.ready.pop())
            elif flights:
                self._land(timeout_s=None)
            else:
                break
        if board.unfinished:
            raise _Failed(self._cycle_error())

    def _land(self, timeout_s: float | None) -> None:
        landing = self._flights.land(timeout_s)
        if landing is None:
            return
        task = landing.task
        task.seconds += landing.seconds
        if task.step.key is not None:
            self._in_flight.pop(task.step.key, None)
        if not landing.outcomes:
            raise _Failed(
                self._node_error(task, {}, RuntimeError("its calls were cancelled, though not by the engine"))
            )
        for outcome in landing.outcomes:
            self._take(task, outcome)
        self._after_calls(task)

    def _abandon_flights(self) -> None:
        if self._flights and self._flights.abandon(ASYNC_GRACE_S):
            self._report.close()

    def _advance(self, task: Task) -> None:
        """Take a task whose sources are finished as far as it goes without more of them."""
        if task.expanded:
            self._finish_expanded(task)
        elif task.started or not self._share(task):
            self._call(task)

    def _share(self, task: Task) -> bool:
        """Use the result of an equal node of this run: one that has finished, or an async one under way."""
        board, key = self._board, task.step.key
        tasks = board.tasks
        if any(tasks[link.node_id].tainted for _, link in task.step.links):
            task.tainted = True
        if key is None or task.tainted:
            return False
        if key in self._made and self._reuse(task):
            board.finish(task)
            return True
        equal = self._in_flight.get(key)
        if equal is None:
            return False
        board.wait(task, [equal.step.node_id])
        return True

    # --- calls --------------------------------------------------------------------------------------------------

    def _call(self, task: Task) -> None:
        kind = task.kind
        if task.calls is None:
            task.calls = Calls(kind, task.step)
        if not task.started:
            task.started = True
            self._report.started(task.place)
        due = task.calls.due(self._linked(task))
        if kind.hidden or kind.context_parameter is not None:
            for _, arguments in due:
                self._add_own(task, arguments)
        if kind.is_async and due:
            if task.step.key is not None:
                self._in_flight[task.step.key] = task
            self._flights.launch(task, due)
            return
        started_s = time.perf_counter()
        for index, arguments in due:
            self._take(task, self._call_now(task, index, arguments))
        task.seconds += time.perf_counter() - started_s
        self._after_calls(task)

    def _linked(self, task: Task) -> dict[str, Any]:
        """Items of the linked inputs, of lazy ones as far as they were asked for."""
        board, step = self._board, task.step
        linked = {name: board.items(link.node_id, link.output) for name, link in step.links}
        if step.lazy_links and task.calls is not None:
            asked = task.calls.asked()
            for name, link in step.lazy_links:
                if name in asked:
                    linked[name] = board.items(link.node_id, link.output)
                    task.tainted = task.tainted or board.tasks[link.node_id].tainted
        return linked

    def _add_own(self, task: Task, arguments: dict[str, object]) -> None:
        """Add the arguments the engine itself provides."""
        kind, node_id = task.kind, task.step.node_id
        for name, token in kind.hidden:
            arguments[name] = node_id if token == "UNIQUE_ID" else self._hidden[token]
        if kind.context_parameter is not None:
            arguments[kind.context_parameter] = NodeContext(
                node_id, self._workshop.services, self._report.send, self._cancel
            )

    def _call_now(self, task: Task, index: int, arguments: dict[str, object]) -> CallOutcome:
        mark = current_call.set(Call(self._request.job_id, task.step.node_id, index))
        try:
            return CallOutcome(index, arguments, task.kind.function(**arguments))
        except BaseException as error:  # noqa: BLE001 - the worker outlives whatever a node raises
            return CallOutcome(index, arguments, error=error)
        finally:
            current_call.reset(mark)

    def _take(self, task: Task, outcome: CallOutcome) -> None:
        """Note what one call came to. Raises `_Failed` or `_Stopped`."""
        calls = task.calls
        assert calls is not None, "a task in flight has calls"
        error, arguments = outcome.error, outcome.arguments
        if error is None:
            parameter = task.kind.context_parameter
            trace = _trace_of(arguments[parameter]) if parameter is not None else NO_TRACE
            calls.returned[outcome.number] = Returned(outcome.value, trace)
            return
        if isinstance(error, InputNeeded):
            try:
                calls.ask(outcome.number, error.names)
            except WrongRequest as wrong:
                error = wrong
            else:
                return
        if isinstance(error, Cancelled) or self._cancel.cancelled:
            raise _Stopped(task)
        raise _Failed(self._node_error(task, arguments, error))

    def _after_calls(self, task: Task) -> None:
        calls, board = task.calls, self._board
        assert calls is not None, "a task that was called has calls"
        if calls.is_waiting:
            asked = calls.asked()
            sources = [link.node_id for name, link in task.step.lazy_links if name in asked]
            board.demand(sources)
            board.wait(task, sources)
            return
        if any(type(returned.value) is Expansion for returned in calls.returned.values()):
            self._expand(task, calls)
            return
        columns = task.kind.new_columns()
        try:
            for index in sorted(calls.returned):
                task.kind.add(calls.returned[index].value, columns)
        except WrongReturn as error:
            raise _Failed(self._node_error(task, {}, error)) from error
        self._finish(task, calls, columns)

    def _finish(self, task: Task, calls: Calls, columns: list[list[object]]) -> None:
        """Give a task its outputs, say so and keep them."""
        report, step, parent = self._report, task.step, task.parent
        task.outputs = columns
        trace = NO_TRACE
        if task.inside or any(returned.trace is not NO_TRACE for returned in calls.returned.values()):
            trace = _merged([calls.returned[index].trace for index in sorted(calls.returned)], task.inside)
            for message in trace.blocked:
                report.blocked(task.place, message)
            if trace.shown is not None:
                report.shown(task.place, trace.shown)
        report.finished(task.place, task.seconds, cached=False)
        if parent is not None:
            parent.tainted = parent.tainted or task.never_equal
            if trace is not NO_TRACE:
                parent.inside.append((task.call, task.local_id, trace))
        if step.key is not None and not task.tainted:
            self._workshop.cache.put(step.key, CacheEntry(columns, task.kind.size_bytes(columns), trace))
            self._made.add(step.key)
        self._board.finish(task)

    # --- expansions ---------------------------------------------------------------------------------------------

    def _expand(self, task: Task, calls: Calls) -> None:
        """Make the expansions that calls returned part of the graph and wait for what they lead to."""
        goals: list[str] = []
        try:
            for index, returned in sorted(calls.returned.items()):
                if isinstance(returned.value, Expansion):
                    goals += self._add_expansion(task, index, returned.value)
            self._planner.need(goals)
            self._check_outputs(task)
        except (PlanError, ExpansionError, WrongReturn) as error:
            raise _Failed(self._plan_error(error, task)) from error
        self._board.demand(goals)
        self._board.hold(link.node_id for link in _result_links(task))
        self._board.wait(task, goals)

    def _add_expansion(self, task: Task, index: int, expansion: Expansion) -> list[str]:
        """Add its nodes; returns the ids of those that must run: what its outputs link to, and its output nodes."""
        task.kind.check_output_count(len(expansion.outputs))
        self._expanded_nodes += len(expansion.nodes)
        limit = self._workshop.max_expanded_nodes
        if self._expanded_nodes > limit:
            raise ExpansionError(
                f"this run's expansions have more than {limit:,} nodes; if this is no loop without an end, "
                "raise max_expanded_nodes"
            )
        expanded = Expanded(expansion, task.place, index)
        key = task.step.key if not task.tainted else None
        self._planner.add(expanded.nodes, f"{key}:{index}" if key is not None else None)
        self._board.settle_in(task, index, expanded.ids)
        task.expanded[index] = expanded.outputs
        goals = [output.node_id for output in expanded.outputs if isinstance(output, Link)]
        for node_id, node in expanded.nodes.items():
            schema = self._workshop.schemas.get(node.type)
            if schema is None:
                raise ExpansionError(f'it has a node of type "{node.type}", which does not exist; install its pack')
            if schema.is_output:
                goals.append(node_id)
        unknown = [node_id for node_id in goals if node_id not in self._planner.nodes]
        if unknown:
            raise ExpansionError(f'one of its outputs links to node "{unknown[0]}", which is not in the graph')
        return goals

    def _check_outputs(self, task: Task) -> None:
        steps = self._planner.steps
        for link in _result_links(task):
            count = len(steps[link.node_id].schema.outputs)
            if not 0 <= link.output < count:
                label = self._planner.label(link.node_id)
                raise ExpansionError(f"one of its outputs links to output {link.output} of {label}, which has {count}")

    def _finish_expanded(self, task: Task) -> None:
        """Give a task its outputs once its expansions have theirs."""
        calls, kind = task.calls, task.kind
        assert calls is not None, "a task that was called has calls"
        columns = kind.new_columns()
        try:
            for index, returned in sorted(calls.returned.items()):
                if index in task.expanded:
                    self._add_results(task, task.expanded[index], columns)
                else:
                    kind.add(returned.value, columns)
        except WrongReturn as error:
            raise _Failed(self._node_error(task, {}, error)) from error
        links = _result_links(task)
        self._finish(task, calls, columns)
        self._board.unhold(link.node_id for link in links)

    def _add_results(self, task: Task, outputs: tuple[object, ...], columns: list[list[object]]) -> None:
        for index, (output, column) in enumerate(zip(outputs, columns, strict=True)):
            if isinstance(output, Link):
                items = self._board.items(output.node_id, output.output)
                task.kind.check_items(index, items)
                column.extend(items)
                task.tainted = task.tainted or self._board.tasks[output.node_id].never_equal
            else:
                task.kind.add_output(index, output, column)

    # --- errors -------------------------------------------------------------------------------------------------

    def _node_error(self, task: Task, arguments: Mapping[str, object], error: BaseException) -> JobError:
        """What is kept of an exception a node raised, or of a breach of its contract."""
        place, schema = task.place, task.step.schema
        message = str(error) or type(error).__name__
        if isinstance(error, WrongReturn | WrongRequest):
            message = f'pack "{schema.pack}", {self._planner.label(place.node_id)}: {message}'
        elif place.parent is not None:
            message = f"{message} (in {self._planner.label(place.node_id)}, which the expansion made)"
        inputs = {spec.name: arguments[spec.name] for spec in schema.inputs if spec.name in arguments}
        return JobError(
            message=message,
            type=type_name(error),
            node_id=place.origin,
            node_type=self._planner.nodes[place.origin].type,
            traceback=node_frames(error),
            inputs=shortened_inputs(inputs),
        )

    def _plan_error(self, error: Exception, task: Task | None) -> JobError:
        """Why the graph, or with `task` its expansion, cannot be planned."""
        if task is None:
            node_id = error.node_id if isinstance(error, PlanError) else None
            node = self._planner.nodes.get(node_id) if node_id is not None else None
            node_type = node.type if node is not None else None
            return JobError(message=str(error), type=type_name(error), node_id=node_id, node_type=node_type)
        origin = task.place.origin
        return JobError(
            message=f"the expansion of {self._planner.label(task.place.node_id)} cannot run: {error}",
            type=type_name(error),
            node_id=origin,
            node_type=self._planner.nodes[origin].type,
        )

    def _cycle_error(self) -> JobError:
        """Why nothing can go on: an expansion waits for a node that waits for the expanding one."""
        tasks = self._board.cycle()
        names = [self._planner.label(task.place.node_id) for task in (*tasks[:8], tasks[0])]
        expanding = next((task for task in tasks if task.expanded), tasks[0])
        return self._plan_error(ExpansionError(f"these wait for each other: {' → '.join(names)}"), expanding)


def _trace_of(context: object) -> Trace:
    """What one call showed and saved."""
    assert isinstance(context, NodeContext), "the engine made the context"
    if not context.shown and not context.artifacts:
        return NO_TRACE
    return Trace(shown=context.shown or None, artifacts=tuple(context.artifacts))


def _merged(traces: list[Trace], inside: list[tuple[int, str, Trace]]) -> Trace:
    """The traces of a node's calls in one."""
    shown: dict[str, list[JsonValue]] = {}
    for trace in traces:
        for key, items in (trace.shown or {}).items():
            shown.setdefault(key, []).extend(items)
    return Trace(
        shown=shown or None,
        blocked=tuple(dict.fromkeys(message for trace in traces for message in trace.blocked)),
        artifacts=tuple(artifact for trace in traces for artifact in trace.artifacts),
        inside=tuple(inside),
    )


def _result_links(task: Task) -> list[Link]:
    """The links among the outputs of a task's expansions."""
    return [output for outputs in task.expanded.values() for output in outputs if isinstance(output, Link)]
