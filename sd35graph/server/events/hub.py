"""The hub: fans events out to WebSocket clients, each with a bounded queue of its own.

All methods run on the event loop. Messages about a job go only to the client that queued it, if its user may see the
job: anybody can choose a client's id. The length of the queue goes to everybody, and to those who watch a short form of
what happens to the jobs of others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from sd35graph.engine.events import FINAL, Event
from sd35graph.server.events.messages import (
    QUEUE_LENGTH,
    JobFeed,
    Message,
    NodeTypes,
    Preview,
    queue_changed,
    queue_event,
    status,
)

SOFT_LIMIT_MESSAGES = 256
SOFT_LIMIT_BYTES = 4 * 2**20
"""Beyond either, newer progress and previews take the place of older ones."""
HARD_LIMIT_BYTES = 64 * 2**20
"""A client this far behind is disconnected: its state messages may not be dropped, and memory is not endless."""


class Client:
    """One connected socket and what waits to be sent to it.

    only: the user whose jobs it may see; None: everybody's. seen_seq: it needs no event up to this number. watches: it
    is also told, in short, what happens to jobs that other clients queued.
    """

    def __init__(self, sid: str, only: str | None = None, *, watches: bool = False) -> None:
        self.sid = sid
        self.only = only
        self.watches = watches
        self.seen_seq = 0
        self.supports_preview_metadata = False
        self.is_too_slow = asyncio.Event()
        self._queue: deque[_Waiting] = deque()
        self._replaceable: dict[str, _Waiting] = {}
        self._bytes = 0
        self._has_messages = asyncio.Event()

    def may_see(self, submitted_by: str | None) -> bool:
        """Whether a job of that user is for it."""
        return self.only is None or self.only == submitted_by

    def offer(self, message: Message | Preview, frame: str | bytes | None = None) -> None:
        """Queue a message; `frame` is its encoding when it is known already."""
        if frame is None:
            frame = message.frame(with_metadata=self.supports_preview_metadata)
        newest = self._queue[-1] if self._queue else None
        if message.replaces == QUEUE_LENGTH and newest is not None and newest.replaces == QUEUE_LENGTH:
            self._bytes += len(frame) - len(newest.frame)
            newest.frame = frame  # of several lengths in a row only the last is news
            return
        if message.replaces is not None and message.replaces != QUEUE_LENGTH and self._is_full():
            older = self._replaceable.get(message.replaces)
            if older is None and self._bytes + len(frame) > HARD_LIMIT_BYTES:
                return
            if older is not None:
                self._bytes += len(frame) - len(older.frame)
                older.frame = frame
                return
        self._append(_Waiting(frame, message.replaces))

    async def next_frame(self) -> str | bytes:
        """The oldest frame that waits; text as str."""
        while not self._queue:
            self._has_messages.clear()
            await self._has_messages.wait()
        waiting = self._queue.popleft()
        self._bytes -= len(waiting.frame)
        if waiting.replaces is not None and self._replaceable.get(waiting.replaces) is waiting:
            del self._replaceable[waiting.replaces]
        return waiting.frame

    def _is_full(self) -> bool:
        return len(self._queue) >= SOFT_LIMIT_MESSAGES or self._bytes >= SOFT_LIMIT_BYTES

    def _append(self, waiting: _Waiting) -> None:
        if self._bytes + len(waiting.frame) > HARD_LIMIT_BYTES:
            self.is_too_slow.set()
            return
        self._queue.append(waiting)
        self._bytes += len(waiting.frame)
        if waiting.replaces is not None:
            self._replaceable[waiting.replaces] = waiting
        self._has_messages.set()


class _Waiting:
    """A frame in a queue. Mutable: a full queue puts the newest progress where the older one stood."""

    __slots__ = ("frame", "replaces")

    def __init__(self, frame: str | bytes, replaces: str | None) -> None:
        self.frame = frame
        self.replaces = replaces


Listener = Callable[[Event], None]


class Hub:
    """Who is connected, which jobs are not finished, and whose they are.

    sockets: how many sockets and event streams are open. is_closing: event streams should end now.
    """

    def __init__(self) -> None:
        self._clients: dict[str, list[Client]] = {}
        self._feeds: dict[str, JobFeed] = {}
        self._listeners: dict[str | None, list[Listener]] = {}
        self.sockets = 0
        self.last_seq = 0
        self.is_closing = False

    @property
    def queue_remaining(self) -> int:
        """Jobs that wait or run."""
        return len(self._feeds)

    def greet(self, sid: str, only: str | None = None, after: int | None = None, *, watches: bool = False) -> Client:
        """A new client, which is told its id and the queue's length, and nothing more before it joins.

        after: the number of the last event it saw before; None: its events begin now.
        """
        client = Client(sid, only, watches=watches)
        self.sockets += 1
        client.offer(status(self.queue_remaining, sid, self.last_seq if after is None else after))
        return client

    def join(self, client: Client, seen_seq: int = 0) -> None:
        """Send a client everything from now on, except events it has seen; if a job of its runs, say where that is."""
        client.seen_seq = seen_seq
        self._clients.setdefault(client.sid, []).append(client)
        for feed in self._feeds.values():
            if feed.client_id == client.sid and client.may_see(feed.submitted_by):
                for message in feed.now():
                    client.offer(message)

    def tell(self, sid: str, message: Message) -> bool:
        """Send something that is no job's to the sockets of one client; False when it has none."""
        clients = self._clients.get(sid, [])
        self._fan_out(message, clients)
        return bool(clients)

    def disconnect(self, client: Client) -> None:
        """Forget a client that was greeted; its jobs go on."""
        self.sockets -= 1
        remaining = [other for other in self._clients.get(client.sid, []) if other is not client]
        if remaining:
            self._clients[client.sid] = remaining
        else:
            self._clients.pop(client.sid, None)

    def follow(
        self, job_id: str, client_id: str | None, node_types: NodeTypes, submitted_by: str | None = None
    ) -> bool:
        """Expect events of a job; False when they are expected already. Safe from any thread: one step on one dict."""
        feed = JobFeed(job_id, client_id, node_types, submitted_by)
        return self._feeds.setdefault(job_id, feed) is feed

    def forget(self, job_id: str) -> None:
        """Expect nothing any more of a job that was not accepted after all."""
        self._feeds.pop(job_id, None)

    def listen(self, listener: Listener, job_id: str | None = None) -> None:
        """Call `listener` with every event of a job, None: of all jobs, as soon as it is stored."""
        self._listeners.setdefault(job_id, []).append(listener)

    def unlisten(self, listener: Listener, job_id: str | None = None) -> None:
        """Call a listener no more."""
        remaining = [other for other in self._listeners.get(job_id, []) if other != listener]
        if remaining:
            self._listeners[job_id] = remaining
        else:
            self._listeners.pop(job_id, None)

    def publish(self, events: Iterable[Event]) -> None:
        """Send what stored or momentary events mean to the clients they concern."""
        for event in events:
            self.last_seq = max(self.last_seq, event.seq or 0)
            for listener in (*self._listeners.get(event.job_id, ()), *self._listeners.get(None, ())):
                listener(event)
            feed = self._feeds.get(event.job_id)
            if feed is not None:
                self._publish(event, feed)

    def _publish(self, event: Event, feed: JobFeed) -> None:
        if event.type in ("queued", "started"):
            self._send_status(feed)
        self._tell_watchers(event, feed)
        clients = [client for client in self._of(feed) if event.seq is None or event.seq > client.seen_seq]
        for message in feed.messages(event):
            self._fan_out(message, clients)
        if event.type in FINAL:
            del self._feeds[event.job_id]
            self._send_status(feed)
            self._fan_out(feed.end(event), clients)

    def _of(self, feed: JobFeed) -> list[Client]:
        clients = self._clients.get(feed.client_id, []) if feed.client_id is not None else []
        return [client for client in clients if client.may_see(feed.submitted_by)]

    def queue_changed(self) -> None:
        """Tell those who watch that the queue's order, its pause or the history is another."""
        self._fan_out(queue_changed(), self._watchers())

    def _watchers(self) -> list[Client]:
        return [client for clients in self._clients.values() for client in clients if client.watches]

    def _tell_watchers(self, event: Event, feed: JobFeed) -> None:
        """Tell in short of a job those who watch, but its own client, which is told everything."""
        message = queue_event(event)
        if message is not None:
            others = (client for client in self._watchers() if client.sid != feed.client_id)
            self._fan_out(message, [client for client in others if client.may_see(feed.submitted_by)])

    def _send_status(self, feed: JobFeed) -> None:
        """Tell everybody the length of the queue: the job's own client at its place among the job's messages."""
        message = status(self.queue_remaining)
        own = set(self._of(feed))
        others = [client for clients in self._clients.values() for client in clients if client not in own]
        self._fan_out(replace(message, replaces=None), own)
        self._fan_out(message, others)

    @staticmethod
    def _fan_out(message: Message | Preview, clients: Iterable[Client]) -> None:
        """Encode once per kind of client, then queue."""
        frames: dict[bool, str | bytes] = {}
        for client in clients:
            kind = client.supports_preview_metadata
            if kind not in frames:
                frames[kind] = message.frame(with_metadata=kind)
            client.offer(message, frames[kind])
