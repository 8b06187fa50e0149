"""Scaling of pictures, masks and latents: by which method, to which size, and cropped or not."""

from __future__ import annotations

from typing import Literal

import torch
from PIL.Image import Resampling
from torch import Tensor
from torch.nn import functional as F

from sd35graph_nodes.pixels import from_pillow, to_pillow

PictureMethod = Literal["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
LatentMethod = Literal["nearest-exact", "bilinear", "area", "bicubic", "bislerp"]
Crop = Literal["disabled", "center"]

_PARALLEL = 1e-5
"""Directions closer than this (in cosine) to equal or opposite have no arc worth following, or none at all."""


def resize(x: Tensor, height: int, width: int, method: LatentMethod) -> Tensor:
    """`x` [B, C, H, W] scaled to [B, C, height, width]; as it came if it has that size."""
    if x.shape[-2:] == (height, width):
        return x
    if method == "bislerp":
        return _slerp_along(_slerp_along(x, width).mT, height).mT
    return F.interpolate(x, size=(height, width), mode=method)


def fit(x: Tensor, height: int, width: int, method: LatentMethod) -> Tensor:
    """`x` [B, C, H, W] cropped about the centre to the new proportions, then scaled to [B, C, height, width]."""
    return resize(crop_to_proportions(x, height, width), height, width, method)


def scale_pixels(pixels: Tensor, height: int, width: int, method: PictureMethod) -> Tensor:
    """Pictures [B, H, W, C], 0..1, scaled to [B, height, width, C]. Lanczos is Pillow's, on 8-bit numbers."""
    if pixels.shape[1:3] == (height, width):
        return pixels
    if method == "lanczos":
        size = (width, height)
        pictures = [to_pillow(picture).resize(size, Resampling.LANCZOS) for picture in pixels]
        return torch.stack([from_pillow(picture) for picture in pictures])
    return resize(pixels.movedim(-1, 1), height, width, method).movedim(1, -1).clamp(0, 1)


def fit_pixels(pixels: Tensor, height: int, width: int, method: PictureMethod) -> Tensor:
    """Pictures [B, H, W, C], 0..1, cropped about the centre to the new proportions, then scaled."""
    cropped = crop_to_proportions(pixels.movedim(-1, 1), height, width).movedim(1, -1)
    return scale_pixels(cropped, height, width, method)


def crop_to_proportions(x: Tensor, height: int, width: int) -> Tensor:
    """The largest part of `x` [..., H, W] about its centre that is as wide for its height as `width` for `height`."""
    H, W = x.shape[-2:]
    left = max(0, round((W - H * width / height) / 2))
    top = max(0, round((H - W * height / width) / 2))
    # At least one row and column is left, however extreme the proportions.
    left, top = min(left, (W - 1) // 2), min(top, (H - 1) // 2)
    return x[..., top : H - top, left : W - left]


def _slerp_along(x: Tensor, length: int) -> Tensor:
    """`x` [B, C, H, W] with `length` columns, each between its two nearest: direction by arc, magnitude linearly.

    A cell's channels are one vector. Spherical interpolation: Shoemake, Animating Rotation with Quaternion Curves,
    1985. Columns lie at pixel centres, as in bilinear scaling; beyond the outermost they repeat.
    """
    old = x.shape[-1]
    place = ((torch.arange(length, device=x.device) + 0.5) * old / length - 0.5).clamp(0, old - 1)
    first = place.floor().long()
    a, b = x[..., first], x[..., (first + 1).clamp(max=old - 1)]
    t = (place - first).to(x)
    size_a, size_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    unit_a, unit_b = F.normalize(a, dim=1), F.normalize(b, dim=1)
    cosine = (unit_a * unit_b).sum(1, keepdim=True).clamp(-1, 1)
    angle = cosine.acos()
    arc = (unit_a * ((1 - t) * angle).sin() + unit_b * (t * angle).sin()) / angle.sin().clamp(min=1e-12)
    linear = a * (1 - t) + b * t
    is_straight = (cosine.abs() > 1 - _PARALLEL) | (size_a == 0) | (size_b == 0)
    return torch.where(is_straight, linear, arc * (size_a * (1 - t) + size_b * t))
