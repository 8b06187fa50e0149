"""Our schedule and samplers against diffusers' flow-matching schedulers.

diffusers spaces timesteps evenly between those of the shifted ends and shifts them again: our schedule "normal". Its
schedulers for other solvers (DPM-Solver, UniPC, DEIS with flow sigmas) are flow-corrected, which the samplers of these
names in use with SD3.5 are not; they cannot be compared.

Tolerances: sigmas are float32 numbers up to 1 and agree to the last bit; 1e-6 is allowed, a few roundings. Latents, of
size 1, gather roundings over the steps: measured 7e-7, 1e-5 allowed.
"""

from __future__ import annotations

import pytest
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    FlowMatchLCMScheduler,
)
from torch import Tensor

from sd35graph.sampling.noise import make_noise
from sd35graph.sampling.sample import ksample
from sd35graph.sampling.schedulers import basic_schedule
from sd35graph.values import Conditioning, ConditioningEntry, FlowSettings, Guider, Latent, latent_to_model

SHAPE = (2, 16, 6, 4)
SEED = 7
Scheduler = FlowMatchEulerDiscreteScheduler | FlowMatchHeunDiscreteScheduler | FlowMatchLCMScheduler


def velocity(x: Tensor, timestep: Tensor, *_: object, skip_layers: frozenset[int] = frozenset()) -> Tensor:
    """A smooth velocity that depends on the latent, its neighbours and the time."""
    return torch.tanh(x.roll(1, dims=1) - 0.3 * x) + 0.5 * torch.cos(timestep / 300).view(-1, 1, 1, 1)


def ours(sampler: str, steps: int, shift: float) -> Tensor:
    """The sampled latent, in model space."""
    anything = Conditioning((ConditioningEntry(torch.zeros(1, 1, 8), torch.zeros(1, 8)),))
    result = ksample(
        velocity,
        FlowSettings(shift=shift),
        Guider(anything, anything, 1.0),
        seed=SEED,
        steps=steps,
        sampler=sampler,
        scheduler="normal",
        latent=Latent(torch.zeros(SHAPE)),
    )
    return latent_to_model(result.samples)


def theirs(scheduler: Scheduler, steps: int) -> Tensor:
    """The same, as diffusers' pipelines run a scheduler."""
    scheduler.set_timesteps(steps)
    x = make_noise(SHAPE, SEED)
    generator = torch.Generator().manual_seed(SEED)
    for timestep in scheduler.timesteps:
        v = velocity(x, timestep.expand(SHAPE[0]))
        x = scheduler.step(v, timestep, x, generator=generator, return_dict=False)[0]
    return x


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize("steps", [2, 8, 28])
def test_normal_is_the_schedule_of_diffusers(steps: int, shift: float) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(steps)
    schedule = basic_schedule("normal", steps, FlowSettings(shift=shift), 1.0)
    torch.testing.assert_close(schedule, scheduler.sigmas, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize(
    ("sampler", "kind"),
    [("euler", FlowMatchEulerDiscreteScheduler), ("heun", FlowMatchHeunDiscreteScheduler)],
)
def test_sampler_takes_the_steps_of_diffusers(sampler: str, kind: type[Scheduler], shift: float) -> None:
    expected = theirs(kind(shift=shift), 8)
    assert expected.std() > 0.3
    torch.testing.assert_close(ours(sampler, 8, shift), expected, atol=1e-5, rtol=0)


def test_lcm_noises_again_as_diffusers_with_the_same_generator() -> None:
    scheduler = FlowMatchLCMScheduler(shift=3.0)
    torch.testing.assert_close(ours("lcm", 6, 3.0), theirs(scheduler, 6), atol=1e-5, rtol=0)
