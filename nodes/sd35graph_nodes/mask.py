"""Nodes that make masks, out of nothing or of pictures, and show them."""

from __future__ import annotations

from typing import Annotated, Literal

import torch

from sd35graph import Context, ExtraPngInfo, Image, Input, Mask, Prompt, node
from sd35graph_nodes.image_save import preview_image
from sd35graph_nodes.kinds import ImagePixels

Channel = Literal["red", "green", "blue", "alpha"]


@node("SolidMask", title="Solid mask", category="mask")
def solid_mask(
    value: Annotated[float, Input(min=0.0, max=1.0, step=0.01)] = 1.0,
    width: ImagePixels = 512,
    height: ImagePixels = 512,
) -> Mask:
    """A mask that is the same everywhere."""
    return Mask(torch.full((1, height, width), value))


@node("InvertMask", title="Invert mask", category="mask")
def invert_mask(mask: Mask) -> Mask:
    """The opposite of a mask: 1 - x."""
    return Mask(1 - mask.values)


@node("ThresholdMask", title="Threshold mask", category="mask")
def threshold_mask(mask: Mask, value: Annotated[float, Input(min=0.0, max=1.0, step=0.01)] = 0.5) -> Mask:
    """A mask without greys: 1 where it was above the value, else 0."""
    return Mask((mask.values > value).float())


@node("MaskToImage", title="Convert mask to image", category="mask")
def mask_to_image(mask: Mask) -> Image:
    """A mask as a grey picture."""
    return Image(mask.values[..., None].expand(-1, -1, -1, 3))


@node("ImageToMask", title="Convert image to mask", category="mask")
def image_to_mask(image: Image, channel: Channel) -> Mask:
    """One channel of pictures as a mask."""
    number = ("red", "green", "blue", "alpha").index(channel)
    if number >= image.pixels.shape[-1]:
        raise ValueError(
            "the picture has no alpha channel; use the mask that Load Image gives beside it, or another channel"
        )
    return Mask(image.pixels[..., number])


@node("ImageColorToMask", title="Convert image colour to mask", category="mask")
def image_color_to_mask(
    image: Image, color: Annotated[int, Input(min=0, max=0xFFFFFF, step=1, display="color")] = 0
) -> Mask:
    """A mask that is 1 where pictures have exactly this colour, given as 0xRRGGBB."""
    levels = (image.pixels[..., :3].clamp(0, 1) * 255).round().int()
    wanted = torch.tensor([color >> 16 & 0xFF, color >> 8 & 0xFF, color & 0xFF], dtype=torch.int32)
    return Mask((levels == wanted.to(levels)).all(-1).float())


@node("MaskPreview", title="Preview mask", category="mask", is_output=True)
def mask_preview(ctx: Context, mask: Mask, prompt: Prompt = None, extra_pnginfo: ExtraPngInfo = None) -> None:
    """Show masks as grey pictures without keeping them."""
    preview_image(ctx, mask_to_image(mask), prompt, extra_pnginfo)


NODES = (
    solid_mask,
    invert_mask,
    threshold_mask,
    mask_to_image,
    image_to_mask,
    image_color_to_mask,
    mask_preview,
)
