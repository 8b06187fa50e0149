"""Nodes that scale, turn, cut and place latents; noise masks and noise rows go along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import torch
from torch import Tensor

from sd35graph import Input, Latent, Mask, node
from sd35graph_nodes.areas import overlap, require_inside
from sd35graph_nodes.batches import same_rows
from sd35graph_nodes.kinds import FlipMethod, Rotation, quarter_turns
from sd35graph_nodes.latent_masks import CELL, mask_in_pixels
from sd35graph_nodes.latent_math import changed, require_same_channels
from sd35graph_nodes.limits import check_latent_size
from sd35graph_nodes.resizing import Crop, LatentMethod, crop_to_proportions, fit, resize

_IN_PIXELS = "In pixels; a latent cell covers 8."

_Size = Annotated[int, Input(min=0, max=16384, step=8, tooltip="In pixels; 0 keeps the proportions.")]
_CropSize = Annotated[int, Input(min=64, max=16384, step=8, tooltip=_IN_PIXELS)]
_Place = Annotated[int, Input(min=0, max=16384, step=8, tooltip=_IN_PIXELS)]


@node("LatentUpscale", title="Upscale latent", category="latent")
def latent_upscale(
    *, samples: Latent, upscale_method: LatentMethod, width: _Size = 512, height: _Size = 512, crop: Crop
) -> Latent:
    """Scale a latent to a size in pixels. With both sizes 0 it passes unchanged."""
    if width == height == 0:
        return samples
    old_height, old_width = samples.samples.shape[-2:]
    columns = (width or round(old_width * height / old_height)) // CELL
    rows = (height or round(old_height * width / old_width)) // CELL
    return _scaled(samples, max(rows, 1), max(columns, 1), upscale_method, crop)


@node("LatentUpscaleBy", title="Upscale latent by", category="latent")
def latent_upscale_by(
    samples: Latent,
    upscale_method: LatentMethod,
    scale_by: Annotated[float, Input(min=0.01, max=8.0, step=0.01)] = 1.5,
) -> Latent:
    """Scale a latent by a factor."""
    rows, columns = (round(side * scale_by) for side in samples.samples.shape[-2:])
    return _scaled(samples, rows, columns, upscale_method, "disabled")


def _scaled(latent: Latent, rows: int, columns: int, method: LatentMethod, crop: Crop) -> Latent:
    check_latent_size(latent.samples.shape[0], rows, columns)
    if crop == "disabled":  # a noise mask of any size stands for the whole latent, so it stays as it is
        return replace(latent, samples=resize(latent.samples, rows, columns, method))
    mask = mask_in_pixels(latent)
    if mask is not None:
        mask = crop_to_proportions(mask, rows, columns)
    return replace(latent, samples=fit(latent.samples, rows, columns, method), noise_mask=mask)


@node("LatentFlip", title="Flip latent", category="latent/transform")
def latent_flip(samples: Latent, flip_method: FlipMethod) -> Latent:
    """Mirror a latent: upside down, or left and right."""
    return _turned(samples, lambda x: x.flip(-2 if flip_method.startswith("x") else -1))


@node("LatentRotate", title="Rotate latent", category="latent/transform")
def latent_rotate(samples: Latent, rotation: Rotation) -> Latent:
    """Turn a latent clockwise."""
    return _turned(samples, lambda x: torch.rot90(x, quarter_turns(rotation), dims=(-1, -2)))


def _turned(latent: Latent, turn: Callable[[Tensor], Tensor]) -> Latent:
    mask = None if latent.noise_mask is None else turn(latent.noise_mask)
    return replace(latent, samples=turn(latent.samples), noise_mask=mask)


@node("LatentCrop", title="Crop latent", category="latent/transform")
def latent_crop(
    samples: Latent, width: _CropSize = 512, height: _CropSize = 512, x: _Place = 0, y: _Place = 0
) -> Latent:
    """Cut a rectangle out of a latent. What of it lies beyond the edges is left out."""
    rows, columns = samples.samples.shape[-2:]
    left, top = require_inside(x // CELL, y // CELL, columns, rows, f"latent cells of {CELL} pixels")
    part = (..., slice(top, top + height // CELL), slice(left, left + width // CELL))
    mask = mask_in_pixels(samples)
    if mask is not None:
        mask = mask[:, top * CELL : top * CELL + height, left * CELL : left * CELL + width]
    return replace(samples, samples=samples.samples[part], noise_mask=mask)


@node("LatentComposite", title="Latent composite", category="latent")
def latent_composite(
    samples_to: Latent,
    samples_from: Latent,
    x: _Place = 0,
    y: _Place = 0,
    feather: Annotated[int, Input(min=0, max=16384, step=8, tooltip="Width of soft edges, in pixels.")] = 0,
) -> Latent:
    """Put one latent onto another. Edges within the latent below can be soft."""
    require_same_channels(samples_to, samples_from)
    below, above = same_rows(samples_to.samples, samples_from.samples)
    left, top = require_inside(x // CELL, y // CELL, below.shape[-1], below.shape[-2], f"cells of {CELL} pixels")
    inside, part = overlap(below.shape[-2:], above.shape[-2:], left=left, top=top)
    weights = torch.outer(
        _ramp(above.shape[-2], top, below.shape[-2], feather // CELL),
        _ramp(above.shape[-1], left, below.shape[-1], feather // CELL),
    ).to(below)
    result = below.clone()
    result[inside] = below[inside].lerp(above[part], weights[part])
    return changed(samples_to, result)


def _ramp(length: int, start: int, total: int, feather: int) -> Tensor:
    """Weights [length] along one axis: 1, but 1/feather, 2/feather, … at an end that lies within `total`."""
    rise = (torch.arange(1, length + 1, dtype=torch.float32) / max(feather, 1)).clamp(max=1)
    weights = torch.ones(length)
    if start > 0:
        weights *= rise
    if start + length < total:
        weights *= rise.flip(0)
    return weights


@node("SetLatentNoiseMask", title="Set latent noise mask", category="latent/inpaint")
def set_latent_noise_mask(
    samples: Latent, mask: Annotated[Mask, Input(tooltip="White where the picture may change.")]
) -> Latent:
    """Let the sampler change only what the mask covers. The mask is scaled to the latent."""
    return replace(samples, noise_mask=mask.values)


NODES = (
    latent_upscale,
    latent_upscale_by,
    latent_flip,
    latent_rotate,
    latent_crop,
    latent_composite,
    set_latent_noise_mask,
)
