"""A sheet of pictures with their prompts beneath, in rows with a heading; what the scorer calls wrong in red."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from benchmarks.tiny_features import Bytes

_SIDE, _GAP, _COLUMNS = 128, 8, 10
_TEXT, _HEADING = 11, 15  # sizes of type
_LINES, _LETTERS = 3, 22  # of a caption
_INK, _WRONG = (40, 40, 40), (190, 20, 20)


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture, uint8 [H, W, 3], with what was asked for."""

    caption: str
    picture: Bytes
    is_right: bool


def write_sheet(rows: Mapping[str, Sequence[Tile]], path: Path) -> None:
    """Write the first ten tiles of each row, under the row's name, as PNG."""
    row_height = _HEADING + _SIDE + _LINES * (_TEXT + 2) + 3 * _GAP
    sheet = Image.new("RGB", (_COLUMNS * (_SIDE + _GAP) + _GAP, len(rows) * row_height), "white")
    draw = ImageDraw.Draw(sheet)
    small, large = ImageFont.load_default(_TEXT), ImageFont.load_default(_HEADING)
    for row, (name, tiles) in enumerate(rows.items()):
        top = row * row_height + _GAP // 2
        draw.text((_GAP, top), name, _INK, large)
        for column, tile in enumerate(tiles[:_COLUMNS]):
            left = _GAP + column * (_SIDE + _GAP)
            picture = Image.fromarray(tile.picture).resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
            sheet.paste(picture, (left, top + _HEADING + _GAP))
            caption = "\n".join(textwrap.wrap(tile.caption, _LETTERS)[:_LINES])
            ink = _INK if tile.is_right else _WRONG
            draw.multiline_text((left, top + _HEADING + _SIDE + _GAP + 2), caption, ink, small, spacing=2)
    sheet.save(path)
