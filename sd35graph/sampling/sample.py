"""The driver: from latent, conditioning and schedule to the finished latent, through one loop for all samplers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from sd35graph.sampling.flow import check_flow
from sd35graph.sampling.guidance import VelocityModel, keep_outside, make_denoiser
from sd35graph.sampling.noise import MAX_SEED, BrownianNoise, make_noise, seeded_rng
from sd35graph.sampling.regions import resize_noise_mask
from sd35graph.sampling.samplers import DROPS_PENULTIMATE_SIGMA, SAMPLERS, Sampler, find_sampler
from sd35graph.sampling.schedulers import full_schedule
from sd35graph.sampling.state import RunDenoiser, SamplerState, Sigmas
from sd35graph.values import LATENT_CHANNELS, FlowSettings, Guider, Latent, latent_to_model, model_to_latent

CPU = torch.device("cpu")
SIGMA_MARGIN = 1e-5  # of float32 rounding above 1

OnStep = Callable[[int, int, Tensor, Tensor], None]
"""Called after each step with its index (from 0), the number of steps, x0 and x (both model space).

Whatever it raises ends the run and reaches the caller. The adaptive sampler repeats an index while it refines.
"""


@dataclass(frozen=True, slots=True, eq=False)
class SamplingRun:
    """A run that can be driven, stored between steps and finished: `finish(drive(run.start))`.

    start: the state before the first step. latent: the input, whose mask and batch index the result keeps.
    """

    sampler: Sampler
    sigmas: Sigmas
    denoise: RunDenoiser
    start: SamplerState
    latent: Latent

    def drive(self, state: SamplerState, on_step: OnStep | None = None) -> SamplerState:
        """The state after all remaining steps."""
        total = self.sampler.total_steps(self.sigmas)
        with torch.no_grad():
            while state.step < total:
                state = self.sampler.step(state, self.denoise, self.sigmas)
                if on_step is not None and state.denoised is not None:
                    on_step(max(state.step - 1, 0), total, state.denoised, state.x)
        return state

    def finish(self, state: SamplerState) -> tuple[Latent, Latent]:
        """The result in VAE space, and the last step's x0 (its first evaluation)."""
        # A schedule cut short leaves x = (1 - sigma) x0 + sigma noise; the next part expects to scale x0 itself.
        x = state.x / (1.0 - self.sigmas[-1])
        x0 = x if state.denoised is None else state.denoised
        return self._as_latent(x), self._as_latent(x0)

    def _as_latent(self, x: Tensor) -> Latent:
        return replace(self.latent, samples=model_to_latent(x).to(self.latent.samples.device))


def prepare(
    model: VelocityModel,
    flow: FlowSettings,
    guider: Guider,
    *,
    sampler: str,
    sigmas: Tensor,
    latent: Latent,
    noise: Tensor,
    seed: int,
    device: torch.device = CPU,
) -> SamplingRun:
    """Everything a run needs, with x at its start.

    sigmas: [n + 1], n of at least 1, falling from 1 at most; some samplers also follow others. latent: see `widen`.
    noise: [B, 16, h, w], also kept outside a noise mask. seed: of the noise a sampler adds on the way. device: where
    the network is.
    """
    check_flow(flow)
    chosen = find_sampler(sampler)
    given = _levels(sigmas, sampler, follows_rising=chosen.follows_rising)
    batch, _, height, width = latent.samples.shape
    x0 = _model_space(latent.samples.to(device, torch.float32))
    noise = noise.to(device, torch.float32)
    denoise = make_denoiser(
        model, flow, guider, height=height, width=width, device=device, uses_uncond=chosen.uses_uncond
    )
    if latent.noise_mask is not None:
        mask = resize_noise_mask(latent.noise_mask.to(device), batch, height, width)
        outside = noise
        if chosen.inpaints_with_new_noise:
            outside = make_noise(tuple(noise.shape), (seed + 1) % (MAX_SEED + 1)).to(device)
        denoise = keep_outside(denoise, mask, x0, outside)
    path = BrownianNoise(seed, tuple(noise.shape), given)
    asked = RunDenoiser(denoise, lambda sigma, sigma_next: path(sigma, sigma_next).to(device), flow)
    start = SamplerState(x=noise * given[0] + x0 * (1.0 - given[0]), rng=seeded_rng(seed))
    return SamplingRun(chosen, chosen.adapt_sigmas(given, flow), asked, start, latent)


def _model_space(samples: Tensor) -> Tensor:
    # An empty latent stands for zero in model space, not for the grey that VAE zeros mean.
    return latent_to_model(samples) if bool(samples.any()) else samples


def _levels(sigmas: Tensor, sampler: str, *, follows_rising: bool) -> Sigmas:
    """`sigmas` as float32 values for the formulas, repeats left out: a step of no length has no direction."""
    values: list[float] = sigmas.to(torch.float32).tolist()
    if not all(math.isfinite(value) for value in values) or min(values[:-1], default=0.0) <= 0.0:
        raise ValueError(f"sigmas must be finite and, but for the last, greater than 0; got {_shortened(values)}")
    if max(values) > 1.0 + SIGMA_MARGIN:
        raise ValueError(
            f"sigmas of an SD3 model lie between 0 (picture) and 1 (noise), but got {_shortened(values)}; "
            "set sigma_max to 1, or use BasicScheduler"
        )
    if values[-1] >= 1.0:
        raise ValueError("the last sigma must be less than 1, where no picture is left; split the sigmas before it")
    levels = [value for index, value in enumerate(values) if index == 0 or value != values[index - 1]]
    if not follows_rising and any(later > earlier for earlier, later in pairwise(levels)):
        names = ", ".join(name for name, known in SAMPLERS.items() if known.follows_rising)
        raise ValueError(
            f"{sampler} needs falling sigmas, but got {_shortened(values)}; only {names} also follow others"
        )
    return tuple(levels)


def _shortened(values: Sequence[float]) -> str:
    shown = ", ".join(f"{value:.4g}" for value in values[:12])
    return f"[{shown}, …]" if len(values) > 12 else f"[{shown}]"


def widen(latent: Latent) -> Latent:
    """`latent` with 16 channels; an empty one with 4 (made for older models) becomes an empty one with 16.

    Raises ValueError for any other latent of the wrong shape.
    """
    samples = latent.samples
    if samples.ndim == 4 and samples.shape[1] == LATENT_CHANNELS:
        return latent
    if samples.ndim == 4 and not bool(samples.any()):
        batch, _, height, width = samples.shape
        return replace(latent, samples=samples.new_zeros(batch, LATENT_CHANNELS, height, width))
    raise ValueError(
        f"SD3 latents have shape [batch, {LATENT_CHANNELS}, height, width], got {list(samples.shape)}; "
        "use EmptySD3LatentImage, or encode the picture with an SD3 VAE"
    )


def ksampler_sigmas(sampler: str, scheduler: str, steps: int, flow: FlowSettings, denoise: float = 1.0) -> Tensor:
    """The sigmas KSampler runs, [n + 1], float32; empty if `denoise` is 0 or less.

    `denoise` keeps the last `steps` of a proportionally longer schedule. Some samplers leave out the second-to-last
    sigma of a schedule with one step more.
    """
    if denoise <= 0.0:
        return torch.empty(0)
    total = steps if denoise > 0.9999 else int(steps / denoise)
    if sampler in DROPS_PENULTIMATE_SIGMA:
        sigmas = full_schedule(scheduler, total + 1, flow)
        sigmas = torch.cat((sigmas[:-2], sigmas[-1:]))
    else:
        sigmas = full_schedule(scheduler, total, flow)
    return sigmas if denoise > 0.9999 else sigmas[-(steps + 1) :]


def cut_sigmas(sigmas: Tensor, start: int, end: int, *, to_zero: bool) -> Tensor:
    """The part of a schedule from step `start` to step `end`; empty if nothing is left.

    to_zero: a part that ends early removes all noise in its last step instead of leaving it.
    """
    if end < len(sigmas) - 1:
        sigmas = sigmas[: end + 1].clone()
        if to_zero:
            sigmas[-1] = 0.0
    return sigmas[start:] if start < len(sigmas) - 1 else sigmas[:0]


def ksample(
    model: VelocityModel,
    flow: FlowSettings,
    guider: Guider,
    *,
    seed: int,
    steps: int,
    sampler: str,
    scheduler: str,
    latent: Latent,
    denoise: float = 1.0,
    add_noise: bool = True,
    start_at_step: int = 0,
    end_at_step: int | None = None,
    return_with_leftover_noise: bool = False,
    device: torch.device = CPU,
    on_step: OnStep | None = None,
) -> Latent:
    """The result of KSampler; with the arguments from `add_noise` on, of KSamplerAdvanced.

    end_at_step: None for the last. With nothing to do (denoise 0, or a start past the end) the latent comes back as it
    was.
    """
    sigmas = ksampler_sigmas(sampler, scheduler, steps, flow, denoise)
    if end_at_step is not None or start_at_step > 0:
        end = len(sigmas) if end_at_step is None else end_at_step
        sigmas = cut_sigmas(sigmas, start_at_step, end, to_zero=not return_with_leftover_noise)
    result, _ = custom_sample(
        model,
        flow,
        guider,
        noise_seed=seed if add_noise else None,
        seed=seed,
        sampler=sampler,
        sigmas=sigmas,
        latent=latent,
        device=device,
        on_step=on_step,
    )
    return result


def custom_sample(
    model: VelocityModel,
    flow: FlowSettings,
    guider: Guider,
    *,
    noise_seed: int | None,
    seed: int,
    sampler: str,
    sigmas: Tensor,
    latent: Latent,
    device: torch.device = CPU,
    on_step: OnStep | None = None,
) -> tuple[Latent, Latent]:
    """The result of sampling over `sigmas`, and the x0 of the last step.

    noise_seed: of the noise at the start, None for none. seed: of the noise that the sampler adds on the way. With
    fewer than two sigmas there is nothing to do, and both outputs are the latent as it was.
    """
    latent = widen(latent)
    if len(sigmas) < 2:
        return latent, latent
    run = prepare(
        model,
        flow,
        guider,
        sampler=sampler,
        sigmas=sigmas,
        latent=latent,
        noise=_start_noise(latent, noise_seed),
        seed=seed,
        device=device,
    )
    return run.finish(run.drive(run.start, on_step))


def _start_noise(latent: Latent, seed: int | None) -> Tensor:
    shape = tuple(latent.samples.shape)
    return torch.zeros(shape) if seed is None else make_noise(shape, seed, latent.batch_index)


def add_noise(latent: Latent, noise_seed: int | None, sigmas: Tensor) -> Latent:
    """The latent noised as far as the sigmas go: from the first to the last, or to the only one; as it was for none."""
    latent = widen(latent)
    if len(sigmas) == 0:
        return latent
    sigma = float(sigmas[0] if len(sigmas) == 1 else (sigmas[0] - sigmas[-1]).abs())
    x0 = _model_space(latent.samples.to(torch.float32))
    noise = _start_noise(latent, noise_seed).to(x0.device)
    return replace(latent, samples=model_to_latent(noise * sigma + x0 * (1.0 - sigma)))
