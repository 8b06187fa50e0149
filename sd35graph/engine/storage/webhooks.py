"""The store's part of webhooks: whom to tell when a job has ended, and how far that has got."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from sd35graph.engine.jobs import Delivery, Webhook, WebhookState
from sd35graph.engine.storage.tables import JOBS, WEBHOOKS

_FIELDS = (
    WEBHOOKS.c.job_id,
    WEBHOOKS.c.url,
    WEBHOOKS.c.secret,
    WEBHOOKS.c.state,
    WEBHOOKS.c.attempts,
    WEBHOOKS.c.error,
)


def add(connection: Connection, job_id: str, webhook: Webhook) -> None:
    """Remember whom to tell of a job."""
    row = {"job_id": job_id, "url": webhook.url, "secret": webhook.secret, "state": "waiting", "due_ms": 0}
    connection.execute(insert(WEBHOOKS), {**row, "attempts": 0})


def due(connection: Connection, now_ms: int, limit: int) -> list[Delivery]:
    """What is to be sent now, of jobs that have ended, the longest due first."""
    wanted = select(*_FIELDS).join(JOBS, JOBS.c.id == WEBHOOKS.c.job_id)
    wanted = wanted.where(WEBHOOKS.c.state == "waiting", WEBHOOKS.c.due_ms <= now_ms, JOBS.c.ended_seq.is_not(None))
    return [Delivery(*row) for row in connection.execute(wanted.order_by(WEBHOOKS.c.due_ms).limit(limit))]


def of_job(connection: Connection, job_id: str) -> Delivery | None:
    """The webhook of a job."""
    row = connection.execute(select(*_FIELDS).where(WEBHOOKS.c.job_id == job_id)).one_or_none()
    return None if row is None else Delivery(*row)


def settle(connection: Connection, job_id: str, state: WebhookState, error: str | None, due_ms: int) -> None:
    """Note how an attempt went. The secret is forgotten once it is needed no more."""
    values: dict[str, object] = {"state": state, "error": error, "due_ms": due_ms, "attempts": WEBHOOKS.c.attempts + 1}
    if state != "waiting":
        values["secret"] = ""
    connection.execute(update(WEBHOOKS).where(WEBHOOKS.c.job_id == job_id).values(values))
