"""Nodes that load, make, change and save pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, BinaryIO, Literal

import numpy as np
import torch
from PIL import Image as Pillow
from PIL import ImageOps, ImageSequence, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo
from torch import Tensor
from torch.nn import functional as F

from sd35graph import Choices, Context, ExtraPngInfo, Image, Input, Mask, Prompt, node
from sd35graph_nodes.kinds import BatchSize, ImagePixels

_MAX_PIXELS = 2**28
"""So many pixels one file may bring, all frames together; as float32 they take 3 GiB."""

BlendMode = Literal["normal", "multiply", "screen", "overlay", "soft_light", "difference"]


@node("LoadImage", title="Load Image", category="image")
def load_image(ctx: Context, image: Annotated[str, Choices("input"), Input(image_upload=True)]) -> tuple[Image, Mask]:
    """A picture from the input folder, and its transparency as a mask (1 where transparent; 64x64 zeros if none).

    All frames of an animation become one batch. Raises `ValueError` for a file that is no picture.
    """
    path = ctx.file("input", image)
    try:
        with Pillow.open(path) as opened:
            _check_size(image, opened)
            frames = [ImageOps.exif_transpose(frame) for frame in ImageSequence.Iterator(opened)]
            frames = [frame for frame in frames if frame.size == frames[0].size]
            pixels = torch.stack([_read_pixels(frame) for frame in frames])
            # One answer for all frames: an animation may say it of some frames only.
            is_transparent = any("A" in frame.getbands() or "transparency" in frame.info for frame in frames)
            masks = [_read_mask(frame) if is_transparent else torch.zeros(64, 64) for frame in frames]
    except Pillow.DecompressionBombError as error:
        raise ValueError(f'"{image}" has too many pixels: {error}; scale it down') from error
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f'"{image}" cannot be read as a picture: {error}; save it as PNG, JPEG or WebP') from error
    return Image(pixels), Mask(torch.stack(masks))


def _check_size(name: str, opened: Pillow.Image) -> None:
    """Refuse what would fill the memory before it is decoded: a file of some kilobytes can hold that much."""
    frames = getattr(opened, "n_frames", 1)
    if frames * opened.width * opened.height > _MAX_PIXELS:
        raise ValueError(
            f'"{name}" has {frames} frames of {opened.width}x{opened.height} pixels; at most {_MAX_PIXELS:,} pixels '
            "are read; scale it down or shorten it"
        )


def _read_pixels(frame: Pillow.Image) -> Tensor:
    """Pixels [H, W, 3] of one frame, 0..1."""
    if frame.mode.startswith("I"):  # 16 bits of grey
        frame = Pillow.fromarray((np.asarray(frame, dtype=np.float32) / 65535 * 255).astype(np.uint8))
    return torch.from_numpy(np.array(frame.convert("RGB"), dtype=np.float32) / 255)


def _read_mask(frame: Pillow.Image) -> Tensor:
    """Transparency [H, W] of one frame, 0..1, 1 where nothing is to be seen."""
    alpha = np.array(frame.convert("RGBA").getchannel("A"), dtype=np.float32)
    return 1 - torch.from_numpy(alpha / 255)


@node("SaveImage", title="Save Image", category="image", is_output=True)
def save_image(
    ctx: Context,
    images: Annotated[Image, Input(tooltip="The pictures to save.")],
    filename_prefix: Annotated[str, Input(tooltip="Start of the file names; may name a subfolder.")] = "ComfyUI",
    prompt: Prompt = None,
    extra_pnginfo: ExtraPngInfo = None,
) -> None:
    """Save pictures as PNG in the output folder, with the workflow that made them inside."""
    _save_all(ctx, images, "output", filename_prefix, prompt, extra_pnginfo)


@node("PreviewImage", title="Preview Image", category="image", is_output=True)
def preview_image(ctx: Context, images: Image, prompt: Prompt = None, extra_pnginfo: ExtraPngInfo = None) -> None:
    """Show pictures without keeping them: they are saved in the temp folder."""
    _save_all(ctx, images, "temp", "preview", prompt, extra_pnginfo)


def _save_all(
    ctx: Context,
    images: Image,
    folder: Literal["output", "temp"],
    prefix: str,
    prompt: Mapping[str, Any] | None,
    extra_pnginfo: Mapping[str, Any] | None,
) -> None:
    metadata = PngInfo()
    for key, value in _chunks(prompt, extra_pnginfo):
        metadata.add_text(key, value)
    level = 4 if folder == "output" else 1  # a preview is written to be looked at once
    for pixels in images.pixels:
        picture = Pillow.fromarray(to_uint8(pixels))

        def write(file: BinaryIO, picture: Pillow.Image = picture) -> None:
            picture.save(file, format="PNG", pnginfo=metadata, compress_level=level)

        ctx.show("images", [ctx.save(folder, prefix, ".png", write).reference()])


def _chunks(prompt: Mapping[str, Any] | None, extra_pnginfo: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if prompt is not None:
        yield "prompt", json.dumps(prompt)
    for key, value in (extra_pnginfo or {}).items():
        yield key, json.dumps(value)


def to_uint8(pixels: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Pixels [H, W, 3], 0..1, as 8-bit numbers: 255 * x, clipped and truncated."""
    return (pixels * 255).clamp(0, 255).to(torch.uint8).cpu().numpy()


@node("EmptyImage", category="image")
def empty_image(
    width: ImagePixels = 512,
    height: ImagePixels = 512,
    batch_size: BatchSize = 1,
    color: Annotated[int, Input(min=0, max=0xFFFFFF, step=1, display="color")] = 0,
) -> Image:
    """Pictures of one colour, given as 0xRRGGBB."""
    rgb = torch.tensor([color >> 16 & 0xFF, color >> 8 & 0xFF, color & 0xFF], dtype=torch.float32) / 255
    return Image(rgb.expand(batch_size, height, width, 3).contiguous())


@node("ImageInvert", title="Invert Image", category="image")
def image_invert(image: Image) -> Image:
    """The negative of pictures: 1 - x."""
    return Image(1.0 - image.pixels)


@node("ImageBlend", category="image/postprocessing")
def image_blend(
    *,
    image1: Image,
    image2: Image,
    blend_factor: Annotated[float, Input(min=0.0, max=1.0, step=0.01)] = 0.5,
    blend_mode: BlendMode,
) -> Image:
    """Lay one picture over another. The second is scaled and cropped to the size of the first."""
    below, above = image1.pixels, _fit(image2.pixels, image1.pixels)
    blended = _blend(below, above, blend_mode)
    return Image((below * (1 - blend_factor) + blended * blend_factor).clamp(0, 1))


def _fit(pixels: Tensor, like: Tensor) -> Tensor:
    """Pixels [B, H, W, 3] scaled in proportion and cropped around the centre to the height and width of `like`."""
    (height, width), (wanted_height, wanted_width) = pixels.shape[1:3], like.shape[1:3]
    if (height, width) == (wanted_height, wanted_width):
        return pixels
    scale = max(wanted_height / height, wanted_width / width)
    size = (max(wanted_height, round(height * scale)), max(wanted_width, round(width * scale)))
    scaled = F.interpolate(pixels.movedim(-1, 1), size=size, mode="bicubic", antialias=True).movedim(1, -1)
    top, left = (size[0] - wanted_height) // 2, (size[1] - wanted_width) // 2
    return scaled[:, top : top + wanted_height, left : left + wanted_width].clamp(0, 1)


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


NODES = (
    load_image,
    save_image,
    preview_image,
    empty_image,
    image_invert,
    image_blend,
)
