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


def read_page(connection: Connection, page: JobQuery) -> tuple[list[Job], int]:
    """The jobs of a page, and how many there are on all pages."""
    wanted = _condition(page)
    total = connection.execute(select(func.count()).select_from(JOBS).where(wanted)).scalar_one()
    # The places alone first: rows are large, and sorting would carry all of them along.
    places = _sorted(select(JOBS.c.ordinal).where(wanted), page).limit(page.limit).offset(page.offset)
    found = connection.execute(_sorted(select(JOBS).where(JOBS.c.ordinal.in_(places)), page))
    return [rows.job_of(row) for row in found], total


def _condition(page: JobQuery) -> ColumnElement[bool]:
    wanted: ColumnElement[bool] = JOBS.c.state.in_(page.states)
    if page.workflow_id is not None:
        asked = rows.storable([page.workflow_id])
        wanted &= or_(*(name == asked[0] for name in _WORKFLOW_IDS)) if asked else false()
    return wanted if page.user is None else wanted & (JOBS.c.submitted_by == page.user)


def _sorted(jobs: Select[tuple[object, ...]], page: JobQuery) -> Select[tuple[object, ...]]:
    keys = {"created": JOBS.c.ordinal, "duration": func.coalesce(JOBS.c.ended_ms - JOBS.c.started_ms, 0)}
    place = (keys[page.sort], JOBS.c.ordinal)
    return jobs.order_by(*(key.desc() for key in place) if page.newest_first else place)
