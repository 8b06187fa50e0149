"""SA-Solver: stochastic Adams predictor and corrector (arXiv 2309.05019, algorithm 1).

In lambda = ln((1 - sigma) / sigma) the paper's equation 12 gives, over a step of length h with noise strength tau,
x' = sigma' / sigma exp(-tau^2 h) x + (1 - sigma') int_{-h}^0 a exp(a u) x0(u) du + noise, a = 1 + tau^2,
with u = lambda - lambda', and x0 the polynomial through known predictions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sd35graph.sampling.flow import percent_to_sigma
from sd35graph.sampling.samplers_sde import h_between
from sd35graph.sampling.state import RunDenoiser, SamplerState, Sigmas, interval
from sd35graph.values import FlowSettings

PREDICTOR_ORDER, CORRECTOR_ORDER = 3, 4
NOISY_PERCENT = (0.2, 0.8)


def sa_solver(
    state: SamplerState, denoise: RunDenoiser, sigmas: Sigmas, *, evaluate_corrected: bool = False
) -> SamplerState:
    """Evaluate at the predicted x, correct it with what was found, predict the next.

    evaluate_corrected: evaluate once more at the corrected x (PECE). state.history: the corrected x of the last step,
    the noise that its prediction received, then predictions of x0, newest first.
    """
    index = state.step
    sigma, sigma_next = interval(state, sigmas)
    x, x0 = state.x, denoise(state.x, sigma).x0
    first, known = x0, (x0, *state.history[2 : 1 + CORRECTOR_ORDER])
    if state.history and (sigma_next > 0 or evaluate_corrected):
        order = _order(CORRECTOR_ORDER, len(known), len(sigmas) - 1 - index, sigmas)
        x = _adams(state.history[0], known[:order], sigmas, index, index, denoise.flow) + state.history[1]
        if evaluate_corrected:
            x0 = denoise(x, sigma).x0
            known = (x0, *known[1:])
    if sigma_next == 0:
        return state.after(x0, first)
    order = _order(PREDICTOR_ORDER, len(known), len(sigmas) - 2 - index, sigmas)
    predicted = _adams(x, known[:order], sigmas, index, index + 1, denoise.flow)
    noise, drawn = torch.zeros_like(x), state
    tau = _tau(sigma_next, denoise.flow)
    if tau > 0:
        noise, drawn = state.draw()
        noise = noise * (sigma_next * math.sqrt(-math.expm1(-2 * tau**2 * h_between(sigma, sigma_next))))
    return drawn.after(predicted + noise, first, (x, noise, *known))


def _tau(sigma: float, flow: FlowSettings) -> float:
    """Noise strength of a step to `sigma`: 1 in the middle of the schedule, 0 at its ends."""
    start, end = (percent_to_sigma(flow, percent) for percent in NOISY_PERCENT)
    return 1.0 if start >= sigma >= end else 0.0


def _order(highest: int, known: int, remaining: int, sigmas: Sigmas) -> int:
    """What the known predictions allow; falling towards the end of a schedule that ends at 0."""
    return min(highest, known, remaining) if sigmas[-1] == 0 else min(highest, known)


def _adams(x: Tensor, known: Sequence[Tensor], sigmas: Sigmas, newest: int, target: int, flow: FlowSettings) -> Tensor:
    """x at sigmas[target] from x at sigmas[target - 1], without noise.

    known: predictions, newest first, the first of them at sigmas[newest].
    """
    sigma, sigma_next = sigmas[target - 1], sigmas[target]
    tau, h = _tau(sigma_next, flow), h_between(sigma, sigma_next)
    x = x * (sigma_next / sigma * math.exp(-(tau**2) * h))
    offsets = [h_between(sigma_next, sigmas[newest - age]) for age in range(len(known))]
    for weight, x0 in zip(_weights(offsets, h, 1 + tau**2), known, strict=True):
        x = x + x0 * ((1 - sigma_next) * weight)
    return x


def _weights(offsets: Sequence[float], h: float, a: float) -> list[float]:
    """Weights w with sum w_i p(offsets_i) = int_{-h}^0 a exp(a u) p(u) du for all polynomials p of that degree."""
    rows, moments = [], []
    moment = -math.expm1(-a * h)
    for power in range(len(offsets)):
        rows.append([offset**power for offset in offsets])
        moments.append(moment)
        moment = -((-h) ** (power + 1)) * math.exp(-a * h) - (power + 1) / a * moment  # by parts
    solution = torch.linalg.solve(torch.tensor(rows, dtype=torch.float64), torch.tensor(moments, dtype=torch.float64))
    return [float(value) for value in solution]
