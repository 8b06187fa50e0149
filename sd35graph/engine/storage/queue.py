"""The order of the queue: its pause, the places of waiting jobs, and which of them is taken next."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, insert, select, update

from sd35graph.engine.jobs import Job
from sd35graph.engine.storage.rows import job_of, of_user, storable
from sd35graph.engine.storage.tables import JOBS, QUEUE_SETTINGS

PLACE = (JOBS.c.rank, JOBS.c.number, JOBS.c.ordinal)
_PENDING = JOBS.c.state == "pending"
_PAUSED = QUEUE_SETTINGS.c.name == "paused"
_IS_RUNNING = ~exists(select(QUEUE_SETTINGS.c.name).where(_PAUSED))
_OFFERED = 16
"""How many of the first jobs a worker may choose from."""

_FIRST = select(JOBS.c.ordinal).where(_PENDING, _IS_RUNNING).order_by(*PLACE).limit(1)
_FIRST_SOME = select(JOBS).where(_PENDING, _IS_RUNNING).order_by(*PLACE).limit(_OFFERED)
_TAKE = (
    update(JOBS)
    .values(
        state="running",
        attempts=JOBS.c.attempts + 1,
        owner=bindparam("by"),
        started_ms=bindparam("now"),
        lease_until_ms=bindparam("until"),
    )
    .returning(JOBS)
)
_TAKE_FIRST = _TAKE.where(JOBS.c.ordinal == _FIRST.with_for_update(skip_locked=True).scalar_subquery())
_TAKE_CHOSEN = _TAKE.where(JOBS.c.ordinal == bindparam("chosen"))
_PLACES = (
    select(JOBS.c.ordinal, JOBS.c.id, JOBS.c.rank, JOBS.c.number, JOBS.c.submitted_by)
    .where(_PENDING)
    .order_by(*PLACE)
    .with_for_update()
)
_PUT = (
    update(JOBS).where(JOBS.c.ordinal == bindparam("of")).values(rank=bindparam("rank_is"), number=bindparam("place"))
)

Choose = Callable[[Sequence[Job]], Job | None]
"""Picks one of the first waiting jobs, which are of one priority and in their order; None: none of them."""

_Waiting = Row[*tuple[Any, ...]]  # Any: the columns of JOBS, whose types SQLAlchemy does not carry


def take(connection: Connection, given: dict[str, object], choose: Choose | None) -> _Waiting | None:
    """Mark the first pending job as running, or the chosen one. given: `by`, `now` and `until`."""
    if choose is None:
        return connection.execute(_TAKE_FIRST, given).one_or_none()
    offered = connection.execute(_FIRST_SOME.with_for_update(skip_locked=True)).all()
    jobs = {row.ordinal: job_of(row) for row in offered if row.rank == offered[0].rank}
    chosen = choose(list(jobs.values())) if jobs else None
    if chosen is None:
        return None
    [ordinal] = [ordinal for ordinal, job in jobs.items() if job is chosen]
    return connection.execute(_TAKE_CHOSEN, {**given, "chosen": ordinal}).one()


def is_paused(connection: Connection) -> bool:
    """Whether no job is taken from the queue."""
    return connection.execute(select(QUEUE_SETTINGS.c.name).where(_PAUSED)).one_or_none() is not None


def set_paused(connection: Connection, *, paused: bool) -> bool:
    """Let no more jobs be taken, or let them be taken again; gives whether that is a change."""
    was_paused = connection.execute(delete(QUEUE_SETTINGS).where(_PAUSED)).rowcount == 1
    if paused:
        connection.execute(insert(QUEUE_SETTINGS), {"name": "paused", "value": True})
    return paused != was_paused


def prioritize(connection: Connection, job_id: str, priority: int, user: str | None) -> bool:
    """Give a pending job of this user (None: of anybody) another priority; False when there is none."""
    change = update(JOBS).where(JOBS.c.id.in_(storable([job_id])), _PENDING, of_user(user)).values(rank=-priority)
    return connection.execute(change).rowcount == 1


def move(connection: Connection, job_id: str, before: str | None, user: str | None) -> bool:
    """Put a pending job of this user (None: of anybody) before another, or behind all; False if one is not there."""
    waiting = connection.execute(_PLACES).all()
    moved = next((row for row in waiting if row.id == job_id and user in (None, row.submitted_by)), None)
    others = [row for row in waiting if row is not moved]
    index = next((at for at, row in enumerate(others) if row.id == before), len(others) if before is None else None)
    if moved is None or index is None:
        return False
    if others:
        _put(connection, moved, others, index)
    return True


def _put(connection: Connection, moved: _Waiting, others: Sequence[_Waiting], index: int) -> None:
    """Put a job before `others[index]`, by a number between its neighbours', or by new numbers if there is none."""
    rank = others[min(index, len(others) - 1)].rank
    lower = others[index - 1].number if index and others[index - 1].rank == rank else None
    number = _between(lower, others[index].number if index < len(others) else None)
    if number is not None:
        connection.execute(_PUT, {"of": moved.ordinal, "rank_is": rank, "place": number})
        return
    among = [row for row in (*others[:index], moved, *others[index:]) if row is moved or row.rank == rank]
    # Below the numbers that new jobs get: these are counted up for every job there ever was.
    connection.execute(_PUT, [{"of": row.ordinal, "rank_is": rank, "place": place} for place, row in enumerate(among)])


def _between(lower: float | None, upper: float | None) -> float | None:
    """A number between two, close to the only one given; None where floating point has none."""
    low = math.ceil(upper) - 1 if lower is None and upper is not None else lower
    high = math.floor(lower) + 1 if upper is None and lower is not None else upper
    assert low is not None
    assert high is not None
    middle = (low + high) / 2
    return middle if low < middle < high else None
