"""Running a network tile by tile and blending the overlaps, for pictures too large to decode at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def blend_tiles(
    network: Callable[[Tensor], Tensor], x: Tensor, tile: tuple[int, int], overlap: int, factor: int, cell: int = 1
) -> Tensor:
    """`network(x)`, computed on overlapping tiles whose weights fall off linearly towards each edge.

    x: [B, C, h * cell, w * cell]. tile: rows and columns of cells in a tile; overlap: how many of them neighbours
    share. factor: rows of the result per cell. An `x` that fits into one tile is passed through directly.
    """
    height, width = (side // cell for side in x.shape[-2:])
    if height <= tile[0] and width <= tile[1]:
        return network(x)
    total: Tensor | None = None
    weights = torch.zeros(1, 1, height * factor, width * factor)
    for top in _starts(height, tile[0], overlap):
        for left in _starts(width, tile[1], overlap):
            rows, columns = slice(top * cell, (top + tile[0]) * cell), slice(left * cell, (left + tile[1]) * cell)
            part = network(x[..., rows, columns])
            ramp = torch.outer(*(_ramp(n, overlap * factor) for n in part.shape[-2:])).to(part)
            if total is None:
                total = part.new_zeros(*part.shape[:2], *weights.shape[-2:])
                weights = weights.to(part)
            window = (
                ...,
                slice(top * factor, top * factor + part.shape[-2]),
                slice(left * factor, left * factor + part.shape[-1]),
            )
            total[window] += part * ramp
            weights[window] += ramp
    assert total is not None  # there is always a first tile
    return total / weights


def _starts(length: int, tile: int, overlap: int) -> range | list[int]:
    """Where tiles begin along one axis; the last one may be shorter than `tile`."""
    if length <= tile:
        return [0]
    return range(0, length - overlap, tile - overlap)


def _ramp(length: int, feather: int) -> Tensor:
    """Weights [length] that rise linearly from 1/feather at either end to 1."""
    rise = (torch.arange(1, length + 1, dtype=torch.float32) / max(1, feather)).clamp(max=1.0)
    return rise * rise.flip(0)
