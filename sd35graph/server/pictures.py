"""Pictures for `/view` and `/upload/mask`: another format, one channel, another's alpha.

Imported only when such a request comes, so that Pillow costs nobody else memory or time.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path

from PIL import Image, ImageOps

from sd35graph.server.errors import ApiError

_PREVIEW = re.compile(r"(webp|jpeg|jpg|png)(?:;(\d{1,3}))?")
_FORMATS = {"webp": "WEBP", "jpeg": "JPEG", "jpg": "JPEG", "png": "PNG"}
_DEFAULT_QUALITY = 90
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_READ = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""What is read of all that Pillow knows: for some kinds, such as EPS, it starts other programs on the file."""
_UNREADABLE = (
    *(OSError, SyntaxError, EOFError, ValueError, TypeError, IndexError, KeyError, ArithmeticError),
    *(struct.error, zlib.error),
)
"""What Pillow raises for files that are cut off or wrong, or of another kind."""


def converted(path: Path, preview: str, channel: str, max_pixels: int) -> tuple[bytes, str]:
    """(content, media type) of the picture at `path` as `preview` (`webp;80`) or with only one `channel`.

    Raises `ApiError` when the file is no picture, or the parameters make no sense.
    """
    match = _PREVIEW.fullmatch(preview.lower()) if preview else None
    if preview and match is None:
        raise ApiError(400, "bad_request", f'preview "{preview}" is unknown; use webp;80, jpeg;90 or png')
    picture = _only(_open(path, max_pixels), channel)
    file_format, quality = ("PNG", 0) if match is None else (_FORMATS[match[1]], int(match[2] or _DEFAULT_QUALITY))
    if file_format == "JPEG" and picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    content = io.BytesIO()
    if file_format == "PNG":
        picture.save(content, "PNG", compress_level=4)
    else:
        picture.save(content, file_format, quality=min(quality, 100))
    return content.getvalue(), f"image/{file_format.lower()}"


def small(path: Path, longest_px: int, max_pixels: int) -> bytes:
    """WebP of the picture at `path`, no side longer than `longest_px`, upright as its EXIF says. Raises `ApiError`."""
    picture = _open(path, max_pixels)
    picture = ImageOps.exif_transpose(picture)
    picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    picture.thumbnail((longest_px, longest_px))
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=80)
    return content.getvalue()


def with_alpha_of(original: Path, mask: bytes, max_pixels: int) -> bytes:
    """PNG of the picture at `original` with the alpha channel of `mask`. Raises `ApiError`."""
    picture = _open(original, max_pixels).convert("RGBA")
    alpha = _open(io.BytesIO(mask), max_pixels).convert("RGBA").getchannel("A")
    picture.putalpha(alpha if alpha.size == picture.size else alpha.resize(picture.size))
    content = io.BytesIO()
    picture.save(content, "PNG", compress_level=4)
    return content.getvalue()


def check_pixels(name: str, content: bytes, max_pixels: int) -> None:
    """Raise `ApiError` for a picture that would unfold to more than `max_pixels`, all its frames together.

    Only its head is read. What is no picture, or a kind Pillow does not know, is no matter here.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_READ) as picture:
            pixels = picture.width * picture.height
            pixels *= getattr(picture, "n_frames", 1) if pixels <= max_pixels else 1
    except _BOMBS as error:
        raise _too_large(name, str(error)) from error
    except _UNREADABLE:
        return
    if pixels > max_pixels:
        raise _too_large(name, f"it unfolds to {pixels:,} pixels, and {max_pixels:,} are the limit")


def _open(source: Path | io.BytesIO, max_pixels: int) -> Image.Image:
    name = source.name if isinstance(source, Path) else "the mask"
    try:
        picture = Image.open(source, formats=_READ)
        if picture.width * picture.height > max_pixels:
            picture.close()
            raise _too_large(name, f"it has {picture.width}×{picture.height} pixels, and {max_pixels:,} are the limit")
        picture.load()
    except _BOMBS as error:
        raise _too_large(name, str(error)) from error
    except _UNREADABLE as error:
        raise ApiError(400, "bad_request", f"{name} cannot be read as a picture: {error}") from error
    return picture


def _too_large(name: str, why: str) -> ApiError:
    sentence = f'the picture "{name}" is too large: {why}; make it smaller, or raise max_pixels in the settings'
    return ApiError(413, "picture_too_large", sentence)


def _only(picture: Image.Image, channel: str) -> Image.Image:
    """The wanted channels. Alpha alone is a picture that is black and as transparent as the original."""
    if channel == "rgba":
        return picture
    if channel == "rgb":
        return picture.convert("RGB")
    if channel == "a":
        alpha = picture.convert("RGBA").getchannel("A")
        only = Image.new("RGBA", picture.size)
        only.putalpha(alpha)
        return only
    raise ApiError(400, "bad_request", f'channel "{channel}" is unknown; use rgba, rgb or a')
