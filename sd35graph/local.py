"""Checking and running workflows in this process, without a server: the command line, notebooks, scripts.

>>> engine = LocalEngine(Settings.load({"base": "~/pictures"}))
>>> engine.run(json.load(open("workflow.json")), overrides=["Prompt.text=a red fox"]).files
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pydantic import JsonValue

from sd35graph.engine.artifacts import ArtifactStore
from sd35graph.engine.events import Event
from sd35graph.engine.execution.cache import OutputCache, default_cache_bytes
from sd35graph.engine.execution.execute import Executor, JobRequest
from sd35graph.engine.execution.run_context import CancelToken
from sd35graph.engine.execution.validators import run_validators
from sd35graph.engine.folders import Folders
from sd35graph.engine.services import LocalServices, Resources
from sd35graph.graph.check import check_document
from sd35graph.graph.context import WorkerEnvironment
from sd35graph.graph.formats.document import Document, read_document
from sd35graph.graph.problems import Problem
from sd35graph.graph.validate import Validation, validator_calls, with_problems
from sd35graph.graph.workflow import Graph
from sd35graph.overrides import overridden
from sd35graph.packs import call_scope, load_packs
from sd35graph.settings import Settings


class InvalidWorkflow(Exception):
    """Nothing of the workflow can run; `problems` says why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended.

    files: the pictures written. error: why it failed, for people. problems: what did not run. warnings: what nodes said
    that did not stop the run, for people.
    """

    files: tuple[Path, ...]
    outputs: Mapping[str, JsonValue]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None
    is_cancelled: bool = False


class LocalEngine:
    """Node packs, models and caches of one process; run as many workflows as you like on one engine."""

    def __init__(self, settings: Settings) -> None:
        self._folders = Folders.from_settings(settings)
        self.registry, self.pack_failures = load_packs(settings.packs, builtin=settings.builtin_nodes)
        self._schemas = self.registry.schemas()
        environment = WorkerEnvironment(
            settings.device, settings.precision, self._folders.models, settings.vram, settings.ram
        )
        services = LocalServices(
            self._folders, ArtifactStore(self._folders), Resources(self.registry.resources, environment)
        )
        cache_bytes = default_cache_bytes() if settings.cache_bytes is None else settings.cache_bytes
        self._executor = Executor(self.registry, OutputCache(cache_bytes), services, call_scope=call_scope)

    def check(self, document: object) -> tuple[Problem, ...]:
        """Everything that is wrong with a workflow document. Raises `DocumentError` when it is none."""
        return self._validated(document)[1].problems

    def run(
        self,
        document: object,
        *,
        overrides: Iterable[str] = (),
        on_event: Callable[[Event, Graph], object] | None = None,
        cancel: CancelToken | None = None,
    ) -> RunResult:
        """Run the valid outputs of a workflow document.

        overrides: `NODE.INPUT=VALUE` each, NODE an id or a title. on_event: told of everything that happens; called
        from the engine's threads. Raises `DocumentError`, `OverrideError`, and `InvalidWorkflow` when nothing can run.
        """
        overrides = list(overrides)
        if overrides:
            read = read_document(document, self._schemas)
            document = {"prompt": overridden(read.prompt, overrides)} | _beside(read)
        read, validation = self._validated(document)
        if not validation.outputs:
            raise InvalidWorkflow(validation.problems)
        self._folders.create()
        events: list[Event] = []

        def emit(event: Event) -> None:
            if event.type in ("failed", "warning"):
                events.append(event)
            if on_event is not None:
                on_event(event, read.graph)

        request = JobRequest(
            job_id=str(uuid4()),
            graph=read.graph,
            targets=validation.outputs,
            prompt=read.prompt,
            extra_pnginfo={"workflow": read.workflow} if read.workflow is not None else None,
        )
        outcome = self._executor.run(request, emit, cancel)
        failed = [_sentence(event, read.graph) for event in events if event.type == "failed"]
        return RunResult(
            files=tuple(self._files(outcome.outputs)),
            outputs=outcome.outputs,
            problems=validation.problems,
            warnings=tuple(_warning(event, read.graph) for event in events if event.type == "warning"),
            error=failed[0] if failed else None,
            is_cancelled=outcome.state == "cancelled",
        )

    def close(self) -> None:
        """End the engine's threads."""
        self._executor.close()

    def _validated(self, document: object) -> tuple[Document, Validation]:
        read, validation = check_document(document, self._schemas, self._folders.choices)
        calls = validator_calls(read.graph, self._schemas, validation)
        if not calls:
            return read, validation
        # In a thread of its own, because a notebook's thread already runs an event loop.
        with ThreadPoolExecutor(1) as thread:
            found = thread.submit(asyncio.run, run_validators(calls, self.registry)).result()
        return read, with_problems(validation, read.graph, self._schemas, found)

    def _files(self, outputs: Mapping[str, JsonValue]) -> Iterable[Path]:
        for shown in outputs.values():
            for items in shown.values() if isinstance(shown, dict) else []:
                for item in items if isinstance(items, list) else []:
                    if isinstance(item, dict) and item.get("type") in ("output", "temp") and "filename" in item:
                        root = self._folders.root("output" if item["type"] == "output" else "temp")
                        yield root / str(item.get("subfolder", "")) / str(item["filename"])


def _beside(read: Document) -> dict[str, JsonValue]:
    return {} if read.workflow is None else {"workflow": read.workflow}


def _warning(event: Event, graph: Graph) -> str:
    return f"{graph.label(str(event.data['display_node']))}: {event.data['message']}"


def _sentence(failed: Event, graph: Graph) -> str:
    error = failed.data.get("error")
    if not isinstance(error, Mapping):
        return "the run failed"
    node_id = error.get("node_id")
    place = f"{graph.label(node_id)}: " if isinstance(node_id, str) else ""
    return f"{place}{error.get('type')}: {error.get('message')}"
