"""The noise levels at which each sampler evaluates the network, against those recorded from the reference."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sd35graph.sampling.sample import ksample
from sd35graph.sampling.samplers import SAMPLERS
from sd35graph.values import Conditioning, ConditioningEntry, FlowSettings, Guider, Latent

SHARED = Path(os.environ.get("SD35GRAPH_SHARED", Path(__file__).resolve().parents[3] / "shared"))
TRACE = SHARED / "parity" / "evaluation_trace.json"
# Its step sizes depend on the weights of the network that was recorded.
DEPENDS_ON_WEIGHTS = {"dpm_adaptive"}


@pytest.fixture(scope="module")
def recorded() -> dict[str, list[float]]:
    if not TRACE.exists():
        reason = f"the recorded trace is not at {TRACE}; set SD35GRAPH_SHARED to the folder that holds parity/"
        if os.environ.get("SD35GRAPH_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    timesteps: dict[str, list[float]] = json.loads(TRACE.read_text())["timesteps"]
    return timesteps


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name not in DEPENDS_ON_WEIGHTS])
def test_network_is_evaluated_at_the_recorded_timesteps(sampler: str, recorded: dict[str, list[float]]) -> None:
    seen: list[float] = []

    def network(
        x: Tensor, timestep: Tensor, context: Tensor, pooled: Tensor, skip_layers: frozenset[int] = frozenset()
    ) -> Tensor:
        if bool(context.any()):
            seen.append(float(timestep[0]))
        return torch.tanh(x)

    # The negative has another length, so that each evaluation of the positive is a call of its own.
    positive = Conditioning((ConditioningEntry(torch.ones(1, 2, 3), torch.zeros(1, 2)),))
    negative = Conditioning((ConditioningEntry(torch.zeros(1, 1, 3), torch.zeros(1, 2)),))
    ksample(
        network,
        FlowSettings(shift=3.0),
        Guider(positive, negative, 1.0),
        seed=1234,
        steps=6,
        sampler=sampler,
        scheduler="simple",
        latent=Latent(torch.zeros(1, 16, 4, 4)),
    )
    assert seen == pytest.approx(recorded[sampler], abs=2e-4)
