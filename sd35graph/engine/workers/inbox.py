"""Frames on their way from a worker's reading thread to the event loop, in batches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress

from sd35graph.engine.events import EVENT_TYPES, FINAL, MOMENTARY, EventType
from sd35graph.engine.workers.protocol import Frame

_QUIET: frozenset[EventType] = frozenset(EVENT_TYPES) - MOMENTARY - FINAL
_LINGER_S = 0.004
_MAX_WAITING_FRAMES = 10_000


class Inbox:
    """Collects frames of one worker until the loop takes them; make it on the loop.

    Events that are stored wait a moment for those that follow at once, unless they end the job: storing ten together
    costs hardly more than storing one. Full, it makes the reading thread wait, and so the worker.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._frames: list[Frame] = []
        self._exit_code: int | None = None
        self._space = threading.Condition()
        self._some = asyncio.Event()
        self._urgent = asyncio.Event()

    def post(self, frames: Sequence[Frame]) -> None:
        """Add frames; from the reading thread."""
        with self._space:
            self._space.wait_for(lambda: len(self._frames) < _MAX_WAITING_FRAMES)
            is_first = not self._frames
            self._frames.extend(frames)
        is_urgent = not all(map(_is_quiet, frames))
        if is_first or is_urgent:  # else the loop knows already
            self._notify(is_urgent=is_urgent)

    def post_exit(self, exit_code: int) -> None:
        """Add the end of the process, after its last frame."""
        with self._space:
            self._exit_code = exit_code
        self._notify(is_urgent=True)

    async def take(self) -> tuple[list[Frame], int | None]:
        """What has come, at least one frame or the exit code of the process."""
        await self._some.wait()
        if not self._urgent.is_set():
            patience = self._loop.call_later(_LINGER_S, self._urgent.set)
            await self._urgent.wait()
            patience.cancel()
        self._some.clear()
        self._urgent.clear()
        with self._space:
            frames, self._frames = self._frames, []
            self._space.notify_all()
            return frames, self._exit_code

    def _notify(self, *, is_urgent: bool) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._set, is_urgent)

    def _set(self, is_urgent: bool) -> None:
        self._some.set()
        if is_urgent:
            self._urgent.set()


def _is_quiet(frame: Frame) -> bool:
    return frame.message["kind"] == "event" and frame.message.get("type") in _QUIET
