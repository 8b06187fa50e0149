"""Fixtures that all tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from sd35graph.engine.folders import EMBEDDED_MODELS

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read at the library's import; no test may reach the real hub

_CHECKOUT = Path(__file__).resolve().parents[1]


def skip_or_fail(reason: str) -> NoReturn:
    """Skip a test that lacks something outside the checkout; fail it where everything is required."""
    if os.environ.get("SD35GRAPH_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def unavailable() -> Callable[[str], NoReturn]:
    """Call it with the reason when something outside the checkout is missing."""
    return skip_or_fail


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data, beside the checkout or where SD35GRAPH_SHARED says."""
    folder = Path(os.environ.get("SD35GRAPH_SHARED") or _CHECKOUT.parent / "shared")
    if not (folder / "parity" / "README.md").is_file():
        skip_or_fail(f"reference data not found: {folder} (set SD35GRAPH_SHARED)")
    return folder


@pytest.fixture(scope="session")
def embedded_model() -> Path:
    """The model root inside the package, with the trained model in it."""
    if not (EMBEDDED_MODELS / "checkpoints" / "sd35_tiny.safetensors").is_file():
        skip_or_fail(f"no trained model in {EMBEDDED_MODELS}")
    return EMBEDDED_MODELS


@pytest.fixture(scope="session")
def synthetic_base(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base folder with small models of random weights in the released file formats, about 1.6 GB."""
    folder = tmp_path_factory.mktemp("synthetic_base")
    maker = shared / "parity" / "make_base.py"
    subprocess.run([sys.executable, str(maker), str(folder)], check=True, timeout=600)
    return folder
