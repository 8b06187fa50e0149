"""Why a job failed, in terms of the nodes its author knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sd35graph.engine.events import JobError
from sd35graph.engine.execution.calls import WrongRequest
from sd35graph.engine.execution.failure import message_of, node_frames, shortened_inputs, type_name
from sd35graph.engine.execution.kinds import WrongReturn
from sd35graph.engine.execution.tasks import Task
from sd35graph.graph.plan import Planner
from sd35graph.graph.steps import PlanError

_MAX_NAMED = 8


class JobFailed(Exception):
    """The job is over. Carries text only: the exception it came from must not keep its frames' tensors alive."""

    def __init__(self, error: JobError) -> None:
        super().__init__(error.message)
        self.error = error


class Blame:
    """Makes the errors of one run. What happens inside an expansion is put down to the submitted node it is of."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    def node(self, task: Task, error: BaseException, arguments: Mapping[str, object] | None = None) -> JobFailed:
        """A node raised `error`, called with `arguments`; or broke its contract, as `error` says."""
        place, schema = task.place, task.step.schema
        message = message_of(error)
        if isinstance(error, WrongReturn | WrongRequest):
            message = f'pack "{schema.pack}", {self._planner.label(place.node_id)}: {message}'
        elif place.parent is not None:
            message = f"{message} (in {self._planner.label(place.node_id)}, which the expansion made)"
        given = arguments or {}
        return JobFailed(
            JobError(
                message=message,
                type=type_name(error),
                node_id=place.origin,
                node_type=self._planner.nodes[place.origin].type,
                traceback=node_frames(error),
                inputs=shortened_inputs({spec.name: given[spec.name] for spec in schema.inputs if spec.name in given}),
            )
        )

    def graph(self, error: PlanError) -> JobFailed:
        """The submitted graph cannot be planned."""
        node = self._planner.nodes.get(error.node_id)
        node_type = node.type if node is not None else None
        return JobFailed(
            JobError(message=str(error), type=type_name(error), node_id=error.node_id, node_type=node_type)
        )

    def expansion(self, task: Task, error: Exception) -> JobFailed:
        """What a node expanded to cannot run."""
        origin = task.place.origin
        return JobFailed(
            JobError(
                message=f"the expansion of {self._planner.label(task.place.node_id)} cannot run: {error}",
                type=type_name(error),
                node_id=origin,
                node_type=self._planner.nodes[origin].type,
            )
        )

    def cycle(self, tasks: Sequence[Task]) -> JobFailed:
        """These tasks wait for each other; that is always an expansion's doing, for planning sees other cycles."""
        names = [self._planner.label(task.place.node_id) for task in (*tasks[:_MAX_NAMED], tasks[0])]
        expanding = next((task for task in tasks if task.expanded), tasks[0])
        way = " → ".join(names)
        return self.expansion(expanding, PlanError(expanding.step.node_id, f"these wait for each other: {way}"))
