"""Nodes that make, convert, grow, soften, cut and combine masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from folder_context import FolderContext
from scipy import ndimage

from sd35graph import Image, Mask
from sd35graph_nodes.image import empty_image
from sd35graph_nodes.mask import (
    image_color_to_mask,
    image_to_mask,
    invert_mask,
    mask_preview,
    mask_to_image,
    solid_mask,
    threshold_mask,
)
from sd35graph_nodes.mask_shapes import crop_mask, feather_mask, grow_mask, mask_composite


def mask(*shape: int, seed: int = 0) -> Mask:
    return Mask(torch.rand(shape, generator=torch.Generator().manual_seed(seed)))


def dot(size: int = 9) -> Mask:
    """One white pixel in the middle."""
    values = torch.zeros(1, size, size)
    values[0, size // 2, size // 2] = 1
    return Mask(values)


def test_solid_inverted_and_thresholded() -> None:
    assert torch.equal(solid_mask(0.25, 3, 2).values, torch.full((1, 2, 3), 0.25))
    assert torch.equal(invert_mask(solid_mask(0.25, 3, 2)).values, torch.full((1, 2, 3), 0.75))
    assert threshold_mask(Mask(torch.tensor([[[0.0, 0.5, 0.51, 1.0]]])), 0.5).values.tolist() == [[[0, 0, 1, 1]]]


def test_masks_and_channels_of_pictures() -> None:
    made = mask(2, 3, 4)
    assert torch.equal(image_to_mask(mask_to_image(made), "green").values, made.values)
    image = empty_image(2, 2, 1, 0xFF8000)
    assert [image_to_mask(image, channel).values[0, 0, 0].item() for channel in ("red", "blue")] == [1, 0]
    assert image_to_mask(Image(torch.full((1, 2, 2, 4), 0.5)), "alpha").values.eq(0.5).all()


def test_alpha_of_an_opaque_picture_is_an_error_with_a_remedy() -> None:
    with pytest.raises(ValueError, match="has no alpha channel; use the mask that Load Image gives beside it"):
        image_to_mask(empty_image(2, 2, 1, 0), "alpha")


def test_a_colour_becomes_a_mask() -> None:
    pixels = torch.tensor([[0x12, 0x34, 0x56], [0x12, 0x34, 0x57]]).view(1, 1, 2, 3) / 255
    assert image_color_to_mask(Image(pixels), 0x123456).values.tolist() == [[[1, 0]]]


def test_a_mask_is_shown_as_a_picture(tmp_path: Path) -> None:
    ctx = FolderContext(tmp_path)
    mask_preview(ctx, solid_mask(1.0, 4, 4))
    assert ctx.shown["images"][0]["type"] == "temp"


@pytest.mark.parametrize("expand", [1, 3, -1, -2])
@pytest.mark.parametrize("is_tapered", [True, False])
def test_growing_is_grey_morphology_with_a_cross_or_a_square(expand: int, is_tapered: bool) -> None:
    made = mask(2, 12, 15)
    footprint = ndimage.generate_binary_structure(2, 1 if is_tapered else 2)
    change = ndimage.grey_dilation if expand > 0 else ndimage.grey_erosion
    expected = made.values.numpy()
    for _ in range(abs(expand)):
        expected = np.stack([change(values, footprint=footprint) for values in expected])
    np.testing.assert_array_equal(grow_mask(made, expand, is_tapered).values, expected)


def test_growing_far_covers_everything_and_shrinking_far_nothing() -> None:
    assert grow_mask(dot(), 16384, True).values.all()
    assert not grow_mask(dot(), -16384, False).values.any()
    assert torch.equal(grow_mask(dot(), 0).values, dot().values)


def test_feathering_fades_towards_the_named_edges_only() -> None:
    row = feather_mask(solid_mask(1.0, 6, 5), left=2, right=3).values[0, 0]
    torch.testing.assert_close(row, torch.tensor([0.5, 1, 1, 1, 2 / 3, 1 / 3]))
    column = feather_mask(solid_mask(1.0, 6, 5), top=16384).values[0, :, 0]  # wider than the mask: all of it
    torch.testing.assert_close(column, torch.arange(1, 6) / 5)
    assert feather_mask(solid_mask(1.0, 6, 5)).values.eq(1).all()


def test_crops_stop_at_the_edge_and_start_inside() -> None:
    made = mask(2, 6, 8)
    assert torch.equal(crop_mask(made, 4, 1, 3, 2).values, made.values[:, 1:3, 4:7])
    assert torch.equal(crop_mask(made, 5, 4, 512, 512).values, made.values[:, 4:, 5:])
    with pytest.raises(ValueError, match="8x6 pixels large, but are 8 and 0, outside of it"):
        crop_mask(made, 8, 0, 4, 4)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("multiply", [0.0, 0.3 * 0.8, 0.8]),
        ("add", [0.8, 1.0, 1.0]),
        ("subtract", [0.0, 0.0, 0.2]),
        ("and", [0, 0, 1]),
        ("or", [1, 1, 1]),
        ("xor", [1, 1, 0]),
    ],
)
def test_masks_are_combined(operation: Any, expected: list[float]) -> None:
    below, above = Mask(torch.tensor([[[0.0, 0.3, 1.0]]])), Mask(torch.full((1, 1, 3), 0.8))
    result = mask_composite(destination=below, source=above, x=0, y=0, operation=operation)
    torch.testing.assert_close(result.values, torch.tensor([[expected]], dtype=torch.float32))


def test_only_where_both_lie_masks_are_combined_and_the_shorter_batch_is_repeated() -> None:
    result = mask_composite(
        destination=solid_mask(0.0, 4, 3), source=Mask(torch.ones(2, 2, 8)), x=3, y=2, operation="add"
    )
    expected = torch.zeros(2, 3, 4)
    expected[:, 2, 3] = 1
    assert torch.equal(result.values, expected)
    with pytest.raises(ValueError, match="outside of it"):
        mask_composite(destination=dot(), source=dot(), x=9, y=0, operation="add")
