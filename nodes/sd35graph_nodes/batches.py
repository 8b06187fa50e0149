"""Batches of different length brought together."""

from __future__ import annotations

from torch import Tensor

from sd35graph.sampling.regions import fit_batch


def same_rows(*batches: Tensor) -> list[Tensor]:
    """The batches, each repeated from its start to as many rows as the longest has."""
    rows = max(batch.shape[0] for batch in batches)
    return [fit_batch(batch, rows) for batch in batches]
