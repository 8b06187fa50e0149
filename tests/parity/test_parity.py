"""Every recorded number of a correct SD3.5 pipeline that this version covers, through the checker's own code."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent
PARITY = Path(os.environ.get("SD35GRAPH_SHARED", HERE.parents[2] / "shared")) / "parity"

SUITES = (
    "weights",
    "mmdit",
    "model_sampling",
    "schedules",
    "ksampler_sigmas",
    "noise",
    "conditioning",
    "controlnet",
    "lora",
    "tokens",
    "text_encoders",
    "vae",
    "samplers",
    "ksampler",
    "img2img",
    "custom_sampling",
)
RECORDED_ON_TOP = {"weights.diffusers_alpha": "weights.diffusers", "weights.kohya": "weights.diffusers_alpha"}
"""LoRA cases whose recorded weights also hold the LoRA of the case before, which the reference had not taken off yet.

The pictures recorded with the same LoRAs, in the cases after them, do not.
"""


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _cases() -> list[Any]:
    if not PARITY.is_dir():
        return []
    return [
        pytest.param(suite, case, id=f"{suite}/{case['name']}")
        for suite in SUITES
        for case in json.loads((PARITY / f"{suite}.json").read_text(encoding="utf-8"))["cases"]
        if not (suite == "lora" and case["name"] in RECORDED_ON_TOP)
    ]


@pytest.fixture(scope="module")
def check(shared: Path) -> Iterator[tuple[ModuleType, ModuleType, Any]]:
    """(the checker, our adapter, the checker's environment)."""
    paths, threads = list(sys.path), torch.get_num_threads()
    sys.path[:0] = [str(HERE), str(shared / "parity")]
    torch.set_num_threads(1)
    checker = _module("parity_check", shared / "parity" / "check.py")
    adapter = _module("parity_adapter", HERE / "adapter.py")
    yield checker, adapter, checker.Env(adapter, str(shared / "parity" / "manifests"))
    sys.path[:] = paths
    torch.set_num_threads(threads)


def test_parity_data_is_there(shared: Path) -> None:
    assert (shared / "parity" / "check.py").is_file()


@pytest.mark.parametrize(("suite", "case"), _cases())
def test_recorded_case(suite: str, case: dict[str, Any], check: tuple[ModuleType, ModuleType, Any]) -> None:
    checker, adapter, environment = check
    with torch.no_grad():
        got = checker.run_case(adapter, case, environment)
    if "json" in got:
        wanted = [case["expect"], *([case["expect_alt"]] if "expect_alt" in case else [])]
        assert any(not checker.diff_json(got["json"], want) for want in wanted)
        return
    expected = load_file(PARITY / f"{suite}.safetensors")
    for name, tolerance in case["outputs"].items():
        ok, error, note = checker.compare(got[name], expected[f"{case['name']}/{name}"], tolerance)
        assert ok, f"{name}: off by {error:.2e}, allowed {tolerance:.2e} {note}"


@pytest.mark.parametrize("name", RECORDED_ON_TOP)
def test_recorded_weights_of_two_loras(name: str, check: tuple[ModuleType, ModuleType, Any]) -> None:
    checker, adapter, environment = check
    cases = {case["name"]: case for case in json.loads((PARITY / "lora.json").read_text(encoding="utf-8"))["cases"]}
    case = cases[name]
    model = environment.get("mmdit", case)
    for lora in (cases[RECORDED_ON_TOP[name]]["lora"], case["lora"]):
        model = adapter.apply_lora(model, checker.lora_of(lora), lora["strength"])
    expected = load_file(PARITY / "lora.safetensors")
    for key, tolerance in case["outputs"].items():
        weight = adapter.get_weight(model, key)[:: case["args"]["row_stride"], :: case["args"]["col_stride"]]
        ok, error, note = checker.compare(weight, expected[f"{name}/{key}"], tolerance)
        assert ok, f"{key}: off by {error:.2e}, allowed {tolerance:.2e} {note}"
