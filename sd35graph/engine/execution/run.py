"""One job's run: from its graph to its last event.

Steps become tasks when something needs them, wait for their sources by counting, and run when the count is zero.
Nothing recurses, so a chain, or a loop of expansions in expansions, may be as long as memory allows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from pydantic import JsonValue

from sd35graph.engine.events import Event, JobError
from sd35graph.engine.execution.async_calls import AsyncThread
from sd35graph.engine.execution.blame import Blame, JobFailed
from sd35graph.engine.execution.cache import CacheEntry, OutputCache
from sd35graph.engine.execution.calls import Calls, Returned, WrongRequest
from sd35graph.engine.execution.expand import Expander, ExpansionError, result_links
from sd35graph.engine.execution.flights import CallOutcome, Flights
from sd35graph.engine.execution.kinds import Kind, WrongReturn
from sd35graph.engine.execution.report import Report
from sd35graph.engine.execution.request import FinalState, JobRequest, Outcome
from sd35graph.engine.execution.run_context import Call, CancelToken, NodeContext, Services, current_call
from sd35graph.engine.execution.tasks import Board, Task
from sd35graph.engine.execution.trace import NO_TRACE, Place, Trace, merged
from sd35graph.graph.errors import Cancelled, InputNeeded
from sd35graph.graph.node import Expansion
from sd35graph.graph.plan import Planner
from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.steps import Fingerprint, PlanError
from sd35graph.interruption import interruptible

logger = logging.getLogger(__name__)

ASYNC_GRACE_S = 5.0
"""How long a run that is over waits for its async nodes to notice."""


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
        self._cache = workshop.cache
        self._services = workshop.services
        self._request = request
        self._cancel = cancel
        self._report = Report(request.job_id, emit)
        self._planner = Planner(
            request.graph.nodes,
            workshop.schemas,
            workshop.services.file_fingerprint,
            workshop.services.folder_fingerprint,
            workshop.fingerprints,
        )
        self._board = Board(self._planner, workshop.kinds, self._reuse)
        self._expander = Expander(self._planner, self._board, workshop.schemas, workshop.max_expanded_nodes)
        self._blame = Blame(self._planner)
        self._flights = Flights(workshop.async_thread, request.job_id)
        self._in_flight: dict[str, Task] = {}  # by key
        self._made: set[str] = set()  # keys of results this run put into the cache
        self._listed: frozenset[str] = frozenset()
        self._announced: set[str] = set()
        self._hidden = {
            "PROMPT": request.prompt,
            "EXTRA_PNGINFO": request.extra_pnginfo,
            "DYNPROMPT": MappingProxyType(self._planner.nodes),
        }

    def execute(self) -> Outcome:
        """Run the job to its end and send all its events from `cached` on. Errors of nodes are not raised."""
        report = self._report
        self._cancel.on_cancel(self._flights.wake)
        try:
            state, data, error = self._to_end()
        finally:
            self._abandon_flights()
            self._board.close()
        report.send(state, data)
        report.close()
        return Outcome(
            state=state, outputs=report.outputs, meta=report.meta, error=error, executed=tuple(report.executed)
        )

    def _to_end(self) -> tuple[FinalState, dict[str, JsonValue], JobError | None]:
        """Plan and run; returns the type and data of the last event, and the error if it failed."""
        started_s = time.perf_counter()
        try:
            self._plan()
            self._work()
        except JobFailed as failed:
            return "failed", {"error": failed.error.as_json(), "executed": list(self._report.executed)}, failed.error
        except _Stopped as stopped:
            node_id = stopped.task.place.origin if stopped.task is not None else None
            node_type = self._planner.nodes[node_id].type if node_id is not None else None
            return "cancelled", {"node": node_id, "node_type": node_type, "executed": list(self._report.executed)}, None
        return "succeeded", {"seconds": time.perf_counter() - started_s}, None

    # Planning and reuse.

    def _plan(self) -> None:
        targets = self._request.targets
        try:
            steps = self._planner.need(targets)
        except PlanError as error:
            raise self._blame.graph(error) from error
        found, reasons = self._cache.reusable(steps)
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
        entry = self._cache.get(key) if key is not None else None
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

    def _share(self, task: Task) -> bool:
        """Use the result of an equal node of this run: one that has finished, or an async one under way."""
        board, key = self._board, task.step.key
        if any(board.tasks[link.node_id].tainted for _, link in task.step.links):
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

    # Scheduling.

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
            raise self._blame.cycle(board.cycle())

    def _land(self, timeout_s: float | None) -> None:
        landing = self._flights.land(timeout_s)
        if landing is None:
            return
        task = landing.task
        task.seconds += landing.seconds
        if task.step.key is not None:
            self._in_flight.pop(task.step.key, None)
        if not landing.outcomes:
            raise self._blame.node(task, RuntimeError("its calls were cancelled, though not by the engine"))
        for outcome in landing.outcomes:
            self._take(task, outcome)
        self._after_calls(task)

    def _abandon_flights(self) -> None:
        """End what async nodes are still doing; nobody waits for the results any more."""
        if self._flights:
            for task in self._flights.abandon(ASYNC_GRACE_S):
                logger.warning("an async node goes on after its job", extra={"node_type": task.step.node.type})

    def _advance(self, task: Task) -> None:
        """Take a task whose sources are finished as far as it goes without more of them."""
        if task.expanded:
            self._gather(task)
        elif task.started or not self._share(task):
            self._call(task)

    # Calls.

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
            if not task.never_equal and task.step.key is not None:
                self._in_flight[task.step.key] = task
            self._flights.launch(task, due)
            return
        started_s = time.perf_counter()
        for number, arguments in due:
            self._take(task, self._call_now(task, number, arguments))
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
            tell = partial(self._report.warned, task.place)
            arguments[kind.context_parameter] = NodeContext(
                node_id, self._services, self._report.send, self._cancel, tell
            )

    def _call_now(self, task: Task, number: int, arguments: dict[str, object]) -> CallOutcome:
        mark = current_call.set(Call(self._request.job_id, task.step.node_id, number))
        try:
            with interruptible(self._cancel.check):
                return CallOutcome(number, arguments, task.kind.function(**arguments))
        except BaseException as error:  # noqa: BLE001 - the worker outlives whatever a node raises
            return CallOutcome(number, arguments, error=error)
        finally:
            current_call.reset(mark)

    def _take(self, task: Task, outcome: CallOutcome) -> None:
        """Note what one call came to. Raises `JobFailed` or `_Stopped`."""
        calls, error, context = task.calls, outcome.error, None
        assert calls is not None, "a task that was called has calls"
        if error is None:
            if task.kind.context_parameter is not None:
                context = outcome.arguments[task.kind.context_parameter]
            trace = context.trace() if isinstance(context, NodeContext) else NO_TRACE
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
        raise self._blame.node(task, error, outcome.arguments)

    def _after_calls(self, task: Task) -> None:
        calls, board = task.calls, self._board
        assert calls is not None, "a task that was called has calls"
        if calls.is_waiting:
            asked = calls.asked()
            sources = [link.node_id for name, link in task.step.lazy_links if name in asked]
            board.demand(sources)
            board.wait(task, sources)
        elif any(type(returned.value) is Expansion for returned in calls.returned.values()):
            try:
                self._expander.begin(task, calls)
            except (PlanError, ExpansionError, WrongReturn) as error:
                raise self._blame.expansion(task, error) from error
        else:
            self._gather(task)

    def _gather(self, task: Task) -> None:
        """Give a task its outputs, say so and keep them."""
        calls = task.calls
        assert calls is not None, "a task that was called has calls"
        columns = task.kind.new_columns()
        try:
            for number, returned in sorted(calls.returned.items()):
                if number in task.expanded:
                    self._expander.results(task, number, columns)
                else:
                    task.kind.add(returned.value, columns)
        except WrongReturn as error:
            raise self._blame.node(task, error) from error
        task.outputs = columns
        trace = self._tell(task, calls)
        if task.parent is not None:
            task.parent.tainted = task.parent.tainted or task.never_equal
            if trace is not NO_TRACE:
                task.parent.inside.append((task.call, task.local_id, trace))
        if not task.never_equal and task.step.key is not None:
            self._cache.put(task.step.key, CacheEntry(columns, task.kind.size_bytes(columns), trace))
            self._made.add(task.step.key)
        links = result_links(task)
        self._board.finish(task)
        self._board.unhold(link.node_id for link in links)

    def _tell(self, task: Task, calls: Calls) -> Trace:
        """Say what a task that has its outputs left behind."""
        trace = NO_TRACE
        if task.inside or any(returned.trace is not NO_TRACE for returned in calls.returned.values()):
            trace = merged([calls.returned[number].trace for number in sorted(calls.returned)], task.inside)
            for message in trace.blocked:
                self._report.blocked(task.place, message)
            if trace.shown is not None:
                self._report.shown(task.place, trace.shown)
        self._report.finished(task.place, task.seconds, cached=False)
        return trace
