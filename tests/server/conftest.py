"""The server most tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live_server import Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server most tests share; they use ids of their own."""
    with serving(tmp_path_factory.mktemp("base")) as running:
        yield running
