"""Cycles and dependency order of a directed graph, without recursion, in time linear in its edges."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

Sources = Mapping[str, Sequence[str]]
"""For each node the nodes it takes inputs from; every node is a key."""


def components(sources: Sources) -> list[list[str]]:
    """Groups of nodes that reach each other, each after the groups it takes inputs from.

    A group of one node without a link to itself is no cycle; every other group is. Tarjan, "Depth-first search and
    linear graph algorithms" (1972), with an explicit stack.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_path: set[str] = set()
    path: list[str] = []
    found: list[list[str]] = []
    for root in sources:
        if root in index:
            continue
        calls: list[tuple[str, Iterator[str]]] = [(root, iter(sources[root]))]
        index[root] = low[root] = len(index)
        path.append(root)
        on_path.add(root)
        while calls:
            node, remaining = calls[-1]
            deeper = next((source for source in remaining if source not in index or source in on_path), None)
            if deeper is None:
                calls.pop()
                if calls:
                    low[calls[-1][0]] = min(low[calls[-1][0]], low[node])
                if low[node] == index[node]:
                    found.append(_cut(path, node, on_path))
            elif deeper in index:
                low[node] = min(low[node], index[deeper])
            else:
                index[deeper] = low[deeper] = len(index)
                path.append(deeper)
                on_path.add(deeper)
                calls.append((deeper, iter(sources[deeper])))
    return found


def _cut(path: list[str], node: str, on_path: set[str]) -> list[str]:
    """Take the end of `path` from `node` on."""
    start = len(path) - 1
    while path[start] != node:
        start -= 1
    group = path[start:]
    del path[start:]
    on_path.difference_update(group)
    return group


def is_cycle(group: Sequence[str], sources: Sources) -> bool:
    """Whether a group of `components` is a cycle."""
    return len(group) > 1 or group[0] in sources[group[0]]


def cycle_path(start: str, group: Sequence[str], sources: Sources) -> list[str]:
    """The shortest way from `start` back to itself inside its group, in the direction values flow."""
    members = set(group)
    feeds: dict[str, str] = {}  # node -> the one it feeds on the way back to start
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for source in sources[node]:
            if source == start:
                way = [start, node]
                while way[-1] != start:
                    way.append(feeds[way[-1]])
                return way
            if source in members and source not in feeds:
                feeds[source] = node
                queue.append(source)
    raise ValueError(f"node {start} is on no cycle")
