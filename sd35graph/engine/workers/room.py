"""Whether there is room for results: a full disk fails the job that met it, and those behind it wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)

_TRUSTED_S = 1.0
_POLL_S = 1.0


class Room:
    """Asked before each job. Use it on one event loop.

    obstacle: says, called in a thread, why nothing can be kept at present; None when it can.
    """

    def __init__(self, obstacle: Callable[[], str | None]) -> None:
        self._obstacle = obstacle
        self._trusted_until_s = 0.0
        self.problem: str | None = None

    async def wait(self) -> None:
        """Wait until results can be kept. What was found is believed for a second."""
        loop = asyncio.get_running_loop()
        while loop.time() >= self._trusted_until_s:
            found = await asyncio.to_thread(self._obstacle)
            if found is None:
                self.problem = None
                self._trusted_until_s = loop.time() + _TRUSTED_S
                return
            if found != self.problem:
                logger.error("results cannot be kept; the queue waits", extra={"reason": found})
            self.problem = found
            await asyncio.sleep(_POLL_S)

    def doubt(self) -> None:
        """Look again before the next job: this one failed, perhaps for that."""
        self._trusted_until_s = 0.0
