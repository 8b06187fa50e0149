"""Nodes that join, repeat and divide batches of pictures."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated

import torch

from sd35graph import Context, Image, Input, node
from sd35graph_nodes.batches import first_row, same_channels
from sd35graph_nodes.kinds import BatchSize
from sd35graph_nodes.limits import check_picture_size
from sd35graph_nodes.resizing import fit_pixels


@node("ImageBatch", title="Batch images", category="image")
def image_batch(image1: Image, image2: Image) -> Image:
    """Join two batches. The second is scaled and cropped to the size of the first."""
    first, second = same_channels(image1.pixels, image2.pixels)
    batch, height, width, _ = first.shape
    check_picture_size(batch + second.shape[0], height, width)
    return Image(torch.cat([first, fit_pixels(second, height, width, "bilinear")]))


@node("ImageFromBatch", title="Image from batch", category="image/batch")
def image_from_batch(
    ctx: Context,
    image: Image,
    batch_index: Annotated[int, Input(min=0, max=4095, tooltip="The first to take, counted from 0.")] = 0,
    length: Annotated[int, Input(min=1, max=4096, tooltip="How many to take.")] = 1,
) -> Image:
    """Take pictures out of a batch; past its end, the last one."""
    start = first_row(ctx, batch_index, image.pixels.shape[0])
    return Image(image.pixels[start : start + length])


@node("RepeatImageBatch", title="Repeat image batch", category="image/batch")
def repeat_image_batch(image: Image, amount: Annotated[int, Input(min=1, max=4096)] = 1) -> Image:
    """Repeat a batch of pictures."""
    batch, height, width, _ = image.pixels.shape
    check_picture_size(batch * amount, height, width)
    return Image(image.pixels.repeat(amount, 1, 1, 1))


@node("RebatchImages", title="Rebatch images", category="image/batch")
def rebatch_images(images: list[Image], batch_size: BatchSize = 1) -> list[Image]:
    """Divide pictures into batches of another size. Pictures of different sizes never share a batch."""
    batches = []
    for _, group in groupby(images, key=lambda image: image.pixels.shape[1:]):
        joined = torch.cat([image.pixels for image in group])
        batches += [Image(part) for part in torch.split(joined, batch_size)]
    return batches


NODES = (image_batch, image_from_batch, repeat_image_batch, rebatch_images)
