"""Samplers that remember nothing between steps."""

from __future__ import annotations

import math

from sd35graph.sampling.state import Denoiser, SamplerState, Sigmas, ancestral_split, interval, slope


def euler(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """Euler step along the slope (EDM, arXiv 2206.00364, algorithm 1 without churn)."""
    sigma, sigma_next = interval(state, sigmas)
    x0 = denoise(state.x, sigma).x0
    return state.after(state.x + slope(state.x, x0, sigma) * (sigma_next - sigma), x0)


def heun(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """Mean of the slopes at both ends (EDM, arXiv 2206.00364, algorithm 1); Euler for the step to sigma 0."""
    sigma, sigma_next = interval(state, sigmas)
    x, dt = state.x, sigma_next - sigma
    x0 = denoise(x, sigma).x0
    d = slope(x, x0, sigma)
    if sigma_next > 0:
        x_end = x + d * dt
        d = (d + slope(x_end, denoise(x_end, sigma_next).x0, sigma_next)) / 2
    return state.after(x + d * dt, x0)


def heunpp2(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """Heun's rule stretched over up to three slopes, each later one reached from the last by an Euler step.

    Of k slopes, that at a later sigma s weighs s / (k * sigmas[0]) and the first takes the rest. k is 3, but 2 one step
    before the end and 1 (Euler) in the last step. The recipe is the community's (Heun++ 2); there is no paper.
    """
    sigma, sigma_next = interval(state, sigmas)
    following = sigmas[state.step + 1 : min(state.step + 3, len(sigmas) - 1)]
    x0 = denoise(state.x, sigma).x0
    first = d = slope(state.x, x0, sigma)
    mean, x, at = first, state.x, sigma
    for later in following:
        x, at = x + d * (later - at), later
        d = slope(x, denoise(x, at).x0, at)
        mean = mean + (d - first) * (at / ((len(following) + 1) * sigmas[0]))
    return state.after(state.x + mean * (sigma_next - sigma), x0)


def dpm_2(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """Midpoint rule with the midpoint in log sigma (DPM-Solver-2, arXiv 2206.00927); Euler to sigma 0."""
    sigma, sigma_next = interval(state, sigmas)
    x = state.x
    x0 = denoise(x, sigma).x0
    d = slope(x, x0, sigma)
    if sigma_next > 0:
        middle = math.sqrt(sigma * sigma_next)
        x_middle = x + d * (middle - sigma)
        d = slope(x_middle, denoise(x_middle, middle).x0, middle)
    return state.after(x + d * (sigma_next - sigma), x0)


def ddpm(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """Ancestral step of DDPM (arXiv 2006.11239, algorithm 2) with alpha_bar = 1 / (1 + sigma^2)."""
    sigma, sigma_next = interval(state, sigmas)
    x0 = denoise(state.x, sigma).x0
    bar, bar_next = 1 / (1 + sigma**2), 1 / (1 + sigma_next**2)
    alpha = bar / bar_next
    # DDPM works on sqrt(alpha_bar) * x; the last factor returns to our scale.
    mean = state.x * math.sqrt(bar) - slope(state.x, x0, sigma) * ((1 - alpha) / math.sqrt(1 - bar))
    scale = math.sqrt(1 / alpha) / math.sqrt(bar_next)
    deviation = math.sqrt((1 - alpha) * (1 - bar_next) / (1 - bar) / bar_next)
    return state.after(mean * scale, x0).with_noise(deviation)


def dpmpp_2s_ancestral_cfg_pp(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """DPM-Solver++(2S) (arXiv 2211.01095, algorithm 1) to sigma_down, then fresh noise, guided as in CFG++.

    CFG++ (arXiv 2406.08070) takes the noise direction from the unconditional prediction, which is the same as moving x
    by x0 - uncond before the solver's own formula. As in the reference, the second half uses the x0 of the first
    evaluation with the uncond of the second.
    """
    sigma, sigma_next = interval(state, sigmas)
    down, up = ancestral_split(sigma, sigma_next, eta=1.0)
    x0, uncond = denoise(state.x, sigma)
    if down == 0:
        return state.after(x0, x0)
    ratio = math.sqrt(down / sigma)
    x_middle = (state.x + (x0 - uncond)) * ratio + x0 * (1 - ratio)
    x0_middle, uncond_middle = denoise(x_middle, sigma * ratio)
    ratio = down / sigma
    x = (state.x + (x0 - uncond_middle)) * ratio + x0_middle * (1 - ratio)
    return state.after(x, x0).with_noise(up)
