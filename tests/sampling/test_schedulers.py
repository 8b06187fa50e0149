"""Shapes of the schedules, and agreement with other people's formulas."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.mochi.pipeline_mochi import linear_quadratic_schedule

from sd35graph.sampling.schedulers import SCHEDULERS, basic_schedule, full_schedule, split_schedule
from sd35graph.values import FlowSettings

FLOW = FlowSettings(shift=3.0)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 28, 50, 999])
@pytest.mark.parametrize("mode", ["discrete", "continuous"])
def test_every_schedule_falls_strictly_to_zero(scheduler: str, steps: int, mode: str) -> None:
    flow = replace(FLOW, mode=mode)
    sigmas = full_schedule(scheduler, steps, flow)
    assert sigmas.dtype == torch.float32
    assert sigmas[-1] == 0
    assert sigmas[0] <= 1
    assert bool((sigmas.diff() < 0).all())
    if mode == "continuous" or scheduler not in ("ddim_uniform", "beta"):
        assert len(sigmas) == steps + 1


@pytest.mark.parametrize("scheduler", [name for name in SCHEDULERS if name != "ddim_uniform"])
def test_schedules_other_than_ddim_start_at_pure_noise(scheduler: str) -> None:
    assert full_schedule(scheduler, 20, FLOW)[0] == 1.0


def test_normal_is_what_diffusers_uses_for_sd3() -> None:
    theirs = FlowMatchEulerDiscreteScheduler(shift=3.0)
    theirs.set_timesteps(28)
    torch.testing.assert_close(full_schedule("normal", 28, FLOW), theirs.sigmas, atol=1e-6, rtol=0)


def test_linear_quadratic_is_that_of_mochi() -> None:
    theirs = [*linear_quadratic_schedule(20, 0.025), 0.0]
    torch.testing.assert_close(full_schedule("linear_quadratic", 20, FLOW), torch.tensor(theirs), atol=1e-6, rtol=0)


def test_continuous_mode_uses_positions_between_table_entries() -> None:
    continuous = replace(FLOW, mode="continuous")
    discrete = full_schedule("simple", 3, FLOW)
    u = torch.tensor([1.0, 1 - 1 / 3, 1 - 2 / 3])
    torch.testing.assert_close(full_schedule("simple", 3, continuous)[:-1], 3 * u / (1 + 2 * u), atol=1e-6, rtol=0)
    assert discrete[1] != full_schedule("simple", 3, continuous)[1]
    # Where the stride is a whole number the two agree.
    assert torch.equal(full_schedule("simple", 4, continuous), full_schedule("simple", 4, FLOW))


def test_beta_rounds_to_table_entries_and_drops_repeats() -> None:
    coarse = replace(FLOW, timesteps=5)
    assert len(full_schedule("beta", 20, coarse)) == 5 + 1  # no more than there are entries, and 0
    assert full_schedule("beta", 2, FLOW)[1].item() == pytest.approx(3 * 0.501 / (1 + 2 * 0.501))  # 499.5 goes to 500


def test_denoise_keeps_the_end_of_a_longer_schedule() -> None:
    whole = full_schedule("sgm_uniform", 40, FLOW)
    assert torch.equal(basic_schedule("sgm_uniform", 20, FLOW, 0.5), whole[-21:])
    assert len(basic_schedule("sgm_uniform", 20, FLOW, 0.0)) == 0


def test_split_shares_the_boundary() -> None:
    high, low = split_schedule(torch.tensor([1.0, 0.6, 0.3, 0.0]), 2)
    assert high.tolist() == pytest.approx([1.0, 0.6, 0.3])
    assert low.tolist() == pytest.approx([0.3, 0.0])


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"scheduler must be one of simple, .*kl_optimal, got 'karas'"):
        full_schedule("karas", 20, FLOW)


def test_no_steps_is_an_error() -> None:
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        full_schedule("simple", 0, FLOW)
