"""ER-SDE-Solver-3: the extended reverse-time SDE (arXiv 2309.06169, algorithm 3; QinpengCui/ER-SDE-Solver).

Works in the ratio lambda = sigma / (1 - sigma) of x / (1 - sigma), as for a model that only adds noise.
"""

from __future__ import annotations

import math

from sd35graph.sampling.state import Denoiser, SamplerState, Sigmas, interval

POINTS = 200


def noise_scaler(ratio: float) -> float:
    """phi(lambda), which says how much noise the SDE has at each level (the paper's ER-SDE 5)."""
    return ratio * (math.exp(ratio**0.3) + 10.0)


def er_sde(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """A Taylor step with the slope and curvature of x0 in lambda. state.history: the last x0 and slope."""
    sigma, sigma_next = interval(state, sigmas)
    x0 = denoise(state.x, sigma).x0
    if sigma_next == 0:
        return state.after(x0, x0)
    here, there = _ratio(sigma), _ratio(sigma_next)
    alpha, alpha_next = 1 - sigma, 1 - sigma_next
    r = noise_scaler(there) / noise_scaler(here)
    x = state.x * (alpha_next / alpha * r) + x0 * (alpha_next * (1 - r))
    history = [x0]
    if state.history:
        first, second = _integrals(here, there)
        slope = (x0 - state.history[0]) / (here - _ratio(sigmas[state.step - 1]))
        x = x + slope * (alpha_next * (there - here + first))
        history.append(slope)
        if len(state.history) > 1:
            curvature = (slope - state.history[1]) / ((here - _ratio(sigmas[state.step - 2])) / 2)
            x = x + curvature * (alpha_next * ((there - here) ** 2 / 2 + second))
    deviation = math.sqrt(max(there**2 - (here * r) ** 2, 0.0))
    return state.after(x, x0, tuple(history)).with_noise(alpha_next * deviation)


def _ratio(sigma: float) -> float:
    return sigma / (1 - sigma)


def _integrals(here: float, there: float) -> tuple[float, float]:
    """phi(there) times the integrals from `there` to `here` of 1 / phi and of (lambda - here) / phi, as left sums."""
    step = (here - there) / POINTS
    positions = [there + index * step for index in range(POINTS)]
    scales = [noise_scaler(position) for position in positions]
    first = sum(1 / scale for scale in scales)
    second = sum((position - here) / scale for position, scale in zip(positions, scales, strict=True))
    return first * step * noise_scaler(there), second * step * noise_scaler(there)
