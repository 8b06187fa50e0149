"""Nodes that calculate with, shape, batch and store latents."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from folder_context import FolderContext
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from sd35graph import Latent, Mask
from sd35graph.sampling.noise import make_noise
from sd35graph_nodes.latent import empty_latent_image, empty_sd3_latent_image
from sd35graph_nodes.latent_batches import latent_batch, latent_from_batch, rebatch_latents, repeat_latent_batch
from sd35graph_nodes.latent_files import load_latent, save_latent
from sd35graph_nodes.latent_math import (
    latent_add,
    latent_blend,
    latent_interpolate,
    latent_multiply,
    latent_subtract,
)
from sd35graph_nodes.latent_shapes import (
    latent_composite,
    latent_crop,
    latent_flip,
    latent_rotate,
    latent_upscale,
    latent_upscale_by,
    set_latent_noise_mask,
)
from sd35graph_nodes.resizing import resize

CTX = FolderContext(Path())  # of nodes that only warn


def latent(*shape: int, seed: int = 0) -> Latent:
    return Latent(torch.randn(shape, generator=torch.Generator().manual_seed(seed)))


def masked(*shape: int) -> Latent:
    """A latent whose noise mask is a picture of its first channel at pixel size."""
    made = latent(*shape)
    mask = (made.samples[:, 0] > 0).float().repeat_interleave(8, -1).repeat_interleave(8, -2)
    return Latent(made.samples, mask)


def shows_first_channel(result: Latent) -> bool:
    """Whether the noise mask still lies on the cells it lay on."""
    assert result.noise_mask is not None
    return torch.equal(result.noise_mask[:, 4::8, 4::8], (result.samples[:, 0] > 0).float())


TWO_LATENTS: tuple[Callable[[Latent, Latent], Latent], ...] = (
    latent_add,
    latent_subtract,
    latent_interpolate,
    latent_blend,
    latent_batch,
    latent_composite,
)


def test_sums_differences_products_and_fades() -> None:
    a, b = latent(1, 16, 4, 6, seed=1), latent(1, 16, 4, 6, seed=2)
    assert torch.equal(latent_add(a, b).samples, a.samples + b.samples)
    assert torch.equal(latent_subtract(a, b).samples, a.samples - b.samples)
    assert torch.equal(latent_multiply(a, -2.0).samples, a.samples * -2)
    torch.testing.assert_close(latent_blend(a, b, 0.25).samples, 0.25 * a.samples + 0.75 * b.samples)


def test_interpolation_keeps_magnitudes_where_directions_differ() -> None:
    east = torch.zeros(1, 16, 2, 2)
    east[:, 0], north = 3.0, torch.zeros(1, 16, 2, 2)
    north[:, 1] = 5.0
    middle = latent_interpolate(Latent(east), Latent(north), 0.5).samples
    torch.testing.assert_close(middle.norm(dim=1), torch.full((1, 2, 2), 4.0))
    torch.testing.assert_close(middle[:, 0], middle[:, 1])
    torch.testing.assert_close(latent_interpolate(Latent(east), Latent(north), 1.0).samples, east)
    assert not latent_interpolate(Latent(east * 0), Latent(east * 0), 0.5).samples.any()  # no direction, not NaN


def test_the_second_latent_takes_the_size_of_the_first() -> None:
    a, b = Latent(torch.zeros(1, 16, 4, 4)), latent(1, 16, 8, 12)
    expected = F.interpolate(b.samples[..., 2:10], size=(4, 4), mode="bilinear")
    torch.testing.assert_close(latent_add(a, b).samples, expected)


def test_the_shorter_batch_is_repeated_and_the_longer_never_cut() -> None:
    one, three = latent(1, 16, 2, 2), latent(3, 16, 2, 2, seed=1)
    numbered = Latent(one.samples, batch_index=(4,))
    for result in (latent_add(numbered, three), latent_composite(numbered, three)):
        assert result.samples.shape[0] == 3
        assert result.batch_index is None  # three rows cannot take one draw
    torch.testing.assert_close(latent_add(three, one).samples, three.samples + one.samples)


@pytest.mark.parametrize("combine", TWO_LATENTS)
def test_latents_of_different_models_do_not_mix(combine: Callable[[Latent, Latent], Latent]) -> None:
    with pytest.raises(ValueError, match=r"the first has 16 channels and the second 4; SD3 latents have 16"):
        combine(latent(1, 16, 4, 4), latent(1, 4, 4, 4))


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic"])
def test_scaling_is_that_of_torch(method: Any) -> None:
    made = latent(2, 16, 6, 4)
    scaled = latent_upscale(samples=made, upscale_method=method, width=80, height=72, crop="disabled")
    assert torch.equal(scaled.samples, F.interpolate(made.samples, size=(9, 10), mode=method))


def slerp(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], t: float) -> np.ndarray[Any, Any]:
    """Vectors between `a` and `b`: direction along the great circle, length linearly."""
    size_a, size_b = np.linalg.norm(a), np.linalg.norm(b)
    angle = np.arccos(np.dot(a, b) / size_a / size_b)
    unit = np.sin((1 - t) * angle) / np.sin(angle) * a / size_a + np.sin(t * angle) / np.sin(angle) * b / size_b
    return np.asarray(unit * (size_a * (1 - t) + size_b * t))


def test_bislerp_turns_vectors_and_keeps_their_length() -> None:
    x = latent(1, 16, 1, 2).samples
    scaled = resize(x, 1, 4, "bislerp")[0, :, 0].double().numpy()
    a, b = x[0, :, 0, 0].double().numpy(), x[0, :, 0, 1].double().numpy()
    # Centres of four columns over two: a quarter before the first, then 1/4, 3/4 and beyond the last.
    expected = np.stack([a, slerp(a, b, 0.25), slerp(a, b, 0.75), b], axis=1)
    np.testing.assert_allclose(scaled, expected, atol=1e-5)


def test_bislerp_goes_straight_between_equal_opposite_and_empty_vectors() -> None:
    x = torch.ones(1, 16, 1, 4) * torch.tensor([1.0, 3.0, -3.0, 0.0])
    scaled = resize(x, 1, 8, "bislerp")[0, 0, 0]
    expected = torch.tensor([1.0, 1.5, 2.5, 1.5, -1.5, -2.25, -0.75, 0.0])
    torch.testing.assert_close(scaled, expected)


@pytest.mark.parametrize(
    ("width", "height", "expected"), [(0, 96, (12, 8)), (64, 0, (12, 8)), (0, 0, (6, 4)), (8, 0, (1, 1))]
)
def test_a_side_of_zero_keeps_the_proportions(width: int, height: int, expected: tuple[int, int]) -> None:
    scaled = latent_upscale(
        samples=latent(1, 16, 6, 4), upscale_method="bilinear", width=width, height=height, crop="disabled"
    )
    assert scaled.samples.shape[-2:] == expected


def test_scaling_with_a_crop_takes_the_noise_mask_along() -> None:
    made = masked(1, 16, 4, 8)
    cropped = latent_upscale(samples=made, upscale_method="bilinear", width=32, height=32, crop="center")
    assert torch.equal(cropped.samples, made.samples[..., 2:6])
    assert shows_first_channel(cropped)


def test_scaling_by_a_factor_rounds_the_size() -> None:
    assert latent_upscale_by(latent(1, 16, 5, 4), "bilinear", 1.5).samples.shape == (1, 16, 8, 6)


def test_scaling_to_nothing_or_too_much_is_refused() -> None:
    with pytest.raises(ValueError, match="1 x 0x0 latent cells, which is nothing; choose a larger size or scale"):
        latent_upscale_by(latent(1, 16, 5, 4), "area", 0.01)
    with pytest.raises(ValueError, match="1 x 2400x8 latent cells; a side may have at most 2048"):
        latent_upscale_by(latent(1, 1, 1, 300), "bilinear", 8.0)
    with pytest.raises(ValueError, match="4096 x 2048x2048 latent cells, together more than 33,554,432"):
        empty_sd3_latent_image(16384, 16384, 4096)
    with pytest.raises(ValueError, match="together more than"):
        empty_latent_image(16384, 16384, 4096)


def test_flips_and_turns_take_the_noise_mask_along() -> None:
    made = masked(2, 16, 3, 5)
    assert torch.equal(latent_flip(made, "x-axis: vertically").samples, made.samples.flip(2))
    assert torch.equal(latent_flip(made, "y-axis: horizontally").samples, made.samples.flip(3))
    turned = latent_rotate(made, "90 degrees")
    assert turned.samples.shape == (2, 16, 5, 3)
    assert torch.equal(turned.samples[:, :, 0, -1], made.samples[:, :, 0, 0])  # clockwise: top left goes to top right
    assert torch.equal(latent_rotate(made, "180 degrees").samples, made.samples.flip(2, 3))
    assert torch.equal(latent_rotate(turned, "270 degrees").samples, made.samples)
    assert torch.equal(latent_rotate(made, "none").samples, made.samples)
    assert all(shows_first_channel(result) for result in (turned, latent_flip(made, "x-axis: vertically")))


def test_a_crop_takes_the_noise_mask_along_and_stops_at_the_edge() -> None:
    made = masked(1, 16, 16, 20)
    cropped = latent_crop(made, width=64, height=72, x=16, y=24)
    assert torch.equal(cropped.samples, made.samples[..., 3:12, 2:10])
    assert shows_first_channel(cropped)
    assert latent_crop(made, width=512, height=64, x=80, y=120).samples.shape == (1, 16, 1, 10)


def test_a_crop_of_a_mask_of_another_size_covers_the_same_part() -> None:
    halves = torch.zeros(1, 4, 4)
    halves[:, :, 2:] = 1
    cropped = latent_crop(Latent(torch.zeros(1, 16, 16, 16), halves), width=64, height=64, x=64, y=0)
    assert cropped.noise_mask is not None
    assert cropped.noise_mask.shape == (1, 64, 64)
    assert cropped.noise_mask[:, :, 16:].eq(1).all()


def test_a_place_outside_is_refused_with_the_size() -> None:
    small = latent(1, 16, 8, 10)
    with pytest.raises(ValueError, match=r"10x8 latent cells of 8 pixels large, but are 10 and 0, outside"):
        latent_crop(small, width=64, height=64, x=80, y=0)
    with pytest.raises(ValueError, match="choose smaller ones"):
        latent_composite(small, small, x=0, y=64)


def test_composite_covers_a_rectangle_and_is_cut_at_the_edge() -> None:
    below, above = Latent(torch.zeros(1, 16, 6, 8)), Latent(torch.ones(1, 16, 4, 4))
    result = latent_composite(below, above, x=48, y=16)
    expected = torch.zeros(1, 16, 6, 8)
    expected[:, :, 2:, 6:] = 1
    assert torch.equal(result.samples, expected)
    assert not below.samples.any()  # the value that came in is unchanged


def test_feathered_edges_rise_linearly_but_not_at_the_border() -> None:
    below, above = Latent(torch.zeros(1, 16, 4, 9)), Latent(torch.ones(1, 16, 4, 7))
    row = latent_composite(below, above, x=8, y=0, feather=24).samples[0, 0, 0]
    torch.testing.assert_close(row, torch.tensor([0, 1 / 3, 2 / 3, 1, 1, 1, 2 / 3, 1 / 3, 0]))
    at_border = latent_composite(below, above, x=0, y=0, feather=16).samples[0, 0, 0]
    torch.testing.assert_close(at_border, torch.tensor([1, 1, 1, 1, 1, 1, 0.5, 0, 0]))
    wide = latent_composite(below, above, x=8, y=0, feather=800).samples  # wider than the latent itself
    assert 0 < float(wide.max()) < 0.01


def test_rows_taken_out_of_a_batch_keep_their_noise() -> None:
    batch = empty_sd3_latent_image(32, 32, 4)
    second = latent_from_batch(CTX, batch, 1, 2)
    assert second.batch_index == (1, 2)
    whole = make_noise(batch.samples.shape, 7)
    assert torch.equal(make_noise(second.samples.shape, 7, second.batch_index), whole[1:3])
    assert latent_from_batch(CTX, second, 1, 1).batch_index == (2,)
    assert latent_from_batch(CTX, batch, 2, 64).samples.shape[0] == 2
    ctx = FolderContext(Path())
    assert latent_from_batch(ctx, batch, 63, 1).batch_index == (3,)
    assert ctx.warned == ["batch_index is 63, but the batch ends with 3, counted from 0; that one is taken."]


def test_rows_taken_out_of_a_batch_keep_their_masks() -> None:
    made = masked(3, 16, 2, 2)
    assert shows_first_channel(latent_from_batch(CTX, made, 1, 2))
    shared = Latent(made.samples, torch.ones(1, 16, 16))
    taken = latent_from_batch(CTX, shared, 2, 1)
    assert taken.noise_mask is not None
    assert taken.noise_mask.shape[0] == 1


def test_repeating_gives_each_copy_noise_of_its_own() -> None:
    made = masked(2, 16, 2, 2)
    repeated = repeat_latent_batch(made, 3)
    assert repeated.samples.shape[0] == 6
    assert repeated.batch_index is None
    assert shows_first_channel(repeated)
    numbered = repeat_latent_batch(latent_from_batch(CTX, empty_sd3_latent_image(16, 16, 8), 2, 2), 2)
    assert numbered.batch_index == (2, 3, 4, 5)


def test_joining_keeps_noise_and_masks_of_both() -> None:
    first, second = latent(1, 16, 2, 2), masked(2, 16, 2, 2)
    joined = latent_batch(first, Latent(second.samples, second.noise_mask, (5, 6)))
    assert torch.equal(joined.samples, torch.cat([first.samples, second.samples]))
    assert joined.batch_index == (0, 5, 6)
    assert joined.noise_mask is not None
    assert joined.noise_mask[0].eq(1).all()  # no mask: it may change everywhere
    assert torch.equal(joined.noise_mask[1:], second.noise_mask)  # type: ignore[arg-type] # it has one


def test_joining_scales_the_second_with_its_mask() -> None:
    joined = latent_batch(latent(1, 16, 4, 4), masked(1, 16, 4, 8))
    assert joined.samples.shape == (2, 16, 4, 4)
    assert shows_first_channel(Latent(joined.samples[1:], joined.noise_mask[1:]))  # type: ignore[index] # it has one


def test_rebatching_divides_and_joins_in_order() -> None:
    given = [latent(3, 16, 2, 2), latent(2, 16, 2, 2, seed=1), latent(1, 16, 4, 2, seed=2)]
    batches = rebatch_latents(given, 2)
    assert [tuple(batch.samples.shape) for batch in batches] == [(2, 16, 2, 2)] * 2 + [(1, 16, 2, 2), (1, 16, 4, 2)]
    assert torch.equal(torch.cat([b.samples for b in batches[:3]]), torch.cat([g.samples for g in given[:2]]))
    assert [batch.batch_index for batch in batches] == [(0, 1), (2, 3), (4,), (5,)]
    assert all(batch.noise_mask is None for batch in batches)


def test_a_noise_mask_is_set_and_nothing_else() -> None:
    made, mask = latent(1, 16, 2, 2), torch.rand(1, 10, 12)
    result = set_latent_noise_mask(made, Mask(mask))
    assert result.noise_mask is mask
    assert result.samples is made.samples


def test_a_saved_latent_is_read_back_with_its_workflow_inside(tmp_path: Path) -> None:
    ctx, made = FolderContext(tmp_path), latent(2, 16, 3, 4)
    save_latent(ctx, Latent(made.samples.mT), "l", {"1": {}}, {"workflow": {"nodes": []}})
    assert ctx.shown["latents"] == [{"filename": "l_00001_.latent", "subfolder": "", "type": "output"}]
    assert torch.equal(load_latent(ctx, "l_00001_.latent").samples, made.samples.mT)
    with safe_open(tmp_path / "l_00001_.latent", "pt") as file:
        assert sorted(file.keys()) == ["latent_format_version_0", "latent_tensor"]
        assert {k: json.loads(v) for k, v in file.metadata().items()} == {
            "prompt": {"1": {}},
            "workflow": {"nodes": []},
        }


def test_a_latent_stays_as_read_whatever_becomes_of_the_file(tmp_path: Path) -> None:
    save_file(
        {"latent_tensor": torch.ones(1, 4, 2, 2), "latent_format_version_0": torch.empty(0)}, tmp_path / "l.latent"
    )
    loaded = load_latent(FolderContext(tmp_path), "l.latent")
    with (tmp_path / "l.latent").open("r+b") as file:
        file.seek(-64, os.SEEK_END)
        file.write(bytes(64))
    assert torch.equal(loaded.samples, torch.ones(1, 4, 2, 2))


def test_a_file_without_the_mark_is_unscaled(tmp_path: Path) -> None:
    save_file({"latent_tensor": torch.full((1, 4, 2, 2), 0.18215)}, tmp_path / "old.latent")
    torch.testing.assert_close(load_latent(FolderContext(tmp_path), "old.latent").samples, torch.ones(1, 4, 2, 2))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"other": torch.zeros(1)}, r"no tensor is called latent_tensor; it has other"),
        (
            {"latent_tensor": torch.zeros(4, 2, 2)},
            r"should hold a latent \[B, C, h, w\], but has the shape",
        ),
        ({"latent_tensor": torch.full((1, 4, 2, 2), torch.nan)}, "holds numbers that are not finite"),
    ],
)
def test_a_file_that_is_no_latent_says_why(tmp_path: Path, tensors: dict[str, Tensor], message: str) -> None:
    save_file(tensors, tmp_path / "bad.latent")
    with pytest.raises(ValueError, match='"bad.latent" .*' + message):
        load_latent(FolderContext(tmp_path), "bad.latent")


def test_a_broken_latent_file_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "bad.latent").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match=r'"bad.latent" cannot be read as a latent: .*; save it again with SaveLatent'):
        load_latent(FolderContext(tmp_path), "bad.latent")
