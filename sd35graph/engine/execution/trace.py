"""What a node left behind besides its outputs: what it showed, files it wrote, and the same of its expansion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from pydantic import JsonValue

from sd35graph.graph.context import Artifact, Shown


@dataclass(frozen=True, slots=True)
class Trace:
    """What users saw of a node, kept with its cached outputs and shown again when they are reused.

    warned: what it told the user. blocked: messages of the calls that were blocked.
    inside: (call, local id, trace) of the nodes of its expansions.
    """

    shown: Shown | None = None
    warned: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    inside: tuple[tuple[int, str, Trace], ...] = ()

    def walk(self, place: Place) -> Iterator[tuple[Place, Trace]]:
        """This trace and all inside it with their places, the innermost first. Without recursion: loops nest deep."""
        order = []
        stack: list[tuple[Place, Trace]] = [(place, self)]
        while stack:
            here, trace = stack.pop()
            order.append((here, trace))
            stack.extend((here.inside(call, local_id), inner) for call, local_id, inner in trace.inside)
        return reversed(order)

    def is_whole(self) -> bool:
        """Whether all files it names still exist."""
        stack = [self]
        while stack:
            trace = stack.pop()
            if not all(artifact.path.exists() for artifact in trace.artifacts):
                return False
            stack.extend(inner for _, _, inner in trace.inside)
        return True


NO_TRACE = Trace()


def merged(traces: Iterable[Trace], inside: Iterable[tuple[int, str, Trace]]) -> Trace:
    """The traces of a node's calls in one, with those inside its expansions."""
    shown: dict[str, list[JsonValue]] = {}
    warned: dict[str, None] = {}
    blocked: dict[str, None] = {}
    artifacts: list[Artifact] = []
    for trace in traces:
        for key, items in (trace.shown or {}).items():
            shown.setdefault(key, []).extend(items)
        warned.update(dict.fromkeys(trace.warned))
        blocked.update(dict.fromkeys(trace.blocked))
        artifacts += trace.artifacts
    return Trace(shown or None, tuple(warned), tuple(blocked), tuple(artifacts), tuple(inside))


class Place(NamedTuple):
    """Where a node stands: its own id, the submitted node it works for, and the node whose expansion it is in."""

    node_id: str
    origin: str
    parent: str | None = None

    def inside(self, call: int, local_id: str) -> Place:
        """The place of a node with id `local_id` in the expansion that call number `call` of this node returned.

        Ids depend on nothing but the way to them, so that a repeated run gives the same ones. They do not grow with
        the depth: a loop of thousands of turns is an expansion in an expansion as many times.
        """
        if self.parent is None:
            return Place(f"{self.node_id}.{call}.{local_id}", self.origin, self.node_id)
        way = blake2b(f"{self.node_id}\n{call}".encode(), digest_size=8).hexdigest()
        return Place(f"{self.origin}.{way}.{local_id}", self.origin, self.node_id)
