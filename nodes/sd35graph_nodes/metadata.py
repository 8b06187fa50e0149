"""The workflow inside a result: as texts by name, and as EXIF for picture formats without text chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image as Pillow
from PIL.ExifTags import Base
from PIL.PngImagePlugin import PngInfo


def workflow_texts(
    prompt: Mapping[str, Any] | None, extra_pnginfo: Mapping[str, Any] | None
) -> Iterator[tuple[str, str]]:
    """The JSON texts a result carries, by name: `prompt`, and what the client adds, such as `workflow`."""
    if prompt is not None:
        yield "prompt", json.dumps(prompt)
    for key, value in (extra_pnginfo or {}).items():
        yield key, json.dumps(value)


def png_texts(prompt: Mapping[str, Any] | None, extra_pnginfo: Mapping[str, Any] | None) -> PngInfo:
    """Text chunks of a PNG file."""
    chunks = PngInfo()
    for key, text in workflow_texts(prompt, extra_pnginfo):
        chunks.add_text(key, text)
    return chunks


def exif_texts(prompt: Mapping[str, Any] | None, extra_pnginfo: Mapping[str, Any] | None) -> Pillow.Exif:
    """EXIF as existing front ends read it: `prompt:{…}` in the tag Model, others, `workflow:{…}` first, in Make and
    the tags below it."""
    exif = Pillow.Exif()
    extra_tag = int(Base.Make)
    for key, text in workflow_texts(prompt, extra_pnginfo):
        if key == "prompt":
            exif[Base.Model] = f"{key}:{text}"
        else:
            exif[extra_tag] = f"{key}:{text}"
            extra_tag -= 1
    return exif
