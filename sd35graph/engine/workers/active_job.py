"""The job a worker is running: what is known of it from its events so far."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from sd35graph.engine.events import FINAL, Event, JobError
from sd35graph.engine.jobs import Job, JobState, Result


@dataclass(slots=True, kw_only=True)
class ActiveJob:
    """Follows one attempt of a job. Belongs to the worker slot that runs it.

    node: the node that runs, as the user knows it. disowned: another process has the job now, so nothing counts.
    """

    job: Job
    outputs: dict[str, JsonValue] = field(default_factory=dict)
    meta: dict[str, JsonValue] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    node: str | None = None
    cancel_asked: bool = False
    disowned: bool = False
    deadline: asyncio.TimerHandle | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def follow(self, event: Event) -> None:
        """Take note of an event."""
        node = event.data.get("node")
        if event.type == "node_started":
            shown_as = event.data.get("display_node") or node
            self.node = shown_as if isinstance(shown_as, str) else None
        elif event.type == "node_finished" and isinstance(node, str):
            self.executed.append(node)
        elif event.type == "shown" and isinstance(node, str):
            self.outputs[node] = event.data.get("output")
            self.meta[node] = {
                "node_id": node,
                "display_node": event.data.get("display_node"),
                "parent_node": event.data.get("parent_node"),
                "real_node_id": node,
            }

    def result(self, final: Event) -> Result:
        """What to store of the job, given its last event."""
        assert final.type in FINAL
        error = final.data.get("error")
        return Result(
            state=_STATE_OF[final.type],
            outputs=self.outputs,
            meta=self.meta,
            error=error if isinstance(error, Mapping) else None,
        )

    def cancelled(self) -> Event:
        """The last event of the job if its worker was ended to cancel it."""
        executed: list[JsonValue] = list(self.executed)
        return Event(type="cancelled", job_id=self.job.id, data={"node": self.node, "executed": executed})

    def lost(self, how: str) -> JobError:
        """Why the job could not go on when its worker process ended. how: `was ended by SIGKILL` and the like."""
        node = self.job.prompt.get(self.node) if self.node is not None else None
        node_type = node.get("class_type") if isinstance(node, Mapping) else None
        place = f"node {self.node} ({node_type}) ran" if self.node is not None else "the job ran"
        # Mostly nobody but the kernel sends this signal.
        hint = "; the system does that when memory runs out" if how.endswith("SIGKILL") else ""
        return JobError(
            message=f"the worker process {how} while {place}{hint}",
            type="WorkerDied",
            node_id=self.node,
            node_type=node_type if isinstance(node_type, str) else None,
        )

    def end(self) -> None:
        """Let go of the job: stop its clock and wake who waits for its end."""
        if self.deadline is not None:
            self.deadline.cancel()
        self.ended.set()


_STATE_OF: dict[str, JobState] = {"succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled"}
