"""Nodes between pictures and latents."""

from __future__ import annotations

from typing import Annotated

from sd35graph import Context, Image, Input, Latent, node
from sd35graph.models.handles import VaeHandle
from sd35graph.models.pool import ModelPool


@node("VAEDecode", title="VAE Decode", category="latent", output_tooltips=("The picture.",))
def vae_decode(
    ctx: Context,
    samples: Annotated[Latent, Input(tooltip="The latent to turn into a picture.")],
    vae: Annotated[VaeHandle, Input(tooltip="The VAE of the model that made the latent.")],
) -> Image:
    """Turn latents into pictures."""
    ctx.check_cancelled()
    return Image(ctx.resource(ModelPool).vae(vae).decode(samples.samples))


@node("VAEEncode", title="VAE Encode", category="latent")
def vae_encode(ctx: Context, pixels: Image, vae: VaeHandle) -> Latent:
    """Turn pictures into latents, cropped around the centre to multiples of 8 pixels."""
    ctx.check_cancelled()
    return Latent(ctx.resource(ModelPool).vae(vae).encode(pixels.pixels))


NODES = (
    vae_decode,
    vae_encode,
)
