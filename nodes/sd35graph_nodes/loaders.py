"""Nodes that open model files. They read headers only; weights are loaded when a node first needs them."""

from __future__ import annotations

from typing import Annotated, Literal

from sd35graph import Choices, Context, Input, node
from sd35graph.models.handles import (
    ModelHandle,
    TextEncoderHandle,
    VaeHandle,
    open_checkpoint,
    open_diffusion_model,
    open_text_encoders,
    open_vae,
)

TextEncoderFile = Annotated[
    str, Choices("text_encoders"), Input(tooltip="A CLIP-L, CLIP-G or T5 file; which one it is stands in the file.")
]
Device = Annotated[
    Literal["default", "cpu"], Input(optional=True, advanced=True, tooltip="Where the text encoders compute.")
]


@node(
    "CheckpointLoaderSimple",
    title="Load Checkpoint",
    category="loaders",
    output_tooltips=("Denoises latents.", "Encodes prompts.", "Turns pictures into latents and back."),
)
def checkpoint_loader_simple(
    ctx: Context,
    ckpt_name: Annotated[str, Choices("checkpoints"), Input(tooltip="A file in models/checkpoints.")],
) -> tuple[ModelHandle, TextEncoderHandle, VaeHandle]:
    """Open an all-in-one file: diffusion model, VAE and, if it holds them, text encoders."""
    return open_checkpoint(ctx.file("checkpoints", ckpt_name))


@node("UNETLoader", title="Load Diffusion Model", category="advanced/loaders")
def unet_loader(
    ctx: Context,
    unet_name: Annotated[str, Choices("diffusion_models"), Input(tooltip="A file in models/diffusion_models.")],
    weight_dtype: Annotated[Literal["default"], Input(tooltip="default: as --precision says.")],
) -> ModelHandle:
    """Open a diffusion model that lies in a file of its own."""
    return open_diffusion_model(ctx.file("diffusion_models", unet_name))


@node("VAELoader", title="Load VAE", category="loaders")
def vae_loader(
    ctx: Context, vae_name: Annotated[str, Choices("vae"), Input(tooltip="A file in models/vae.")]
) -> VaeHandle:
    """Open a VAE that lies in a file of its own."""
    return open_vae(ctx.file("vae", vae_name))


@node("CLIPLoader", title="Load CLIP", category="advanced/loaders")
def clip_loader(
    ctx: Context, clip_name: TextEncoderFile, type: Literal["sd3"], device: Device = "default"
) -> TextEncoderHandle:
    """Open one text encoder of SD3: CLIP-L, CLIP-G or T5."""
    return open_text_encoders([ctx.file("text_encoders", clip_name)], device)


@node("DualCLIPLoader", category="advanced/loaders")
def dual_clip_loader(
    ctx: Context,
    clip_name1: TextEncoderFile,
    clip_name2: TextEncoderFile,
    type: Literal["sd3"],
    device: Device = "default",
) -> TextEncoderHandle:
    """Open two text encoders of SD3, in any order."""
    return open_text_encoders([ctx.file("text_encoders", name) for name in (clip_name1, clip_name2)], device)


@node("TripleCLIPLoader", category="advanced/loaders")
def triple_clip_loader(
    ctx: Context, clip_name1: TextEncoderFile, clip_name2: TextEncoderFile, clip_name3: TextEncoderFile
) -> TextEncoderHandle:
    """Open the three text encoders of SD3 and SD3.5, in any order."""
    return open_text_encoders([ctx.file("text_encoders", name) for name in (clip_name1, clip_name2, clip_name3)])


NODES = (
    checkpoint_loader_simple,
    unet_loader,
    vae_loader,
    clip_loader,
    dual_clip_loader,
    triple_clip_loader,
)
