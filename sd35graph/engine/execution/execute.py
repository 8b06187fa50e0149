"""The executor: runs jobs, one at a time, on the thread that calls it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from sd35graph.engine.events import Event
from sd35graph.engine.execution.async_calls import AsyncThread
from sd35graph.engine.execution.cache import OutputCache
from sd35graph.engine.execution.hooks import fingerprint_hook
from sd35graph.engine.execution.kinds import Kind
from sd35graph.engine.execution.request import JobRequest, Outcome
from sd35graph.engine.execution.run import Run, Workshop
from sd35graph.engine.execution.run_context import CancelToken, Services
from sd35graph.graph.registry import Registry

__all__ = ["MAX_EXPANDED_NODES", "Executor", "JobRequest", "Outcome"]

MAX_EXPANDED_NODES = 100_000
"""Limit of the nodes that expansions may add in one run: what tells a long loop from one without an end."""


class Executor:
    """Runs jobs. Plain nodes are called on the thread that calls `run`, async ones on a thread the executor owns.

    registry: all packs must be in it already.
    call_scope: entered around node code: once per run on the calling thread, once on the async one.
    """

    def __init__(
        self,
        registry: Registry,
        cache: OutputCache,
        services: Services,
        *,
        call_scope: Callable[[], AbstractContextManager[object]] = nullcontext,
        max_expanded_nodes: int = MAX_EXPANDED_NODES,
    ) -> None:
        self.cache = cache
        self._call_scope = call_scope
        self._async_thread = AsyncThread(call_scope)
        self._workshop = Workshop(
            kinds={name: Kind(node_type, registry.ports) for name, node_type in registry.types.items()},
            schemas=registry.schemas(),
            fingerprints={
                name: fingerprint_hook(node_type.fingerprint, self._async_thread, services.folder_fingerprint)
                for name, node_type in registry.types.items()
                if node_type.fingerprint is not None
            },
            cache=cache,
            services=services,
            async_thread=self._async_thread,
            max_expanded_nodes=max_expanded_nodes,
        )

    def run(self, request: JobRequest, emit: Callable[[Event], None], cancel: CancelToken | None = None) -> Outcome:
        """Run a job, sending its events from `cached` to the final one; `emit` is called from several threads, one
        at a time. What nodes do wrong ends in the outcome; only what `emit` raises is raised.
        """
        with self._call_scope():
            return Run(self._workshop, request, emit, cancel or CancelToken()).execute()

    def close(self) -> None:
        """End the async thread. The executor may still be used."""
        self._async_thread.close()
