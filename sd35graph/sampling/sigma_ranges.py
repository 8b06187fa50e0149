"""Schedules between two sigmas of the caller's choice, which know no model.

Each returns `steps` falling sigmas and a final 0, float32. Models of SD3 have sigmas up to 1; these formulas come from
models whose sigmas have no such bound.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def with_zero(sigmas: Tensor) -> Tensor:
    """`sigmas` with a final 0."""
    return torch.cat((sigmas, sigmas.new_zeros(1)))


def karras(steps: int, sigma_max: float, sigma_min: float, rho: float = 7.0) -> Tensor:
    """Equal steps of sigma^(1/rho) (EDM, arXiv 2206.00364, equation 5)."""
    _check(steps, sigma_max, sigma_min)
    if rho <= 0:
        raise ValueError(f"rho must be greater than 0, got {rho}; 7 is usual")
    start, end = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return with_zero((start + torch.linspace(0, 1, steps) * (end - start)) ** rho)


def exponential(steps: int, sigma_max: float, sigma_min: float) -> Tensor:
    """Equal steps of log sigma (k-diffusion `sampling.py`, get_sigmas_exponential, MIT)."""
    _check(steps, sigma_max, sigma_min, above_zero=True)
    return with_zero(torch.linspace(math.log(sigma_max), math.log(sigma_min), steps).exp())


def polyexponential(steps: int, sigma_max: float, sigma_min: float, rho: float = 1.0) -> Tensor:
    """Steps of log sigma that shorten (rho above 1) or lengthen (k-diffusion, get_sigmas_polyexponential, MIT)."""
    _check(steps, sigma_max, sigma_min, above_zero=True)
    ramp = torch.linspace(1, 0, steps) ** rho
    return with_zero((ramp * (math.log(sigma_max) - math.log(sigma_min)) + math.log(sigma_min)).exp())


def laplace(steps: int, sigma_max: float, sigma_min: float, mu: float = 0.0, beta: float = 0.5) -> Tensor:
    """Quantiles of a Laplace distribution of log sigma, cut to the range (arXiv 2407.03297, table 1).

    mu: where log sigma is most often; beta: how widely it is spread.
    """
    _check(steps, sigma_max, sigma_min)
    offset = 0.5 - torch.linspace(0, 1, steps)
    log_sigma = mu - beta * offset.sign() * torch.log(1 - 2 * offset.abs() + 1e-5)  # never log 0
    return with_zero(log_sigma.exp().clamp(sigma_min, sigma_max))


def variance_preserving(steps: int, beta_d: float = 19.9, beta_min: float = 0.1, eps_s: float = 0.001) -> Tensor:
    """Equal steps of the time of the VP SDE (k-diffusion, get_sigmas_vp, MIT). Its sigmas reach far beyond 1."""
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    t = torch.linspace(1, eps_s, steps)
    return with_zero(torch.sqrt(torch.expm1(beta_d * t**2 / 2 + beta_min * t)))


def _check(steps: int, sigma_max: float, sigma_min: float, *, above_zero: bool = False) -> None:
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if not 0 <= sigma_min <= sigma_max < math.inf:
        raise ValueError(f"sigma_min must lie between 0 and sigma_max, got {sigma_min} and {sigma_max}")
    if above_zero and sigma_min == 0:
        raise ValueError("sigma_min must be greater than 0, for this schedule works in log sigma; a 0 follows anyway")
