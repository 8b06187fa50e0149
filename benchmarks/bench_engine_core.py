"""Cost of the engine core per node: planning, a first run and a fully cached one, in chains of trivial nodes.

Goals, in a chain of 5,000 nodes: first run under 100 µs per node, cached re-run (planning included) under 20 µs per
node, and growing linearly: the cost per node in the longest chain at most 1.5 times that in the shortest.

Run with `python benchmarks/bench_engine_core.py`. Times are CPU time of the process, the best of several runs, so
that other programs on the machine disturb little; wall time stands beside.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from sd35graph.engine.events import Event
from sd35graph.engine.execution.cache import OutputCache
from sd35graph.engine.execution.execute import Executor, JobRequest
from sd35graph.graph.node import Pack, node
from sd35graph.graph.plan import plan
from sd35graph.graph.registry import Registry
from sd35graph.graph.workflow import Graph, Link, Node

SIZES = (1_250, 2_500, 5_000, 10_000)
GOAL_SIZE = 5_000
FIRST_GOAL_US, CACHED_GOAL_US, RATIO_GOAL = 100.0, 20.0, 1.5
ROUNDS = 5


@node("Add", category="benchmark")
def add(a: int, b: int = 1) -> int:
    """The sum of two numbers."""
    return a + b


class NoServices:
    """Services for nodes that need none."""

    def folder_fingerprint(self, source: str) -> str:
        return ""

    def file_fingerprint(self, source: str, name: str) -> str:
        raise FileNotFoundError(name)


class Cost(NamedTuple):
    """Microseconds per node: of CPU time and of wall time."""

    cpu_us: float
    wall_us: float


def chain(length: int) -> Graph:
    """A chain of additions."""
    nodes = {"0": Node("Add", {"a": 0, "b": 1})}
    for number in range(1, length):
        nodes[str(number)] = Node("Add", {"a": Link(str(number - 1), 0), "b": 1})
    return Graph(nodes)


def cost(work: Callable[[], object], nodes: int) -> Cost:
    """What `work` costs per node."""
    gc.collect()
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    work()
    return Cost((time.process_time() - cpu_s) / nodes * 1e6, (time.perf_counter() - wall_s) / nodes * 1e6)


def best(costs: list[Cost]) -> Cost:
    return Cost(min(each.cpu_us for each in costs), min(each.wall_us for each in costs))


def measure(registry: Registry, length: int) -> tuple[Cost, Cost, Cost]:
    """(planning alone, first run, cached re-run) of a chain."""
    graph, target = chain(length), str(length - 1)
    request = JobRequest(job_id="benchmark", graph=graph, targets=(target,))
    services = NoServices()
    schemas = registry.schemas()
    planning, first, cached = [], [], []
    for _ in range(ROUNDS):
        executor = Executor(registry, OutputCache(2**30), services)  # type: ignore[arg-type] # all these nodes need
        events: list[Event] = []

        def run(executor: Executor = executor, events: list[Event] = events) -> None:
            events.clear()
            outcome = executor.run(request, events.append)
            assert outcome.state == "succeeded", outcome.error

        planning.append(
            cost(lambda: plan(graph, schemas, [target], services.file_fingerprint, services.folder_fingerprint), length)
        )
        first.append(cost(run, length))
        assert sum(event.type == "node_finished" for event in events) == length
        cached.append(cost(run, length))
        assert [event.type for event in events] == ["cached", "succeeded"]
    return best(planning), best(first), best(cached)


def main() -> int:
    registry = Registry()
    registry.add(Pack(name="benchmark", nodes=[add]))
    measure(registry, 500)  # warm up
    print("µs per node, CPU (wall)   plan only        first run        cached re-run")
    results: dict[int, tuple[Cost, Cost, Cost]] = {}
    for size in SIZES:
        results[size] = measure(registry, size)
        cells = "   ".join(f"{each.cpu_us:6.1f} ({each.wall_us:6.1f})" for each in results[size])
        print(f"{size:>8,} nodes           {cells}")
    (_, first, cached), small, large = results[GOAL_SIZE], results[SIZES[0]], results[SIZES[-1]]
    ratios = [late.cpu_us / early.cpu_us for early, late in zip(small, large, strict=True)]
    print(f"ratio {SIZES[-1]:,}/{SIZES[0]:,}        " + "".join(f"{ratio:6.2f}           " for ratio in ratios))
    met = first.cpu_us < FIRST_GOAL_US and cached.cpu_us < CACHED_GOAL_US and max(ratios) < RATIO_GOAL
    print(
        f"goals at {GOAL_SIZE:,} nodes: first run {first.cpu_us:.1f} < {FIRST_GOAL_US:g} µs, cached {cached.cpu_us:.1f}"
        f" < {CACHED_GOAL_US:g} µs, ratios below {RATIO_GOAL:g}: {'met' if met else 'NOT MET'}"
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
