"""A whole training, in small: from the icon sets to a picture drawn by the engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from PIL import Image

_CHECKOUT = Path(__file__).parents[2]


@pytest.mark.slow
def test_smoke_training_ends_with_a_model_the_engine_runs(
    tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    if not (_CHECKOUT / "training" / "node_modules").is_dir():
        unavailable("the icon sets are not installed; run `make test-slow`")
    models, base = tmp_path / "models", tmp_path / "base"
    config = _CHECKOUT / "training" / "configs" / "smoke.toml"
    command = [sys.executable, "-m", "training", "--config", config, "--work", tmp_path / "work", "--out", models]
    subprocess.run(command, cwd=_CHECKOUT, check=True, timeout=1200)

    losses = [json.loads(line) for line in (tmp_path / "work" / "flow.log").read_text().splitlines()]
    assert losses[-1]["loss"] < losses[0]["loss"] < 3

    workflow = _CHECKOUT / "workflows" / "sd35_tiny.json"
    subprocess.run(
        [sys.executable, "-m", "sd35graph", "run", workflow, "--models", models, "--base", base],
        check=True,
        timeout=300,
    )
    (saved,) = (base / "output").glob("*.png")
    with Image.open(saved) as picture:
        assert picture.size == (64, 64)
