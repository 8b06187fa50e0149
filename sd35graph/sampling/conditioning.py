"""Pure functions on conditioning: join, mix, blank, and say where, when and how strongly an entry applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from sd35graph.values import Conditioning, ConditioningEntry, FractionArea, PixelArea


def _each(conditioning: Conditioning, change: Callable[[ConditioningEntry], ConditioningEntry]) -> Conditioning:
    return Conditioning(tuple(change(entry) for entry in conditioning.entries))


def combine(first: Conditioning, second: Conditioning) -> Conditioning:
    """All entries of both; their predictions are averaged while sampling."""
    return Conditioning((*first.entries, *second.entries))


def average(to: Conditioning, source: Conditioning, strength: float) -> Conditioning:
    """`strength` of each entry of `to` plus (1 - strength) of the first entry of `source`.

    `source` is cut or zero-padded to the token count of the entry.
    """
    other = _first(source, "average")

    def mix(entry: ConditioningEntry) -> ConditioningEntry:
        length = entry.cond.shape[1]
        cond = other.cond[:, :length]
        cond = torch.nn.functional.pad(cond, (0, 0, 0, length - cond.shape[1]))  # [B, L, D]
        return replace(
            entry,
            cond=entry.cond * strength + cond * (1.0 - strength),
            pooled=entry.pooled * strength + other.pooled * (1.0 - strength),
        )

    return _each(to, mix)


def concat(to: Conditioning, source: Conditioning) -> Conditioning:
    """Each entry of `to` with the tokens of the first entry of `source` after its own; pooled stays that of `to`."""
    other = _first(source, "concat")
    return _each(to, lambda entry: replace(entry, cond=torch.cat((entry.cond, other.cond), dim=1)))  # [B, L + L2, D]


def _first(conditioning: Conditioning, operation: str) -> ConditioningEntry:
    if not conditioning.entries:
        raise ValueError(f"{operation} needs a second conditioning with at least one entry, got an empty one")
    return conditioning.entries[0]


def zero_out(conditioning: Conditioning) -> Conditioning:
    """The same entries with all text features zero."""
    return _each(
        conditioning,
        lambda entry: replace(entry, cond=torch.zeros_like(entry.cond), pooled=torch.zeros_like(entry.pooled)),
    )


def set_timestep_range(conditioning: Conditioning, start: float, end: float) -> Conditioning:
    """Active only between these fractions (0 first, 1 last) of schedule time."""
    return _each(conditioning, lambda entry: replace(entry, start_percent=start, end_percent=end))


def set_area(conditioning: Conditioning, area: PixelArea, strength: float) -> Conditioning:
    """Applied only inside a rectangle of pixels, with this weight; a mask's bounding box goes before it."""
    return _each(conditioning, lambda entry: replace(entry, area=area, strength=strength))


def set_area_percentage(conditioning: Conditioning, area: FractionArea, strength: float) -> Conditioning:
    """As `set_area`, with the rectangle in fractions of the picture."""
    return _each(conditioning, lambda entry: replace(entry, area=area, strength=strength))


def set_area_strength(conditioning: Conditioning, strength: float) -> Conditioning:
    """The weight of each entry in the average."""
    return _each(conditioning, lambda entry: replace(entry, strength=strength))


def set_mask(
    conditioning: Conditioning,
    mask: Tensor,
    strength: float,
    mask_area: Literal["default", "mask bounds"] = "default",
) -> Conditioning:
    """Weighted per pixel by `mask` ([B or 1, H, W] or [H, W]) times `strength`.

    mask_area: "mask bounds" also shows the network only the mask's bounding box.
    """
    values = mask if mask.ndim == 3 else mask[None]
    return _each(conditioning, lambda entry: replace(entry, mask=values, mask_strength=strength, mask_area=mask_area))
