"""Every sampler on flows whose exact solution is known.

For data distributed as N(MEAN, SPREAD^2) the best prediction of x0 is linear in x, and the probability-flow ODE carries
x = noise at sigma 1 to MEAN + SPREAD * noise at sigma 0 (substitute x = (1 - sigma) MEAN + sqrt(variance) z; z is
constant along the flow).
"""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from scipy.integrate import quad
from torch import Tensor

from sd35graph.sampling import samplers_deis, samplers_er_sde, samplers_multistep, samplers_sa
from sd35graph.sampling.flow import half_log_snr
from sd35graph.sampling.noise import BrownianNoise, make_noise, seeded_rng
from sd35graph.sampling.samplers import SAMPLERS, find_sampler
from sd35graph.sampling.samplers_dpm_solver import fast_orders
from sd35graph.sampling.samplers_sde import between
from sd35graph.sampling.schedulers import full_schedule
from sd35graph.sampling.state import Denoiser, Prediction, RunDenoiser, SamplerState
from sd35graph.values import FlowSettings

MEAN, SPREAD = 0.7, 0.5
NOISE = make_noise((2, 4, 3, 3), 5).double()
FLOW = FlowSettings()
DRAWS = {
    "euler_ancestral": 1,
    "euler_ancestral_cfg_pp": 1,
    "dpm_2_ancestral": 1,
    "dpmpp_2s_ancestral": 1,
    "dpmpp_2s_ancestral_cfg_pp": 1,
    "ddpm": 1,
    "lcm": 1,
    "res_multistep_ancestral": 1,
    "res_multistep_ancestral_cfg_pp": 1,
    "er_sde": 1,
    "seeds_2": 2,
    "seeds_3": 3,
    "sa_solver": 1,
    "sa_solver_pece": 1,
}
"""Samplers that draw from their generator, and how often in a step that does not go to sigma 0."""
BROWNIAN = [name for name in SAMPLERS if name.startswith("dpmpp") and "_sde" in name]
ADDS_NOISE = {*DRAWS, *BROWNIAN}
# Of the ancestral samplers these use formulas of models that only add noise, which a flow's data does not follow.
NOT_FOR_FLOWS = {"ddpm", "dpmpp_2s_ancestral_cfg_pp", "res_multistep_ancestral", "res_multistep_ancestral_cfg_pp"}
KEEPS_LAST_NOISE = {"dpm_fast", "dpm_adaptive"}
FIRST_ORDER = {"euler", "euler_cfg_pp", "ddim", "heunpp2", "gradient_estimation", "gradient_estimation_cfg_pp"}


def variance(sigma: float) -> float:
    return (1 - sigma) ** 2 * SPREAD**2 + sigma**2


def gaussian(x: Tensor, sigma: float) -> Prediction:
    x0 = MEAN + SPREAD**2 * (1 - sigma) / variance(sigma) * (x - (1 - sigma) * MEAN)
    return Prediction(x0, x0)


def exact(sigma: float) -> Tensor:
    return (1 - sigma) * MEAN + math.sqrt(variance(sigma)) * NOISE


def of_run(denoise: Denoiser, shape: torch.Size, sigmas: tuple[float, ...]) -> RunDenoiser:
    path = BrownianNoise(5, shape, sigmas)
    return RunDenoiser(denoise, lambda sigma, sigma_next: path(sigma, sigma_next).double(), FLOW)


def run(name: str, sigmas: tuple[float, ...], denoise: Denoiser = gaussian, start: Tensor | None = None) -> Tensor:
    sampler = find_sampler(name)
    levels = sampler.adapt_sigmas(sigmas, FLOW)
    state = SamplerState(x=exact(levels[0]) if start is None else start, rng=seeded_rng(5))
    asked = of_run(denoise, state.x.shape, sigmas)
    while state.step < sampler.total_steps(levels):
        state = sampler.step(state, asked, levels)
    return state.x


def even(start: float, end: float, steps: int) -> tuple[float, ...]:
    return tuple(start + (end - start) * i / steps for i in range(steps + 1))


def log_even(start: float, end: float, steps: int) -> tuple[float, ...]:
    return tuple(math.exp(value) for value in even(math.log(start), math.log(end), steps))


def worst(x: Tensor, target: Tensor) -> float:
    return float((x - target).abs().max())


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_certain_prediction_is_reached(name: str) -> None:
    clean = torch.linspace(-1, 1, 36, dtype=torch.float64).reshape(1, 4, 3, 3).expand(2, 4, 3, 3)
    sigmas = tuple(full_schedule("sgm_uniform", 8, FLOW).tolist())
    x = run(name, sigmas, lambda x, sigma: Prediction(clean, clean), NOISE)
    left = sigmas[-2] if name in KEEPS_LAST_NOISE else 0.001 if name.startswith("uni_pc") else 0.0
    # Near the end uni_pc works with a slightly smaller last sigma than it reports, see samplers_unipc.
    torch.testing.assert_close(x, (1 - left) * clean + left * NOISE, atol=1e-4 if left == 0.001 else 1e-9, rtol=0)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in ADDS_NOISE | KEEPS_LAST_NOISE])
def test_deterministic_samplers_carry_noise_to_the_data(name: str) -> None:
    sigmas = tuple(full_schedule("simple", 60, FLOW).tolist())
    assert worst(run(name, sigmas), exact(0.0)) < (0.08 if name in FIRST_ORDER else 0.03)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in ADDS_NOISE | KEEPS_LAST_NOISE | {"heunpp2"}])
def test_error_falls_with_the_order_of_the_method(name: str) -> None:
    # Multistep methods start with a first-order step, so over a fixed range their order shows as 2.
    make = even if name == "ipndm" else log_even
    coarse, fine = (worst(run(name, make(0.9, 0.2, steps)), exact(0.2)) for steps in (80, 160))
    first_order = name in FIRST_ORDER
    assert fine < (5e-3 if first_order else 3e-5)
    assert coarse / fine > (1.9 if first_order else 3.5)


@pytest.mark.parametrize("evaluations", [20, 21, 22])
def test_fast_solver_is_accurate_with_few_evaluations(evaluations: int) -> None:
    assert worst(run("dpm_fast", log_even(0.9, 0.2, evaluations)), exact(0.2)) < 1e-2


def test_adaptive_solver_keeps_its_error_near_its_tolerance() -> None:
    x = run("dpm_adaptive", log_even(0.9, 0.2, 5))
    assert 0 < worst(x, exact(0.2)) < 0.01


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in ADDS_NOISE])
def test_samplers_that_add_no_noise_leave_the_generator_alone(name: str) -> None:
    sampler = find_sampler(name)
    sigmas = sampler.adapt_sigmas((1.0, 0.7, 0.4, 0.0), FLOW)
    state = SamplerState(x=NOISE, rng=seeded_rng(5))
    asked = of_run(gaussian, NOISE.shape, sigmas)
    assert torch.equal(sampler.step(state, asked, sigmas).rng, state.rng)


@pytest.mark.parametrize(("name", "draws"), DRAWS.items())
def test_noise_is_drawn_so_often_per_step_and_not_for_the_last(name: str, draws: int) -> None:
    sampler = find_sampler(name)
    sigmas = (0.95, 0.8, 0.0)
    asked = of_run(gaussian, NOISE.shape, sigmas)
    state = sampler.step(SamplerState(x=NOISE, rng=seeded_rng(5)), asked, sigmas)
    generator = torch.Generator().manual_seed(5)
    for _ in range(draws):
        torch.randn(NOISE.shape, generator=generator)
    assert torch.equal(state.rng, generator.get_state())
    assert torch.equal(sampler.step(state, asked, sigmas).rng, state.rng)


@pytest.mark.parametrize("name", ["sa_solver", "sa_solver_pece"])
def test_stochastic_adams_draws_in_the_middle_of_the_schedule_only(name: str) -> None:
    # At shift 3, the fractions 0.2 and 0.8 of schedule time are sigma 0.923 and 0.429.
    sampler = find_sampler(name)
    sigmas = (0.99, 0.95, 0.9, 0.5, 0.4, 0.2, 0.0)
    asked = of_run(gaussian, NOISE.shape, sigmas)
    state, drew = SamplerState(x=NOISE, rng=seeded_rng(5)), []
    for _ in range(6):
        after = sampler.step(state, asked, sigmas)
        drew.append(not torch.equal(after.rng, state.rng))
        state = after
    assert drew == [False, True, True, False, False, False]


# lcm shrinks the spread at each step.
@pytest.mark.parametrize("name", sorted(ADDS_NOISE - NOT_FOR_FLOWS - {"lcm"}))
def test_stochastic_samplers_reach_the_distribution_of_the_data(name: str) -> None:
    noise = make_noise((1, 4, 64, 64), 11).double()
    x = run(name, tuple(full_schedule("sgm_uniform", 100, FLOW).tolist()), start=noise)
    count = noise.numel()
    assert float(x.mean()) == pytest.approx(MEAN, abs=5 * SPREAD / count**0.5)
    assert float(x.std()) == pytest.approx(SPREAD, rel=0.08 if name.startswith("euler") else 0.05)


def test_euler_is_that_of_diffusers() -> None:
    theirs = FlowMatchEulerDiscreteScheduler(shift=3.0)
    theirs.set_timesteps(12)
    sigmas = theirs.sigmas.tolist()
    x = sample = NOISE.float()
    for timestep, sigma in zip(theirs.timesteps, sigmas, strict=False):
        velocity = (sample - gaussian(sample, sigma).x0) / sigma
        sample = theirs.step(velocity, timestep, sample, return_dict=False)[0]
    torch.testing.assert_close(run("euler", tuple(sigmas), start=x), sample, atol=1e-5, rtol=0)


def test_step_is_pure() -> None:
    state = SamplerState(x=NOISE.clone(), rng=seeded_rng(5))
    for name in SAMPLERS:
        sampler = find_sampler(name)
        sigmas = sampler.adapt_sigmas((0.9, 0.5, 0.2, 0.0), FLOW)
        once, again = (sampler.step(state, of_run(gaussian, NOISE.shape, sigmas), sigmas) for _ in range(2))
        assert torch.equal(once.x, again.x), name
        assert torch.equal(state.x, NOISE), name
        assert state.step == 0


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_multistep_weights_integrate_polynomials_exactly(count: int) -> None:
    nodes = [0.5, 0.62, 0.8, 0.95][:count]
    for index in range(count):
        want, _ = quad(lambda s, i=index: samplers_multistep.lagrange_basis(nodes, i, s), 0.5, 0.31)
        assert samplers_multistep._lagrange_integral(nodes, index, 0.5, 0.31) == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_unequal_step_weights_are_adams_bashforth_for_equal_steps(count: int) -> None:
    # Order 4 is kept as published, which is not quite Adams-Bashforth; the recorded numbers fix it.
    weights = samplers_multistep._unequal_step_weights([-0.1] * count)
    assert weights == pytest.approx(samplers_multistep.ADAMS_BASHFORTH[count - 1])


def test_deis_weights_add_up_to_the_change_of_sigma() -> None:
    # Lagrange polynomials add up to 1, so their integrals add up to that of d sigma; the plain sum has an error of 1/N.
    weights = samplers_deis._weights((1.0, 0.8, 0.55, 0.3), 2, 3)
    assert sum(weights) == pytest.approx(0.3 - 0.55, rel=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_stochastic_adams_weights_integrate_polynomials_exactly(count: int) -> None:
    offsets, h, a = [-0.4, -0.9, -1.7, -2.0][:count], 0.4, 2.0
    weights = samplers_sa._weights(offsets, h, a)
    for power in range(count):
        want, _ = quad(lambda u, n=power: a * math.exp(a * u) * u**n, -h, 0)
        assert sum(w * u**power for w, u in zip(weights, offsets, strict=True)) == pytest.approx(want, abs=1e-12)


def test_integrals_of_the_extended_sde_are_those_of_its_noise_scaler() -> None:
    here, there = 2.0, 1.5
    scaler = samplers_er_sde.noise_scaler
    first, _ = quad(lambda ratio: 1 / scaler(ratio), there, here)
    second, _ = quad(lambda ratio: (ratio - here) / scaler(ratio), there, here)
    # The recorded sampler takes left sums of 200 points, which are off by half a point.
    assert samplers_er_sde._integrals(here, there) == pytest.approx(
        (first * scaler(there), second * scaler(there)), rel=0.01
    )


def test_middle_of_a_step_lies_half_way_in_log_snr() -> None:
    assert half_log_snr(between(0.9, 0.2, 0.5)) == pytest.approx((half_log_snr(0.9) + half_log_snr(0.2)) / 2, abs=1e-6)


@pytest.mark.parametrize("name", [*BROWNIAN, "er_sde", "seeds_2", "seeds_3", "sa_solver", "sa_solver_pece"])
def test_solvers_in_log_snr_start_just_below_pure_noise(name: str) -> None:
    adapt = find_sampler(name).adapt_sigmas
    assert adapt((1.0, 0.5, 0.0), FLOW) == (pytest.approx(0.99997, abs=1e-5), 0.5, 0.0)
    assert adapt((0.9, 0.5, 0.0), FLOW) == (0.9, 0.5, 0.0)


@pytest.mark.parametrize("evaluations", range(12))
def test_fast_solver_spends_one_evaluation_per_interval(evaluations: int) -> None:
    assert sum(fast_orders((1.0,) * (evaluations + 1))) == evaluations


def test_unknown_sampler_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"sampler must be one of euler, .*uni_pc_bh2, got 'eulr'"):
        find_sampler("eulr")
