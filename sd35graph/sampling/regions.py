"""Conditioning entries made concrete for one latent: which cells, which sigmas, what weight per cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from sd35graph.sampling.flow import percent_to_sigma
from sd35graph.values import Conditioning, ConditioningEntry, Control, FlowSettings, FractionArea

PIXELS_PER_CELL = 8
FEATHER_CELLS = 8
MIN_MASK_BOX = 8


class Box(NamedTuple):
    """A rectangle of latent cells."""

    top: int
    left: int
    height: int
    width: int

    def contains(self, other: Box) -> bool:
        """Whether `other` lies inside, edges included."""
        return (
            self.top <= other.top
            and self.left <= other.left
            and self.top + self.height >= other.top + other.height
            and self.left + self.width >= other.left + other.width
        )

    def crop(self, tensor: Tensor) -> Tensor:
        """The part of [..., h, w] inside; a view."""
        return tensor[..., self.top : self.top + self.height, self.left : self.left + self.width]


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """One entry resolved against a latent.

    cond: [B or 1, L, D]; pooled: [B or 1, P].
    sigma_start, sigma_end: active while sigma_start >= sigma >= sigma_end.
    box: the cells the network sees; None for all of them.
    mask: [B or 1, 1, h, w] with its strength applied, or None; strength: weight in the average.
    controls: with the first and last sigma of each.
    """

    cond: Tensor
    pooled: Tensor
    sigma_start: float
    sigma_end: float
    box: Box | None
    mask: Tensor | None
    strength: float
    controls: tuple[tuple[Control, float, float], ...] = ()

    def controls_at(self, sigma: float) -> tuple[Control, ...]:
        """The controls that act at `sigma`; both ends count."""
        return tuple(control for control, start, end in self.controls if start >= sigma >= end)

    def is_active(self, sigma: float) -> bool:
        """Whether this entry takes part at `sigma`; both ends count."""
        return self.sigma_start >= sigma >= self.sigma_end

    def weights(self, height: int, width: int, device: torch.device) -> Tensor:
        """Weight per cell of the region in a latent of that size, [B or 1, 1, h, w] of its box."""
        box = self.box or Box(0, 0, height, width)
        if self.mask is not None:
            return box.crop(self.mask) * self.strength
        rows = _feather(box.top, box.height, height, device)[:, None]
        columns = _feather(box.left, box.width, width, device)[None]
        return (rows * columns * self.strength)[None, None]


def _feather(start: int, length: int, total: int, device: torch.device) -> Tensor:
    """Weights along one axis: rising over a few cells at each edge that is not the border of the latent."""
    weights = torch.ones(length, device=device)
    cells = min(FEATHER_CELLS, length // 4)
    ramp = torch.arange(1, cells + 1, device=device) / max(cells, 1)
    if start > 0:
        weights[:cells] *= ramp
    if start + length < total:
        weights[length - cells :] *= ramp.flip(0)
    return weights


def resolve_regions(
    prompts: Sequence[Conditioning],
    flow: FlowSettings,
    height: int,
    width: int,
    device: torch.device,
) -> list[tuple[Region, ...]]:
    """Regions of each prompt for a latent of `height` x `width` cells, tensors on `device`.

    An entry with an area needs opponents of the same area, or guidance would compare a crop with the whole: the other
    prompts receive one each (see `_opponents`). An entry whose area lies outside the latent takes no part.
    """
    lists = [
        [region for entry in prompt.entries if (region := _resolve(entry, flow, height, width, device)) is not None]
        for prompt in prompts
    ]
    for index, regions in enumerate(lists):
        for others in lists[:index] + lists[index + 1 :]:
            others.extend(_opponents(regions, others))
    return [tuple(regions) for regions in lists]


def idle_parts(prompt: Conditioning, height: int, width: int) -> list[str]:
    """What of a prompt has no effect on a latent of `height` x `width` cells, and why, one sentence each."""
    found = []
    for entry in prompt.entries:
        box = _area_box(entry, height, width)
        if box is not None and _clip(box, height, width) is None:
            cell = PIXELS_PER_CELL
            found.append(
                f"An area has no effect: it begins at {box.left * cell}, {box.top * cell}, "
                f"outside the picture of {width * cell} x {height * cell} pixels."
            )
        ranges = [("A conditioning", entry.start_percent, entry.end_percent)]
        ranges += [("A ControlNet", control.start_percent, control.end_percent) for control in entry.controls]
        found += [
            f"{name} has no effect: its range ends at {end:g}, before it starts at {start:g}."
            for name, start, end in ranges
            if start > end
        ]
    return found


def _opponents(regions: Sequence[Region], others: Sequence[Region]) -> list[Region]:
    """For each area in `regions`, the text of the smallest of `others` around it, in that area."""
    found: list[Region] = []
    for region in regions:
        box = region.box
        if box is None:
            continue
        around = [other for other in (*others, *found) if other.box is None or other.box.contains(box)]
        if not around:
            continue
        smallest = min(around, key=lambda other: other.box.height * other.box.width if other.box else float("inf"))
        if smallest.box != box:
            found.append(replace(region, cond=smallest.cond, pooled=smallest.pooled))
    return found


def _resolve(
    entry: ConditioningEntry, flow: FlowSettings, height: int, width: int, device: torch.device
) -> Region | None:
    mask = None if entry.mask is None else _mask_at(entry.mask.to(device, torch.float32), height, width)
    box = _area_box(entry, height, width)
    if mask is not None and entry.mask_area == "mask bounds":
        box = _bounding_box(mask)
    if box is not None:
        box = _clip(box, height, width)
        if box is None:
            return None
    return Region(
        cond=entry.cond.to(device, torch.float32),
        pooled=entry.pooled.to(device, torch.float32),
        sigma_start=percent_to_sigma(flow, entry.start_percent),
        sigma_end=percent_to_sigma(flow, entry.end_percent),
        box=box,
        mask=None if mask is None else mask * entry.mask_strength,
        strength=entry.strength,
        controls=tuple(
            (
                control,
                percent_to_sigma(flow, control.start_percent),
                percent_to_sigma(flow, control.end_percent),
            )
            for control in entry.controls
            if control.strength != 0.0
        ),
    )


def _area_box(entry: ConditioningEntry, height: int, width: int) -> Box | None:
    area = entry.area
    if area is None:
        return None
    if isinstance(area, FractionArea):
        return Box(
            round(area.y * height),
            round(area.x * width),
            max(1, round(area.height * height)),
            max(1, round(area.width * width)),
        )
    cell = PIXELS_PER_CELL
    return Box(area.y // cell, area.x // cell, area.height // cell, area.width // cell)


def _clip(box: Box, height: int, width: int) -> Box | None:
    """The part of `box` inside a latent of `height` x `width` cells, if there is any."""
    rows = min(box.top + box.height, height) - box.top
    columns = min(box.left + box.width, width) - box.left
    return box._replace(height=rows, width=columns) if rows > 0 and columns > 0 else None


def _mask_at(mask: Tensor, height: int, width: int) -> Tensor:
    """`mask` [B or 1, H, W] at latent size, [B or 1, 1, h, w]."""
    mask = mask[:, None]
    if mask.shape[-2:] == (height, width):
        return mask
    return torch.nn.functional.interpolate(mask, size=(height, width), mode="bilinear")


def _bounding_box(mask: Tensor) -> Box:
    """Box around the nonzero cells of [B, 1, h, w], at least 8 x 8; the top left corner of an empty mask."""
    covered = mask.abs().amax(dim=(0, 1)) > 0  # [h, w]
    rows = torch.nonzero(covered.any(dim=1)).flatten().tolist()
    columns = torch.nonzero(covered.any(dim=0)).flatten().tolist()
    if not rows:
        return Box(0, 0, MIN_MASK_BOX, MIN_MASK_BOX)
    return Box(
        rows[0],
        columns[0],
        max(MIN_MASK_BOX, rows[-1] - rows[0] + 1),
        max(MIN_MASK_BOX, columns[-1] - columns[0] + 1),
    )


def resize_noise_mask(mask: Tensor, batch: int, height: int, width: int) -> Tensor:
    """A noise mask [B, H, W] at latent size, [batch, 1, h, w], soft edges kept."""
    return fit_batch(_mask_at(mask.to(torch.float32), height, width), batch)


def fit_batch(tensor: Tensor, batch: int) -> Tensor:
    """`tensor` with `batch` rows: cut if there are more, repeated from the start if fewer."""
    rows = tensor.shape[0]
    if rows == batch:
        return tensor
    if rows == 1:
        return tensor.expand(batch, *tensor.shape[1:])
    repeats = -(-batch // rows)
    return tensor.repeat(repeats, *([1] * (tensor.ndim - 1)))[:batch]
