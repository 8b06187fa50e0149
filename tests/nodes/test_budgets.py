"""The settings vram and ram, as far as the built-in pack's models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sd35graph.graph.context import WorkerEnvironment
from sd35graph.local import LocalEngine
from sd35graph.settings import Settings
from sd35graph_nodes import make_pool

TINY = Path(__file__).parents[2] / "workflows" / "sd35_tiny.json"


def blocks_kept(caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    """Of each network loaded, how many of its blocks stay in memory: "2/8"."""
    records = [vars(record) for record in caplog.records if record.message == "weights loaded"]
    return {record["section"]: record["blocks"] for record in records}


def test_with_little_memory_models_are_streamed_and_draw_the_same_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pictures = {}
    caplog.set_level("INFO")
    for ram in ("10kB", "64GB"):
        caplog.clear()
        engine = LocalEngine(Settings.load({"base": tmp_path / ram, "device": "cpu", "ram": ram}, {}))
        result = engine.run(json.loads(TINY.read_text(encoding="utf-8")), overrides=["KSampler.steps=2"])
        engine.close()
        assert result.error is None
        kept = blocks_kept(caplog)
        assert {section: blocks.startswith("0/") for section, blocks in kept.items()} == dict.fromkeys(
            ("clip_l", "clip_g", "t5xxl", "mmdit", "vae"), ram == "10kB"
        )
        pictures[ram] = result.files[0].read_bytes()
    assert pictures["10kB"] == pictures["64GB"]


def test_a_limit_that_has_no_effect_is_said(caplog: pytest.LogCaptureFixture) -> None:
    make_pool(WorkerEnvironment("cpu", "auto", (), vram_bytes=10**10))
    assert "vram has no effect" in caplog.text
    caplog.clear()
    make_pool(WorkerEnvironment("cpu", "auto", (), ram_bytes=10**10))
    assert caplog.text == ""
