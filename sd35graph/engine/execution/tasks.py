"""The tasks of a run: which steps are wanted, which wait for which, and whose outputs are still needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sd35graph.engine.execution.cache import Outputs
from sd35graph.engine.execution.calls import Calls
from sd35graph.engine.execution.kinds import Kind
from sd35graph.engine.execution.trace import Place, Trace
from sd35graph.graph.cycles import components, cycle_path, is_cycle
from sd35graph.graph.plan import Planner
from sd35graph.graph.steps import Step


class Task:
    """A step that is wanted.

    parent, call, local_id: the task whose expansion it belongs to, which of its calls gave that, and its id therein.
    waiting: how many sources are missing. dependents: the tasks that wait for this one, once per link.
    outputs: None until finished, and again when nothing needs them any more.
    tainted: depends on a result that equals no other in a way the key does not know, through an expansion.
    expanded: outputs of the expansions that calls returned, by call, links leading to the new nodes.
    """

    __slots__ = (
        "call",
        "calls",
        "dependents",
        "expanded",
        "finished",
        "inside",
        "kind",
        "local_id",
        "outputs",
        "parent",
        "place",
        "released",
        "seconds",
        "started",
        "step",
        "tainted",
        "waiting",
    )

    def __init__(self, step: Step, kind: Kind, place: Place, parent: Task | None, call: int, local_id: str) -> None:
        self.step = step
        self.kind = kind
        self.place = place
        self.parent = parent
        self.call = call
        self.local_id = local_id
        self.waiting = 0
        self.dependents: list[Task] = []
        self.outputs: Outputs | None = None
        self.inside: list[tuple[int, str, Trace]] = []
        self.calls: Calls | None = None
        self.expanded: dict[int, tuple[object, ...]] = {}
        self.finished = False
        self.tainted = False
        self.started = False
        self.released = False
        self.seconds = 0.0

    @property
    def never_equal(self) -> bool:
        """Whether its result must not be used again in another run."""
        return self.tainted or self.step.key is None


class Board:
    """All tasks of a run.

    reuse: finishes a new task from the cache and says whether it could.
    ready, ready_async: tasks to run next, taken from the end, so that a branch is finished before the next is begun.
    """

    def __init__(self, planner: Planner, kinds: Mapping[str, Kind], reuse: Callable[[Task], bool]) -> None:
        self.tasks: dict[str, Task] = {}
        self.ready: list[Task] = []
        self.ready_async: list[Task] = []
        self.unfinished = 0
        self._planner = planner
        self._kinds = kinds
        self._reuse = reuse
        self._uses: dict[str, int] = {}
        self._homes: dict[str, tuple[Task, int, str]] = {}

    def settle_in(self, parent: Task, call: int, ids: Mapping[str, str]) -> None:
        """Note that call number `call` of `parent` gave an expansion with nodes `ids`, {local id: id}."""
        for local_id, node_id in ids.items():
            self._homes[node_id] = (parent, call, local_id)

    def demand(self, node_ids: Iterable[str]) -> None:
        """Make tasks for these planned steps and for what they need and is not there."""
        created: list[Task] = []
        tasks, steps = self.tasks, self._planner.steps
        stack = list(node_ids)
        stack.reverse()
        while stack:
            node_id = stack.pop()
            task = tasks.get(node_id)
            if task is not None and (task.outputs is not None or not task.finished):
                continue
            step = steps[node_id]
            tasks[node_id] = task = self._new_task(step)
            if self._reuse(task):
                continue
            created.append(task)
            for _, link in reversed(step.links):
                stack.append(link.node_id)
        self.unfinished += len(created)
        for task in reversed(created):
            self._use(task)
            self.wait(task, [link.node_id for _, link in task.step.links])

    def wait(self, task: Task, node_ids: Iterable[str]) -> None:
        """Let a task that is not ready wait for these tasks, once for each mention; it is ready if all are finished."""
        tasks = self.tasks
        for node_id in node_ids:
            source = tasks[node_id]
            if not source.finished:
                task.waiting += 1
                source.dependents.append(task)
        if not task.waiting:
            self.make_ready(task)

    def make_ready(self, task: Task) -> None:
        """Let a task run next."""
        (self.ready_async if task.kind.is_async else self.ready).append(task)

    def finish(self, task: Task) -> None:
        """Wake what waits for a task that has its outputs now, and let go of outputs it was the last to need."""
        task.finished = True
        self.unfinished -= 1
        for dependent in task.dependents:  # in the order of `demand`: the first wanted is added last and runs first
            dependent.waiting -= 1
            if not dependent.waiting:
                self.make_ready(dependent)
        task.dependents, task.inside, task.calls, task.expanded = [], [], None, {}
        self.release_inputs(task)
        if not self._uses.get(task.step.node_id) and not self._planner.sees_graph:
            task.outputs = None

    def release_inputs(self, task: Task) -> None:
        """Give up a task's use of its sources; done once, when its calls are over."""
        if not task.released:
            task.released = True
            step = task.step
            self.unhold(link.node_id for _, link in (*step.links, *step.lazy_links))

    def hold(self, node_ids: Iterable[str]) -> None:
        """Count uses of outputs besides those by links."""
        for node_id in node_ids:
            self._uses[node_id] = self._uses.get(node_id, 0) + 1

    def unhold(self, node_ids: Iterable[str]) -> None:
        """Take uses back; outputs without any are let go of."""
        uses, tasks = self._uses, self.tasks
        for node_id in node_ids:
            uses[node_id] -= 1
            if not uses[node_id] and not self._planner.sees_graph and (source := tasks.get(node_id)) is not None:
                source.outputs = None

    def items(self, node_id: str, output: int) -> Sequence[object]:
        """The items of an output of a finished task."""
        outputs = self.tasks[node_id].outputs
        assert outputs is not None, "outputs are held for whoever is going to need them"
        return outputs[output]

    def cycle(self) -> list[Task]:
        """Tasks that wait for each other, for a run that has stalled; the last waits for the first."""
        sources: dict[str, list[str]] = {i: [] for i, task in self.tasks.items() if not task.finished}
        for node_id in sources:
            for dependent in self.tasks[node_id].dependents:
                sources[dependent.step.node_id].append(node_id)
        group = next(group for group in components(sources) if is_cycle(group, sources))
        way = cycle_path(group[0], group, sources)
        return [self.tasks[node_id] for node_id in way[:-1]]

    def close(self) -> None:
        """Let go of everything, so that outputs are free at once and not only when cycles are next collected."""
        self.tasks.clear()
        self.ready.clear()
        self.ready_async.clear()
        self._homes.clear()
        self._reuse = lambda task: False

    def _new_task(self, step: Step) -> Task:
        node_id = step.node_id
        kind = self._kinds[step.node.type]
        home = self._homes.get(node_id)
        if home is None:
            return Task(step, kind, Place(node_id, node_id), None, 0, "")
        parent, call, local_id = home
        return Task(step, kind, Place(node_id, parent.place.origin, parent.place.node_id), parent, call, local_id)

    def _use(self, task: Task) -> None:
        uses, step = self._uses, task.step
        for _, link in step.links:
            uses[link.node_id] = uses.get(link.node_id, 0) + 1
        for _, link in step.lazy_links:
            uses[link.node_id] = uses.get(link.node_id, 0) + 1
