"""DEIS: exponential integrator with a polynomial through earlier slopes (arXiv 2204.13902).

Tabulated coefficients ("tab") in the time of a variance-preserving process, as in zju-pi/diff-sampler,
`solver_utils.get_deis_coeff_list`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sd35graph.sampling.state import Denoiser, SamplerState, Sigmas, interval, slope

ORDER = 3
POINTS = 10_000
# Linear beta schedule whose sigma is 0.002 at t = 0.001 and 80 at t = 1 (EDM, arXiv 2206.00364, table 1).
_LOG_LOW, _LOG_HIGH, _T_LOW = math.log1p(0.002**2), math.log1p(80.0**2), 1e-3
BETA_D = 2 * (_LOG_LOW / _T_LOW - _LOG_HIGH) / (_T_LOW - 1)
BETA_MIN = _LOG_HIGH - BETA_D / 2


def deis(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """DEIS of order 3; Euler in the first step and in the one to sigma 0."""
    sigma, sigma_next = interval(state, sigmas)
    x0 = denoise(state.x, sigma).x0
    slopes = (slope(state.x, x0, sigma), *state.history[: ORDER - 1])
    if sigma_next == 0 or len(slopes) == 1:
        return state.after(state.x + slopes[0] * (sigma_next - sigma), x0, slopes)
    x = state.x
    for weight, d in zip(_weights(sigmas, state.step, len(slopes)), slopes, strict=True):
        x = x + d * weight
    return state.after(x, x0, slopes)


def _weights(sigmas: Sigmas, step: int, order: int) -> list[float]:
    """Integral of d sigma / dt times each Lagrange polynomial over the step, newest slope first."""
    nodes = [_vp_time(sigmas[step - age]) for age in range(order)]
    start, end = nodes[0], _vp_time(sigmas[step + 1])
    t = torch.linspace(start, end, POINTS, dtype=torch.float64)
    log_alpha = -0.5 * BETA_D * t**2 - BETA_MIN * t
    # d sigma / dt for sigma = sqrt((1 - alpha) / alpha)
    rate = 0.5 * (BETA_D * t + BETA_MIN) / torch.sqrt(torch.exp(log_alpha) * -torch.expm1(log_alpha))
    # The reference sums over both ends with this width; a trapezoid rule would differ by more than the tolerance.
    width = (end - start) / POINTS
    return [float((rate * _lagrange(nodes, index, t)).sum()) * width for index in range(order)]


def _vp_time(sigma: float) -> float:
    return (math.sqrt(BETA_MIN**2 + 2 * BETA_D * math.log1p(sigma**2)) - BETA_MIN) / BETA_D


def _lagrange(nodes: list[float], index: int, t: Tensor) -> Tensor:
    product = torch.ones_like(t)
    for other, node in enumerate(nodes):
        if other != index:
            product = product * ((t - node) / (nodes[index] - node))
    return product
