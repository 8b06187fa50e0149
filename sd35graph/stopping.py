"""How the server process stops: in order when it is asked once, at once when it is asked again."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn

logger = logging.getLogger(__name__)


class StoppableServer(uvicorn.Server):
    """uvicorn's server, which finishes what runs before it closes.

    The first SIGINT or SIGTERM starts `finish`; once that is done, sockets are closed with code 1012 and `run` returns.
    The second one skips it.
    """

    def __init__(self, config: uvicorn.Config, finish: Callable[[], Awaitable[object]]) -> None:
        super().__init__(config)
        self._finish = finish
        self._loop: asyncio.AbstractEventLoop | None = None
        self._finishing: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal, between any two steps of whatever runs."""
        del sig, frame  # all signals mean the same, and after a good end the process ends with 0
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._on_signal)

    def _on_signal(self) -> None:
        if self._finishing is None:
            logger.info("stopping in order; asked once more, the server stops at once")
            self._finishing = asyncio.create_task(self._finish_and_exit())
        else:
            logger.warning("stopping at once")
            self.config.timeout_graceful_shutdown = 0
            self.should_exit = True
            self._finishing.cancel()

    async def _finish_and_exit(self) -> None:
        try:
            await self._finish()
        except Exception:
            logger.exception("what ran could not be finished in order")
        finally:
            self.should_exit = True
