"""How well sd35-tiny draws what prompts say: `python -m benchmarks.tiny_eval [--sheet sheet.png]`.

In the manner of GenEval (arXiv 2310.11513): fixed prompts and seeds, pictures made by the engine itself, and looked at
by `tiny_features` alone. `tiny_lines` says what is asked and what counts as right. Beside each score stand two that
have to be low if it measures anything: of the same pictures against the other prompts' scenes, and of a model of the
same shapes with random weights.

`--references` makes the scorer's references anew from the icon sets (see `training/`); nothing else needs those, save
the autoencoder's line, which is left out without them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import track
from safetensors import safe_open
from safetensors.torch import save_file

from benchmarks.tiny_features import Bytes, Recogniser, load_references, write_references
from benchmarks.tiny_lines import LINES, Line, asked_plainly
from benchmarks.tiny_sheet import Tile, write_sheet
from sd35graph.engine.folders import EMBEDDED_MODELS
from sd35graph.local import LocalEngine
from sd35graph.models.handles import open_checkpoint
from sd35graph.models.loading.pool import ModelPool
from sd35graph.settings import Settings
from training.autoencoder import held_out_pictures, psnr, reconstruct, split_icons
from training.icons import Concept, concepts, load_icons
from training.scenes import Scene

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / "workflows" / "sd35_tiny.json"
ICONS = ROOT / "training" / "work"
CHECKPOINT = "sd35_tiny.safetensors"
PSNR_GOAL_DB = 28
_RANDOM_SPREAD = 0.05
_UNTRAINED = 20  # prompts of each line; its score is low, and need not be known to the percent

Draw = Callable[[str, int], Bytes]


class Painter:
    """Draws prompts with the workflow on one engine, with the models of one root.

    overrides: of the workflow, for all pictures.
    """

    def __init__(self, models: Path, base: Path, overrides: Sequence[str]) -> None:
        self._engine = LocalEngine(Settings.load({"base": base, "models": (models,)}, {}))
        self._document = json.loads(WORKFLOW.read_text(encoding="utf-8"))
        self._overrides = overrides

    def __call__(self, prompt: str, seed: int) -> Bytes:
        """The picture, uint8 [H, W, 3]."""
        overrides = [*self._overrides, f"prompt.text={prompt}", f"KSampler.seed={seed}"]
        result = self._engine.run(self._document, overrides=overrides)
        if result.error is not None:
            raise RuntimeError(f'"{prompt}" was not drawn: {result.error}')
        with Image.open(result.files[0]) as picture:
            return np.asarray(picture.convert("RGB"))

    def close(self) -> None:
        """End the engine."""
        self._engine.close()


def scores(
    line: Line, scenes: Sequence[Scene], pictures: Sequence[Bytes], recogniser: Recogniser
) -> tuple[list[bool], int]:
    """(which pictures are right, how many would be if each had been asked for the next scene)."""
    seen = [recogniser.see(picture) for picture in pictures]
    others = [*scenes[1:], *scenes[:1]]
    right = [line.is_right(recogniser, each, scene) for each, scene in zip(seen, scenes, strict=True)]
    shuffled = [line.is_right(recogniser, each, scene) for each, scene in zip(seen, others, strict=True)]
    return right, sum(shuffled)


def write_untrained(models: Path, out: Path) -> None:
    """A copy of a model root's sd35-tiny with small random weights of the same shapes."""
    generator = torch.Generator().manual_seed(0)
    own = [path.relative_to(models) for path in models.rglob("*") if path.is_file()]
    for name in sorted(path for path in own if "sd35_tiny" in str(path)):
        source, target = models / name, out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix != ".safetensors":
            target.write_bytes(source.read_bytes())
            continue
        with safe_open(source, "pt") as stored:
            weights = {
                key: (torch.randn(stored.get_slice(key).get_shape(), generator=generator) * _RANDOM_SPREAD).half()
                for key in stored.keys()  # noqa: SIM118 # it is no mapping
            }
            save_file(weights, target, stored.metadata())


def autoencoder_psnr(checkpoint: Path) -> tuple[float, int]:
    """(PSNR in dB, number of pictures) of icons held out of training, in float32.

    Raises `FileNotFoundError` where the icon sets are missing.
    """
    vae = ModelPool(torch.device("cpu"), "fp32", ()).vae(open_checkpoint(checkpoint)[2])
    icons = load_icons(ICONS, 128)
    pictures = held_out_pictures(icons, split_icons(icons)[1], 64)
    decoded = [reconstruct(vae, pictures[n : n + 32]) for n in range(0, len(pictures), 32)]
    return psnr(pictures, np.concatenate(decoded)), len(pictures)


def evaluate(
    draw: Draw, untrained: Draw, recogniser: Recogniser, listed: Sequence[Concept], limit: int | None = None
) -> dict[str, list[Tile]]:
    """Print the table, and return the pictures of each line. limit: prompts of each line to stop after."""
    print(f"{'':16}{'right':>9}{'':>8}{'goal':>7}{'shuffled':>12}{'untrained':>12}")
    tiles = {}
    for line in LINES:
        scenes = line.scenes(listed)[:limit]
        drawn, raw = drawn_scenes(draw, scenes, line.name), drawn_scenes(untrained, scenes[:_UNTRAINED], line.name)
        right, shuffled = scores(line, scenes, drawn, recogniser)
        chance = sum(scores(line, scenes[: len(raw)], raw, recogniser)[0])
        asked, share = len(scenes), sum(right) / len(scenes)
        print(
            f"{line.name:16}{f'{sum(right)}/{asked}':>9}{share:8.0%}{line.goal:7.0%}{f'{shuffled}/{asked}':>12}"
            f"{f'{chance}/{len(raw)}':>12}   {'met' if share >= line.goal else 'NOT MET'}",
            flush=True,
        )
        tiles[line.name] = tiles_of(scenes, drawn, right)
    return tiles


def drawn_scenes(draw: Draw, scenes: Sequence[Scene], name: str) -> list[Bytes]:
    """The pictures of the scenes' captions, each with the seed of its place."""
    shown = track(scenes, name, transient=True, console=Console(stderr=True))
    return [draw(scene.caption, seed) for seed, scene in enumerate(shown)]


def tiles_of(scenes: Sequence[Scene], pictures: Sequence[Bytes], right: Sequence[bool]) -> list[Tile]:
    """Pictures with their captions, for the sheet."""
    return [Tile(scene.caption, *rest) for scene, *rest in zip(scenes, pictures, right, strict=True)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print. arguments: of the command line; None are those of this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=Path, default=EMBEDDED_MODELS, help="the model root")
    parser.add_argument("--checkpoint", default=CHECKPOINT)
    parser.add_argument("--wide", action="store_true", help="ask for the concepts of a wide training")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--cfg", type=float, default=4.0)
    parser.add_argument("--limit", type=int, help="prompts of each line to stop after")
    parser.add_argument("--sheet", type=Path, help="write samples to this PNG file")
    parser.add_argument("--references", action="store_true", help="only make the scorer's references anew")
    options = parser.parse_args(arguments)
    if options.references:
        write_references(load_icons(ICONS, 128), concepts(wide=True))
        return
    listed = concepts(wide=options.wide)
    recogniser = Recogniser(load_references())
    overrides = [
        f"Load checkpoint.ckpt_name={options.checkpoint}",
        f"KSampler.steps={options.steps}",
        f"KSampler.cfg={options.cfg}",
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_untrained(options.models, Path(folder) / "untrained")
        draw = Painter(options.models, Path(folder) / "base", overrides)
        untrained = Painter(Path(folder) / "untrained", Path(folder) / "untrained_base", overrides)
        plain = asked_plainly(listed)
        drawn = drawn_scenes(draw, plain, "plain prompts")
        right, _ = scores(LINES[0], plain, drawn, recogniser)
        print(f"{options.checkpoint}, {options.steps} steps, cfg {options.cfg:g}")
        print(f"plain prompts recognised by the scorer: {sum(right)} of {len(plain)}")
        rows = {"plain prompts": tiles_of(plain, drawn, right)}
        rows |= evaluate(draw, untrained, recogniser, listed, options.limit)
        draw.close()
        untrained.close()
    try:
        decibels, count = autoencoder_psnr(options.models / "checkpoints" / options.checkpoint)
    except FileNotFoundError as error:
        print(f"autoencoder      left out: {error}")
    else:
        met = "met" if decibels >= PSNR_GOAL_DB else "NOT MET"
        print(f"autoencoder      {decibels:.2f} dB on {count} icons held out, goal {PSNR_GOAL_DB} dB   {met}")
    if options.sheet:
        write_sheet(rows, options.sheet)


if __name__ == "__main__":
    main()
