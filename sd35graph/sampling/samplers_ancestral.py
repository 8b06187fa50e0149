"""Ancestral samplers of a rectified flow: step below the next sigma, then rescale and renoise up to it.

k-diffusion's ancestral step (Karras et al., arXiv 2206.00364; `sampling.py`, get_ancestral_step, MIT), for
x = (1 - sigma) x0 + sigma noise instead of x = x0 + sigma noise. All with eta 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from sd35graph.sampling.flow import from_half_log_snr, half_log_snr
from sd35graph.sampling.state import Denoiser, SamplerState, Sigmas, interval, slope


class _Ancestral(NamedTuple):
    """Where a step goes first (`down`), and the scale and noise there that lead to the next sigma."""

    down: float
    scale: float
    renoise: float


def _ancestral(sigma: float, sigma_next: float) -> _Ancestral:
    down = sigma_next**2 / sigma
    scale = (1 - sigma_next) / (1 - down)
    return _Ancestral(down, scale, math.sqrt(max(sigma_next**2 - (down * scale) ** 2, 0.0)))


def euler_ancestral(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """Euler step down, then fresh noise."""
    sigma, sigma_next = interval(state, sigmas)
    down, scale, renoise = _ancestral(sigma, sigma_next)
    x0 = denoise(state.x, sigma).x0
    x = state.x + slope(state.x, x0, sigma) * (down - sigma)
    return state.after(x * scale, x0).with_noise(renoise)


def dpm_2_ancestral(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """Midpoint rule in log sigma down (DPM-Solver-2, arXiv 2206.00927), then fresh noise; Euler to sigma 0."""
    sigma, sigma_next = interval(state, sigmas)
    down, scale, renoise = _ancestral(sigma, sigma_next)
    x0 = denoise(state.x, sigma).x0
    d = slope(state.x, x0, sigma)
    if down > 0:
        middle = math.sqrt(sigma * down)
        x_middle = state.x + d * (middle - sigma)
        d = slope(x_middle, denoise(x_middle, middle).x0, middle)
    return state.after((state.x + d * (down - sigma)) * scale, x0).with_noise(renoise)


# log SNR is infinite at pure noise; the half step from there goes to this sigma.
MIDDLE_FROM_PURE_NOISE = 0.9999


def dpmpp_2s_ancestral(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """DPM-Solver++(2S) down (arXiv 2211.01095, algorithm 1), then fresh noise; Euler to sigma 0."""
    sigma, sigma_next = interval(state, sigmas)
    down, scale, renoise = _ancestral(sigma, sigma_next)
    x0 = first = denoise(state.x, sigma).x0
    if down > 0:
        middle = MIDDLE_FROM_PURE_NOISE
        if sigma < 1:
            middle = from_half_log_snr((half_log_snr(sigma) + half_log_snr(down)) / 2)
        ratio = middle / sigma
        x0 = denoise(state.x * ratio + first * (1 - ratio), middle).x0
    ratio = down / sigma
    return state.after((state.x * ratio + x0 * (1 - ratio)) * scale, first).with_noise(renoise)


def lcm(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """The prediction itself, noised anew (Latent Consistency Models, arXiv 2310.04378, algorithm 3)."""
    sigma, sigma_next = interval(state, sigmas)
    x0 = denoise(state.x, sigma).x0
    return state.after(x0 * (1 - sigma_next), x0).with_noise(sigma_next)


def euler_cfg_pp(state: SamplerState, denoise: Denoiser, sigmas: Sigmas, *, ancestral: bool = False) -> SamplerState:
    """CFG++ (arXiv 2406.08070, algorithm 2): towards the guided x0, along the noise of the unconditional one.

    ancestral: all noise but the part that the signal-to-noise ratio carries over is fresh (DDIM with eta 1, arXiv
    2010.02502, equation 16).
    """
    sigma, sigma_next = interval(state, sigmas)
    x0, uncond = denoise(state.x, sigma)
    noise = (state.x - uncond * (1 - sigma)) / sigma
    kept = sigma_next * (1 - sigma) / (sigma * (1 - sigma_next)) if ancestral else 1.0
    x = x0 * (1 - sigma_next) + noise * (sigma_next * kept)
    return state.after(x, x0).with_noise(sigma_next * math.sqrt(1 - kept**2))
