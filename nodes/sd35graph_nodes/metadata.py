"""The workflow inside a result: as texts by name, and as EXIF for picture formats without text chunks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image as Pillow
from PIL.ExifTags import Base
from PIL.PngImagePlugin import PngInfo

from sd35graph import Context

_MAX_PNG_KEY = 79
_PNG_KEY = re.compile(rf"[ -~\xa1-\xff]{{1,{_MAX_PNG_KEY}}}")
"""The keyword of a text chunk: Latin-1 that can be printed (PNG specification, third edition, 11.3.3.1)."""
_LAST_EXTRA_TAG = int(Base.Make) - 4
"""The tags below it are given to numbers by TIFF 6.0, section 8 (FillOrder, CellLength, …)."""
_MAX_NAMED = 3


def workflow_texts(
    prompt: Mapping[str, Any] | None, extra_pnginfo: Mapping[str, Any] | None
) -> Iterator[tuple[str, str]]:
    """The JSON texts a result carries, by name: `prompt`, and what the client adds, such as `workflow`."""
    if prompt is not None:
        yield "prompt", json.dumps(prompt)
    for key, value in (extra_pnginfo or {}).items():
        yield key, json.dumps(value)


def png_texts(ctx: Context, prompt: Mapping[str, Any] | None, extra_pnginfo: Mapping[str, Any] | None) -> PngInfo:
    """Text chunks of a PNG file. Warns of texts whose names PNG does not allow, and leaves them out."""
    chunks = PngInfo()
    left_out: list[str] = []
    for key, text in workflow_texts(prompt, extra_pnginfo):
        if _PNG_KEY.fullmatch(key):
            chunks.add_text(key, text)
        else:
            left_out.append(key)
    _warn_left_out(ctx, left_out, f"PNG allows names of 1 to {_MAX_PNG_KEY} Latin characters; rename them")
    return chunks


def exif_texts(ctx: Context, prompt: Mapping[str, Any] | None, extra_pnginfo: Mapping[str, Any] | None) -> Pillow.Exif:
    """EXIF as existing front ends read it: `prompt:{…}` in the tag Model, others, `workflow:{…}` first, in Make and
    the tags below it. Warns of texts for which there are no more tags, and leaves them out."""
    exif = Pillow.Exif()
    left_out: list[str] = []
    extra_tag = int(Base.Make)
    for key, text in workflow_texts(prompt, extra_pnginfo):
        if key == "prompt":
            exif[Base.Model] = f"{key}:{text}"
        elif extra_tag < _LAST_EXTRA_TAG:
            left_out.append(key)
        else:
            exif[extra_tag] = f"{key}:{text}"
            extra_tag -= 1
    _warn_left_out(ctx, left_out, "there is room for 5 beside the prompt; save as PNG to keep them")
    return exif


def _warn_left_out(ctx: Context, keys: list[str], why: str) -> None:
    if keys:
        named = ", ".join(f"{key[:_MAX_PNG_KEY]!r}" for key in keys[:_MAX_NAMED])
        more = f" and {len(keys) - _MAX_NAMED} more" if len(keys) > _MAX_NAMED else ""
        ctx.warn(f"Texts were not put into the picture: {named}{more}, as {why}.")
