"""Nodes that read pictures from the input folder."""

from __future__ import annotations

import struct
import zlib
from typing import Annotated, Literal

import numpy as np
import torch
from PIL import Image as Pillow
from PIL import ImageOps, ImageSequence
from torch import Tensor

from sd35graph import Choices, Context, Image, Input, Mask, node
from sd35graph_nodes.limits import MAX_PIXELS
from sd35graph_nodes.pixels import from_pillow

_DAMAGE = (
    *(OSError, SyntaxError, EOFError, ValueError, TypeError, IndexError, KeyError, ArithmeticError),
    *(struct.error, zlib.error),
)
"""What Pillow raises for damaged files, as its decoders of headers and frames do not check what they read."""

_READ = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""What is read of all that Pillow knows: for some kinds, such as EPS, it starts other programs on the file."""

_File = Annotated[str, Choices("input"), Input(image_upload=True)]


@node("LoadImage", title="Load image", category="image")
def load_image(ctx: Context, image: _File) -> tuple[Image, Mask]:
    """A picture from the input folder, and its transparency as a mask (1 where transparent; 64x64 zeros if none).

    All frames of an animation become one batch. Raises `ValueError` for a file that is no picture.
    """
    frames = _frames(ctx, image)
    pixels = torch.stack([_read_pixels(frame) for frame in frames])
    # One answer for all frames: an animation may say it of some frames only.
    is_transparent = any("A" in frame.getbands() or "transparency" in frame.info for frame in frames)
    masks = [1 - _read_channel(frame, "A") if is_transparent else torch.zeros(64, 64) for frame in frames]
    return Image(pixels), Mask(torch.stack(masks))


@node("LoadImageMask", title="Load image (as mask)", category="mask")
def load_image_mask(ctx: Context, image: _File, channel: Literal["alpha", "red", "green", "blue"]) -> Mask:
    """One channel of a picture in the input folder as a mask. Of alpha the opposite: 1 where transparent."""
    values = torch.stack([_read_channel(frame, channel[0].upper()) for frame in _frames(ctx, image)])
    return Mask(1 - values if channel == "alpha" else values)


def _frames(ctx: Context, name: str) -> list[Pillow.Image]:
    """The decoded frames of a file that have the size of its first. Raises `ValueError` for what is no picture."""
    path = ctx.file("input", name)
    try:
        with Pillow.open(path, formats=_READ) as opened:
            _check_size(opened)
            frames = [_eight_bits(ImageOps.exif_transpose(frame)) for frame in ImageSequence.Iterator(opened)]
    except Pillow.DecompressionBombError as error:
        raise ValueError(f'"{name}" has too many pixels: {error}; scale it down or shorten it') from error
    except _DAMAGE as error:
        raise ValueError(f'"{name}" cannot be read as a picture: {error}; save it as PNG, JPEG or WebP') from error
    return [frame for frame in frames if frame.size == frames[0].size]


def _check_size(opened: Pillow.Image) -> None:
    """Refuse what would fill the memory before it is decoded: a file of some kilobytes can hold that much."""
    frames = getattr(opened, "n_frames", 1)
    if frames * opened.width * opened.height > MAX_PIXELS:
        raise Pillow.DecompressionBombError(
            f"{frames} frames of {opened.width}x{opened.height} pixels, while at most {MAX_PIXELS:,} pixels are read"
        )


def _eight_bits(frame: Pillow.Image) -> Pillow.Image:
    """`frame`, or what 16 bits of grey are in 8."""
    if not frame.mode.startswith("I"):
        return frame
    return Pillow.fromarray((np.asarray(frame, dtype=np.float32) / 65535 * 255).astype(np.uint8))


def _read_pixels(frame: Pillow.Image) -> Tensor:
    """Pixels [H, W, 3] of one frame, 0..1."""
    return from_pillow(frame.convert("RGB"))


def _read_channel(frame: Pillow.Image, band: str) -> Tensor:
    """One of the bands R, G, B and A [H, W] of one frame, 0..1."""
    return from_pillow(frame.convert("RGBA").getchannel(band))


NODES = (load_image, load_image_mask)
