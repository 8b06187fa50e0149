"""The sampling half of the parity adapter: schedules, noise, conditioning, KSampler, SamplerCustomAdvanced, preview.

The functions are those that the parity checker's "Adapter interface" names; models are `VelocityModel`s.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sd35graph.sampling import conditioning, flow, guidance, noise, preview, sample, schedulers
from sd35graph.values import (
    Conditioning,
    ConditioningEntry,
    FlowSettings,
    FractionArea,
    GuidanceOptions,
    Guider,
    Latent,
    PixelArea,
    SkipLayerGuidance,
)


def _flow(shift: float | None, multiplier: float = 1000.0) -> FlowSettings:
    return FlowSettings(multiplier=multiplier) if shift is None else FlowSettings(shift=shift, multiplier=multiplier)


def _latent(latent: dict) -> Latent:
    index = latent.get("batch_index")
    return Latent(latent["samples"], latent.get("noise_mask"), None if index is None else tuple(index))


def sigma_table(shift: float, multiplier: float) -> Tensor:
    return flow.sigma_table(_flow(shift, multiplier))


def sigma_to_timestep(shift: float, multiplier: float, sigma: Tensor) -> Tensor:
    return flow.sigma_to_timestep(_flow(shift, multiplier), sigma)


def timestep_to_sigma(shift: float, multiplier: float, t: Tensor) -> Tensor:
    return flow.timestep_to_sigma(_flow(shift, multiplier), t)


def percent_to_sigma(shift: float, percent: float) -> float:
    return flow.percent_to_sigma(_flow(shift), percent)


def schedule(scheduler: str, steps: int, shift: float, denoise: float) -> Tensor:
    return schedulers.basic_schedule(scheduler, steps, _flow(shift), denoise)


def ksampler_sigmas(sampler: str, scheduler: str, steps: int, shift: float, denoise: float) -> Tensor:
    return sample.ksampler_sigmas(sampler, scheduler, steps, _flow(shift), denoise)


split_sigmas = schedulers.split_schedule
make_noise = noise.make_noise
latent_rgb_preview = preview.latent_rgb_preview

cond_combine = conditioning.combine
cond_average = conditioning.average
cond_concat = conditioning.concat
cond_zero_out = conditioning.zero_out
cond_set_timestep_range = conditioning.set_timestep_range
cond_set_area_strength = conditioning.set_area_strength
cond_set_mask = conditioning.set_mask


def cond_make(cond: Tensor, pooled: Tensor) -> Conditioning:
    return Conditioning((ConditioningEntry(cond, pooled),))


def cond_set_area(a: Conditioning, width: int, height: int, x: int, y: int, strength: float) -> Conditioning:
    return conditioning.set_area(a, PixelArea(width, height, x, y), strength)


def cond_set_area_percentage(
    a: Conditioning, width: float, height: float, x: float, y: float, strength: float
) -> Conditioning:
    return conditioning.set_area_percentage(a, FractionArea(width, height, x, y), strength)


def ksample(
    model: guidance.VelocityModel,
    shift: float | None,
    seed: int,
    steps: int,
    cfg: float,
    sampler: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent: dict,
    denoise: float = 1.0,
    advanced: bool = False,
    add_noise: bool = True,
    start_at_step: int | None = None,
    end_at_step: int | None = None,
    return_with_leftover_noise: bool = False,
    skip_layer_guidance: dict | None = None,
) -> Tensor:
    skips: tuple[SkipLayerGuidance, ...] = ()
    if skip_layer_guidance is not None:
        layers = frozenset(int(text) for text in skip_layer_guidance["layers"].split(","))
        window = {key: skip_layer_guidance[key] for key in ("scale", "start_percent", "end_percent")}
        skips = (SkipLayerGuidance(layers, **window),)
    extra = {}
    if advanced:
        extra = {
            "add_noise": add_noise,
            "start_at_step": start_at_step or 0,
            "end_at_step": end_at_step,
            "return_with_leftover_noise": return_with_leftover_noise,
        }
    result = sample.ksample(
        model,
        _flow(shift),
        Guider(positive, negative, cfg, GuidanceOptions(skip_layers=skips)),
        seed=seed,
        steps=steps,
        sampler=sampler,
        scheduler=scheduler,
        latent=_latent(latent),
        denoise=denoise,
        **extra,
    )
    return result.samples


def custom_sample(
    model: guidance.VelocityModel,
    shift: float | None,
    noise_seed: int | None,
    guider: dict,
    sampler: str,
    sigmas: Tensor,
    latent: dict,
) -> tuple[Tensor, Tensor]:
    negative = guider["negative"] if guider["type"] == "cfg" else None
    output, denoised = sample.custom_sample(
        model,
        _flow(shift),
        Guider(guider["positive"], negative, guider["cfg"]),
        noise_seed=noise_seed,
        seed=noise_seed or 0,
        sampler=sampler,
        sigmas=torch.as_tensor(sigmas),
        latent=_latent(latent),
    )
    return output.samples, denoised.samples
