"""How often something may be done: by whom, and how often in a minute."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_MAX_KEYS = 10_000


class RateLimit:
    """`per_minute` times a minute for each key, all of them at once if need be (a token bucket).

    Of many keys the longest unused are forgotten, so that memory is bounded whoever comes.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = per_minute
        self._per_s = per_minute / 60
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Seconds until `key` may do it again; 0: now."""
        return max(0.0, (1 - self._now_left(key)) / self._per_s)

    def take(self, key: str) -> float:
        """Do it once: 0 when that is granted, else the seconds until it would be."""
        left = self._now_left(key)
        wait_s = max(0.0, (1 - left) / self._per_s)
        self._left[key] = (left if wait_s > 0 else left - 1, self._clock())
        self._left.move_to_end(key)
        if len(self._left) > _MAX_KEYS:
            self._left.popitem(last=False)
        return wait_s

    def _now_left(self, key: str) -> float:
        left, at = self._left.get(key, (self._most, self._clock()))
        return min(self._most, left + (self._clock() - at) * self._per_s)
