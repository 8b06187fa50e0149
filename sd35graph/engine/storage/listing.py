"""Jobs of all states as lists for people: filtered, sorted and page by page."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Select, false, func, or_, select

from sd35graph.engine.jobs import Job, JobQuery
from sd35graph.engine.storage import rows
from sd35graph.engine.storage.tables import JOBS

_WORKFLOW_IDS = (
    JOBS.c.request["workflow"]["id"].as_string(),
    JOBS.c.request["extra_data"]["extra_pnginfo"]["workflow"]["id"].as_string(),
)


def count(connection: Connection, page: JobQuery) -> int:
    """How many jobs there are on all pages."""
    return connection.execute(select(func.count()).select_from(JOBS).where(_condition(page))).scalar_one()


def read_page(connection: Connection, page: JobQuery) -> list[tuple[int, Job]]:
    """The jobs of a page, each with its place."""
    # The places alone first: rows are large, and sorting would carry all of them along.
    places = _sorted(select(JOBS.c.ordinal).where(_condition(page)), page).limit(page.limit).offset(page.offset)
    found = connection.execute(_sorted(select(JOBS).where(JOBS.c.ordinal.in_(places)), page))
    return [(row.ordinal, rows.job_of(row)) for row in found]


def _condition(page: JobQuery) -> ColumnElement[bool]:
    names = [name for name in (page.workflow_id, page.user) if name is not None]
    if rows.storable(names) != names:
        return false()
    wanted = rows.of_user(page.user)
    if page.states:
        wanted &= JOBS.c.state.in_(page.states)
    if page.before is not None:
        wanted &= JOBS.c.ordinal < page.before
    if page.workflow_id is not None:
        wanted &= or_(*(name == page.workflow_id for name in _WORKFLOW_IDS))
    return wanted


def _sorted(jobs: Select[tuple[object, ...]], page: JobQuery) -> Select[tuple[object, ...]]:
    keys = {"created": JOBS.c.ordinal, "duration": func.coalesce(JOBS.c.ended_ms - JOBS.c.started_ms, 0)}
    place = (keys[page.sort], JOBS.c.ordinal)
    return jobs.order_by(*(key.desc() for key in place) if page.newest_first else place)
