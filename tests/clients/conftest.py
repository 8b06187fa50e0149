"""A server with the nodes that come with it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_graph import GRAPH

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server on an empty base folder."""
    base = tmp_path_factory.mktemp("base")
    command = [sys.executable, "-m", "sd35graph", "serve", "--port", "0", "--base", str(base)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
            assert found, "the server ended before it listened"
            yield found[0]
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """The graph as a file in API form."""
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(GRAPH))
    return path
