"""The evaluation as a program: it draws through the engine, counts what is right and writes a sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from benchmarks import tiny_eval
from benchmarks.tiny_eval import Painter, evaluate, tiles_of, write_untrained
from benchmarks.tiny_features import Bytes, Recogniser
from benchmarks.tiny_lines import LINES
from benchmarks.tiny_sheet import write_sheet
from training.autoencoder import make_vae
from training.config import load_config
from training.export import export
from training.flow import Model
from training.icons import concepts
from training.scenes import draw
from training.text import train_tokenizers

SMOKE = Path(__file__).parents[2] / "training" / "configs" / "smoke.toml"
QUICK = ["KSampler.steps=2"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model root with networks that have learnt nothing."""
    root = tmp_path_factory.mktemp("models")
    config = load_config(SMOKE)
    torch.manual_seed(0)
    tokenizers = train_tokenizers(["a red apple", "two rockets", "a pizza left of a guitar"], config.text)
    export(root, Model(config, tokenizers), make_vae(config.vae), tokenizers)
    return root


def test_table_counts_right_pictures_beside_shuffled_and_untrained(
    recogniser: Recogniser, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = concepts(wide=True)
    truth = {scene.caption: draw(scene, recogniser.icons, 64) for line in LINES for scene in line.scenes(listed)[:2]}
    blank = np.full((64, 64, 3), 255, np.uint8)
    drawn: list[tuple[str, int]] = []

    def perfect(prompt: str, seed: int) -> Bytes:
        drawn.append((prompt, seed))
        return truth[prompt]

    tiles = evaluate(perfect, lambda prompt, seed: blank, recogniser, listed, limit=2)
    rows = [text.split() for text in capsys.readouterr().out.splitlines()]
    for line, row in zip(LINES, rows[-len(LINES) :], strict=True):
        words = len(line.name.split())
        assert row[:words] == line.name.split()
        assert row[words] == "2/2"
        assert row[-2:] == ["0/2", "met"]
        assert [tile.is_right for tile in tiles[line.name]] == [True, True]
    assert sorted(drawn) == sorted(
        (scene.caption, n) for line in LINES for n, scene in enumerate(line.scenes(listed)[:2])
    )


def test_painter_draws_the_same_picture_for_the_same_seed(models: Path, tmp_path: Path) -> None:
    pictures = []
    for number, seed in enumerate((1, 1, 2)):
        draw_prompt = Painter(models, tmp_path / str(number), QUICK)
        pictures.append(draw_prompt("a red apple", seed))
        draw_prompt.close()
    assert pictures[0].shape == (64, 64, 3)
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_untrained_model_has_the_same_shapes_and_draws(models: Path, tmp_path: Path) -> None:
    write_untrained(models, tmp_path / "untrained")
    for path in models.rglob("*.safetensors"):
        before, after = (load_file(root / path.relative_to(models)) for root in (models, tmp_path / "untrained"))
        assert {key: value.shape for key, value in before.items()} == {key: value.shape for key, value in after.items()}
        assert not any(torch.equal(before[key], after[key]) for key in before)
    draw_prompt = Painter(tmp_path / "untrained", tmp_path / "base", QUICK)
    assert draw_prompt("two rockets", 0).shape == (64, 64, 3)
    draw_prompt.close()


def test_program_prints_every_line_and_writes_the_sheet(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_icons(*_: object) -> None:
        raise FileNotFoundError("no icon sets here")

    monkeypatch.setattr(tiny_eval, "autoencoder_psnr", no_icons)
    sheet = tmp_path / "sheet.png"
    tiny_eval.main(["--models", str(models), "--steps", "1", "--limit", "1", "--sheet", str(sheet)])
    printed = capsys.readouterr().out
    assert "sd35_tiny.safetensors, 1 steps, cfg 4" in printed
    for line in LINES:
        assert f"\n{line.name} " in printed
    assert "autoencoder      left out: no icon sets here" in printed
    with Image.open(sheet) as picture:
        assert picture.width > 1000


def test_sheet_shows_every_row_and_marks_what_is_wrong(tmp_path: Path) -> None:
    scenes = LINES[0].scenes(concepts(wide=True))[:3]
    pictures = [np.full((64, 64, 3), (0, 0, 200), np.uint8)] * 3
    shapes = []
    for right in (True, False):
        write_sheet({"one": tiles_of(scenes, pictures, [right] * 3)}, tmp_path / "sheet.png")
        with Image.open(tmp_path / "sheet.png") as sheet:
            pixels = np.asarray(sheet.convert("RGB")).astype(int)
        assert (pixels == (0, 0, 200)).all(-1).sum() == 3 * 128 * 128
        is_red = (pixels[..., 0] > 150) & (pixels[..., 1] < 80)
        assert is_red.any() == (not right)
        shapes.append(pixels.shape)
    assert shapes[0] == shapes[1]
