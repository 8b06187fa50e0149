"""The output cache: results of nodes by content key, bounded in bytes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from sd35graph.engine.execution.explain import KeyHistory
from sd35graph.engine.execution.trace import NO_TRACE, Trace
from sd35graph.graph.steps import Step

Outputs = Sequence[Sequence[object]]
"""The outputs of a node, each a list of items. Never changed once made."""

MIN_AVAILABLE_BYTES = 512 * 2**20
_CHECK_EVERY_BYTES = 8 * 2**20
_CHECK_EVERY_S = 1.0
_MAX_GONE = 50_000

_EVICTED = "was evicted to make room in the cache"
_PRESSURE = "was evicted because memory was short"
_TOO_BIG = "is larger than the whole cache"
_FILE_GONE = "a file it wrote is gone"
_CLEARED = "the cache was cleared"


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """The result of one node. size_bytes: memory its items hold, shared ones counted in full."""

    outputs: Outputs
    size_bytes: int
    trace: Trace = NO_TRACE


def available_memory() -> int:
    """Memory, in bytes, that the system can give without swapping."""
    return int(psutil.virtual_memory().available)


def default_cache_bytes() -> int:
    """The limit where none is set: a sixteenth of the machine's memory, about 130 one-megapixel pictures in 25 GB."""
    return int(psutil.virtual_memory().total) // 16


class OutputCache:
    """Results by key, the ones longest unused leaving first. Safe to use from several threads.

    max_bytes: limit of what all entries together hold. min_available_bytes: entries leave, too, while the system has
    less memory than this to give; asked of `available` about once per 8 MiB taken in.
    """

    def __init__(
        self,
        max_bytes: int,
        *,
        min_available_bytes: int = MIN_AVAILABLE_BYTES,
        available: Callable[[], int] = available_memory,
    ) -> None:
        self.max_bytes = max_bytes
        self.size_bytes = 0
        self._min_available_bytes = min_available_bytes
        self._available = available
        self._entries: OrderedDict[str, CacheEntry] = OrderedDict()
        self._gone: OrderedDict[str, str] = OrderedDict()
        self._history = KeyHistory()
        self._lock = threading.RLock()
        self._unchecked_bytes = 0
        self._next_check_s = 0.0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> CacheEntry | None:
        """The entry under `key`, now the most recently used; None when there is none or a file it names is gone."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry.trace is not NO_TRACE and not entry.trace.is_whole():
                self._drop(key, _FILE_GONE)
                return None
            self._entries.move_to_end(key)
            return entry

    def put(self, key: str, entry: CacheEntry) -> bool:
        """Keep an entry; False when it is larger than the whole cache, or memory is too short to keep it."""
        with self._lock:
            if key in self._entries:
                self._drop(key, _EVICTED)
            if entry.size_bytes > self.max_bytes:
                self._note_gone(key, _TOO_BIG)
                return False
            self._entries[key] = entry
            self.size_bytes += entry.size_bytes
            while self.size_bytes > self.max_bytes:
                self._drop(next(iter(self._entries)), _EVICTED)
            self._gone.pop(key, None)
            self._relieve(entry.size_bytes)
            return key in self._entries

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            while self._entries:
                self._drop(next(iter(self._entries)), _CLEARED)

    def reusable(self, steps: Iterable[Step]) -> tuple[Mapping[str, CacheEntry], Mapping[str, str]]:
        """(entries of the steps whose results are here, for the other steps why they are not), by node id."""
        found: dict[str, CacheEntry] = {}
        reasons: dict[str, str] = {}
        with self._lock:
            for step in steps:
                entry = self.get(step.key) if step.key is not None else None
                if entry is not None:
                    found[step.node_id] = entry
                else:
                    gone = self._gone.get(step.key) if step.key is not None else None
                    reasons[step.node_id] = self._history.reason(step, gone)
                self._history.remember(step)
        return found, reasons

    def _drop(self, key: str, why: str) -> None:
        self.size_bytes -= self._entries.pop(key).size_bytes
        self._note_gone(key, why)

    def _note_gone(self, key: str, why: str) -> None:
        self._gone[key] = why
        if len(self._gone) > _MAX_GONE:
            self._gone.popitem(last=False)

    def _relieve(self, added_bytes: int) -> None:
        """Drop the oldest entries until the system has memory again. Asking it costs 50 µs, so not every time."""
        self._unchecked_bytes += added_bytes
        now_s = time.monotonic()
        if self._unchecked_bytes < _CHECK_EVERY_BYTES and now_s < self._next_check_s:
            return
        self._unchecked_bytes = 0
        self._next_check_s = now_s + _CHECK_EVERY_S
        missing = self._min_available_bytes - self._available()
        # What leaves here is counted on rather than measured again: memory comes back only once the run lets go of it.
        while missing > 0 and self._entries:
            key, entry = next(iter(self._entries.items()))
            missing -= entry.size_bytes
            self._drop(key, _PRESSURE)
