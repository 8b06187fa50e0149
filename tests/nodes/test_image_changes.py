"""Nodes that scale, cut, batch, compose and filter pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from folder_context import FolderContext
from PIL import Image as Pillow
from scipy import ndimage
from torch.nn import functional as F

from sd35graph import Image, Mask
from sd35graph_nodes.image import empty_image
from sd35graph_nodes.image_batches import image_batch, image_from_batch, rebatch_images, repeat_image_batch
from sd35graph_nodes.image_compose import image_blend, image_composite_masked, image_pad_for_outpaint
from sd35graph_nodes.image_filters import bayer_matrix, canny, image_blur, image_quantize, image_sharpen
from sd35graph_nodes.image_scale import image_scale, image_scale_by, image_scale_to_total_pixels
from sd35graph_nodes.image_shapes import image_crop, image_flip, image_rotate

CTX = FolderContext(Path())  # of nodes that only warn


def picture(*shape: int, seed: int = 0) -> Image:
    """Random pictures [B, H, W, 3]."""
    return Image(torch.rand(*shape, 3, generator=torch.Generator().manual_seed(seed)))


def scale(image: Image, width: int, height: int, method: Any = "bilinear", crop: Any = "disabled") -> Image:
    return image_scale(image=image, upscale_method=method, width=width, height=height, crop=crop)


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic"])
def test_scaling_is_that_of_torch_within_0_and_1(method: Any) -> None:
    made = picture(2, 6, 4)
    expected = F.interpolate(made.pixels.permute(0, 3, 1, 2), size=(9, 10), mode=method).permute(0, 2, 3, 1)
    torch.testing.assert_close(scale(made, 10, 9, method).pixels, expected.clamp(0, 1))


def test_lanczos_is_that_of_pillow() -> None:
    made = picture(2, 12, 16)
    for row, scaled in zip(made.pixels, scale(made, 7, 5, "lanczos").pixels, strict=True):
        expected = Pillow.fromarray((row.numpy() * 255).astype(np.uint8)).resize((7, 5), Pillow.Resampling.LANCZOS)
        np.testing.assert_allclose(scaled.numpy(), np.asarray(expected) / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("width", "height", "expected"), [(0, 12, (12, 8)), (8, 0, (12, 8)), (0, 0, (6, 4)), (1, 0, (2, 1))]
)
def test_a_side_of_zero_keeps_the_proportions(width: int, height: int, expected: tuple[int, int]) -> None:
    assert scale(picture(1, 6, 4), width, height).pixels.shape[1:3] == expected


def test_a_centred_crop_keeps_the_proportions_of_what_is_shown() -> None:
    made = picture(1, 4, 10)
    assert torch.equal(scale(made, 4, 4, crop="center").pixels, made.pixels[:, :, 3:7])
    assert torch.equal(scale(Image(made.pixels[:, :, :2]), 2, 2, crop="center").pixels, made.pixels[:, 1:3, :2])
    assert scale(made, 1, 500, crop="center").pixels.shape == (1, 500, 1, 3)


def test_scaling_by_a_factor_and_to_so_many_pixels() -> None:
    assert image_scale_by(picture(1, 5, 4), "area", 1.5).pixels.shape == (1, 8, 6, 3)
    height, width = image_scale_to_total_pixels(picture(1, 30, 60), "bilinear", 0.02).pixels.shape[1:3]
    assert (height, width) == (102, 205)
    assert height * width == pytest.approx(0.02 * 1024 * 1024, rel=0.01)


def test_scaling_to_nothing_or_too_much_is_refused() -> None:
    with pytest.raises(ValueError, match="1 x 0x0 pixels, which is nothing; choose a larger size or scale"):
        image_scale_by(picture(1, 5, 4), "area", 0.01)
    with pytest.raises(ValueError, match="1 x 24000x8 pixels; a side may have at most 16384"):
        image_scale_by(picture(1, 1, 3000), "area", 8.0)
    with pytest.raises(ValueError, match="4096 x 512x512 pixels, together more than 268,435,456"):
        repeat_image_batch(empty_image(512, 512, 1, 0), 4096)
    with pytest.raises(ValueError, match="together more than"):
        empty_image(16384, 16384, 2, 0)


def test_crops_stop_at_the_edge_and_start_inside() -> None:
    made = picture(1, 6, 8)
    assert torch.equal(image_crop(made, 3, 2, 4, 1).pixels, made.pixels[:, 1:3, 4:7])
    assert torch.equal(image_crop(made, 512, 512, 5, 4).pixels, made.pixels[:, 4:, 5:])
    with pytest.raises(ValueError, match="x and y must lie on what is 8x6 pixels large, but are 2 and 6, outside"):
        image_crop(made, 1, 1, 2, 6)


def test_flips_and_turns() -> None:
    made = picture(2, 3, 5)
    assert torch.equal(image_flip(made, "x-axis: vertically").pixels, made.pixels.flip(1))
    assert torch.equal(image_flip(made, "y-axis: horizontally").pixels, made.pixels.flip(2))
    turned = image_rotate(made, "90 degrees").pixels
    assert torch.equal(turned, torch.from_numpy(np.rot90(made.pixels.numpy(), -1, (1, 2)).copy()))  # clockwise
    assert torch.equal(image_rotate(made, "none").pixels, made.pixels)


def test_batches_are_joined_at_the_size_of_the_first() -> None:
    first, second = picture(1, 4, 4), picture(2, 4, 10, seed=1)
    joined = image_batch(first, second).pixels
    assert torch.equal(joined, torch.cat([first.pixels, second.pixels[:, :, 3:7]]))


def test_an_opaque_picture_joined_with_a_transparent_one_stays_opaque() -> None:
    clear = Image(torch.zeros(1, 4, 4, 4))
    assert image_batch(picture(1, 4, 4), clear).pixels[..., 3].tolist() == [[[1.0] * 4] * 4, [[0.0] * 4] * 4]


def test_taking_and_repeating_pictures_of_a_batch() -> None:
    made = picture(3, 2, 2)
    assert torch.equal(image_from_batch(CTX, made, 1, 1).pixels, made.pixels[1:2])
    assert torch.equal(image_from_batch(CTX, made, 1, 4096).pixels, made.pixels[1:])
    ctx = FolderContext(Path())
    assert torch.equal(image_from_batch(ctx, made, 4095, 2).pixels, made.pixels[2:])
    assert ctx.warned == ["batch_index is 4095, but the batch ends with 2, counted from 0; that one is taken."]
    assert torch.equal(repeat_image_batch(made, 2).pixels, torch.cat([made.pixels] * 2))


def test_rebatching_divides_and_joins_in_order() -> None:
    given = [picture(3, 2, 2), picture(2, 2, 2, seed=1), picture(1, 4, 2, seed=2)]
    batches = rebatch_images(given, 2)
    assert [tuple(batch.pixels.shape[:3]) for batch in batches] == [(2, 2, 2), (2, 2, 2), (1, 2, 2), (1, 4, 2)]
    assert torch.equal(torch.cat([b.pixels for b in batches[:3]]), torch.cat([g.pixels for g in given[:2]]))


def test_a_picture_covers_another_as_far_as_the_mask_says() -> None:
    below, above = Image(torch.zeros(1, 4, 6, 3)), Image(torch.ones(1, 2, 2, 3))
    mask = Mask(torch.tensor([[[1.0, 0.25], [0.0, 1.0]]]))
    result = image_composite_masked(below, above, 4, 1, mask=mask).pixels
    expected = torch.zeros(4, 6)
    expected[1:3, 4:] = mask.values[0]
    assert torch.equal(result[0, :, :, 0], expected)
    assert not below.pixels.any()  # the value that came in is unchanged


def test_what_lies_beyond_the_edge_is_left_out() -> None:
    below, above = Image(torch.zeros(1, 4, 4, 3)), Image(torch.ones(1, 9, 9, 3))
    result = image_composite_masked(below, above, 1, 2, mask=Mask(torch.ones(1, 3, 3))).pixels[0, :, :, 0]
    assert result.tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 1, 1]]
    with pytest.raises(ValueError, match="outside of it; choose smaller ones"):
        image_composite_masked(below, above, 4, 0)


def test_the_source_can_be_scaled_to_the_destination() -> None:
    result = image_composite_masked(picture(1, 8, 6), Image(torch.ones(1, 2, 2, 3)), resize_source=True)
    torch.testing.assert_close(result.pixels, torch.ones(1, 8, 6, 3))


@pytest.mark.parametrize(
    "combine",
    [
        lambda a, b: image_blend(image1=a, image2=b, blend_factor=1.0, blend_mode="normal"),
        lambda a, b: image_composite_masked(a, b),
    ],
)
def test_the_shorter_batch_is_repeated(combine: Callable[[Image, Image], Image]) -> None:
    one, three = picture(1, 4, 4), picture(3, 4, 4, seed=1)
    torch.testing.assert_close(combine(one, three).pixels, three.pixels)
    torch.testing.assert_close(combine(three, one).pixels, one.pixels.expand(3, -1, -1, -1))


def test_outpainting_pads_with_grey_and_fades_inwards() -> None:
    made = picture(2, 10, 12)
    padded, mask = image_pad_for_outpaint(made, left=8, bottom=16, feathering=4)
    assert padded.pixels.shape == (2, 26, 20, 3)
    assert torch.equal(padded.pixels[:, :10, 8:], made.pixels)
    assert padded.pixels[:, :, :8].eq(0.5).all()
    assert mask.values.shape == (1, 26, 20)
    assert mask.values[:, 10:].eq(1).all()
    # Squares of 4/4, 3/4, 2/4, 1/4 from the left; nothing at the top and right, which are not padded.
    torch.testing.assert_close(mask.values[0, 0, 8:14], torch.tensor([1, 9 / 16, 1 / 4, 1 / 16, 0, 0]))
    torch.testing.assert_close(mask.values[0, 6:10, -1], torch.tensor([0, 1 / 16, 1 / 4, 9 / 16]))


@pytest.mark.parametrize("feathering", [0, 5, 40])
def test_no_feathering_and_too_wide_feathering_leave_the_picture_alone(feathering: int) -> None:
    _, mask = image_pad_for_outpaint(picture(1, 10, 12), top=8, feathering=feathering)
    assert mask.values[:, 8:].eq(0).all()
    assert mask.values[:, :8].eq(1).all()


def test_blur_is_a_gaussian_cut_off_at_the_radius() -> None:
    made = picture(1, 16, 12)
    blurred = image_blur(made, 3, 0.5).pixels[0, :, :, 1].numpy()
    expected = ndimage.gaussian_filter(made.pixels[0, :, :, 1].numpy(), 1.5, mode="mirror", radius=3)
    np.testing.assert_allclose(blurred, expected, atol=1e-5)


def test_blur_of_a_picture_smaller_than_the_radius() -> None:
    torch.testing.assert_close(image_blur(empty_image(2, 1, 1, 0xFFFFFF), 31, 10.0).pixels, torch.ones(1, 1, 2, 3))


def test_sharpening_adds_what_the_blur_takes_away() -> None:
    made = picture(1, 8, 8)
    expected = made.pixels + 0.5 * (made.pixels - image_blur(made, 2, 1.0).pixels)
    torch.testing.assert_close(image_sharpen(made, 2, 1.0, 0.05).pixels, expected.clamp(0, 1))
    assert torch.equal(image_sharpen(made, 2, 1.0, 0.0).pixels, made.pixels)


def test_edges_are_lines_where_the_brightness_jumps() -> None:
    step = torch.zeros(1, 16, 16, 3)
    step[:, :, 8:] = 1
    edges = canny(Image(step), 0.4, 0.8).pixels
    assert edges.shape == (1, 16, 16, 3)
    assert edges.unique().tolist() == [0, 1]
    columns = edges[0, 4:-4, :, 0].mean(0).nonzero().flatten().tolist()
    assert columns in ([7], [8])


def test_an_edge_needs_the_steepness_the_threshold_says() -> None:
    # Blurred with the five weights 0.054, 0.244, 0.403, … a step of 1 has the Sobel gradient 4 * (0.701 - 0.054) = 2.6.
    step = torch.zeros(1, 16, 16, 3)
    step[:, :, 8:] = 0.25  # so its gradient is 0.65
    assert canny(Image(step), 0.3, 0.5).pixels.any()
    assert not canny(Image(step), 0.3, 0.75).pixels.any()


def test_thresholds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match=r"low_threshold is 0.9, but may be at most high_threshold, 0.5"):
        canny(picture(1, 8, 8), 0.9, 0.5)


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"])
def test_so_many_colours_are_left(dither: Any) -> None:
    reduced = image_quantize(image=picture(1, 20, 24), colors=5, dither=dither).pixels
    assert 1 < len(reduced.view(-1, 3).unique(dim=0)) <= 5


def test_few_colours_stay_as_they_are_and_patterns_stand_for_others() -> None:
    halves = torch.zeros(1, 8, 16, 3)
    halves[:, :, 8:] = 1
    assert torch.equal(image_quantize(image=Image(halves), colors=2, dither="none").pixels, halves)
    grey = torch.cat([halves, torch.full((1, 64, 16, 3), 0.5)], dim=1)
    pattern = image_quantize(image=Image(grey), colors=2, dither="bayer-4").pixels[0, 8:]
    plain = image_quantize(image=Image(grey), colors=2, dither="none").pixels[0, 8:]
    assert len(plain.view(-1, 3).unique(dim=0)) == 1
    assert len(pattern.view(-1, 3).unique(dim=0)) == 2


def test_bayer_matrix_of_order_four_is_the_published_one() -> None:
    assert bayer_matrix(4).tolist() == [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]
