"""Nodes that save pictures, with the workflow that made them inside."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, BinaryIO, Literal

from PIL import Image as Pillow

from sd35graph import Context, ExtraPngInfo, Image, Input, Prompt, node
from sd35graph.graph.context import ArtifactFolder
from sd35graph_nodes.metadata import exif_texts, png_texts
from sd35graph_nodes.pixels import to_pillow

_Images = Annotated[Image, Input(tooltip="The pictures to save.")]
_Prefix = Annotated[str, Input(tooltip="Start of the file names; may name a subfolder.")]
_Quality = Annotated[int, Input(min=0, max=100, tooltip="100 is best and largest. For lossless WebP: the effort.")]
_Fps = Annotated[float, Input(min=0.01, max=1000.0, step=0.01, tooltip="Pictures per second.")]
FileFormat = Literal["jpeg", "webp", "webp lossless"]
WebpMethod = Literal["default", "fastest", "slowest"]
_WEBP_METHODS: dict[WebpMethod, int] = {"default": 4, "fastest": 0, "slowest": 6}

_MAX_JPEG_EXIF = 65533
"""Bytes a JPEG segment holds beside its length."""
_MAX_WEBP_SIDE = 16383


@node("SaveImage", title="Save image", category="image", is_output=True)
def save_image(
    ctx: Context,
    images: _Images,
    filename_prefix: _Prefix = "ComfyUI",
    prompt: Prompt = None,
    extra_pnginfo: ExtraPngInfo = None,
) -> None:
    """Save pictures as PNG in the output folder, with the workflow that made them inside."""
    _save_png(ctx, images, "output", filename_prefix, prompt, extra_pnginfo)


@node("PreviewImage", title="Preview image", category="image", is_output=True)
def preview_image(ctx: Context, images: Image, prompt: Prompt = None, extra_pnginfo: ExtraPngInfo = None) -> None:
    """Show pictures without keeping them: they are saved in the temp folder."""
    _save_png(ctx, images, "temp", "preview", prompt, extra_pnginfo)


def _save_png(
    ctx: Context,
    images: Image,
    folder: ArtifactFolder,
    prefix: str,
    prompt: Prompt,
    extra_pnginfo: ExtraPngInfo,
) -> None:
    texts = png_texts(ctx, prompt, extra_pnginfo)
    level = 4 if folder == "output" else 1  # a preview is written to be looked at once

    def write(picture: Pillow.Image, file: BinaryIO) -> None:
        picture.save(file, "PNG", pnginfo=texts, compress_level=level)

    _save_each(ctx, images, folder, prefix, ".png", write)


def _save_each(
    ctx: Context,
    images: Image,
    folder: ArtifactFolder,
    prefix: str,
    suffix: str,
    write: Callable[[Pillow.Image, BinaryIO], None],
) -> None:
    for pixels in images.pixels:
        saved = ctx.save(folder, prefix, suffix, partial(write, to_pillow(pixels)))
        ctx.show("images", [saved.reference()])


@node("SaveImageFormat", title="Save image (JPEG, WebP)", category="image", is_output=True)
def save_image_format(
    ctx: Context,
    images: _Images,
    filename_prefix: _Prefix = "ComfyUI",
    format: FileFormat = "webp",
    quality: _Quality = 90,
    prompt: Prompt = None,
    extra_pnginfo: ExtraPngInfo = None,
) -> None:
    """Save pictures as JPEG or WebP, which are smaller than PNG, with the workflow that made them inside."""
    exif = exif_texts(ctx, prompt, extra_pnginfo)
    if format == "jpeg" and len(exif.tobytes()) > _MAX_JPEG_EXIF:
        ctx.warn("The workflow is too large for a JPEG file and was not put into it; save as WebP or PNG to keep it.")
        exif = Pillow.Exif()

    def write(picture: Pillow.Image, file: BinaryIO) -> None:
        if format == "jpeg":
            picture.convert("RGB").save(file, "JPEG", quality=quality, exif=exif)
        else:
            _check_webp_size(picture)
            picture.save(file, "WEBP", quality=quality, lossless=format == "webp lossless", exif=exif)

    _save_each(ctx, images, "output", filename_prefix, ".jpg" if format == "jpeg" else ".webp", write)


@node("SaveAnimatedWEBP", title="Save animated WebP", category="image/animation", is_output=True)
def save_animated_webp(
    *,
    ctx: Context,
    images: _Images,
    filename_prefix: _Prefix = "ComfyUI",
    fps: _Fps = 6.0,
    lossless: bool = True,
    quality: _Quality = 80,
    method: Annotated[WebpMethod, Input(tooltip="How long to search for a small file.")],
    prompt: Prompt = None,
    extra_pnginfo: ExtraPngInfo = None,
) -> None:
    """Save a batch of pictures as one animated WebP file, with the workflow that made it inside."""
    first, *others = [to_pillow(pixels) for pixels in images.pixels]
    _check_webp_size(first)
    saved = ctx.save(
        "output",
        filename_prefix,
        ".webp",
        lambda file: first.save(
            file,
            "WEBP",
            save_all=True,
            append_images=others,
            duration=_frame_ms(fps),
            lossless=lossless,
            quality=quality,
            method=_WEBP_METHODS[method],
            exif=exif_texts(ctx, prompt, extra_pnginfo),
        ),
    )
    ctx.show("images", [saved.reference()])
    ctx.show("animated", [True])


@node("SaveAnimatedPNG", title="Save animated PNG", category="image/animation", is_output=True)
def save_animated_png(
    ctx: Context,
    images: _Images,
    filename_prefix: _Prefix = "ComfyUI",
    fps: _Fps = 6.0,
    compress_level: Annotated[int, Input(min=0, max=9, tooltip="9 is smallest and slowest.")] = 4,
    prompt: Prompt = None,
    extra_pnginfo: ExtraPngInfo = None,
) -> None:
    """Save a batch of pictures as one animated PNG file, with the workflow that made it inside."""
    first, *others = [to_pillow(pixels) for pixels in images.pixels]
    saved = ctx.save(
        "output",
        filename_prefix,
        ".png",
        lambda file: first.save(
            file,
            "PNG",
            save_all=True,
            append_images=others,
            duration=_frame_ms(fps),
            compress_level=compress_level,
            pnginfo=png_texts(ctx, prompt, extra_pnginfo),
        ),
    )
    ctx.show("images", [saved.reference()])
    ctx.show("animated", [True])


def _frame_ms(fps: float) -> int:
    return int(1000 / fps)


def _check_webp_size(picture: Pillow.Image) -> None:
    if max(picture.size) > _MAX_WEBP_SIDE:
        raise ValueError(
            f"WebP files have at most {_MAX_WEBP_SIDE} pixels per side, but the picture has {picture.width}x"
            f"{picture.height}; save it as PNG, or scale it down"
        )


NODES = (save_image, preview_image, save_image_format, save_animated_webp, save_animated_png)
