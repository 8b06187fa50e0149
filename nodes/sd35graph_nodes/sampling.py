"""Nodes that sample with everything in one place."""

from __future__ import annotations

import io
from typing import Annotated, Literal

from PIL import Image as Pillow
from PIL import ImageOps
from torch import Tensor

from sd35graph import Context, Input, Latent, node
from sd35graph.models.controlled import open_model
from sd35graph.models.handles import ModelHandle
from sd35graph.models.loading.pool import ModelPool
from sd35graph.sampling.guidance import VelocityModel
from sd35graph.sampling.preview import latent_rgb_preview
from sd35graph.sampling.regions import idle_parts
from sd35graph.sampling.sample import OnStep, ksample
from sd35graph.values import Guider
from sd35graph_nodes.kinds import Seed
from sd35graph_nodes.sampling_kinds import (
    Cfg,
    Denoise,
    Model,
    Negative,
    Positive,
    SamplerName,
    SchedulerName,
    StartLatent,
    Steps,
)

_PREVIEW_SIZE = (512, 512)


@node("KSampler", title="KSampler", category="sampling", output_tooltips=("The finished latent.",))
def ksampler(
    ctx: Context,
    *,
    model: Model,
    seed: Seed = 0,
    steps: Steps = 20,
    cfg: Cfg = 8.0,
    sampler_name: SamplerName,
    scheduler: SchedulerName,
    positive: Positive,
    negative: Negative,
    latent_image: StartLatent,
    denoise: Denoise = 1.0,
) -> Latent:
    """Make a latent picture out of noise, step by step."""
    guider = Guider(positive, negative, cfg, model.guidance)
    return ksample(
        open_for(ctx, model, guider, latent_image),
        model.flow,
        guider,
        seed=seed,
        steps=steps,
        sampler=sampler_name,
        scheduler=scheduler,
        latent=latent_image,
        denoise=denoise,
        device=ctx.resource(ModelPool).device,
        on_step=report_to(ctx),
    )


@node(
    "KSamplerAdvanced",
    title="KSampler (advanced)",
    category="sampling",
    output_tooltips=("The latent after the last of these steps.",),
)
def ksampler_advanced(
    ctx: Context,
    *,
    model: Model,
    add_noise: Annotated[
        Literal["enable", "disable"], Input(tooltip="disable: the latent brings its noise along from earlier steps.")
    ],
    noise_seed: Seed = 0,
    steps: Annotated[int, Input(min=1, max=10_000, tooltip="Of the whole schedule.")] = 20,
    cfg: Cfg = 8.0,
    sampler_name: SamplerName,
    scheduler: SchedulerName,
    positive: Positive,
    negative: Negative,
    latent_image: StartLatent,
    start_at_step: Annotated[
        int, Input(min=0, max=10_000, tooltip="Steps to leave out; from the last on, the latent stays as it is.")
    ] = 0,
    end_at_step: Annotated[int, Input(min=0, max=10_000, tooltip="The step not taken any more.")] = 10_000,
    return_with_leftover_noise: Annotated[
        Literal["disable", "enable"], Input(tooltip="enable: leave the noise for the steps that follow elsewhere.")
    ],
) -> Latent:
    """Take a part of the steps, so that others can follow with another model or prompt."""
    if start_at_step >= min(end_at_step, steps):
        ctx.warn(
            f"No step is taken and the latent stays as it is: start_at_step is {start_at_step}, "
            f"and the last step is {min(end_at_step, steps)}."
        )
    guider = Guider(positive, negative, cfg, model.guidance)
    return ksample(
        open_for(ctx, model, guider, latent_image),
        model.flow,
        guider,
        seed=noise_seed,
        steps=steps,
        sampler=sampler_name,
        scheduler=scheduler,
        latent=latent_image,
        add_noise=add_noise == "enable",
        start_at_step=start_at_step,
        end_at_step=end_at_step,
        return_with_leftover_noise=return_with_leftover_noise == "enable",
        device=ctx.resource(ModelPool).device,
        on_step=report_to(ctx),
    )


def open_for(ctx: Context, model: ModelHandle, guider: Guider, latent: Latent) -> VelocityModel:
    """The model, ready to denoise `latent` as `guider` says. The user is told which parts of the prompts do nothing."""
    height, width = latent.samples.shape[-2:]
    prompts = (guider.positive, guider.middle, guider.negative)
    for message in dict.fromkeys(text for prompt in prompts if prompt for text in idle_parts(prompt, height, width)):
        ctx.warn(message)
    return open_model(ctx.resource(ModelPool), model, guider, latent)


def report_to(ctx: Context) -> OnStep:
    """A step callback that reports progress and a latent preview, and ends the run when the job is cancelled."""

    def on_step(index: int, total: int, x0: Tensor, x: Tensor) -> None:
        ctx.progress(index + 1, total)
        ctx.preview(preview_jpeg(x0), "image/jpeg")

    return on_step


def preview_jpeg(x0: Tensor) -> bytes:
    """The first latent of `x0` ([B, 16, h, w], model space) as a JPEG that fits 512x512."""
    picture = Pillow.fromarray(latent_rgb_preview(x0).numpy())
    file = io.BytesIO()
    ImageOps.contain(picture, _PREVIEW_SIZE, Pillow.Resampling.BILINEAR).save(file, format="JPEG", quality=85)
    return file.getvalue()


NODES = (
    ksampler,
    ksampler_advanced,
)
