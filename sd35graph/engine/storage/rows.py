"""Rows of the job store and the objects they stand for; the steps its transactions are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue
from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, true, update

from sd35graph.engine.events import Event, JobError, now_ms
from sd35graph.engine.jobs import MAX_ATTEMPTS, MAX_RETRIES, MESSAGE_TYPES, Job, NewJob, Result, shown_files
from sd35graph.engine.storage.tables import EVENTS, FILES, JOBS

PER_STATEMENT = 500

_APPEND = insert(EVENTS).returning(EVENTS.c.seq, sort_by_parameter_order=True)
_END = (
    update(JOBS)
    .where(JOBS.c.id == bindparam("of"))
    .values(
        state=bindparam("as"),
        ended_ms=bindparam("at"),
        ended_seq=bindparam("after"),
        result=bindparam("with"),
        owner=None,
        lease_until_ms=None,
    )
)
_HELD = (
    select(JOBS)
    .where(JOBS.c.id == bindparam("of"), JOBS.c.state == "running", JOBS.c.owner == bindparam("by"))
    .with_for_update()
)
_IS_HELD = _HELD.with_only_columns(JOBS.c.ordinal)
_PLACE_IN_HISTORY = update(JOBS).where(JOBS.c.id == bindparam("of")).values(ended_seq=bindparam("after"))

JobRow = Row[Any]  # Any: the columns of JOBS, whose types SQLAlchemy does not carry


def request_of(new: NewJob) -> dict[str, object]:
    """What a job's row keeps of what was asked."""
    return {
        "prompt": new.prompt,
        "targets": new.targets,
        "client_id": new.client_id,
        "workflow": new.workflow,
        "extra_data": new.extra_data,
        "node_errors": new.node_errors,
    }


def result_of(result: Result) -> dict[str, object]:
    """What a job's row keeps of how it ended."""
    return {"outputs": result.outputs, "meta": result.meta, "error": result.error}


def job_of(row: JobRow, messages: Sequence[Event] = ()) -> Job:
    """The job a row stands for."""
    # Any: JSON, as `request_of` and `result_of` made it.
    request: Mapping[str, Any] = row.request
    result: Mapping[str, Any] = row.result or {}
    return Job(
        id=row.id,
        number=shown_number(row.number),
        state=row.state,
        prompt=request["prompt"],
        targets=tuple(request["targets"]),
        client_id=request["client_id"],
        workflow=request["workflow"],
        extra_data=request["extra_data"],
        node_errors=request["node_errors"],
        created_ms=row.created_ms,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        attempts=row.attempts,
        owner=row.owner,
        cancel_requested=row.cancel_requested,
        outputs=result.get("outputs", {}),
        meta=result.get("meta", {}),
        error=result.get("error"),
        messages=tuple(messages),
        priority=-row.rank,
        submitted_by=row.submitted_by,
    )


def accepted(new: NewJob, number: float, created_ms: int) -> Job:
    """The job that has just been made of what was asked."""
    return Job(
        id=new.job_id,
        number=shown_number(number),
        state="pending",
        prompt=new.prompt,
        targets=new.targets,
        client_id=new.client_id,
        workflow=new.workflow,
        extra_data=new.extra_data,
        node_errors=new.node_errors,
        created_ms=created_ms,
        priority=new.priority,
        submitted_by=new.submitted_by,
    )


def shown_number(number: float) -> int | float:
    """A place in the queue as clients see it: a whole number without a point."""
    return int(number) if float(number).is_integer() else float(number)


def event_of(row: JobRow) -> Event:
    """The event a row stands for."""
    return Event(type=row.type, job_id=row.job_id, data=row.data, timestamp_ms=row.timestamp_ms, seq=row.seq)


def storable(job_ids: Iterable[str]) -> list[str]:
    """The ids that can be in the store at all: no database takes NUL or half of a surrogate pair."""
    return [job_id for job_id in job_ids if "\0" not in job_id and not any("\ud800" <= c <= "\udfff" for c in job_id)]


def chunks(job_ids: Sequence[str] | None) -> list[list[str] | None]:
    """The ids in portions one statement can take; None, for all jobs, stays one."""
    if job_ids is None:
        return [None]
    ids = storable(job_ids)
    return [ids[start : start + PER_STATEMENT] for start in range(0, len(ids), PER_STATEMENT)]


def of_user(user: str | None) -> ColumnElement[bool]:
    """The condition that a job is this user's; None: everybody's."""
    return true() if user is None else JOBS.c.submitted_by == user


def append(connection: Connection, events: Sequence[Event]) -> list[Event]:
    """Store events, and which files they show; gives them numbered."""
    if not events:
        return []
    rows = [
        {"job_id": event.job_id, "type": event.type, "data": event.data, "timestamp_ms": event.timestamp_ms}
        for event in events
    ]
    files = [file for event in events if event.type == "shown" for file in _files(event)]
    if files:
        connection.execute(insert(FILES), files)
    return [
        Event(type=event.type, job_id=event.job_id, data=event.data, timestamp_ms=event.timestamp_ms, seq=seq)
        for event, seq in zip(events, connection.execute(_APPEND, rows).scalars(), strict=True)
    ]


def _files(event: Event) -> Iterator[dict[str, str]]:
    """Rows of FILES for what an output node showed, as `/view` is asked for it."""
    for file in shown_files(event.data.get("output")):
        place = {"folder": file.folder, "subfolder": file.subfolder, "filename": file.filename}
        yield {"job_id": event.job_id, **place}


def messages(connection: Connection, job_ids: Sequence[str]) -> dict[str, list[Event]]:
    """The events jobs carry in their history."""
    found: dict[str, list[Event]] = defaultdict(list)
    for chosen in chunks(job_ids):
        wanted = select(EVENTS).where(EVENTS.c.job_id.in_(chosen or ()), EVENTS.c.type.in_(MESSAGE_TYPES))
        for row in connection.execute(wanted.order_by(EVENTS.c.seq)):
            found[row.job_id].append(event_of(row))
    return found


def held(connection: Connection, job_id: str, owner: str) -> JobRow | None:
    """The row of a job that `owner` is running, locked; None when it is not (any more)."""
    return connection.execute(_HELD, {"of": job_id, "by": owner}).one_or_none()


def is_held(connection: Connection, job_id: str, owner: str) -> bool:
    """Whether `owner` is running a job, which nobody else can change before this transaction ends."""
    return connection.execute(_IS_HELD, {"of": job_id, "by": owner}).one_or_none() is not None


def end(connection: Connection, job_id: str, result: Result, last: Event) -> None:
    """Write the result of a running job that is held. last: its last event."""
    given = {"of": job_id, "as": result.state, "at": now_ms(), "after": last.seq}
    connection.execute(_END, {**given, "with": result_of(result)})


def requeue(connection: Connection, row: JobRow, reason: str, *, attempts: int) -> list[Event]:
    """Put a running job back to its place in the queue."""
    waiting = {"state": "pending", "owner": None, "lease_until_ms": None, "started_ms": None, "attempts": attempts}
    connection.execute(update(JOBS).where(JOBS.c.ordinal == row.ordinal).values(waiting))
    return append(connection, [Event(type="retried", job_id=row.id, data={"reason": reason})])


def retry_or_fail(connection: Connection, row: JobRow, error: JobError) -> list[Event]:
    """Settle a running job whose worker died: cancelled if that was asked, else tried again, else failed."""
    if not row.cancel_requested and row.attempts < MAX_ATTEMPTS:
        return requeue(connection, row, error.message, attempts=row.attempts)
    return _give_up(connection, row, error)


def recover(connection: Connection, row: JobRow, error: JobError) -> list[Event]:
    """Settle a running job whose server died, which is seldom a job's fault: that is no attempt, up to a limit."""
    retries = select(func.count()).where(EVENTS.c.job_id == row.id, EVENTS.c.type == "retried")
    if not row.cancel_requested and connection.execute(retries).scalar_one() < MAX_RETRIES:
        return requeue(connection, row, error.message, attempts=row.attempts - 1)
    return _give_up(connection, row, error)


def _give_up(connection: Connection, row: JobRow, error: JobError) -> list[Event]:
    if row.cancel_requested:
        result = Result(state="cancelled")
        last = Event(type="cancelled", job_id=row.id, data={"node": error.node_id, "executed": []})
    else:
        result = Result(state="failed", error=error.as_json())
        last = Event(type="failed", job_id=row.id, data={"error": error.as_json(), "executed": []})
    stored = append(connection, [last])
    end(connection, row.id, result, stored[-1])
    return stored


def cancel_pending(connection: Connection, job_ids: Sequence[str] | None, user: str | None = None) -> list[Event]:
    """Cancel these pending jobs, None: all. user: only those of this one."""
    ended = {"state": "cancelled", "ended_ms": now_ms(), "result": result_of(Result(state="cancelled"))}
    statement = update(JOBS).where(JOBS.c.state == "pending", of_user(user)).values(ended).returning(JOBS.c.id)
    cancelled: list[str] = []
    for chosen in chunks(job_ids):
        narrowed = statement if chosen is None else statement.where(JOBS.c.id.in_(chosen))
        cancelled += connection.execute(narrowed).scalars()
    data: dict[str, JsonValue] = {"node": None, "executed": []}
    events = append(connection, [Event(type="cancelled", job_id=job_id, data=data) for job_id in cancelled])
    if events:
        connection.execute(_PLACE_IN_HISTORY, [{"of": event.job_id, "after": event.seq} for event in events])
    return events
