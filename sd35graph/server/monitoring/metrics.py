"""Counts what the server does, for `/metrics`: requests by resource and status, and how jobs end."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sd35graph.engine.events import FINAL, Event
from sd35graph.server.guards.roles import NEEDED_ROLES

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of answering times; longer ones have a place of their own."""
JOB_BOUNDS_S = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds of the histogram of the times jobs ran."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _resource(path: str) -> str:
    parts = path.removeprefix("/api").strip("/").split("/")
    return "/".join(parts[:2]) if parts[0] == "v1" else parts[0]


_RESOURCES = frozenset(_resource(route.partition(" ")[2]) for route in NEEDED_ROLES)


class Histogram:
    """How many values lie between the bounds, and their sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count a value; one at a bound lies below it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Metrics:
    """The counts since the start of the process."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.answering = Histogram(BOUNDS_S)
        self.jobs: Counter[str] = Counter()
        self.running = Histogram(JOB_BOUNDS_S)

    def notice(self, event: Event) -> None:
        """Count an event; a listener of the hub."""
        if event.type in FINAL or event.type in ("queued", "retried"):
            self.jobs[event.type] += 1
        if event.type == "succeeded" and isinstance(seconds := event.data.get("seconds"), int | float):
            self.running.add(seconds)

    def count(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count an answer, under the resource its path belongs to: `prompt`, `v1/jobs`, or `files` for all others."""
        resource = _resource(path)
        known = (method if method in _METHODS else "other", resource if resource in _RESOURCES else "files", status)
        self.requests[known] += 1
        self.answering.add(seconds)


class Metered:
    """ASGI middleware that counts requests and how long their answers took to begin."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def metered(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - began
                self._metrics.count(scope["method"], scope["path"], message["status"], seconds)
            await send(message)

        await self._app(scope, receive, metered)
