"""What a run is asked for, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import JsonValue

from sd35graph.engine.events import JobError
from sd35graph.graph.workflow import Graph

FinalState = Literal["succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What to run. prompt, extra_pnginfo: handed to the nodes that ask for them."""

    job_id: str
    graph: Graph
    targets: tuple[str, ...]
    prompt: Mapping[str, Any] | None = None
    extra_pnginfo: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended.

    outputs: what nodes showed, {node: {key: items}}, cached ones included. meta: {node: {node_id, display_node,
    parent_node, real_node_id}}. executed: submitted nodes that ran to their end.
    """

    state: FinalState
    outputs: Mapping[str, JsonValue] = field(default_factory=dict)
    meta: Mapping[str, JsonValue] = field(default_factory=dict)
    error: JobError | None = None
    executed: tuple[str, ...] = ()
