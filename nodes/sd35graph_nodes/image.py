"""Nodes that make pictures, turn them to negatives and measure them."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch

from sd35graph import Image, Input, node
from sd35graph_nodes.kinds import BatchSize, ImagePixels
from sd35graph_nodes.limits import check_picture_size


class ImageSize(NamedTuple):
    """In pixels, and how many pictures."""

    width: int
    height: int
    batch_size: int


@node("EmptyImage", title="Empty image", category="image")
def empty_image(
    width: ImagePixels = 512,
    height: ImagePixels = 512,
    batch_size: BatchSize = 1,
    color: Annotated[int, Input(min=0, max=0xFFFFFF, step=1, display="color")] = 0,
) -> Image:
    """Pictures of one colour, given as 0xRRGGBB."""
    check_picture_size(batch_size, height, width)
    rgb = torch.tensor([color >> 16 & 0xFF, color >> 8 & 0xFF, color & 0xFF], dtype=torch.float32) / 255
    return Image(rgb.expand(batch_size, height, width, 3).contiguous())


@node("ImageInvert", title="Invert image", category="image")
def image_invert(image: Image) -> Image:
    """The negative of pictures: 1 - x."""
    return Image(1.0 - image.pixels)


@node("GetImageSize", title="Get image size", category="image")
def get_image_size(image: Image) -> ImageSize:
    """Width and height of pictures in pixels, and how many there are."""
    batch, height, width, _ = image.pixels.shape
    return ImageSize(width, height, batch)


NODES = (empty_image, image_invert, get_image_size)
