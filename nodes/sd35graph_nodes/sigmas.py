"""Nodes that make and cut schedules."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from sd35graph import Input, node
from sd35graph.models.handles import ModelHandle
from sd35graph.sampling import schedulers, sigma_ranges
from sd35graph.values import SigmaSchedule
from sd35graph_nodes.sampling_kinds import Denoise, SchedulerName, Steps

_SCHEDULERS = "sampling/custom_sampling/schedulers"
_SIGMAS = "sampling/custom_sampling/sigmas"

ScheduledModel = Annotated[ModelHandle, Input(tooltip="The model whose noise schedule to use.")]
SigmaMax = Annotated[
    float,
    Input(min=0.0, max=5000.0, step=0.01, round=False, tooltip="The first noise level; for SD3 models 1 at most."),
]
SigmaMin = Annotated[
    float, Input(min=0.0, max=5000.0, step=0.01, round=False, tooltip="The last noise level before 0.")
]
Rho = Annotated[
    float, Input(min=0.0, max=100.0, step=0.01, round=False, tooltip="How much shorter the last steps are.")
]


class SplitSchedule(NamedTuple):
    high_sigmas: SigmaSchedule
    low_sigmas: SigmaSchedule


@node("BasicScheduler", title="Basic scheduler", category=_SCHEDULERS)
def basic_scheduler(
    *, model: ScheduledModel, scheduler: SchedulerName, steps: Steps = 20, denoise: Denoise = 1.0
) -> SigmaSchedule:
    """The schedule that KSampler would use; empty, so that nothing is done, at denoise 0."""
    return SigmaSchedule(schedulers.basic_schedule(scheduler, steps, model.flow, denoise))


@node("KarrasScheduler", title="Karras scheduler", category=_SCHEDULERS)
def karras_scheduler(
    steps: Steps = 20, sigma_max: SigmaMax = 14.614642, sigma_min: SigmaMin = 0.0291675, rho: Rho = 7.0
) -> SigmaSchedule:
    """Equal steps of sigma^(1/rho), with long steps first (arXiv 2206.00364)."""
    return SigmaSchedule(sigma_ranges.karras(steps, sigma_max, sigma_min, rho))


@node("ExponentialScheduler", title="Exponential scheduler", category=_SCHEDULERS)
def exponential_scheduler(
    steps: Steps = 20, sigma_max: SigmaMax = 14.614642, sigma_min: SigmaMin = 0.0291675
) -> SigmaSchedule:
    """Equal steps of the logarithm of sigma."""
    return SigmaSchedule(sigma_ranges.exponential(steps, sigma_max, sigma_min))


@node("PolyexponentialScheduler", title="Polyexponential scheduler", category=_SCHEDULERS)
def polyexponential_scheduler(
    steps: Steps = 20, sigma_max: SigmaMax = 14.614642, sigma_min: SigmaMin = 0.0291675, rho: Rho = 1.0
) -> SigmaSchedule:
    """Steps of the logarithm of sigma, equal at rho 1."""
    return SigmaSchedule(sigma_ranges.polyexponential(steps, sigma_max, sigma_min, rho))


@node("LaplaceScheduler", title="Laplace scheduler", category=_SCHEDULERS)
def laplace_scheduler(
    steps: Steps = 20,
    sigma_max: SigmaMax = 14.614642,
    sigma_min: SigmaMin = 0.0291675,
    mu: Annotated[
        float, Input(min=-10.0, max=10.0, step=0.1, round=False, tooltip="Log of the sigma to visit most.")
    ] = 0.0,
    beta: Annotated[float, Input(min=0.0, max=10.0, step=0.1, round=False, tooltip="How widely sigmas spread.")] = 0.5,
) -> SigmaSchedule:
    """Most steps near one noise level (arXiv 2407.03297)."""
    return SigmaSchedule(sigma_ranges.laplace(steps, sigma_max, sigma_min, mu, beta))


@node("BetaSamplingScheduler", title="Beta scheduler", category=_SCHEDULERS)
def beta_sampling_scheduler(
    model: ScheduledModel,
    steps: Steps = 20,
    alpha: Annotated[
        float, Input(min=0.0, max=50.0, step=0.01, round=False, tooltip="Smaller: more steps at high noise.")
    ] = 0.6,
    beta: Annotated[
        float, Input(min=0.0, max=50.0, step=0.01, round=False, tooltip="Smaller: more steps at low noise.")
    ] = 0.6,
) -> SigmaSchedule:
    """More steps at both ends of the schedule (arXiv 2407.12173)."""
    return SigmaSchedule(schedulers.beta_schedule(steps, model.flow, alpha, beta))


@node("VPScheduler", title="VP scheduler", category=_SCHEDULERS)
def vp_scheduler(
    steps: Steps = 20,
    beta_d: Annotated[float, Input(min=0.0, max=5000.0, step=0.01, round=False)] = 19.9,
    beta_min: Annotated[float, Input(min=0.0, max=5000.0, step=0.01, round=False)] = 0.1,
    eps_s: Annotated[float, Input(min=0.0, max=1.0, step=0.0001, round=False)] = 0.001,
) -> SigmaSchedule:
    """The schedule of older models, which starts far above the 1 of SD3 models; SplitSigmas gives the part below."""
    return SigmaSchedule(sigma_ranges.variance_preserving(steps, beta_d, beta_min, eps_s))


@node("SDTurboScheduler", title="SD Turbo scheduler", category=_SCHEDULERS)
def sd_turbo_scheduler(
    model: ScheduledModel, steps: Annotated[int, Input(min=1, max=10)] = 1, denoise: Denoise = 1.0
) -> SigmaSchedule:
    """Up to ten evenly spaced timesteps, for models distilled to few steps."""
    return SigmaSchedule(schedulers.turbo_schedule(steps, model.flow, denoise))


@node("SplitSigmas", title="Split sigmas", category=_SIGMAS)
def split_sigmas(
    sigmas: SigmaSchedule,
    step: Annotated[int, Input(min=0, max=10_000, tooltip="How many steps the first part has; past the end, all.")] = 0,
) -> SplitSchedule:
    """Cut a schedule in two parts that share the sigma between them."""
    high, low = schedulers.split_schedule(sigmas.sigmas, step)
    return SplitSchedule(SigmaSchedule(high), SigmaSchedule(low))


@node("SplitSigmasDenoise", title="Split sigmas at denoise", category=_SIGMAS)
def split_sigmas_denoise(
    sigmas: SigmaSchedule,
    denoise: Annotated[
        float, Input(min=0.0, max=1.0, step=0.01, tooltip="The second part's share of the steps.")
    ] = 1.0,
) -> SplitSchedule:
    """Cut a schedule so that the second part does this share of the work."""
    high, low = schedulers.split_at_denoise(sigmas.sigmas, denoise)
    return SplitSchedule(SigmaSchedule(high), SigmaSchedule(low))


@node("FlipSigmas", title="Flip sigmas", category=_SIGMAS)
def flip_sigmas(sigmas: SigmaSchedule) -> SigmaSchedule:
    """A schedule in reverse, which takes a picture back to noise; for euler, heun, dpm_2 and ddim."""
    return SigmaSchedule(schedulers.flipped(sigmas.sigmas))


def _check_manual(sigmas: str | None) -> str | None:
    try:
        schedulers.parse_sigmas(sigmas or "")
    except ValueError as error:
        return str(error)
    return None


@node("ManualSigmas", title="Manual sigmas", category=_SIGMAS, validate=_check_manual)
def manual_sigmas(
    sigmas: Annotated[
        str, Input(tooltip="Noise levels from 1 (noise) to 0 (picture), separated by commas.")
    ] = "1, 0.5, 0",
) -> SigmaSchedule:
    """A schedule written by hand."""
    return SigmaSchedule(schedulers.parse_sigmas(sigmas))


NODES = (
    basic_scheduler,
    karras_scheduler,
    exponential_scheduler,
    polyexponential_scheduler,
    laplace_scheduler,
    beta_sampling_scheduler,
    vp_scheduler,
    sd_turbo_scheduler,
    split_sigmas,
    split_sigmas_denoise,
    flip_sigmas,
    manual_sigmas,
)
