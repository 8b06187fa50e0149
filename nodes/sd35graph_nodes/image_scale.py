"""Nodes that scale pictures."""

from __future__ import annotations

from typing import Annotated

from sd35graph import Image, Input, node
from sd35graph_nodes.limits import check_picture_size
from sd35graph_nodes.resizing import Crop, PictureMethod, fit_pixels, scale_pixels

_Size = Annotated[int, Input(min=0, max=16384, step=1, tooltip="In pixels; 0 keeps the proportions.")]
_MEGAPIXEL = 1024 * 1024


@node("ImageScale", title="Upscale image", category="image/upscaling")
def image_scale(
    *, image: Image, upscale_method: PictureMethod, width: _Size = 512, height: _Size = 512, crop: Crop
) -> Image:
    """Scale pictures to a size; "center" cuts away what does not fit. With both sizes 0 they pass unchanged."""
    if width == height == 0:
        return image
    old_height, old_width = image.pixels.shape[1:3]
    width = width or max(1, round(old_width * height / old_height))
    height = height or max(1, round(old_height * width / old_width))
    check_picture_size(image.pixels.shape[0], height, width)
    change = fit_pixels if crop == "center" else scale_pixels
    return Image(change(image.pixels, height, width, upscale_method))


@node("ImageScaleBy", title="Upscale image by", category="image/upscaling")
def image_scale_by(
    image: Image,
    upscale_method: PictureMethod,
    scale_by: Annotated[float, Input(min=0.01, max=8.0, step=0.01)] = 1.0,
) -> Image:
    """Scale pictures by a factor."""
    height, width = (round(side * scale_by) for side in image.pixels.shape[1:3])
    return _scaled(image, width, height, upscale_method)


@node("ImageScaleToTotalPixels", title="Upscale image to total pixels", category="image/upscaling")
def image_scale_to_total_pixels(
    image: Image,
    upscale_method: PictureMethod,
    megapixels: Annotated[float, Input(min=0.01, max=16.0, step=0.01, tooltip="Of 1024 x 1024 pixels.")] = 1.0,
) -> Image:
    """Scale pictures in proportion until they have so many pixels."""
    height, width = image.pixels.shape[1:3]
    factor = (megapixels * _MEGAPIXEL / (width * height)) ** 0.5
    return _scaled(image, round(width * factor), round(height * factor), upscale_method)


def _scaled(image: Image, width: int, height: int, method: PictureMethod) -> Image:
    check_picture_size(image.pixels.shape[0], height, width)
    return Image(scale_pixels(image.pixels, height, width, method))


NODES = (image_scale, image_scale_by, image_scale_to_total_pixels)
