"""A small laboratory for engine tests: nodes in, events and outcome out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from sd35graph.engine.events import Event
from sd35graph.engine.execution.cache import OutputCache
from sd35graph.engine.execution.execute import Executor, JobRequest, Outcome
from sd35graph.engine.execution.run_context import CancelToken
from sd35graph.graph.context import Artifact, ArtifactFolder
from sd35graph.graph.node import Pack
from sd35graph.graph.ports import Port
from sd35graph.graph.registry import Registry
from sd35graph.graph.workflow import Graph, Link, Node

PLENTY = 2**40


def out(node_id: str, output: int = 0) -> Link:
    """A link to an output."""
    return Link(node_id, output)


class FakeServices:
    """Services on a temporary folder; `files` maps (source, name) to a fingerprint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[tuple[str, str], str] = {}
        self.resources: dict[type, object] = {}

    def save(self, folder: ArtifactFolder, prefix: str, suffix: str, write: Callable[[BinaryIO], object]) -> Artifact:
        number = len(list(self.folder.iterdir())) + 1
        path = self.folder / f"{prefix}_{number:05}_{suffix}"
        with path.open("wb") as file:
            write(file)
        return Artifact(path.name, "", folder, path)

    def file(self, source: str, name: str) -> Path:
        if (source, name) not in self.files:
            raise FileNotFoundError(f"no {name}")
        return self.folder / name

    def folder_fingerprint(self, source: str) -> str:
        return repr(sorted((name, text) for (kind, name), text in self.files.items() if kind == source))

    def file_fingerprint(self, source: str, name: str) -> str:
        self.file(source, name)
        return self.files[source, name]

    def resource(self, kind: type) -> object:
        return self.resources[kind]


class Ran:
    """What one run did."""

    def __init__(self, outcome: Outcome, events: list[Event]) -> None:
        self.outcome = outcome
        self.events = events

    def of(self, event_type: str) -> list[Mapping[str, Any]]:
        """Data of the events of a type."""
        return [event.data for event in self.events if event.type == event_type]

    def shown(self, node_id: str, key: str = "value") -> list[Any]:
        """What a node showed; nothing gives []."""
        output: Any = self.outcome.outputs.get(node_id, {})
        return output.get(key, [])

    @property
    def started(self) -> list[str]:
        return [data["node"] for data in self.of("node_started")]

    @property
    def cached(self) -> list[str]:
        (data,) = self.of("cached")
        return list(data["nodes"])

    @property
    def reasons(self) -> Mapping[str, str]:
        (data,) = self.of("cached")
        reasons: Mapping[str, str] = data["reasons"]
        return reasons

    @property
    def error(self) -> str:
        assert self.outcome.error is not None, self.outcome
        return self.outcome.error.message


class Lab:
    """An executor for some nodes, with a cache that lasts from run to run."""

    def __init__(
        self,
        folder: Path,
        nodes: Sequence[Callable[..., Any]],
        ports: Sequence[Port] = (),
        cache: OutputCache | None = None,
        **options: Any,
    ) -> None:
        self.registry = Registry()
        self.registry.add(Pack(name="lab", nodes=nodes, ports=ports))
        self.services = FakeServices(folder)
        self.cache = cache if cache is not None else OutputCache(PLENTY, min_available_bytes=0)
        self.executor = Executor(self.registry, self.cache, self.services, **options)

    def run(
        self,
        nodes: Mapping[str, tuple[str, Mapping[str, object]]],
        targets: Sequence[str] | None = None,
        cancel: CancelToken | None = None,
        watch: Callable[[Event], None] = lambda event: None,
        **request: Any,
    ) -> Ran:
        """Run a graph given as {id: (type, inputs)}; by default all its output nodes."""
        graph = Graph({node_id: Node(node_type, inputs) for node_id, (node_type, inputs) in nodes.items()})
        if targets is None:
            types = self.registry.types
            targets = [i for i, node in graph.nodes.items() if node.type in types and types[node.type].schema.is_output]
        events: list[Event] = []

        def emit(event: Event) -> None:
            events.append(event)
            watch(event)

        asked = JobRequest(job_id="job", graph=graph, targets=tuple(targets), **request)
        return Ran(self.executor.run(asked, emit, cancel), events)
