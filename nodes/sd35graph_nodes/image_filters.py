"""Nodes that blur, sharpen, find edges in and reduce the colours of pictures.

OpenCV does the work; it is imported when the first such node runs, so that it costs nobody else time.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import torch
from PIL import Image as Pillow

from sd35graph import Image, Input, node
from sd35graph_nodes.pixels import Array, each_picture, from_pillow, to_uint8

_Radius = Annotated[int, Input(min=1, max=31, step=1, tooltip="In pixels.")]
_SHARPENING = 10
"""The contrast an `alpha` of 1 adds at an edge, as the node's users know it."""
Dither = Literal["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"]
_Threshold = Annotated[float, Input(min=0.01, max=0.99, step=0.01)]


@node("ImageBlur", title="Blur image", category="image/postprocessing")
def image_blur(
    image: Image,
    blur_radius: _Radius = 1,
    sigma: Annotated[float, Input(min=0.1, max=10.0, step=0.1, tooltip="Strength; counted in radii.")] = 1.0,
) -> Image:
    """Blur pictures with a Gaussian bell that is cut off at the radius."""
    return Image(each_picture(lambda picture: _blurred(picture, blur_radius, sigma), image.pixels))


@node("ImageSharpen", title="Sharpen image", category="image/postprocessing")
def image_sharpen(
    image: Image,
    sharpen_radius: _Radius = 1,
    sigma: Annotated[float, Input(min=0.1, max=10.0, step=0.01, tooltip="Of the blur; counted in radii.")] = 1.0,
    alpha: Annotated[float, Input(min=0.0, max=5.0, step=0.01, tooltip="How much contrast is added.")] = 1.0,
) -> Image:
    """Sharpen pictures: ten times `alpha` of what a blur takes away is added (unsharp masking)."""
    blurred = each_picture(lambda picture: _blurred(picture, sharpen_radius, sigma), image.pixels)
    return Image((image.pixels + _SHARPENING * alpha * (image.pixels - blurred)).clamp(0, 1))


def _blurred(picture: Array, radius: int, sigma: float) -> Array:
    import cv2

    size = 2 * radius + 1
    return cv2.GaussianBlur(picture, (size, size), sigma * radius, borderType=cv2.BORDER_REFLECT_101)


@node("Canny", title="Canny edges", category="image/preprocessors")
def canny(image: Image, low_threshold: _Threshold = 0.4, high_threshold: _Threshold = 0.8) -> Image:
    """Edges, white on black: those steeper than the high threshold, followed while steeper than the low one.

    J. Canny, A Computational Approach to Edge Detection, 1986; blurred with 5x5 pixels and sigma 1 first. Slopes are
    lengths of the Sobel gradient of grey values 0..1.
    """
    if low_threshold > high_threshold:
        raise ValueError(f"low_threshold is {low_threshold}, but may be at most high_threshold, {high_threshold}")
    edges = [_edges(to_uint8(picture[..., :3]), low_threshold, high_threshold) for picture in image.pixels]
    return Image(torch.from_numpy(np.stack(edges))[..., None].expand(-1, -1, -1, 3).float() / 255)


def _edges(picture: Array, low: float, high: float) -> Array:
    import cv2

    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (5, 5), 1.0)
    return cv2.Canny(grey, low * 255, high * 255, L2gradient=True)


@node("ImageQuantize", title="Quantize image", category="image/postprocessing")
def image_quantize(
    *, image: Image, colors: Annotated[int, Input(min=1, max=256, step=1)] = 256, dither: Dither
) -> Image:
    """Reduce pictures to so many colours."""
    return Image(
        torch.stack([from_pillow(_quantized(to_uint8(picture[..., :3]), colors, dither)) for picture in image.pixels])
    )


def _quantized(picture: Array, colors: int, dither: Dither) -> Pillow.Image:
    original = Pillow.fromarray(picture)
    palette = original.quantize(colors)
    if dither == "floyd-steinberg":
        return original.quantize(palette=palette, dither=Pillow.Dither.FLOYDSTEINBERG).convert("RGB")
    if dither != "none":
        original = _ordered(picture, int(dither.removeprefix("bayer-")), spread=512 / colors)
    return original.quantize(palette=palette, dither=Pillow.Dither.NONE).convert("RGB")


def _ordered(picture: Array, order: int, spread: float) -> Pillow.Image:
    """`picture` with a repeated pattern of `spread` levels added, so that areas between two colours show both."""
    rows, columns = (np.arange(side) % order for side in picture.shape[:2])
    pattern = ((bayer_matrix(order) + 0.5) / order**2 - 0.5)[rows[:, None], columns[None]]
    return Pillow.fromarray((picture + spread * pattern[..., None]).clip(0, 255).astype(np.uint8))


def bayer_matrix(order: int) -> Array:
    """The numbers 0 to order^2 - 1, spread evenly over a square (Bayer 1973). order: a power of two."""
    if order == 1:
        return np.zeros((1, 1))
    smaller = 4 * bayer_matrix(order // 2)
    return np.block([[smaller, smaller + 2], [smaller + 3, smaller + 1]])


NODES = (image_blur, image_sharpen, image_quantize, canny)
