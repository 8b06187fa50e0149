"""Nodes that sample."""

from __future__ import annotations

import io
from typing import Annotated

from PIL import Image as Pillow
from PIL import ImageOps
from torch import Tensor

from sd35graph import Conditioning, Context, Input, Latent, node
from sd35graph.models.controlled import open_model
from sd35graph.models.handles import ModelHandle
from sd35graph.models.pool import ModelPool
from sd35graph.sampling.preview import latent_rgb_preview
from sd35graph.sampling.sample import OnStep, ksample
from sd35graph.sampling.samplers import SAMPLERS
from sd35graph.sampling.schedulers import SCHEDULERS
from sd35graph.values import Guider
from sd35graph_nodes.kinds import Seed

_PREVIEW_SIZE = (512, 512)


@node("KSampler", category="sampling", output_tooltips=("The finished latent.",))
def ksampler(
    ctx: Context,
    *,
    model: Annotated[ModelHandle, Input(tooltip="The model that denoises.")],
    seed: Seed = 0,
    steps: Annotated[int, Input(min=1, max=10_000, tooltip="More steps: finer, and slower.")] = 20,
    cfg: Annotated[
        float,
        Input(
            min=0.0,
            max=100.0,
            step=0.1,
            round=0.01,
            tooltip="How closely to follow the prompts; at 1 the negative plays no part.",
        ),
    ] = 8.0,
    sampler_name: Annotated[str, Input(choices=tuple(SAMPLERS), tooltip="How each step is computed.")],
    scheduler: Annotated[str, Input(choices=tuple(SCHEDULERS), tooltip="How the noise levels are spaced.")],
    positive: Annotated[Conditioning, Input(tooltip="What the picture should show.")],
    negative: Annotated[Conditioning, Input(tooltip="What it should not show.")],
    latent_image: Annotated[Latent, Input(tooltip="The latent to start from.")],
    denoise: Annotated[
        float, Input(min=0.0, max=1.0, step=0.01, tooltip="1 starts from pure noise; less keeps more of the latent.")
    ] = 1.0,
) -> Latent:
    """Make a latent picture out of noise, step by step."""
    pool = ctx.resource(ModelPool)
    guider = Guider(positive, negative, cfg, model.guidance)
    return ksample(
        open_model(pool, model, guider, latent_image),
        model.flow,
        guider,
        seed=seed,
        steps=steps,
        sampler=sampler_name,
        scheduler=scheduler,
        latent=latent_image,
        denoise=denoise,
        device=pool.device,
        on_step=report_to(ctx),
    )


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


NODES = (ksampler,)
