"""Nodes that say where a text applies and how texts are mixed."""

from __future__ import annotations

import pytest
import torch

from sd35graph import Conditioning, ConditioningEntry, Mask
from sd35graph.sampling.regions import Box, resolve_regions
from sd35graph.values import FlowSettings
from sd35graph_nodes.conditioning import (
    conditioning_average,
    conditioning_concat,
    conditioning_set_area,
    conditioning_set_area_percentage,
    conditioning_set_area_strength,
    conditioning_set_mask,
)

HEIGHT, WIDTH = 16, 24  # of the latent, in cells


def words(value: float = 1.0, tokens: int = 2) -> Conditioning:
    return Conditioning((ConditioningEntry(torch.full((1, tokens, 4), value), torch.full((1, 3), value)),))


def box_of(conditioning: Conditioning) -> Box | str | None:
    """The cells the text applies to, or "none"."""
    (regions,) = resolve_regions([conditioning], FlowSettings(), HEIGHT, WIDTH, torch.device("cpu"))
    return regions[0].box if regions else "none"


@pytest.mark.parametrize(
    ("area", "box"),
    [
        ({"width": 64, "height": 80, "x": 16, "y": 24}, Box(3, 2, 10, 8)),
        ({"width": 71, "height": 87, "x": 23, "y": 31}, Box(3, 2, 10, 8)),  # rounded down to cells of 8 pixels
        ({"width": 16384, "height": 64, "x": 128, "y": 120}, Box(15, 16, 1, 8)),  # cut off at the border
        ({"width": 64, "height": 64, "x": 192, "y": 0}, "none"),  # outside
        ({"width": 64, "height": 64, "x": 0, "y": 16384}, "none"),
    ],
)
def test_an_area_of_pixels_is_rounded_down_and_cut_off(area: dict[str, int], box: Box | str) -> None:
    assert box_of(conditioning_set_area(words(), **area)) == box


@pytest.mark.parametrize(
    ("area", "box"),
    [
        ({"width": 0.5, "height": 0.25, "x": 0.25, "y": 0.5}, Box(8, 6, 4, 12)),
        ({"width": 0.0, "height": 0.0, "x": 0.5, "y": 0.5}, Box(8, 12, 1, 1)),  # one cell at least
        ({"width": 1.0, "height": 1.0, "x": 0.5, "y": 0.0}, Box(0, 12, 16, 12)),
        ({"width": 1.0, "height": 1.0, "x": 1.0, "y": 0.0}, "none"),
    ],
)
def test_an_area_of_fractions_has_a_cell_at_least(area: dict[str, float], box: Box | str) -> None:
    assert box_of(conditioning_set_area_percentage(words(), **area)) == box


def test_strengths_are_weights() -> None:
    for changed in (
        conditioning_set_area(words(), strength=0.5),
        conditioning_set_area_percentage(words(), strength=0.5),
        conditioning_set_area_strength(words(), 0.5),
    ):
        assert changed.entries[0].strength == 0.5


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (128, 192), (1000, 3)])
def test_masks_of_any_size_are_stretched_to_the_picture(size: tuple[int, int]) -> None:
    masked = conditioning_set_mask(words(), Mask(torch.ones(1, *size)), 0.5)
    ((region,),) = resolve_regions([masked], FlowSettings(), HEIGHT, WIDTH, torch.device("cpu"))
    torch.testing.assert_close(
        region.weights(HEIGHT, WIDTH, torch.device("cpu")), torch.full((1, 1, HEIGHT, WIDTH), 0.5)
    )


def test_mask_bounds_are_the_masks_rectangle() -> None:
    mask = torch.zeros(1, HEIGHT, WIDTH)
    mask[:, 2:12, 3:14] = 1
    assert box_of(conditioning_set_mask(words(), Mask(mask), 1.0, "mask bounds")) == Box(2, 3, 10, 11)
    assert box_of(conditioning_set_mask(words(), Mask(mask), 1.0)) is None


def test_an_average_lies_between_two_texts() -> None:
    (entry,) = conditioning_average(words(1.0), words(3.0), 0.25).entries
    assert torch.equal(entry.cond, torch.full((1, 2, 4), 2.5))
    assert torch.equal(entry.pooled, torch.full((1, 3), 2.5))


def test_concat_appends_the_second_text() -> None:
    (entry,) = conditioning_concat(words(1.0), words(3.0, tokens=1)).entries
    assert entry.cond[0, :, 0].tolist() == [1, 1, 3]
    assert entry.pooled[0, 0] == 1
