"""Which ended jobs have to go, so that the history stays within what is to be kept of it."""

from __future__ import annotations

from sqlalchemy import Connection, String, cast, func, select
from sqlalchemy.sql.elements import ColumnElement

from sd35graph.engine.events import now_ms
from sd35graph.engine.jobs import Retention
from sd35graph.engine.storage.tables import EVENTS, JOBS

AT_ONCE = 500
"""So many are found at once, so that deleting them keeps nobody waiting for long."""

_DAY_MS = 86_400_000
_HAS_ENDED = JOBS.c.ended_seq.is_not(None)


def _length(column: ColumnElement[object]) -> ColumnElement[int]:
    return func.coalesce(func.length(cast(column, String)), 0)


_OF_EVENTS = select(func.coalesce(func.sum(_length(EVENTS.c.data)), 0)).where(EVENTS.c.job_id == JOBS.c.id)
_SIZE = _length(JOBS.c.request) + _length(JOBS.c.result) + _OF_EVENTS.scalar_subquery()
_OLDEST = select(JOBS.c.id, JOBS.c.ended_ms).where(_HAS_ENDED).order_by(JOBS.c.ended_seq).limit(AT_ONCE)


def excess(connection: Connection, keep: Retention) -> list[str]:
    """The oldest ended jobs that are beyond any of the limits, at most `AT_ONCE`."""
    ended = select(func.count()).select_from(JOBS).where(_HAS_ENDED)
    most = 0 if keep.jobs is None else connection.execute(ended).scalar_one() - keep.jobs
    earliest_ms = 0.0 if keep.days is None else now_ms() - keep.days * _DAY_MS
    oldest, size_bytes = _OLDEST, 0
    if keep.size_bytes is not None:
        oldest = oldest.add_columns(_SIZE.label("size_bytes"))
        size_bytes = connection.execute(select(func.sum(_SIZE)).where(_HAS_ENDED)).scalar_one() or 0
    found: list[str] = []
    for row in connection.execute(oldest):
        is_too_much = keep.size_bytes is not None and size_bytes > keep.size_bytes
        if len(found) >= most and row.ended_ms >= earliest_ms and not is_too_much:
            break
        found.append(row.id)
        size_bytes -= row.size_bytes if keep.size_bytes is not None else 0
    return found
