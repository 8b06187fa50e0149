"""Nodes that cut, mirror and turn pictures."""

from __future__ import annotations

from typing import Annotated

import torch

from sd35graph import Image, Input, node
from sd35graph_nodes.areas import require_inside
from sd35graph_nodes.kinds import FlipMethod, ImagePixels, Rotation, quarter_turns

_Place = Annotated[int, Input(min=0, max=16384, step=1)]


@node("ImageCrop", title="Image crop", category="image/transform")
def image_crop(
    image: Image, width: ImagePixels = 512, height: ImagePixels = 512, x: _Place = 0, y: _Place = 0
) -> Image:
    """Cut a rectangle out of pictures. What of it lies beyond the edges is left out."""
    rows, columns = image.pixels.shape[1:3]
    left, top = require_inside(x, y, columns, rows)
    return Image(image.pixels[:, top : top + height, left : left + width])


@node("ImageFlip", title="Flip image", category="image/transform")
def image_flip(image: Image, flip_method: FlipMethod) -> Image:
    """Mirror pictures: upside down, or left and right."""
    return Image(image.pixels.flip(1 if flip_method.startswith("x") else 2))


@node("ImageRotate", title="Rotate image", category="image/transform")
def image_rotate(image: Image, rotation: Rotation) -> Image:
    """Turn pictures clockwise."""
    return Image(torch.rot90(image.pixels, quarter_turns(rotation), dims=(2, 1)))


NODES = (image_crop, image_flip, image_rotate)
