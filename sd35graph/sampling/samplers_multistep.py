"""Samplers that reuse the predictions of earlier steps instead of evaluating the network again."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from sd35graph.sampling.state import Denoiser, SamplerState, Sigmas, ancestral_split, interval, slope

MAX_ORDER = 4


def lms(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """Linear multistep of order 4 on the slopes (k-diffusion `sampling.py`, sample_lms, MIT)."""
    sigma, sigma_next = interval(state, sigmas)
    x0, slopes = _recent_slopes(state, denoise, sigma)
    if sigma_next == 0:
        return state.after(x0, x0)
    nodes = [sigmas[state.step - age] for age in range(len(slopes))]
    weights = [_lagrange_integral(nodes, age, sigma, sigma_next) for age in range(len(slopes))]
    return state.after(state.x + _weighted_sum(weights, slopes), x0, slopes)


def ipndm(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """Adams-Bashforth of order 4 with the constants of equal steps (iPNDM; arXiv 2202.09778, 2204.13902 eq. 20)."""
    sigma, sigma_next = interval(state, sigmas)
    x0, slopes = _recent_slopes(state, denoise, sigma)
    if sigma_next == 0:
        return state.after(x0, x0)
    d = _weighted_sum(ADAMS_BASHFORTH[len(slopes) - 1], slopes)
    return state.after(state.x + d * (sigma_next - sigma), x0, slopes)


ADAMS_BASHFORTH = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)


def ipndm_v(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """Adams-Bashforth of order 4 with weights for unequal steps (zju-pi/diff-sampler `solvers.py`)."""
    sigma, sigma_next = interval(state, sigmas)
    x0, slopes = _recent_slopes(state, denoise, sigma)
    if sigma_next == 0:
        return state.after(x0, x0)
    # Newest first: the step being taken, then those already taken.
    steps = [sigma_next - sigma] + [sigmas[state.step - k] - sigmas[state.step - k - 1] for k in range(len(slopes) - 1)]
    d = _weighted_sum(_unequal_step_weights(steps), slopes)
    return state.after(state.x + d * (sigma_next - sigma), x0, slopes)


def _unequal_step_weights(steps: Sequence[float]) -> list[float]:
    """Weights of the slopes, newest first, for these steps, newest first.

    Kept as published. At order 4 they are not the exact Adams-Bashforth weights (those are in `lms`), even for equal
    steps, and recorded results depend on it.
    """
    if len(steps) == 1:
        return [1.0]
    h, h1 = steps[0], steps[1]
    first = h / h1
    weights = [1 + first / 2, -first / 2]
    if len(steps) == 2:
        return weights
    h2 = steps[2]
    r = h1 / h2
    second = (1 - h / (3 * (h + h1)) * (h * (h + h1)) / (h1 * (h1 + h2))) / 2
    weights = [weights[0] + second, weights[1] - (1 + r) * second, r * second]
    if len(steps) == 3:
        return weights
    h3 = steps[3]
    q = h1 * (h1 + h2) / (h2 * (h2 + h3))
    third = (1 - h / (3 * (h + h1))) / 2 + (1 - h / (2 * (h + h1))) * h / (6 * (h + h1 + h2))
    third *= h * (h + h1) * (h + h1 + h2) / (h1 * (h1 + h2) * (h1 + h2 + h3))
    return [
        weights[0] + third,
        weights[1] - (1 + r + q) * third,
        weights[2] + (r + q * (1 + h2 / h3)) * third,
        -q * r * third,
    ]


def _recent_slopes(state: SamplerState, denoise: Denoiser, sigma: float) -> tuple[Tensor, tuple[Tensor, ...]]:
    """x0 here, and the slopes here and in the steps before, newest first, at most MAX_ORDER."""
    x0 = denoise(state.x, sigma).x0
    return x0, (slope(state.x, x0, sigma), *state.history[: MAX_ORDER - 1])


def _weighted_sum(weights: Sequence[float], tensors: Sequence[Tensor]) -> Tensor:
    total = tensors[0] * weights[0]
    for weight, tensor in zip(weights[1:], tensors[1:], strict=True):
        total = total + tensor * weight
    return total


def lagrange_basis(nodes: Sequence[float], index: int, at: float) -> float:
    """The polynomial that is 1 at nodes[index] and 0 at the others, evaluated at `at`."""
    product = 1.0
    for other, node in enumerate(nodes):
        if other != index:
            product *= (at - node) / (nodes[index] - node)
    return product


def _lagrange_integral(nodes: Sequence[float], index: int, start: float, end: float) -> float:
    # Two Gauss points integrate a cubic exactly, and four nodes give a cubic.
    middle, half = (start + end) / 2, (end - start) / 2
    return half * sum(lagrange_basis(nodes, index, middle + half * point) for point in (-(3**-0.5), 3**-0.5))


def gradient_estimation(
    state: SamplerState, denoise: Denoiser, sigmas: Sigmas, *, cfg_pp: bool = False, gamma: float = 2.0
) -> SamplerState:
    """Euler with the slope extrapolated by the last change (arXiv 2306.04848, algorithm 2).

    cfg_pp: the slope is that of the unconditional prediction and the step starts from x0 (arXiv 2406.08070).
    """
    sigma, sigma_next = interval(state, sigmas)
    x0, uncond = denoise(state.x, sigma)
    if sigma_next == 0:
        return state.after(x0, x0)
    d = slope(state.x, uncond if cfg_pp else x0, sigma)
    x = x0 + d * sigma_next if cfg_pp else state.x + d * (sigma_next - sigma)
    if state.history:
        x = x + (d - state.history[0]) * ((gamma - 1) * (sigma_next - sigma))
    return state.after(x, x0, (d,))


def dpmpp_2m(state: SamplerState, denoise: Denoiser, sigmas: Sigmas, *, cfg_pp: bool = False) -> SamplerState:
    """DPM-Solver++(2M) in log sigma (arXiv 2211.01095, algorithm 2; k-diffusion sample_dpmpp_2m, MIT).

    cfg_pp: the noise direction is taken from the unconditional prediction (arXiv 2406.08070), and so is the older
    value in the second-order term.
    """
    sigma, sigma_next = interval(state, sigmas)
    x0, uncond = denoise(state.x, sigma)
    ratio = sigma_next / sigma
    x = x0 + (state.x - (uncond if cfg_pp else x0)) * ratio
    if state.history and sigma_next > 0:
        r = math.log(sigmas[state.step - 1] / sigma) / math.log(sigma / sigma_next)
        x = x + (x0 - state.history[0]) * ((1 - ratio) / (2 * r))
    return state.after(x, x0, (uncond if cfg_pp else x0,))


def res_multistep(
    state: SamplerState, denoise: Denoiser, sigmas: Sigmas, *, eta: float = 0.0, cfg_pp: bool = False
) -> SamplerState:
    """Second-order multistep of the refined exponential solver (arXiv 2308.02157, section 4).

    eta: share of each step that is replaced by fresh noise; 0 gives the deterministic sampler, 1 the ancestral one.
    cfg_pp: as in `dpmpp_2m`.
    """
    sigma, sigma_next = interval(state, sigmas)
    down, up = ancestral_split(sigma, sigma_next, eta)
    x0, uncond = denoise(state.x, sigma)
    base = uncond if cfg_pp else x0
    if down == 0 or not state.history:
        x = x0 + (state.x - base) * (down / sigma)
    else:
        h = math.log(sigma / down)
        # Where the previous evaluation lies, measured from the point the previous step went down to.
        c2 = math.log(state.numbers[0] / sigmas[state.step - 1]) / h
        phi1 = -math.expm1(-h) / h
        phi2 = (1 - phi1) / h
        start = state.x + (x0 - uncond) if cfg_pp else state.x
        weights = (h * (phi1 - phi2 / c2), h * phi2 / c2)
        x = start * (down / sigma) + _weighted_sum(weights, (base, state.history[0]))
    return state.after(x, x0, (base,), (down,)).with_noise(up)
