"""The built-in node pack: Stable Diffusion 3.5 from checkpoint to picture.

It enters by the same door as any pack: the entry point `sd35graph.packs`, and nothing else knows it.
"""

from __future__ import annotations

import torch

from sd35graph import STANDARD_PORTS, Pack
from sd35graph.graph.context import WorkerEnvironment
from sd35graph.models.pool import ModelPool
from sd35graph_nodes import conditioning, image, latent, loaders, model_sampling, primitive, sampling, vae


def make_pool(environment: WorkerEnvironment) -> ModelPool:
    """The worker's models, on its device; `auto` is the first GPU, or the CPU where there is none."""
    name = environment.device
    if name == "auto":
        name = "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return ModelPool(torch.device(name), environment.precision, environment.model_roots)


pack = Pack(
    name="builtin",
    nodes=[
        loaders.checkpoint_loader_simple,
        loaders.unet_loader,
        loaders.vae_loader,
        loaders.clip_loader,
        loaders.dual_clip_loader,
        loaders.triple_clip_loader,
        conditioning.clip_text_encode,
        conditioning.conditioning_combine,
        conditioning.conditioning_zero_out,
        conditioning.conditioning_set_timestep_range,
        model_sampling.model_sampling_sd3,
        sampling.ksampler,
        latent.empty_sd3_latent_image,
        latent.empty_latent_image,
        vae.vae_decode,
        vae.vae_encode,
        image.load_image,
        image.save_image,
        image.preview_image,
        image.empty_image,
        image.image_invert,
        image.image_blend,
        primitive.primitive_int,
        primitive.preview_any,
    ],
    ports=STANDARD_PORTS,
    resources={ModelPool: make_pool},
)
