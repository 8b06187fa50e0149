"""The driver: from latent, conditioning and schedule to the finished latent, through one loop for all samplers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sd35graph.sampling.guidance import VelocityModel, keep_outside, make_denoiser
from sd35graph.sampling.noise import MAX_SEED, make_noise, seeded_rng
from sd35graph.sampling.regions import resize_noise_mask
from sd35graph.sampling.samplers import DROPS_PENULTIMATE_SIGMA, Sampler, find_sampler
from sd35graph.sampling.schedulers import full_schedule
from sd35graph.sampling.state import Denoiser, SamplerState, Sigmas
from sd35graph.values import LATENT_CHANNELS, FlowSettings, Guider, Latent, latent_to_model, model_to_latent

CPU = torch.device("cpu")

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
    denoise: Denoiser
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

    sigmas: [n + 1], descending, n of at least 1. latent: see `widen`. noise: [B, 16, h, w], also kept outside a noise
    mask. seed: of the noise a sampler adds on the way. device: where the network is.
    """
    chosen = find_sampler(sampler)
    levels = chosen.adapt_sigmas(_levels(sigmas))
    batch, _, height, width = latent.samples.shape
    x0 = latent.samples.to(device, torch.float32)
    if bool(x0.any()):  # an empty latent stands for zero in model space, not for the grey that VAE zeros mean
        x0 = latent_to_model(x0)
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
    start = SamplerState(x=noise * levels[0] + x0 * (1.0 - levels[0]), rng=seeded_rng(seed))
    return SamplingRun(chosen, levels, denoise, start, latent)


def _levels(sigmas: Tensor) -> Sigmas:
    """`sigmas` as float32 values for the formulas, repeats left out: a step of no length has no direction."""
    values: list[float] = sigmas.to(torch.float32).tolist()
    if not all(math.isfinite(value) for value in values) or min(values[:-1], default=0.0) <= 0.0:
        raise ValueError(f"sigmas must be finite and, but for the last, greater than 0; got {values}")
    return tuple(value for index, value in enumerate(values) if index == 0 or value != values[index - 1])


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
    noise_seed = seed if add_noise else None
    result, _ = _sample(model, flow, guider, sampler, sigmas, latent, noise_seed, seed, device, on_step)
    return result


def custom_sample(
    model: VelocityModel,
    flow: FlowSettings,
    guider: Guider,
    *,
    noise_seed: int | None,
    sampler: str,
    sigmas: Tensor,
    latent: Latent,
    device: torch.device = CPU,
    on_step: OnStep | None = None,
) -> tuple[Latent, Latent]:
    """The outputs of SamplerCustomAdvanced: the result, and the x0 of the last step.

    noise_seed: None adds no noise, and seeds the noise a sampler adds on the way with 0.
    """
    return _sample(model, flow, guider, sampler, sigmas, latent, noise_seed, noise_seed or 0, device, on_step)


def _sample(
    model: VelocityModel,
    flow: FlowSettings,
    guider: Guider,
    sampler: str,
    sigmas: Tensor,
    latent: Latent,
    noise_seed: int | None,
    sampler_seed: int,
    device: torch.device,
    on_step: OnStep | None,
) -> tuple[Latent, Latent]:
    latent = widen(latent)
    if len(sigmas) < 2:
        return latent, latent
    shape = tuple(latent.samples.shape)
    noise = torch.zeros(shape) if noise_seed is None else make_noise(shape, noise_seed, latent.batch_index)
    run = prepare(
        model,
        flow,
        guider,
        sampler=sampler,
        sigmas=sigmas,
        latent=latent,
        noise=noise,
        seed=sampler_seed,
        device=device,
    )
    return run.finish(run.drive(run.start, on_step))
