"""Sigma schedules: which noise levels a sampler visits. One function per schedule and one line in `SCHEDULERS`.

Each function takes the number of steps and the flow settings and returns descending sigmas that end with 0, float32,
computed in float32 (see `flow.shifted`). In continuous mode the schedules that pick table entries use the same formula
at the real-valued position instead. The schedules between two sigmas of the caller's choice are in `sigma_ranges`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import torch
from torch import Tensor

from sd35graph.sampling import sigma_ranges
from sd35graph.sampling.flow import (
    check_flow,
    sigma_at,
    sigma_max,
    sigma_min,
    sigma_to_timestep,
    timestep_to_sigma,
)
from sd35graph.sampling.sigma_ranges import with_zero
from sd35graph.values import FlowSettings

Scheduler = Callable[[int, FlowSettings], Tensor]


def simple(steps: int, flow: FlowSettings) -> Tensor:
    """Every (timesteps / steps)-th table entry from the top."""
    offsets = torch.arange(steps, dtype=torch.float64) * flow.timesteps / steps
    if flow.mode == "discrete":
        offsets = offsets.floor()
    return with_zero(sigma_at(flow, flow.timesteps - 1 - offsets))


def ddim_uniform(steps: int, flow: FlowSettings) -> Tensor:
    """Table entries 1, 1 + k, 1 + 2k ... from the top (DDIM's stride, arXiv 2010.02502, appendix D.2).

    With k = timesteps // steps it does not start at sigma 1, and may give more than `steps` steps. In continuous mode
    k is real-valued and there are exactly `steps`, still below sigma 1.
    """
    if flow.mode == "continuous":
        positions = 1 + torch.arange(steps, dtype=torch.float64) * (flow.timesteps - 2) / steps
    else:
        positions = torch.arange(1, flow.timesteps, max(flow.timesteps // steps, 1))
    return with_zero(sigma_at(flow, positions.flip(0)))


def normal(steps: int, flow: FlowSettings) -> Tensor:
    """Timesteps evenly spaced from that of sigma_max to that of sigma_min, both included."""
    return with_zero(timestep_to_sigma(flow, _timesteps(steps, flow)))


def sgm_uniform(steps: int, flow: FlowSettings) -> Tensor:
    """As `normal`, but without the last timestep, so that all steps are equally long."""
    return with_zero(timestep_to_sigma(flow, _timesteps(steps + 1, flow)[:-1]))


def _timesteps(count: int, flow: FlowSettings) -> Tensor:
    # These are of shifted sigmas, and are shifted a second time on the way back: SD3 pipelines do exactly that.
    first, last = sigma_to_timestep(flow, torch.tensor([sigma_max(flow), sigma_min(flow)])).tolist()
    return torch.linspace(first, last, count)


def karras(steps: int, flow: FlowSettings) -> Tensor:
    """Equal steps of sigma^(1/7) over the whole table."""
    return sigma_ranges.karras(steps, sigma_max(flow), sigma_min(flow), rho=7.0)


def exponential(steps: int, flow: FlowSettings) -> Tensor:
    """Equal steps of log sigma over the whole table."""
    return sigma_ranges.exponential(steps, sigma_max(flow), sigma_min(flow))


def kl_optimal(steps: int, flow: FlowSettings) -> Tensor:
    """Equal steps of arctan sigma ("Align Your Steps", arXiv 2404.14507, theorem 3.1)."""
    ramp = torch.arange(steps, dtype=torch.float32) / max(steps - 1, 1)
    return with_zero(torch.tan(ramp * math.atan(sigma_min(flow)) + (1 - ramp) * math.atan(sigma_max(flow))))


def beta(steps: int, flow: FlowSettings) -> Tensor:
    """Table entries at the quantiles of Beta(0.6, 0.6) ("Beta Sampling is All You Need", arXiv 2407.12173)."""
    return beta_schedule(steps, flow, 0.6, 0.6)


def beta_schedule(steps: int, flow: FlowSettings, alpha: float, beta: float) -> Tensor:
    """As `beta`, for any parameters of the distribution greater than 0."""
    from scipy.special import betaincinv  # takes 0.3 s to import, and only this schedule needs it

    check_flow(flow)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if alpha <= 0 or beta <= 0:
        raise ValueError(f"alpha and beta must be greater than 0, got {alpha} and {beta}; 0.6 is usual for both")
    quantiles = betaincinv(alpha, beta, [1.0 - i / steps for i in range(steps)])
    positions = [float(quantile) * (flow.timesteps - 1) for quantile in quantiles]
    if flow.mode == "discrete":
        positions = list(dict.fromkeys(float(round(position)) for position in positions))
    return with_zero(sigma_at(flow, torch.tensor(positions, dtype=torch.float64)))


def linear_quadratic(steps: int, flow: FlowSettings) -> Tensor:
    """A linear half down to 1 - 0.025, then a quadratic one (Mochi 1, genmoai/mochi, linear_quadratic_schedule).

    The quadratic 1 - sigma = a i^2 + b i + c meets the linear part in value and reaches 1 at the last step; `a` is
    that of the reference. Independent of the shift.
    """
    if steps == 1:
        return torch.tensor([1.0, 0.0])
    threshold, half = 0.025, steps // 2
    rest = steps - half
    excess = half - threshold * steps
    a = excess / (half * rest**2)
    b = threshold / half - 2 * excess / rest**2
    c = a * half**2
    done = [threshold * i / half for i in range(half)] + [a * i**2 + b * i + c for i in range(half, steps)]
    return with_zero(torch.tensor([1.0 - value for value in done], dtype=torch.float32))


SCHEDULERS: dict[str, Scheduler] = {
    "simple": simple,
    "sgm_uniform": sgm_uniform,
    "karras": karras,
    "exponential": exponential,
    "ddim_uniform": ddim_uniform,
    "beta": beta,
    "normal": normal,
    "linear_quadratic": linear_quadratic,
    "kl_optimal": kl_optimal,
}


def full_schedule(scheduler: str, steps: int, flow: FlowSettings) -> Tensor:
    """The sigmas of `scheduler` from pure noise to the picture, float32, [n + 1], last one 0.

    n is `steps`, except where `ddim_uniform` and `beta` give more or fewer. Raises ValueError for an unknown name or
    fewer than one step.
    """
    check_flow(flow)
    if scheduler not in SCHEDULERS:
        raise ValueError(f"scheduler must be one of {', '.join(SCHEDULERS)}, got {scheduler!r}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    return SCHEDULERS[scheduler](steps, flow)


def basic_schedule(scheduler: str, steps: int, flow: FlowSettings, denoise: float = 1.0) -> Tensor:
    """The last `steps` + 1 sigmas of a schedule lengthened by 1 / `denoise`; empty if `denoise` is 0 or less."""
    if denoise <= 0.0:
        return torch.empty(0)
    total = int(steps / denoise) if denoise < 1.0 else steps
    return full_schedule(scheduler, total, flow)[-(steps + 1) :]


def split_schedule(sigmas: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """The sigmas up to and from `step`; the shared boundary is in both."""
    return sigmas[: step + 1], sigmas[step:]


def split_at_denoise(sigmas: Tensor, denoise: float) -> tuple[Tensor, Tensor]:
    """The sigmas split so that the second part holds this share of the steps, rounded half to even."""
    steps = max(len(sigmas) - 1, 0)
    return split_schedule(sigmas, steps - round(steps * denoise))


def flipped(sigmas: Tensor) -> Tensor:
    """The sigmas in reverse. A leading 0 becomes 0.0001: no step can leave from no noise at all."""
    sigmas = sigmas.flip(0)
    if len(sigmas) and sigmas[0] == 0:
        sigmas[0] = 0.0001
    return sigmas


def turbo_schedule(steps: int, flow: FlowSettings, denoise: float = 1.0) -> Tensor:
    """Up to ten timesteps a hundred apart, from the top, for models distilled to few steps (SD-Turbo).

    Stability-AI/generative-models `sgm` (MIT) uses timesteps 999, 899 ... 99. denoise: leaves out the first of them.
    """
    check_flow(flow)
    if not 1 <= steps <= 10:
        raise ValueError(f"steps must be between 1 and 10, got {steps}")
    first = 10 - int(10 * denoise)
    timesteps = (torch.arange(10, 0, -1) * 100 - 1)[first : first + steps]
    return with_zero(sigma_at(flow, timesteps * flow.timesteps / 1000 - 1))


def parse_sigmas(text: str) -> Tensor:
    """Sigmas written by hand, separated by commas, semicolons or spaces, float32.

    Raises ValueError for a word that is no number, or a number below 0.
    """
    words = re.split(r"[,;\s]+", text.strip(" ,;\t\r\n[]"))
    values = []
    for word in filter(None, words):
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not 0.0 <= value < math.inf:
            raise ValueError(f"sigmas must be numbers from 0 up, separated by commas, such as 1, 0.5, 0; got {word!r}")
        values.append(value)
    return torch.tensor(values, dtype=torch.float32)
