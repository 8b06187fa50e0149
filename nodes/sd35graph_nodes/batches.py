"""Batches of different length, and pictures with and without alpha, brought together."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from sd35graph import Context
from sd35graph.sampling.regions import fit_batch


def same_rows(*batches: Tensor) -> list[Tensor]:
    """The batches, each repeated from its start to as many rows as the longest has."""
    rows = max(batch.shape[0] for batch in batches)
    return [fit_batch(batch, rows) for batch in batches]


def same_channels(*pictures: Tensor) -> list[Tensor]:
    """The pictures [B, H, W, 3 or 4], opaque ones with an alpha channel where any has one."""
    channels = max(pixels.shape[-1] for pixels in pictures)
    return [F.pad(pixels, (0, channels - pixels.shape[-1]), value=1.0) for pixels in pictures]


def first_row(ctx: Context, batch_index: int, rows: int) -> int:
    """Where to start taking from a batch of so many rows: at `batch_index`, or with a warning at the last one."""
    if batch_index < rows:
        return batch_index
    ctx.warn(f"batch_index is {batch_index}, but the batch ends with {rows - 1}, counted from 0; that one is taken.")
    return rows - 1
