"""The job store: every accepted job and every state event, in SQLite or any other database SQLAlchemy knows.

Each method is one transaction, unless `together` joins several. A job is accepted with the log forced to disk, so that
even a power cut loses none. Everything later is written without that: `kill -9` loses nothing, a power cut perhaps the
last moments of a job, which is then run again. Methods block; call them from a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sd35graph.engine.events import Event, JobError, now_ms
from sd35graph.engine.jobs import (
    Delivery,
    DuplicateJob,
    Job,
    JobQuery,
    NewJob,
    Result,
    Retention,
    StoreError,
    WebhookState,
)
from sd35graph.engine.storage import lease, listing, queue, retention, rows, webhooks
from sd35graph.engine.storage.database import durable, open_database, reading, refusals
from sd35graph.engine.storage.migrations import migrate
from sd35graph.engine.storage.tables import EVENTS, FILES, JOBS, WEBHOOKS

_HISTORY_PLACE = JOBS.c.ended_seq
_HAS_ENDED = _HISTORY_PLACE.is_not(None)
_ALL_JOBS = select(JOBS)
_ACCEPT = insert(JOBS).returning(JOBS.c.ordinal)
_GIVE_NUMBER = update(JOBS).where(JOBS.c.ordinal == bindparam("of")).values(number=bindparam("place"))


class JobStore:
    """Jobs and their events. Several processes may share one database.

    owner: the name of this process, under which it holds the jobs it runs.
    """

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine = engine
        self._durable = durable(engine)
        self._reading = reading(engine)
        self._open = _Open()
        self.owner = owner

    @classmethod
    def open(cls, url: str, *, survive_power_cut: bool = True) -> JobStore:
        """Open the store at an SQLAlchemy URL, creating or upgrading its tables. Raises `StoreError`.

        survive_power_cut: see `open_database`.
        """
        engine = open_database(url, survive_power_cut=survive_power_cut)
        with refusals(engine):
            migrate(engine)
        return cls(engine, lease.process_name())

    def close(self) -> None:
        """Close all connections. What was stored stays."""
        self._engine.dispose()

    # --- the queue ---

    def submit(self, new: NewJob) -> tuple[Job, Event]:
        """Accept a job; when this returns, it is on disk. Gives the job and its `queued` event.

        Raises `DuplicateJob` for an id that was used before.
        """
        if not rows.storable([new.job_id]):
            raise StoreError(f"the job id {new.job_id!r} is no valid text; give another one")
        created_ms = now_ms()
        columns = {"id": new.job_id, "state": "pending", "number": new.number or 0.0, "request": rows.request_of(new)}
        columns |= {"created_ms": created_ms, "attempts": 0, "cancel_requested": False}
        columns |= {"submitted_by": new.submitted_by, "rank": -new.priority}
        try:
            with self._writing(durable=True) as connection:
                ordinal = connection.execute(_ACCEPT, columns).scalar_one()
                number = new.number
                if number is None:
                    number = -ordinal if new.front else ordinal - 1
                    connection.execute(_GIVE_NUMBER, {"of": ordinal, "place": float(number)})
                job = rows.accepted(new, number, created_ms)
                queued = Event(type="queued", job_id=job.id, data={"number": job.number}, timestamp_ms=created_ms)
                [queued] = rows.append(connection, [queued])
                if new.webhook is not None:
                    webhooks.add(connection, job.id, new.webhook)
        except IntegrityError as error:
            raise DuplicateJob(f'a job with the id "{new.job_id}" was accepted before; give a new id') from error
        return job, queued

    def claim(self, lease_s: float, choose: queue.Choose | None = None) -> tuple[Job, Event] | None:
        """Take the first pending job for this process, for `lease_s` seconds; gives it and its `started` event.

        choose: picks one of the first instead. None while the queue is paused, too.
        """
        given = {"by": self.owner, "now": now_ms(), "until": _lease_end(lease_s)}
        with self._writing() as connection:
            row = queue.take(connection, given, choose)
            if row is None:
                return None
            job = rows.job_of(row)
            [started] = rows.append(connection, [Event(type="started", job_id=job.id, data={"attempt": job.attempts})])
        return job, started

    def set_paused(self, *, paused: bool) -> bool:
        """Let no more jobs be taken, by any process and over restarts, or let them again; gives whether it is new."""
        with self._writing() as connection:
            return queue.set_paused(connection, paused=paused)

    def is_paused(self) -> bool:
        """Whether no more jobs are taken."""
        with self._asking() as connection:
            return queue.is_paused(connection)

    def move(self, job_id: str, before: str | None = None, user: str | None = None) -> bool:
        """Put a pending job before another one, whose priority it takes, or None: behind all.

        False, and nothing is changed, when one of them is not pending, or the first not this user's.
        """
        with self._writing() as connection:
            return queue.move(connection, job_id, before, user)

    def prioritize(self, job_id: str, priority: int, user: str | None = None) -> bool:
        """Give a pending job another priority; False when it is not pending, or not this user's."""
        with self._writing() as connection:
            return queue.prioritize(connection, job_id, priority, user)

    def renew(self, job_ids: Sequence[str], lease_s: float) -> dict[str, bool]:
        """Prolong the lease of jobs this process runs. Gives, for those it still holds, whether to cancel them."""
        prolonged = (
            update(JOBS)
            .where(JOBS.c.id.in_(job_ids), JOBS.c.state == "running", JOBS.c.owner == self.owner)
            .values(lease_until_ms=_lease_end(lease_s))
            .returning(JOBS.c.id, JOBS.c.cancel_requested)
        )
        with self._writing() as connection:
            return {row.id: row.cancel_requested for row in connection.execute(prolonged)}

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Store state events, in their order; gives them with their numbers."""
        with self._writing() as connection:
            return rows.append(connection, events)

    def finish(self, job_id: str, result: Result, events: Sequence[Event]) -> list[Event] | None:
        """End a job together with its last events, at least one: its history answers once they are published.

        None, and nothing is stored, when this process does not hold the job any more: then another one ends it.
        """
        with self._writing() as connection:
            if not rows.is_held(connection, job_id, self.owner):
                return None
            stored = rows.append(connection, events)
            rows.end(connection, job_id, result, stored[-1])
            return stored

    def retry_or_fail(self, job_id: str, error: JobError) -> list[Event] | None:
        """Put a job whose worker died back into the queue, or fail it with the reason after its last attempt.

        A job that was to be cancelled is cancelled. Gives the event that tells; None as in `finish`.
        """
        with self._writing() as connection:
            row = rows.held(connection, job_id, self.owner)
            return None if row is None else rows.retry_or_fail(connection, row, error)

    def give_back(self, reason: str, job_ids: Sequence[str] | None = None) -> list[Event]:
        """Put running jobs of this process back into the queue, None: all; their attempts do not count."""
        wanted = _ALL_JOBS.where(JOBS.c.state == "running", JOBS.c.owner == self.owner).with_for_update()
        if job_ids is not None:
            wanted = wanted.where(JOBS.c.id.in_(job_ids))
        with self._writing() as connection:
            found = connection.execute(wanted).all()
            return [
                event for row in found for event in rows.requeue(connection, row, reason, attempts=row.attempts - 1)
            ]

    def cancel(self, job_id: str, user: str | None = None) -> tuple[bool, list[Event]]:
        """Cancel a job wherever it is: a pending one at once, a running one by asking the process that holds it.

        user: only if it is a job of this one. Gives whether there was such a job, and the `cancelled` event of a
        pending one.
        """
        is_it = JOBS.c.id.in_(rows.storable([job_id])) & rows.of_user(user)
        asked = update(JOBS).where(is_it, JOBS.c.state == "running")
        with self._writing() as connection:
            cancelled = rows.cancel_pending(connection, [job_id], user)
            if cancelled:
                return True, cancelled
            return connection.execute(asked.values(cancel_requested=True)).rowcount > 0, []

    def cancel_pending(self, job_ids: Sequence[str] | None = None, user: str | None = None) -> list[Event]:
        """Cancel these pending jobs, None: all; gives their `cancelled` events. Others are left alone.

        user: only jobs of this one.
        """
        with self._writing() as connection:
            return rows.cancel_pending(connection, job_ids, user)

    def recover(self) -> list[Event]:
        """Put the running jobs of processes that ended back into the queue; gives the events that tell.

        A process of this host is looked for; one of another host has ended when its lease has run out.
        """
        running = _ALL_JOBS.where(JOBS.c.state == "running", JOBS.c.owner != self.owner).with_for_update()
        error = JobError(message="the server process ended while it ran this job", type="ServerProcessDied")
        with self._writing() as connection:
            lost = [row for row in connection.execute(running).all() if _is_lost(row)]
            return [event for row in lost for event in rows.recover(connection, row, error)]

    # --- the history ---

    def get(self, job_id: str) -> Job | None:
        """The job with this id, with its messages."""
        wanted = _ALL_JOBS.where(JOBS.c.id.in_(rows.storable([job_id])))
        return next(iter(self._jobs(wanted, with_messages=True)), None)

    def pending(self) -> list[Job]:
        """Pending jobs in the order in which they will run."""
        return self._jobs(_ALL_JOBS.where(JOBS.c.state == "pending").order_by(*queue.PLACE))

    def running(self) -> list[Job]:
        """Running jobs, of all processes."""
        return self._jobs(_ALL_JOBS.where(JOBS.c.state == "running").order_by(JOBS.c.started_ms))

    def queued(self) -> tuple[list[Job], list[Job]]:
        """(running, pending) jobs of one moment, in order: one that is being taken is in exactly one of them."""
        both = self._jobs(_ALL_JOBS.where(JOBS.c.state.in_(("running", "pending"))).order_by(*queue.PLACE))
        running = sorted((job for job in both if job.state == "running"), key=lambda job: job.started_ms or 0)
        return running, [job for job in both if job.state == "pending"]

    def counts(self) -> tuple[int, int]:
        """(pending, running) jobs."""
        counted = select(JOBS.c.state, func.count().label("jobs")).where(JOBS.c.state.in_(("pending", "running")))
        with self._asking() as connection:
            numbers = {row.state: row.jobs for row in connection.execute(counted.group_by(JOBS.c.state))}
        return numbers.get("pending", 0), numbers.get("running", 0)

    def listed(self, page: JobQuery) -> list[tuple[int, Job]]:
        """The jobs of a page, without messages, each with its place among all that were ever accepted."""
        with self._asking() as connection:
            return listing.read_page(connection, page)

    def count(self, page: JobQuery) -> int:
        """How many jobs there are on all pages."""
        with self._asking() as connection:
            return listing.count(connection, page)

    def history(self, max_items: int | None = None, offset: int | None = None, user: str | None = None) -> list[Job]:
        """Ended jobs with their messages, in the order in which they ended; see `history_places`."""
        return self.history_at(self.history_places(max_items, offset, user))

    def history_places(
        self, max_items: int | None = None, offset: int | None = None, user: str | None = None
    ) -> list[int]:
        """The places of ended jobs in the history, in its order.

        max_items: None or negative for all; without offset, the newest. offset: how many of the oldest to skip; 0 is
        none. user: only jobs of this one.
        """
        limited = max_items is not None and max_items >= 0
        places = select(_HISTORY_PLACE).where(_HAS_ENDED, rows.of_user(user))
        with self._asking() as connection:
            if limited and not offset:
                newest_first = places.order_by(_HISTORY_PLACE.desc()).limit(max_items)
                return [*connection.execute(newest_first).scalars()][::-1]
            places = places.order_by(_HISTORY_PLACE).offset(max(offset or 0, 0))
            return [*connection.execute(places.limit(max_items) if limited else places).scalars()]

    def history_at(self, places: Sequence[int]) -> list[Job]:
        """The jobs at these places of the history, as far as they are still there, with their messages."""
        found: list[Job] = []
        for start in range(0, len(places), rows.PER_STATEMENT):
            chosen = _HISTORY_PLACE.in_(places[start : start + rows.PER_STATEMENT])
            found += self._jobs(_ALL_JOBS.where(chosen).order_by(_HISTORY_PLACE), with_messages=True)
        return found

    def delete(self, job_ids: Sequence[str] | None = None, user: str | None = None) -> int:
        """Remove these ended jobs and their events, None: all; gives how many. Others are left alone.

        user: only jobs of this one.
        """
        removed = 0
        with self._writing() as connection:
            for chosen in rows.chunks(job_ids):
                doomed = _HAS_ENDED & rows.of_user(user)
                doomed = doomed if chosen is None else doomed & JOBS.c.id.in_(chosen)
                for told in (EVENTS, FILES, WEBHOOKS):
                    connection.execute(delete(told).where(told.c.job_id.in_(select(JOBS.c.id).where(doomed))))
                removed += connection.execute(delete(JOBS).where(doomed)).rowcount
        return removed

    def excess(self, keep: Retention) -> list[str]:
        """The oldest ended jobs that are more than is to be kept; asked again after their deletion, it gives more."""
        with self._asking() as connection:
            return retention.excess(connection, keep)

    def has_shown(self, user: str, folder: str, subfolder: str, filename: str) -> bool:
        """Whether a job of this user has shown this file as its result."""
        is_it = (FILES.c.filename == filename) & (FILES.c.subfolder == subfolder) & (FILES.c.folder == folder)
        shown = select(FILES.c.job_id).join(JOBS, JOBS.c.id == FILES.c.job_id).where(is_it, rows.of_user(user))
        with self._asking() as connection:
            return connection.execute(shown.limit(1)).one_or_none() is not None

    def due_webhooks(self, now_ms: int, limit: int) -> list[Delivery]:
        """What is to be sent now, of jobs that have ended, the longest due first."""
        with self._asking() as connection:
            return webhooks.due(connection, now_ms, limit)

    def webhook_of(self, job_id: str) -> Delivery | None:
        """Whom to tell of a job, and how far that has got."""
        with self._asking() as connection:
            return webhooks.of_job(connection, job_id)

    def settle_webhook(self, job_id: str, state: WebhookState, error: str | None, due_ms: int) -> None:
        """Note how an attempt went, and when to try again where it waits."""
        with self._writing() as connection:
            webhooks.settle(connection, job_id, state, error, due_ms)

    def events_after(self, seq: int, job_id: str | None = None, limit: int = 1000) -> list[Event]:
        """State events with a number above `seq`, of one job or all, in order."""
        wanted = select(EVENTS).where(EVENTS.c.seq > seq).order_by(EVENTS.c.seq).limit(limit)
        if job_id is not None:
            wanted = wanted.where(EVENTS.c.job_id.in_(rows.storable([job_id])))
        with self._asking() as connection:
            return [rows.event_of(row) for row in connection.execute(wanted)]

    def last_seq(self) -> int:
        """The number of the newest event, 0 when there is none."""
        with self._asking() as connection:
            newest: int | None = connection.execute(select(func.max(EVENTS.c.seq))).scalar()
        return newest or 0

    def _jobs(self, wanted: Select[Any], *, with_messages: bool = False) -> list[Job]:  # Any: the columns of JOBS
        with self._asking() as connection:
            found = connection.execute(wanted).all()
            messages = rows.messages(connection, [row.id for row in found]) if with_messages else {}
        return [rows.job_of(row, messages.get(row.id, ())) for row in found]

    @contextmanager
    def together(self, *, durable: bool = False) -> Iterator[None]:
        """Make what this thread does to the store meanwhile one transaction: all of it is stored at the end, or none.

        durable: as for an accepted job.
        """
        assert self._open.connection is None
        engine = self._durable if durable else self._engine
        with refusals(engine), engine.begin() as connection:
            self._open.connection = connection
            try:
                yield
            finally:
                self._open.connection = None

    @contextmanager
    def _writing(self, *, durable: bool = False) -> Iterator[Connection]:
        if self._open.connection is not None:
            with refusals(self._engine):
                yield self._open.connection
            return
        engine = self._durable if durable else self._engine
        with refusals(engine), engine.begin() as connection:
            yield connection

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        if self._open.connection is not None:
            with refusals(self._engine):
                yield self._open.connection
            return
        with refusals(self._reading), self._reading.connect() as connection:
            yield connection


class _Open(threading.local):
    """The transaction each thread has begun with `together`."""

    connection: Connection | None = None


def _lease_end(lease_s: float) -> int:
    return now_ms() + round(lease_s * 1000)


def _is_lost(row: rows.JobRow) -> bool:
    alive = lease.is_alive(row.owner)
    return not alive and (alive is False or row.lease_until_ms < now_ms())
