"""The output cache by itself."""

from __future__ import annotations

import threading
from pathlib import Path

from sd35graph.engine.execution.cache import CacheEntry, OutputCache, available_memory, default_cache_bytes
from sd35graph.engine.execution.trace import NO_TRACE, Place, Trace
from sd35graph.graph.context import Artifact

MIB = 2**20


def entry(size_bytes: int, *, trace: Trace = NO_TRACE) -> CacheEntry:
    return CacheEntry([["x"]], size_bytes, trace)


def test_the_entry_longest_unused_leaves_first() -> None:
    cache = OutputCache(100, min_available_bytes=0)
    for key in "abc":
        assert cache.put(key, entry(30))
    assert cache.get("a") is not None
    assert cache.put("d", entry(30))
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]
    assert cache.size_bytes == 90


def test_an_entry_larger_than_the_cache_is_not_kept_and_costs_no_other() -> None:
    cache = OutputCache(100, min_available_bytes=0)
    cache.put("a", entry(30))
    assert not cache.put("b", entry(101))
    assert cache.get("a") is not None
    assert cache.size_bytes == 30


def test_putting_again_replaces() -> None:
    cache = OutputCache(100, min_available_bytes=0)
    cache.put("a", entry(30))
    cache.put("a", entry(50))
    assert (len(cache), cache.size_bytes) == (1, 50)


def test_entries_leave_while_memory_is_short() -> None:
    free = [1000 * MIB]
    cache = OutputCache(2**40, min_available_bytes=500 * MIB, available=lambda: free[0])
    for key in "abc":
        cache.put(key, entry(100 * MIB))
    assert len(cache) == 3
    free[0] = 350 * MIB
    assert cache.put("d", entry(100 * MIB))
    assert [key for key in "abcd" if cache.get(key)] == ["c", "d"]
    free[0] = 0
    assert not cache.put("e", entry(100 * MIB))
    assert len(cache) == 0


def test_memory_is_not_asked_for_at_every_small_entry() -> None:
    asked: list[int] = []

    def available() -> int:
        asked.append(1)
        return 2**40

    cache = OutputCache(2**40, available=available)
    for number in range(1000):
        cache.put(str(number), entry(100))
    few = len(asked)
    assert few < 100
    for number in range(10):
        cache.put(f"big{number}", entry(10 * MIB))
    assert len(asked) >= few + 10


def test_the_machine_says_how_much_memory_it_has() -> None:
    assert available_memory() > 0
    assert default_cache_bytes() > 2**26


def test_an_entry_whose_file_is_gone_leaves(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.touch()
    inner = Trace(artifacts=(Artifact("a.png", "", "output", path),))
    cache = OutputCache(100, min_available_bytes=0)
    cache.put("a", entry(10, trace=Trace(inside=((0, "x", inner),))))
    assert cache.get("a") is not None
    path.unlink()
    assert cache.get("a") is None
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_clearing_beside_use_from_another_thread() -> None:
    cache = OutputCache(10_000, min_available_bytes=0)
    stop = threading.Event()

    def clear() -> None:
        while not stop.is_set():
            cache.clear()

    thread = threading.Thread(target=clear)
    thread.start()
    for number in range(5_000):
        cache.put(str(number % 50), entry(10))
        cache.get(str((number + 1) % 50))
    stop.set()
    thread.join()
    cache.clear()
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_a_deep_trace_is_walked_without_recursion() -> None:
    trace = Trace(shown={"value": [0]})
    for _ in range(20_000):
        trace = Trace(inside=((0, "in", trace),))
    places = list(trace.walk(Place("7", "7")))
    assert len(places) == 20_001
    assert places[0][1].shown == {"value": [0]}
    assert len(places[0][0].node_id) < 40
    assert trace.is_whole()
