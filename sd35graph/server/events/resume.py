"""A client that was away: what it missed, by the number of the last event it saw."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sd35graph.engine.events import FINAL, Event
from sd35graph.engine.workers.supervisor import Supervisor
from sd35graph.server.events.hub import Client, Hub
from sd35graph.server.events.messages import JobFeed, node_types_of

if TYPE_CHECKING:
    from sd35graph.engine.storage.store import JobStore  # imports SQLAlchemy, which the first answer need not wait for

MAX_EVENTS = 50_000
"""A client that missed more gets the newest; what its older jobs gave is in the history."""


async def catch_up(client: Client, after: int, supervisor: Supervisor, hub: Hub) -> None:
    """Give a client the messages of all state events of its jobs after number `after`, then let it join the hub.

    Nothing is left out or told twice: the client joins in the same step in which it turns out to have everything
    that was published, and the hub leaves out for it what was stored but not yet published then.
    """
    newest = await supervisor.query(lambda store: store.last_seq())
    seen = max(min(after, newest), newest - MAX_EVENTS)  # a larger number comes from another store
    feeds: dict[str, JobFeed | None] = {}
    while seen < max(newest, hub.last_seq):
        events = await supervisor.query(partial(_events_after, seen))
        if not events:
            break  # the rest was deleted
        for event in events:
            if event.job_id not in feeds:
                feeds[event.job_id] = await _feed_of(event, client, supervisor)
            _tell(client, feeds[event.job_id], event)
            seen = event.seq or seen
    hub.join(client, seen)


def _events_after(seq: int, store: JobStore) -> list[Event]:
    return store.events_after(seq)


async def _feed_of(event: Event, client: Client, supervisor: Supervisor) -> JobFeed | None:
    """A new feed of the event's job if it is the client's own."""
    job = await supervisor.query(lambda store: store.get(event.job_id))
    if job is None or job.client_id != client.sid or not client.may_see(job.submitted_by):
        return None
    return JobFeed(job.id, job.client_id, node_types_of(job.prompt), job.submitted_by)


def _tell(client: Client, feed: JobFeed | None, event: Event) -> None:
    if feed is None:
        return
    for message in feed.messages(event):
        client.offer(message)
    if event.type in FINAL:
        client.offer(feed.end(event))
