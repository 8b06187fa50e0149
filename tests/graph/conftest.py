"""Fixtures: the recorded node types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from recorded_nodes import CANNY, FILES, schema_from_info, shared_json

from sd35graph.graph.schema import NodeSchema


@pytest.fixture(scope="session")
def recorded() -> dict[str, Any]:
    """`/object_info` of the reference server."""
    info: dict[str, Any] = shared_json("parity/e2e/object_info.json")
    return info


@pytest.fixture(scope="session")
def schemas(recorded: dict[str, Any]) -> dict[str, NodeSchema]:
    """The recorded node types, and Canny."""
    return {name: schema_from_info(info) for name, info in recorded.items()} | {"Canny": CANNY}


@pytest.fixture(scope="session")
def choices() -> Callable[[str], Sequence[str]]:
    """The files the reference server had."""
    return lambda source: FILES.get(source, [])
