"""The built-in node pack: Stable Diffusion 3.5 from checkpoint to picture.

It enters by the same door as any pack: the entry point `sd35graph.packs`, and nothing else knows it.
"""

from __future__ import annotations

import logging

import torch

from sd35graph import STANDARD_PORTS, Pack
from sd35graph.graph.context import WorkerEnvironment
from sd35graph.graph.prompt_length import PromptMeter
from sd35graph.models.loading.memory import limit_gpu_memory, weights_share
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.text.tokenizer_files import fetch_tokenizer
from sd35graph_nodes import (
    conditioning,
    controlnet,
    custom_sampling,
    guidance,
    image,
    image_batches,
    image_compose,
    image_filters,
    image_load,
    image_save,
    image_scale,
    image_shapes,
    latent,
    latent_batches,
    latent_files,
    latent_math,
    latent_shapes,
    loaders,
    lora,
    mask,
    mask_shapes,
    merging,
    merging_blocks,
    model_sampling,
    primitive,
    sampling,
    sigmas,
    vae,
)
from sd35graph_nodes.prompt_meter import EncoderMeter

_log = logging.getLogger(__name__)


def make_pool(environment: WorkerEnvironment) -> ModelPool:
    """The worker's models, on its device; `auto` is the first GPU, or the CPU where there is none."""
    name = environment.device
    if name == "auto":
        name = "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(name)
    vram, ram = environment.vram_bytes, environment.ram_bytes
    if name == "cpu":
        if vram is not None:
            _log.warning("the setting vram has no effect: models are computed on the CPU, where ram limits them")
        vram = ram  # the device's memory is the machine's
    elif device.type == "cuda" and vram is not None:
        limit_gpu_memory(device, vram)
    budget, host_budget = (None if limit is None else weights_share(limit) for limit in (vram, ram))
    return ModelPool(device, environment.precision, environment.model_roots, budget, host_budget, fetch_tokenizer)


def make_meter(environment: WorkerEnvironment) -> EncoderMeter:
    """Counts prompts' tokens with the tokenizers that are here."""
    return EncoderMeter(environment.model_roots)


pack = Pack(
    name="builtin",
    nodes=[
        *loaders.NODES,
        *lora.NODES,
        *controlnet.NODES,
        *merging.NODES,
        *merging_blocks.NODES,
        *conditioning.NODES,
        *model_sampling.NODES,
        *sampling.NODES,
        *custom_sampling.NODES,
        *sigmas.NODES,
        *guidance.NODES,
        *latent.NODES,
        *latent_shapes.NODES,
        *latent_batches.NODES,
        *latent_math.NODES,
        *latent_files.NODES,
        *vae.NODES,
        *image_load.NODES,
        *image_save.NODES,
        *image.NODES,
        *image_scale.NODES,
        *image_shapes.NODES,
        *image_batches.NODES,
        *image_compose.NODES,
        *image_filters.NODES,
        *mask.NODES,
        *mask_shapes.NODES,
        *primitive.NODES,
    ],
    ports=STANDARD_PORTS,
    resources={ModelPool: make_pool, PromptMeter: make_meter},
)
