"""Sigma schedules: which noise levels a sampler visits. One function per schedule and one line in `SCHEDULERS`.

Each function takes the number of steps and the flow settings and returns descending sigmas that end with 0.
In continuous mode the schedules that pick table entries use the same formula at the real-valued position instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from sd35graph.sampling.flow import check_flow, shifted, sigma_at, sigma_max, sigma_min
from sd35graph.values import FlowSettings

Scheduler = Callable[[int, FlowSettings], list[float]]


def spaced(start: float, end: float, count: int) -> list[float]:
    """`count` evenly spaced numbers from `start` to `end`; `start` alone for a count of one."""
    if count == 1:
        return [start]
    return [start + (end - start) * i / (count - 1) for i in range(count)]


def simple(steps: int, flow: FlowSettings) -> list[float]:
    """Every (timesteps / steps)-th table entry from the top."""
    offsets = [i * flow.timesteps / steps for i in range(steps)]
    if flow.mode == "discrete":
        offsets = [math.floor(offset) for offset in offsets]
    return [*(sigma_at(flow, flow.timesteps - 1 - offset) for offset in offsets), 0.0]


def ddim_uniform(steps: int, flow: FlowSettings) -> list[float]:
    """Table entries 1, 1 + k, 1 + 2k ... from the top (DDIM's stride, arXiv 2010.02502, appendix D.2).

    With k = timesteps // steps it does not start at sigma 1, and may give more than `steps` steps. In continuous mode
    k is real-valued and there are exactly `steps`, still below sigma 1.
    """
    if flow.mode == "continuous":
        positions = [1 + i * (flow.timesteps - 2) / steps for i in range(steps)]
    else:
        positions = list(range(1, flow.timesteps, max(flow.timesteps // steps, 1)))
    return [*(sigma_at(flow, position) for position in reversed(positions)), 0.0]


def normal(steps: int, flow: FlowSettings) -> list[float]:
    """Timesteps evenly spaced from that of sigma_max to that of sigma_min, both included."""
    return [*_from_timesteps(spaced(sigma_max(flow), sigma_min(flow), steps), flow), 0.0]


def sgm_uniform(steps: int, flow: FlowSettings) -> list[float]:
    """As `normal`, but without the last timestep, so that all steps are equally long."""
    return [*_from_timesteps(spaced(sigma_max(flow), sigma_min(flow), steps + 1)[:-1], flow), 0.0]


def _from_timesteps(fractions: Iterable[float], flow: FlowSettings) -> list[float]:
    # sigma / 1 is already shifted, and is shifted here a second time: SD3 pipelines do exactly that.
    return [shifted(flow, u) for u in fractions]


def karras(steps: int, flow: FlowSettings) -> list[float]:
    """Equal steps of sigma^(1/7) (EDM, arXiv 2206.00364, equation 5)."""
    ramp = spaced(sigma_max(flow) ** (1 / 7), sigma_min(flow) ** (1 / 7), steps)
    return [*(value**7 for value in ramp), 0.0]


def exponential(steps: int, flow: FlowSettings) -> list[float]:
    """Equal steps of log sigma (k-diffusion `sampling.py`, get_sigmas_exponential, MIT)."""
    ramp = spaced(math.log(sigma_max(flow)), math.log(sigma_min(flow)), steps)
    return [*(math.exp(value) for value in ramp), 0.0]


def kl_optimal(steps: int, flow: FlowSettings) -> list[float]:
    """Equal steps of arctan sigma ("Align Your Steps", arXiv 2404.14507, theorem 3.1)."""
    ramp = spaced(math.atan(sigma_max(flow)), math.atan(sigma_min(flow)), steps)
    return [*(math.tan(value) for value in ramp), 0.0]


def beta(steps: int, flow: FlowSettings) -> list[float]:
    """Table entries at the quantiles of Beta(0.6, 0.6) ("Beta Sampling is All You Need", arXiv 2407.12173)."""
    from scipy.special import betaincinv  # takes 0.3 s to import, and only this schedule needs it

    quantiles = betaincinv(0.6, 0.6, [1.0 - i / steps for i in range(steps)])
    positions = [float(quantile) * (flow.timesteps - 1) for quantile in quantiles]
    if flow.mode == "discrete":
        positions = list(dict.fromkeys(float(round(position)) for position in positions))
    return [*(sigma_at(flow, position) for position in positions), 0.0]


def linear_quadratic(steps: int, flow: FlowSettings) -> list[float]:
    """A linear half down to 1 - 0.025, then a quadratic one (Mochi 1, genmoai/mochi, linear_quadratic_schedule).

    The quadratic 1 - sigma = a i^2 + b i + c meets the linear part in value and reaches 1 at the last step; `a` is
    that of the reference. Independent of the shift.
    """
    if steps == 1:
        return [1.0, 0.0]
    threshold, half = 0.025, steps // 2
    rest = steps - half
    excess = half - threshold * steps
    a = excess / (half * rest**2)
    b = threshold / half - 2 * excess / rest**2
    c = a * half**2
    done = [threshold * i / half for i in range(half)] + [a * i**2 + b * i + c for i in range(half, steps)]
    return [*(1.0 - value for value in done), 0.0]


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
    return torch.tensor(SCHEDULERS[scheduler](steps, flow), dtype=torch.float32)


def basic_schedule(scheduler: str, steps: int, flow: FlowSettings, denoise: float = 1.0) -> Tensor:
    """The last `steps` + 1 sigmas of a schedule lengthened by 1 / `denoise`; empty if `denoise` is 0 or less."""
    if denoise <= 0.0:
        return torch.empty(0)
    total = int(steps / denoise) if denoise < 1.0 else steps
    return full_schedule(scheduler, total, flow)[-(steps + 1) :]


def split_schedule(sigmas: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """The sigmas up to and from `step`; the shared boundary is in both."""
    return sigmas[: step + 1], sigmas[step:]
