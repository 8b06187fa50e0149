"""Samplers of the reverse-time SDE in half log SNR, lambda = ln((1 - sigma) / sigma), all with eta 1.

Between two sigmas, h apart in lambda, the linear part is solved exactly (arXiv 2211.01095, section 5):
x' = keep x + (1 - sigma') gain x0 + sigma' sqrt(gain) noise, keep = sigma' / sigma exp(-h), gain = 1 - exp(-2 h).
The samplers differ in what they put in for x0 and in where the noise comes from. None can start at sigma 1, where
lambda is infinite, see `below_one`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sd35graph.sampling.flow import half_log_snr, percent_to_sigma
from sd35graph.sampling.state import Denoiser, RunDenoiser, SamplerState, Sigmas, interval
from sd35graph.values import FlowSettings

START_PERCENT = 1e-4


def below_one(sigmas: Sigmas, flow: FlowSettings) -> Sigmas:
    """The schedule with a first sigma of 1 or more replaced by one just below 1."""
    return (percent_to_sigma(flow, START_PERCENT), *sigmas[1:]) if sigmas[0] >= 1 else sigmas


def h_between(sigma: float, sigma_next: float) -> float:
    """The length of a step in lambda."""
    return half_log_snr(sigma_next) - half_log_snr(sigma)


def between(sigma: float, sigma_next: float, fraction: float) -> float:
    """The sigma at this fraction of the step in lambda.

    In float32, as in the recorded pipeline: a Brownian path is rough, and shows a difference in the last bit.
    """
    start, end = -torch.tensor([sigma, sigma_next], dtype=torch.float32).logit()
    return float((-(start + fraction * (end - start))).sigmoid())


def keep(sigma: float, sigma_next: float) -> float:
    """What the linear part leaves of x."""
    return sigma_next / sigma * math.exp(-h_between(sigma, sigma_next))


def gain(sigma: float, sigma_next: float) -> float:
    """The share of x0 and of the noise's variance that a step brings in anew."""
    return -math.expm1(-2 * h_between(sigma, sigma_next))


def advance(x: Tensor, x0: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """x after a step with this x0, without its noise."""
    return x * keep(sigma, sigma_next) + x0 * ((1 - sigma_next) * gain(sigma, sigma_next))


def deviation(sigma: float, sigma_next: float) -> float:
    """Of the noise that belongs to a step."""
    return sigma_next * math.sqrt(gain(sigma, sigma_next))


def dpmpp_sde(state: SamplerState, denoise: RunDenoiser, sigmas: Sigmas) -> SamplerState:
    """DPM-Solver++(2S) for the SDE: the x0 half way decides (k-diffusion `sampling.py`, sample_dpmpp_sde, MIT)."""
    sigma, sigma_next = interval(state, sigmas)
    x0 = denoise(state.x, sigma).x0
    if sigma_next == 0:
        return state.after(x0, x0)
    middle = between(sigma, sigma_next, 1 / 2)
    x_middle = advance(state.x, x0, sigma, middle)
    x_middle = x_middle + denoise.noise_between(sigma, middle) * deviation(sigma, middle)
    x = advance(state.x, denoise(x_middle, middle).x0, sigma, sigma_next)
    return state.after(x + denoise.noise_between(sigma, sigma_next) * deviation(sigma, sigma_next), x0)


def dpmpp_2m_sde(state: SamplerState, denoise: RunDenoiser, sigmas: Sigmas, *, heun: bool = False) -> SamplerState:
    """DPM-Solver++(2M) for the SDE (arXiv 2211.01095, equation 18; k-diffusion sample_dpmpp_2m_sde, MIT).

    heun: the slope of x0 is weighed as Heun's rule does, not as the midpoint rule.
    """
    sigma, sigma_next = interval(state, sigmas)
    x0 = denoise(state.x, sigma).x0
    if sigma_next == 0:
        return state.after(x0, x0)
    x = advance(state.x, x0, sigma, sigma_next)
    if state.history:
        h, part = h_between(sigma, sigma_next), gain(sigma, sigma_next)
        slope = (x0 - state.history[0]) * (h / h_between(sigmas[state.step - 1], sigma))
        x = x + slope * ((1 - sigma_next) * (1 - part / (2 * h) if heun else part / 2))
    x = x + denoise.noise_between(sigma, sigma_next) * deviation(sigma, sigma_next)
    return state.after(x, x0, (x0,))


def dpmpp_3m_sde(state: SamplerState, denoise: RunDenoiser, sigmas: Sigmas) -> SamplerState:
    """DPM-Solver++(3M) for the SDE (k-diffusion sample_dpmpp_3m_sde, MIT; order conditions as arXiv 2211.01095)."""
    sigma, sigma_next = interval(state, sigmas)
    x0 = denoise(state.x, sigma).x0
    if sigma_next == 0:
        return state.after(x0, x0)
    h = h_between(sigma, sigma_next)
    phi_2 = 1 - gain(sigma, sigma_next) / (2 * h)
    phi_3 = phi_2 / (2 * h) - 1 / 2
    # Earlier steps in units of this one, and the divided differences of x0 over them.
    lengths = [
        h_between(*sigmas[state.step - age : state.step - age + 2]) / h for age in range(1, len(state.history) + 1)
    ]
    values = (x0, *state.history)
    slopes = [(values[age] - values[age + 1]) / length for age, length in enumerate(lengths)]
    x = advance(state.x, x0, sigma, sigma_next)
    if len(slopes) == 1:
        x = x + slopes[0] * ((1 - sigma_next) * phi_2)
    elif slopes:
        curve = (slopes[0] - slopes[1]) / (lengths[0] + lengths[1])
        x = x + ((slopes[0] + curve * lengths[0]) * phi_2 - curve * phi_3) * (1 - sigma_next)
    x = x + denoise.noise_between(sigma, sigma_next) * deviation(sigma, sigma_next)
    return state.after(x, x0, values[:2])


def seeds_2(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """SEEDS-2 (arXiv 2305.14267, algorithm 2) with the evaluation half way; two draws per step."""
    sigma, sigma_next = interval(state, sigmas)
    x0 = denoise(state.x, sigma).x0
    if sigma_next == 0:
        return state.after(x0, x0)
    middle = between(sigma, sigma_next, 1 / 2)
    noise, drawn = _carried(None, state, sigma, middle)
    x0_middle = denoise(advance(state.x, x0, sigma, middle) + noise, middle).x0
    noise, drawn = _carried(noise, drawn, middle, sigma_next)
    return drawn.after(advance(state.x, x0_middle, sigma, sigma_next) + noise, x0)


def seeds_3(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """SEEDS-3 (arXiv 2305.14267, algorithm 3) with evaluations at 1/3 and 2/3; three draws per step."""
    sigma, sigma_next = interval(state, sigmas)
    x0 = denoise(state.x, sigma).x0
    if sigma_next == 0:
        return state.after(x0, x0)
    first, second = (between(sigma, sigma_next, fraction) for fraction in (1 / 3, 2 / 3))
    noise, drawn = _carried(None, state, sigma, first)
    x0_first = denoise(advance(state.x, x0, sigma, first) + noise, first).x0
    noise, drawn = _carried(noise, drawn, first, second)
    x_second = _advance_along(state.x, x0, (x0_first - x0) * 2, sigma, second)
    x0_second = denoise(x_second + noise, second).x0
    noise, drawn = _carried(noise, drawn, second, sigma_next)
    x = _advance_along(state.x, x0, (x0_second - x0) * (3 / 2), sigma, sigma_next)
    return drawn.after(x + noise, x0)


def _advance_along(x: Tensor, x0: Tensor, change: Tensor, sigma: float, sigma_next: float) -> Tensor:
    """`advance` with an x0 that changes by `change` over the step, evenly in lambda."""
    weight = 1 - gain(sigma, sigma_next) / (2 * h_between(sigma, sigma_next))
    return advance(x, x0, sigma, sigma_next) + change * ((1 - sigma_next) * weight)


def _carried(noise: Tensor | None, state: SamplerState, sigma: float, sigma_next: float) -> tuple[Tensor, SamplerState]:
    """The noise of a step up to `sigma_next`: what it had at `sigma`, decayed, and a fresh draw."""
    fresh, state = state.draw()
    fresh = fresh * deviation(sigma, sigma_next)
    return (fresh if noise is None else noise * keep(sigma, sigma_next) + fresh), state
