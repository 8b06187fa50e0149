"""Nodes that join, repeat and divide batches of latents.

A row keeps the noise it would have had in its batch: `Latent.batch_index` says which draw of the seed that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Annotated

import torch
from torch import Tensor

from sd35graph import Context, Input, Latent, node
from sd35graph.sampling.regions import fit_batch
from sd35graph_nodes.batches import first_row
from sd35graph_nodes.kinds import BatchSize
from sd35graph_nodes.latent_masks import CELL, mask_in_pixels
from sd35graph_nodes.latent_math import require_same_channels
from sd35graph_nodes.limits import check_latent_size
from sd35graph_nodes.resizing import crop_to_proportions, fit


@node("LatentFromBatch", title="Latent from batch", category="latent/batch")
def latent_from_batch(
    ctx: Context,
    samples: Latent,
    batch_index: Annotated[int, Input(min=0, max=63, tooltip="The first to take, counted from 0.")] = 0,
    length: Annotated[int, Input(min=1, max=64, tooltip="How many to take.")] = 1,
) -> Latent:
    """Take latents out of a batch; past its end, the last one. Their noise is the same as in the batch."""
    start = first_row(ctx, batch_index, samples.samples.shape[0])
    return _rows(samples, start, start + length)


@node("RepeatLatentBatch", title="Repeat latent batch", category="latent/batch")
def repeat_latent_batch(samples: Latent, amount: Annotated[int, Input(min=1, max=64)] = 1) -> Latent:
    """Repeat a batch. Each copy gets noise of its own."""
    batch, _, height, width = samples.samples.shape
    check_latent_size(batch * amount, height, width)
    mask, numbers = samples.noise_mask, samples.batch_index
    if mask is not None and mask.shape[0] > 1:  # one mask stands for all rows already
        mask = fit_batch(mask, batch).repeat(amount, 1, 1)
    if numbers is not None:
        period = max(numbers) - min(numbers) + 1
        numbers = tuple(number + copy * period for copy in range(amount) for number in numbers)
    repeated = samples.samples.repeat(amount, 1, 1, 1)
    return Latent(repeated, mask, numbers)


@node("LatentBatch", title="Batch latents", category="latent/batch")
def latent_batch(samples1: Latent, samples2: Latent) -> Latent:
    """Join two batches. The second is scaled and cropped to the size of the first."""
    require_same_channels(samples1, samples2)
    rows, columns = samples1.samples.shape[-2:]
    mask = mask_in_pixels(samples2)
    if mask is not None:
        mask = crop_to_proportions(mask, rows, columns)
    second = replace(samples2, samples=fit(samples2.samples, rows, columns, "bilinear"), noise_mask=mask)
    return _joined([samples1, second])


@node("RebatchLatents", title="Rebatch latents", category="latent/batch")
def rebatch_latents(latents: list[Latent], batch_size: BatchSize = 1) -> list[Latent]:
    """Divide latents into batches of another size. Latents of different shapes never share a batch."""
    batches = []
    for _, group in groupby(_numbered(latents), key=lambda latent: latent.samples.shape[1:]):
        joined = _joined(list(group))
        starts = range(0, joined.samples.shape[0], batch_size)
        batches += [_rows(joined, start, start + batch_size) for start in starts]
    return batches


def _numbered(latents: Sequence[Latent]) -> Iterator[Latent]:
    """The latents, with the noise draws of each counted on from the one before, where it has no numbers of its own."""
    offset = 0
    for latent in latents:
        rows = latent.samples.shape[0]
        yield replace(latent, batch_index=latent.batch_index or tuple(range(offset, offset + rows)))
        offset += rows


def _numbers(latent: Latent) -> tuple[int, ...]:
    return latent.batch_index or tuple(range(latent.samples.shape[0]))


def _rows(latent: Latent, start: int, end: int) -> Latent:
    mask = latent.noise_mask
    if mask is not None and mask.shape[0] > 1:
        mask = fit_batch(mask, latent.samples.shape[0])[start:end]
    return Latent(latent.samples[start:end], mask, _numbers(latent)[start:end])


def _joined(latents: Sequence[Latent]) -> Latent:
    """One batch of latents of equal shape; where only some have a noise mask, the others may change everywhere."""
    samples = torch.cat([latent.samples for latent in latents])
    check_latent_size(samples.shape[0], *samples.shape[-2:])
    mask = None
    if any(latent.noise_mask is not None for latent in latents):
        mask = torch.cat([_mask_of(latent) for latent in latents])
    return Latent(samples, mask, tuple(number for latent in latents for number in _numbers(latent)))


def _mask_of(latent: Latent) -> Tensor:
    """The noise mask of each row, [B, 8h, 8w]; ones where there is none."""
    batch, _, rows, columns = latent.samples.shape
    mask = mask_in_pixels(latent)
    return torch.ones(batch, rows * CELL, columns * CELL) if mask is None else fit_batch(mask, batch)


NODES = (latent_from_batch, repeat_latent_batch, latent_batch, rebatch_latents)
