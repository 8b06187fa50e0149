"""Nodes between pictures and latents."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor
from torch.nn import functional as F

from sd35graph import Context, Image, Input, Latent, Mask, node
from sd35graph.models.errors import ModelMemoryError
from sd35graph.models.handles import VaeHandle
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.vae import crop_to_multiple
from sd35graph_nodes.batches import same_rows
from sd35graph_nodes.latent_masks import CELL
from sd35graph_nodes.resizing import resize

_Overlap = Annotated[int, Input(min=0, max=4096, step=32, tooltip="In pixels; at most a quarter of the tile is used.")]
_TemporalSize = Annotated[int, Input(min=8, max=4096, step=4, tooltip="Only for video models; no effect here.")]
_TemporalOverlap = Annotated[int, Input(min=4, max=4096, step=4, tooltip="Only for video models; no effect here.")]


@node("VAEDecode", title="VAE decode", category="latent", output_tooltips=("The picture.",))
def vae_decode(
    ctx: Context,
    samples: Annotated[Latent, Input(tooltip="The latent to turn into a picture.")],
    vae: Annotated[VaeHandle, Input(tooltip="The VAE of the model that made the latent.")],
) -> Image:
    """Turn latents into pictures."""
    ctx.check_cancelled()
    network = ctx.resource(ModelPool).vae(vae)
    try:
        return Image(network.decode(samples.samples))
    except ModelMemoryError:
        ctx.warn(
            "The picture was decoded piece by piece, as there was no memory to decode it whole; it may differ faintly "
            "where pieces meet. Make a smaller picture, or give it more memory (--vram), to avoid that."
        )
    return Image(network.decode_tiled(samples.samples))  # outside the handler, which keeps the attempt's tensors


@node("VAEDecodeTiled", title="VAE decode (tiled)", category="_for_testing")
def vae_decode_tiled(
    ctx: Context,
    samples: Latent,
    vae: VaeHandle,
    tile_size: Annotated[int, Input(min=64, max=4096, step=32, tooltip="In pixels.")] = 512,
    overlap: _Overlap = 64,
    temporal_size: _TemporalSize = 64,
    temporal_overlap: _TemporalOverlap = 8,
) -> Image:
    """Turn latents into pictures piece by piece: takes less memory, and may differ faintly where pieces meet."""
    ctx.check_cancelled()
    return Image(ctx.resource(ModelPool).vae(vae).decode_tiled(samples.samples, tile_size, overlap))


@node("VAEEncode", title="VAE encode", category="latent")
def vae_encode(ctx: Context, pixels: Image, vae: VaeHandle) -> Latent:
    """Turn pictures into latents, cropped around the centre to multiples of 8 pixels. Alpha is left out."""
    ctx.check_cancelled()
    network = ctx.resource(ModelPool).vae(vae)
    try:
        return Latent(network.encode(pixels.pixels[..., :3]))
    except ModelMemoryError:
        ctx.warn(
            "The picture was encoded piece by piece, as there was no memory to encode it whole; the latent may differ "
            "faintly where pieces meet. Use a smaller picture, or give it more memory (--vram), to avoid that."
        )
    return Latent(
        network.encode_tiled(pixels.pixels[..., :3])
    )  # outside the handler, which keeps the attempt's tensors


@node("VAEEncodeTiled", title="VAE encode (tiled)", category="_for_testing")
def vae_encode_tiled(
    ctx: Context,
    pixels: Image,
    vae: VaeHandle,
    tile_size: Annotated[int, Input(min=64, max=4096, step=64, tooltip="In pixels.")] = 512,
    overlap: _Overlap = 64,
    temporal_size: _TemporalSize = 64,
    temporal_overlap: _TemporalOverlap = 8,
) -> Latent:
    """Turn pictures into latents piece by piece: takes less memory, and may differ faintly where pieces meet."""
    ctx.check_cancelled()
    return Latent(ctx.resource(ModelPool).vae(vae).encode_tiled(pixels.pixels[..., :3], tile_size, overlap))


@node("VAEEncodeForInpaint", title="VAE encode (for inpainting)", category="latent/inpaint")
def vae_encode_for_inpaint(
    ctx: Context,
    pixels: Image,
    vae: VaeHandle,
    mask: Annotated[Mask, Input(tooltip="White where the picture is to be made anew; scaled to the picture.")],
    grow_mask_by: Annotated[int, Input(min=0, max=64, step=1, tooltip="In pixels; hides the seam.")] = 6,
) -> Latent:
    """Turn pictures into latents with what the mask covers painted grey, for the sampler to fill in.

    The mask counts as black and white. It is grown only where the sampler may change the picture, not where it is grey.
    """
    ctx.check_cancelled()
    height, width = pixels.pixels.shape[1:3]
    covered = resize(mask.values[:, None], height, width, "bilinear")[:, 0].round()
    shown, covered = same_rows(crop_to_multiple(pixels.pixels[..., :3], CELL), crop_to_multiple(covered, CELL))
    grey = (shown - 0.5) * (1 - covered[..., None]) + 0.5
    return Latent(ctx.resource(ModelPool).vae(vae).encode(grey), noise_mask=_grown(covered, grow_mask_by))


def _grown(covered: Tensor, size: int) -> Tensor:
    """A mask [B, H, W] with every covered pixel made a square of `size` pixels per side; 0 and 1 change nothing."""
    if size < 2:
        return covered
    # An even square has no middle: it reaches one pixel further right and down.
    before, after = size // 2, size - 1 - size // 2
    return F.max_pool2d(F.pad(covered, (before, after, before, after)), size, stride=1)


NODES = (
    vae_decode,
    vae_decode_tiled,
    vae_encode,
    vae_encode_tiled,
    vae_encode_for_inpaint,
)
