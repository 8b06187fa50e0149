"""Rectangles on pictures, masks and latents: where one lies on another, and whether it does."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType

Window = tuple[EllipsisType, slice, slice]
"""An index into [..., H, W]."""


def require_inside(x: int, y: int, width: int, height: int, unit: str = "pixels") -> tuple[int, int]:
    """`(x, y)` again. Raises `ValueError` when that corner is not on something of this width and height."""
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(
            f"x and y must lie on what is {width}x{height} {unit} large, but are {x} and {y}, outside of it; "
            "choose smaller ones"
        )
    return x, y


def overlap(below: Sequence[int], above: Sequence[int], *, left: int, top: int) -> tuple[Window, Window]:
    """Where something of size `above` (height, width) at `left`, `top` covers one of size `below`: (there, its part).

    The corner may be negative. Without an overlap both windows are empty.
    """
    rows, own_rows = _spans(below[0], above[0], top)
    columns, own_columns = _spans(below[1], above[1], left)
    return (..., rows, columns), (..., own_rows, own_columns)


def _spans(below: int, above: int, start: int) -> tuple[slice, slice]:
    first, last = max(start, 0), max(min(start + above, below), max(start, 0))
    return slice(first, last), slice(first - start, last - start)
