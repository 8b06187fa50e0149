"""The scorer, which takes a second for each background it meets, is made once."""

from __future__ import annotations

import pytest

from benchmarks.tiny_features import Recogniser, load_references


@pytest.fixture(scope="session")
def recogniser() -> Recogniser:
    return Recogniser(load_references())
