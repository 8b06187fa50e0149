"""Pictures as JPEG, WebP and animations, with the workflow inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from folder_context import FolderContext
from PIL import Image as Pillow
from PIL import ImageSequence

from sd35graph import Image
from sd35graph.graph.formats.document import read_bytes
from sd35graph_nodes.image import empty_image
from sd35graph_nodes.image_batches import image_batch
from sd35graph_nodes.image_save import save_animated_png, save_animated_webp, save_image, save_image_format

PROMPT = {"1": {"class_type": "EmptyImage", "inputs": {"text": "é: →"}}}
WORKFLOW = {"version": 0.4, "nodes": []}


def three_colours() -> Image:
    red, green, blue = (empty_image(8, 6, 1, colour) for colour in (0xFF0000, 0x00FF00, 0x0000FF))
    return image_batch(image_batch(red, green), blue)


@pytest.mark.parametrize(
    ("file_format", "suffix", "tolerance"), [("jpeg", ".jpg", 3), ("webp", ".webp", 8), ("webp lossless", ".webp", 0)]
)
def test_pictures_and_workflow_are_read_back(tmp_path: Path, file_format: Any, suffix: str, tolerance: int) -> None:
    ctx = FolderContext(tmp_path)
    save_image_format(ctx, three_colours(), "x", file_format, 100, PROMPT, {"workflow": WORKFLOW, "more": 1})
    names = [f"x_{number:05}_{suffix}" for number in (1, 2, 3)]
    assert [item["filename"] for item in ctx.shown["images"]] == names
    with Pillow.open(tmp_path / names[1]) as picture:
        assert picture.format == file_format.split()[0].upper()
        np.testing.assert_allclose(np.asarray(picture.convert("RGB"), int), [[[0, 255, 0]] * 8] * 6, atol=tolerance)
    assert read_bytes((tmp_path / names[1]).read_bytes()) == {"prompt": PROMPT, "workflow": WORKFLOW}
    assert not ctx.warned


def test_front_ends_find_the_texts_in_the_tags_they_look_at(tmp_path: Path) -> None:
    save_image_format(FolderContext(tmp_path), empty_image(8, 8, 1, 0), "x", "webp", 90, {"1": {}}, {"workflow": {}})
    with Pillow.open(tmp_path / "x_00001_.webp") as picture:
        assert dict(picture.getexif()) == {0x010F: "workflow:{}", 0x0110: 'prompt:{"1": {}}'}  # Make, Model


@pytest.mark.parametrize("key", ["рабочий", "x" * 80, "", "a\0b", "\ud800"])
def test_texts_whose_names_png_does_not_allow_are_left_out_with_a_warning(tmp_path: Path, key: str) -> None:
    ctx = FolderContext(tmp_path)
    save_image(ctx, empty_image(8, 8, 1, 0), "x", PROMPT, {key: 1, "workflow": WORKFLOW, "é" * 79: 2})
    (warning,) = ctx.warned
    assert warning == (
        f"Texts were not put into the picture: {key[:79]!r}, as PNG allows names of 1 to 79 Latin characters; "
        "rename them."
    )
    with Pillow.open(tmp_path / "x_00001_.png") as picture:
        assert set(picture.info) == {"prompt", "workflow", "é" * 79}


@pytest.mark.parametrize("file_format", ["jpeg", "webp"])
def test_texts_for_which_exif_has_no_tags_are_left_out_with_a_warning(tmp_path: Path, file_format: Any) -> None:
    ctx = FolderContext(tmp_path)
    extra = {"workflow": WORKFLOW} | {f"k{number}": number for number in range(299)}
    save_image_format(ctx, empty_image(8, 8, 1, 0), "x", file_format, 90, PROMPT, extra)
    (warning,) = ctx.warned
    assert "'k4', 'k5', 'k6' and 292 more, as there is room for 5 beside the prompt; save as PNG" in warning
    (path,) = tmp_path.iterdir()
    assert read_bytes(path.read_bytes()) == {"prompt": PROMPT, "workflow": WORKFLOW}
    with Pillow.open(path) as picture:
        assert [picture.getexif().get(tag) for tag in (270, 269, 268, 267)] == ["k0:0", "k1:1", "k2:2", "k3:3"]


def test_lower_quality_is_smaller(tmp_path: Path) -> None:
    noise = Image(torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(0)))
    for quality in (90, 10):
        save_image_format(FolderContext(tmp_path), noise, f"q{quality}", "jpeg", quality)
    assert (tmp_path / "q10_00001_.jpg").stat().st_size < (tmp_path / "q90_00001_.jpg").stat().st_size


def test_a_workflow_too_large_for_jpeg_is_left_out_with_a_warning(tmp_path: Path) -> None:
    ctx = FolderContext(tmp_path)
    save_image_format(ctx, empty_image(8, 8, 1, 0), "x", "jpeg", 90, {"1": {"text": "x" * 66_000}})
    assert ctx.warned == [
        "The workflow is too large for a JPEG file and was not put into it; save as WebP or PNG to keep it."
    ]
    with Pillow.open(tmp_path / "x_00001_.jpg") as picture:
        assert not picture.getexif()


def test_a_workflow_that_just_fits_is_kept(tmp_path: Path) -> None:
    ctx = FolderContext(tmp_path)
    save_image_format(ctx, empty_image(8, 8, 1, 0), "x", "jpeg", 90, {"1": {"text": "x" * 65_400}})
    assert not ctx.warned
    assert read_bytes((tmp_path / "x_00001_.jpg").read_bytes()) == {"prompt": {"1": {"text": "x" * 65_400}}}


def test_a_picture_too_large_for_webp_is_refused(tmp_path: Path) -> None:
    wide = empty_image(16384, 1, 1, 0)
    with pytest.raises(ValueError, match="at most 16383 pixels per side, but the picture has 16384x1; save it as PNG"):
        save_image_format(FolderContext(tmp_path), wide, "x", "webp")
    with pytest.raises(ValueError, match="at most 16383 pixels per side"):
        save_animated_webp(ctx=FolderContext(tmp_path), images=wide, method="default")


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_a_batch_becomes_an_animation_with_its_workflow(tmp_path: Path, suffix: str) -> None:
    ctx, images, extra = FolderContext(tmp_path), three_colours(), {"workflow": WORKFLOW}
    if suffix == ".webp":
        save_animated_webp(
            ctx=ctx, images=images, filename_prefix="x", fps=8.0, method="fastest", prompt=PROMPT, extra_pnginfo=extra
        )
    else:
        save_animated_png(ctx, images, "x", 8.0, 9, PROMPT, extra)
    name = f"x_00001_{suffix}"
    assert ctx.shown == {"images": [{"filename": name, "subfolder": "", "type": "output"}], "animated": [True]}
    with Pillow.open(tmp_path / name) as animation:
        colours, durations = [], []
        for frame in ImageSequence.Iterator(animation):
            frame.load()  # only then WebP says how long a frame is shown
            durations.append(frame.info["duration"])
            colours.append(frame.convert("RGB").getpixel((0, 0)))
    assert colours == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    assert durations == [125, 125, 125]
    assert read_bytes((tmp_path / name).read_bytes()) == {"prompt": PROMPT, "workflow": WORKFLOW}


@pytest.mark.parametrize("quality", [0, 100])
def test_an_animation_of_one_picture_is_a_picture(tmp_path: Path, quality: int) -> None:
    save_animated_webp(
        ctx=FolderContext(tmp_path),
        images=empty_image(8, 8, 1, 0),
        filename_prefix="x",
        lossless=False,
        quality=quality,
        method="slowest",
    )
    save_animated_png(FolderContext(tmp_path), empty_image(8, 8, 1, 0), "x")
    for name in ("x_00001_.webp", "x_00002_.png"):
        with Pillow.open(tmp_path / name) as picture:
            assert getattr(picture, "n_frames", 1) == 1
