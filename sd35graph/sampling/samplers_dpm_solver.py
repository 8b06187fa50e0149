"""DPM-Solver in t = -log sigma (arXiv 2206.00927; k-diffusion `sampling.py`, DPMSolver, MIT).

Both samplers stop at the last sigma above 0: the noise of that level stays in the result.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from sd35graph.sampling.state import Denoiser, SamplerState, Sigmas, slope

RELATIVE_TOLERANCE = 0.05
ABSOLUTE_TOLERANCE = 0.0078
FIRST_STEP = 0.05
ACCEPT_FACTOR = 0.81
END_MARGIN = 1e-5


def _time_range(sigmas: Sigmas) -> tuple[float, float]:
    last = sigmas[-1] if sigmas[-1] > 0 else sigmas[-2]
    return -math.log(sigmas[0]), -math.log(last)


def _eps(denoise: Denoiser, x: Tensor, t: float) -> Tensor:
    sigma = math.exp(-t)
    return slope(x, denoise(x, sigma).x0, sigma)


def _first_order(x: Tensor, eps: Tensor, t: float, h: float) -> Tensor:
    """Equation 3.7: x at t + h from the slope at t."""
    return x - eps * (math.exp(-(t + h)) * math.expm1(h))


def _second_order(x: Tensor, eps: Tensor, eps_1: Tensor, r1: float, t: float, h: float) -> Tensor:
    """Algorithm 4: x at t + h from the slopes at t and t + r1 * h."""
    sigma = math.exp(-(t + h))
    return _first_order(x, eps, t, h) - (eps_1 - eps) * (sigma / (2 * r1) * math.expm1(h))


def _third_order(x: Tensor, eps: Tensor, eps_1: Tensor, denoise: Denoiser, t: float, h: float) -> Tensor:
    """Algorithm 5 with r1 = 1/3, r2 = 2/3: `eps_1` is the slope at t + h/3; evaluates one more."""
    part = h * 2 / 3
    middle = _first_order(x, eps, t, part) - (eps_1 - eps) * (math.exp(-(t + part)) * 2 * (math.expm1(part) / part - 1))
    eps_2 = _eps(denoise, middle, t + part)
    return _first_order(x, eps, t, h) - (eps_2 - eps) * (math.exp(-(t + h)) * 1.5 * (math.expm1(h) / h - 1))


def fast_orders(sigmas: Sigmas) -> list[int]:
    """Orders of the equal log-sigma steps that together spend one evaluation per schedule interval (appendix D.4)."""
    evaluations = len(sigmas) - 1
    if evaluations == 0:
        return []
    thirds, rest = divmod(evaluations, 3)
    return [3] * (thirds - 1) + [2, 1] if rest == 0 else [3] * thirds + [rest]


def dpm_fast(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """DPM-Solver-fast: third-order steps, then lower ones to use up the evaluations exactly."""
    orders = fast_orders(sigmas)
    start, end = _time_range(sigmas)
    h = (end - start) / len(orders)
    t, x, order = start + state.step * h, state.x, orders[state.step]
    if h == 0:
        return replace(state, step=state.step + 1)
    eps = _eps(denoise, x, t)
    x0 = x - eps * math.exp(-t)
    if order == 1:
        return state.after(_first_order(x, eps, t, h), x0)
    r1 = 1 / 2 if order == 2 else 1 / 3
    eps_1 = _eps(denoise, _first_order(x, eps, t, r1 * h), t + r1 * h)
    if order == 2:
        return state.after(_second_order(x, eps, eps_1, r1, t, h), x0)
    return state.after(_third_order(x, eps, eps_1, denoise, t, h), x0)


def dpm_adaptive(state: SamplerState, denoise: Denoiser, sigmas: Sigmas) -> SamplerState:
    """One attempt of DPM-Solver-3 with a step size controlled by the second-order solution (appendix D.5).

    state.step counts the schedule's sigmas passed, so it moves on only when an accepted attempt crosses one.
    state.numbers: t and the size of the next attempt. state.history: the last accepted second-order x.
    """
    start, end = _time_range(sigmas)
    t, size = state.numbers or (start, FIRST_STEP)
    if t >= end - END_MARGIN:
        return replace(state, step=len(sigmas) - 1)
    x, h = state.x, min(end - t, size)
    eps = _eps(denoise, x, t)
    x0 = x - eps * math.exp(-t)
    eps_1 = _eps(denoise, _first_order(x, eps, t, h / 3), t + h / 3)
    low = _second_order(x, eps, eps_1, 1 / 3, t, h)
    high = _third_order(x, eps, eps_1, denoise, t, h)
    previous = state.history[0] if state.history else x
    scale = torch.clamp(RELATIVE_TOLERANCE * torch.maximum(low.abs(), previous.abs()), min=ABSOLUTE_TOLERANCE)
    error = float(torch.linalg.norm((low - high) / scale)) / x.numel() ** 0.5
    # The limiter keeps one attempt from changing the size wildly (k-diffusion, PIDStepSizeController).
    factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / 3) - 1)
    size *= factor
    if factor < ACCEPT_FACTOR:
        return replace(state, denoised=x0, history=(previous,), numbers=(t, size))
    t += h
    passed = sum(sigma >= math.exp(-t) for sigma in sigmas[1:-1])
    step = len(sigmas) - 1 if t >= end - END_MARGIN else min(passed, len(sigmas) - 2)
    return replace(state, x=high, step=step, denoised=x0, history=(low,), numbers=(t, size))
