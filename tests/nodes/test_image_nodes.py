"""Picture nodes, called as the plain functions they are, with a context that writes into a folder."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from folder_context import FolderContext
from PIL import Image as Pillow
from PIL.GifImagePlugin import GifImageFile

from sd35graph import Image
from sd35graph_nodes import image_load
from sd35graph_nodes.image import empty_image, get_image_size, image_invert
from sd35graph_nodes.image_compose import image_blend
from sd35graph_nodes.image_load import load_image, load_image_mask
from sd35graph_nodes.image_save import preview_image, save_image
from sd35graph_nodes.pixels import to_uint8


def test_colour_is_read_as_rrggbb() -> None:
    image = empty_image(width=3, height=2, batch_size=2, color=0xFF8000)
    assert image.pixels.shape == (2, 2, 3, 3)
    assert torch.allclose(image.pixels[1, 1, 2], torch.tensor([1.0, 128 / 255, 0.0]))


def test_inverting_twice_gives_the_picture_back() -> None:
    image = Image(torch.rand(1, 4, 4, 3))
    assert torch.allclose(image_invert(image_invert(image)).pixels, image.pixels)


def test_pixels_are_truncated_not_rounded() -> None:
    pixels = torch.tensor([[[0.1, 0.3, 0.5], [-1.0, 2.0, 1.0]]])
    assert to_uint8(pixels).tolist() == [[[25, 76, 127], [0, 255, 255]]]


def test_saved_picture_carries_prompt_and_workflow(tmp_path: Path) -> None:
    ctx = FolderContext(tmp_path)
    prompt = {"1": {"class_type": "EmptyImage", "inputs": {}}}
    save_image(ctx, empty_image(8, 4, 2, 0x00FF00), "green", prompt, {"workflow": {"version": 0.4}})
    assert [item["filename"] for item in ctx.shown["images"]] == ["green_00001_.png", "green_00002_.png"]
    with Pillow.open(tmp_path / "green_00002_.png") as picture:
        assert picture.size == (8, 4)
        assert picture.getpixel((3, 3)) == (0, 255, 0)
        assert json.loads(picture.info["prompt"]) == prompt
        assert json.loads(picture.info["workflow"]) == {"version": 0.4}


def test_preview_goes_to_the_temp_folder(tmp_path: Path) -> None:
    ctx = FolderContext(tmp_path)
    preview_image(ctx, empty_image(8, 8, 1, 0))
    assert ctx.shown["images"][0]["type"] == "temp"


def test_transparency_becomes_a_mask(tmp_path: Path) -> None:
    rgba = np.full((6, 5, 4), 255, np.uint8)
    rgba[2:, :, 3] = 64
    Pillow.fromarray(rgba).save(tmp_path / "a.png")
    image, mask = load_image(FolderContext(tmp_path), "a.png")
    assert image.pixels.shape == (1, 6, 5, 3)
    assert torch.allclose(mask.values[0, :, 0], torch.tensor([0, 0, *[1 - 64 / 255] * 4]))


@pytest.mark.parametrize(("channel", "level"), [("red", 51), ("green", 102), ("blue", 204), ("alpha", 255 - 64)])
def test_a_channel_is_loaded_as_a_mask(tmp_path: Path, channel: Any, level: int) -> None:
    Pillow.new("RGBA", (5, 6), (51, 102, 204, 64)).save(tmp_path / "a.png")
    mask = load_image_mask(FolderContext(tmp_path), "a.png", channel)
    torch.testing.assert_close(mask.values, torch.full((1, 6, 5), level / 255))


def test_an_opaque_picture_masks_nothing(tmp_path: Path) -> None:
    Pillow.new("L", (5, 6), 51).save(tmp_path / "a.png")
    assert not load_image_mask(FolderContext(tmp_path), "a.png", "alpha").values.any()
    assert load_image_mask(FolderContext(tmp_path), "a.png", "green").values.eq(51 / 255).all()


def test_size_of_pictures() -> None:
    assert get_image_size(empty_image(7, 5, 3, 0)) == (7, 5, 3)


def test_pixels_that_are_no_numbers_are_not_saved_as_black(tmp_path: Path) -> None:
    bad = Image(torch.full((1, 4, 4, 3), torch.nan))
    with pytest.raises(ValueError, match=r"not numbers \(NaN\): .*run the server with --precision fp32"):
        save_image(FolderContext(tmp_path), bad, "x")
    assert not list(tmp_path.iterdir())


def test_opaque_picture_has_an_empty_mask(tmp_path: Path) -> None:
    Pillow.new("RGB", (5, 6), "red").save(tmp_path / "a.png")
    _, mask = load_image(FolderContext(tmp_path), "a.png")
    assert mask.values.shape == (1, 64, 64)
    assert not mask.values.any()


def test_sixteen_bit_grey_keeps_its_range(tmp_path: Path) -> None:
    Pillow.fromarray(np.array([[0, 32768, 65535]], np.uint16)).save(tmp_path / "g.png")
    image, _ = load_image(FolderContext(tmp_path), "g.png")
    assert torch.allclose(image.pixels[0, 0, :, 0], torch.tensor([0.0, 0.5, 1.0]), atol=1 / 255)


def test_frames_of_an_animation_become_a_batch(tmp_path: Path) -> None:
    frames = [Pillow.new("RGB", (4, 4), colour) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    image, mask = load_image(FolderContext(tmp_path), "a.webp")
    assert image.pixels.shape[0] == mask.values.shape[0] == 3


def test_a_small_file_with_endless_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_load, "MAX_PIXELS", 2 * 64 * 64)
    frames = [Pillow.new("RGB", (64, 64), colour) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(
        ValueError,
        match=r'"a.gif" has too many pixels: 3 frames of 64x64 pixels, .*at most 8,192 .*scale it down',
    ):
        load_image(FolderContext(tmp_path), "a.gif")


def test_a_picture_beyond_the_limit_is_told_how_large_it_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 100)
    Pillow.new("L", (64, 64)).save(tmp_path / "large.png")
    with pytest.raises(ValueError, match=r'"large.png" has too many pixels: .*; scale it down'):
        load_image(FolderContext(tmp_path), "large.png")


def test_animation_with_some_transparent_frames_has_a_mask_for_each(tmp_path: Path) -> None:
    half = np.full((8, 8, 4), 255, np.uint8)
    half[:, :4, 3] = 0
    frames = [Pillow.fromarray(half), Pillow.new("RGBA", (8, 8), (0, 0, 255, 255))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], disposal=2)
    image, mask = load_image(FolderContext(tmp_path), "a.gif")
    assert image.pixels.shape == (2, 8, 8, 3)
    assert mask.values.mean(dim=(1, 2)).tolist() == [0.5, 0.0]


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_broken_file_is_named_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(ValueError, match=r'"bad.png" cannot be read as a picture: .*save it as PNG'):
        load_image(FolderContext(tmp_path), "bad.png")


@pytest.mark.parametrize("error", [IndexError("x"), struct.error("x"), TypeError("x"), EOFError("x"), ValueError("x")])
def test_what_a_decoder_raises_for_a_damaged_frame_is_named_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    Pillow.new("RGB", (8, 8)).save(tmp_path / "a.gif")
    monkeypatch.setattr(GifImageFile, "load_prepare", fail)
    with pytest.raises(ValueError, match=r'"a.gif" cannot be read as a picture: x; save it as PNG'):
        load_image(FolderContext(tmp_path), "a.gif")


def test_truncated_picture_is_an_error_not_a_grey_one(tmp_path: Path) -> None:
    Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "t.png")
    whole = (tmp_path / "t.png").read_bytes()
    (tmp_path / "t.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cannot be read"):
        load_image(FolderContext(tmp_path), "t.png")


# Values by hand from W3C Compositing and Blending Level 1, section 10.1, for backdrop 0.25 and source 0.75.
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("normal", 0.75),
        ("multiply", 0.1875),
        ("screen", 0.8125),
        ("overlay", 0.375),
        ("soft_light", 0.25 + 0.5 * (((16 * 0.25 - 12) * 0.25 + 4) * 0.25 - 0.25)),
        ("difference", 0.0),
    ],
)
def test_blend_modes_follow_the_definition(mode: Any, expected: float) -> None:
    below, above = Image(torch.full((1, 2, 2, 3), 0.25)), Image(torch.full((1, 2, 2, 3), 0.75))
    result = image_blend(image1=below, image2=above, blend_factor=1.0, blend_mode=mode)
    assert torch.allclose(result.pixels, torch.full((1, 2, 2, 3), expected))


def test_blend_scales_the_second_picture_to_the_first() -> None:
    first, second = Image(torch.zeros(1, 8, 12, 3)), Image(torch.ones(1, 30, 10, 3))
    result = image_blend(image1=first, image2=second, blend_factor=0.5, blend_mode="normal")
    assert result.pixels.shape == (1, 8, 12, 3)
    assert torch.allclose(result.pixels, torch.full((1, 8, 12, 3), 0.5), atol=1e-5)
