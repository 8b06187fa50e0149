"""`python -m training`: trains sd35-tiny from the icon sets to files the engine loads. See `README.md` here."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
import typer

from training.autoencoder import train_vae
from training.config import load_config
from training.export import export
from training.flow import encode_scenes, train_flow, write_sheet
from training.icons import concepts, load_icons
from training.scenes import random_scene
from training.text import kept_tokenizers

_HERE = Path(__file__).parent
_CAPTIONS = 20_000  # that the tokenizers are trained on


def main(
    config: Annotated[Path, typer.Option(help="What to train.")] = _HERE / "configs" / "cpu.toml",
    work: Annotated[Path, typer.Option(help="Rendered icons, logs, sheets and checkpoints to resume from.")] = _HERE
    / "work",
    out: Annotated[Path, typer.Option(help="The model root to write to.")] = _HERE / "work" / "models",
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where to train.")] = "cpu",
    until: Annotated[Literal["vae", "flow"], typer.Option(help="Stop after this stage.")] = "flow",
) -> None:
    """Train autoencoder, text encoders and transformer, resuming what an earlier run began."""
    settings = load_config(config)
    where = torch.device(device)
    listed = concepts(wide=settings.wide)
    icons = load_icons(work, 2 * settings.size)
    vae = train_vae(settings, icons, listed, work, where).eval().requires_grad_(False)
    if until == "vae":
        return
    rng = np.random.default_rng([settings.seed, 4])
    captions = [random_scene(rng, listed, lambda _: True).caption for _ in range(_CAPTIONS)]
    tokenizers = kept_tokenizers(work, captions, settings.text)
    teach = partial(encode_scenes, settings, vae, icons, listed, tokenizers, where)
    model = train_flow(settings, vae, teach, tokenizers, work, where)
    write_sheet(model, vae, tokenizers, settings.size, work / "sheet.png")
    export(out, model, vae, tokenizers)
    print(f"wrote {out}; put it beside your models, or run `sd35graph serve --models {out}`")


if __name__ == "__main__":
    typer.run(main)
