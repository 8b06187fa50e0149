"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).resolve().parents[1]


def skip_or_fail(reason: str) -> None:
    """Skip a test that lacks something outside the checkout; fail it where everything is required."""
    if os.environ.get("SD35GRAPH_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data, beside the checkout or where SD35GRAPH_SHARED says."""
    folder = Path(os.environ.get("SD35GRAPH_SHARED") or _CHECKOUT.parent / "shared")
    if not (folder / "parity" / "README.md").is_file():
        skip_or_fail(f"reference data not found: {folder} (set SD35GRAPH_SHARED)")
    return folder
