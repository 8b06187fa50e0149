"""Nodes that grow, soften, cut and combine masks."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from sd35graph import Input, Mask, node
from sd35graph_nodes.areas import overlap, require_inside
from sd35graph_nodes.batches import same_rows
from sd35graph_nodes.kinds import ImagePixels
from sd35graph_nodes.pixels import Array, each_picture

_Pixels = Annotated[int, Input(min=0, max=16384, step=1, tooltip="In pixels.")]
Operation = Literal["multiply", "add", "subtract", "and", "or", "xor"]


@node("GrowMask", title="Grow mask", category="mask")
def grow_mask(
    mask: Mask,
    expand: Annotated[int, Input(min=-16384, max=16384, step=1, tooltip="In pixels; below 0 it shrinks.")] = 0,
    tapered_corners: Annotated[bool, Input(tooltip="Grow diagonally half as fast, for less angular shapes.")] = True,
) -> Mask:
    """Make what a mask covers larger, or smaller."""
    if expand == 0:
        return mask
    return Mask(each_picture(lambda values: _grown(values, expand, is_tapered=tapered_corners), mask.values))


def _grown(values: Array, expand: int, *, is_tapered: bool) -> Array:
    import cv2  # late: it costs time that only this node needs

    shape = cv2.MORPH_CROSS if is_tapered else cv2.MORPH_RECT
    change = cv2.dilate if expand > 0 else cv2.erode
    # After as many steps as there are rows and columns nothing changes any more.
    steps = min(abs(expand), sum(values.shape))
    return change(values, cv2.getStructuringElement(shape, (3, 3)), iterations=steps)


@node("FeatherMask", title="Feather mask", category="mask")
def feather_mask(mask: Mask, left: _Pixels = 0, top: _Pixels = 0, right: _Pixels = 0, bottom: _Pixels = 0) -> Mask:
    """Let a mask fade out towards the edges of the picture."""
    height, width = mask.values.shape[1:]
    return Mask(mask.values * torch.outer(_fade(height, top, bottom), _fade(width, left, right)))


def _fade(length: int, before: int, after: int) -> Tensor:
    """Factors [length]: rising 1/before, 2/before, … to 1 at the start, and falling so over `after` at the end."""
    place = torch.arange(1, length + 1, dtype=torch.float32)
    rise, fall = ((place / max(1, min(width, length))).clamp(max=1) for width in (before, after))
    return rise * fall.flip(0)


@node("CropMask", title="Crop mask", category="mask")
def crop_mask(mask: Mask, x: _Pixels = 0, y: _Pixels = 0, width: ImagePixels = 512, height: ImagePixels = 512) -> Mask:
    """Cut a rectangle out of a mask. What of it lies beyond the edges is left out."""
    rows, columns = mask.values.shape[1:]
    left, top = require_inside(x, y, columns, rows)
    return Mask(mask.values[:, top : top + height, left : left + width])


@node("MaskComposite", title="Composite masks", category="mask")
def mask_composite(*, destination: Mask, source: Mask, x: _Pixels = 0, y: _Pixels = 0, operation: Operation) -> Mask:
    """Combine a mask with another one laid onto it. "and", "or" and "xor" know only black and white."""
    below, above = same_rows(destination.values, source.values)
    left, top = require_inside(x, y, below.shape[2], below.shape[1])
    inside, part = overlap(below.shape[1:], above.shape[1:], left=left, top=top)
    result = below.clone()
    result[inside] = _combined(below[inside], above[part], operation).clamp(0, 1)
    return Mask(result)


def _combined(below: Tensor, above: Tensor, operation: Operation) -> Tensor:
    match operation:
        case "multiply":
            return below * above
        case "add":
            return below + above
        case "subtract":
            return below - above
    a, b = below.round().bool(), above.round().bool()
    match operation:
        case "and":
            return (a & b).float()
        case "or":
            return (a | b).float()
        case "xor":
            return (a ^ b).float()


NODES = (grow_mask, feather_mask, crop_mask, mask_composite)
