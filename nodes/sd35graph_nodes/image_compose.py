"""Nodes that lay pictures over one another."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from sd35graph import Image, Input, Mask, node
from sd35graph_nodes.areas import overlap, require_inside
from sd35graph_nodes.batches import same_channels, same_rows
from sd35graph_nodes.limits import check_picture_size
from sd35graph_nodes.resizing import fit_pixels, resize, scale_pixels

BlendMode = Literal["normal", "multiply", "screen", "overlay", "soft_light", "difference"]
_Place = Annotated[int, Input(min=0, max=16384, step=1)]
_Border = Annotated[int, Input(min=0, max=16384, step=8, tooltip="In pixels.")]


@node("ImageBlend", title="Blend images", category="image/postprocessing")
def image_blend(
    *,
    image1: Image,
    image2: Image,
    blend_factor: Annotated[float, Input(min=0.0, max=1.0, step=0.01)] = 0.5,
    blend_mode: BlendMode,
) -> Image:
    """Lay one picture over another. The second is scaled and cropped to the size of the first."""
    below, above = same_channels(image1.pixels, image2.pixels)
    height, width = below.shape[1:3]
    below, above = same_rows(below, fit_pixels(above, height, width, "bicubic"))
    blended = _blend(below, above, blend_mode)
    return Image((below * (1 - blend_factor) + blended * blend_factor).clamp(0, 1))


def _blend(below: Tensor, above: Tensor, mode: BlendMode) -> Tensor:
    """Separable blend modes of W3C Compositing and Blending Level 1, section 10.1."""
    match mode:
        case "normal":
            return above
        case "multiply":
            return below * above
        case "screen":
            return 1 - (1 - below) * (1 - above)
        case "overlay":
            return torch.where(below <= 0.5, 2 * below * above, 1 - 2 * (1 - below) * (1 - above))
        case "difference":
            return below - above
        case "soft_light":
            curve = torch.where(below <= 0.25, ((16 * below - 12) * below + 4) * below, below.clamp(min=0).sqrt())
            darker = below - (1 - 2 * above) * below * (1 - below)
            return torch.where(above <= 0.5, darker, below + (2 * above - 1) * (curve - below))


@node("ImageCompositeMasked", title="Composite image with mask", category="image")
def image_composite_masked(
    destination: Image,
    source: Image,
    x: _Place = 0,
    y: _Place = 0,
    resize_source: Annotated[bool, Input(tooltip="Scale the source to the size of the destination first.")] = False,
    mask: Annotated[Mask | None, Input(tooltip="White where the source covers; scaled to the source.")] = None,
) -> Image:
    """Put one picture onto another, as far as a mask says. What lies beyond the edge is left out."""
    below, above = same_channels(destination.pixels, source.pixels)
    height, width = below.shape[1:3]
    if resize_source:
        above = scale_pixels(above, height, width, "bilinear")
    rows, columns = above.shape[1:3]
    weights = torch.ones(1, 1, 1) if mask is None else mask.values
    weights = resize(weights[:, None], rows, columns, "bilinear")[:, 0]
    below, above, weights = same_rows(below, above, weights)
    left, top = require_inside(x, y, width, height)
    inside, part = overlap(below.shape[1:3], above.shape[1:3], left=left, top=top)
    result = below.movedim(-1, 1).clone()  # [B, C, H, W]
    result[inside] = result[inside].lerp(above.movedim(-1, 1)[part], weights[:, None][part])
    return Image(result.movedim(1, -1))


@node("ImagePadForOutpaint", title="Pad image for outpainting", category="image")
def image_pad_for_outpaint(
    image: Image,
    left: _Border = 0,
    top: _Border = 0,
    right: _Border = 0,
    bottom: _Border = 0,
    feathering: Annotated[int, Input(min=0, max=16384, step=1, tooltip="Width of the soft edge inwards.")] = 40,
) -> tuple[Image, Mask]:
    """Put a grey border around pictures, and a mask that is white there and fades out inwards."""
    batch, height, width, _ = image.pixels.shape
    borders = (left, right, top, bottom)
    check_picture_size(batch, height + top + bottom, width + left + right)
    padded = F.pad(image.pixels, (0, 0, *borders), value=0.5)
    inner = torch.zeros(height, width)
    if 0 < 2 * feathering < min(height, width):
        depth = torch.minimum(_depth(height, top, bottom)[:, None], _depth(width, left, right)[None])
        inner = (1 - depth / feathering).clamp(min=0) ** 2
    return Image(padded), Mask(F.pad(inner, borders, value=1.0)[None])


def _depth(length: int, before: int, after: int) -> Tensor:
    """How far from the nearer padded end each row (or column) lies, [length]; endlessly far without padding."""
    place = torch.arange(length, dtype=torch.float32)
    return torch.minimum(place if before else place + torch.inf, length - place if after else place + torch.inf)


NODES = (image_blend, image_composite_masked, image_pad_for_outpaint)
