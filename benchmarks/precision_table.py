"""What each form of weights costs in accuracy: `python -m benchmarks.precision_table [--shared ../shared]`.

The transformer is written in each form and computed with in float32, so that the error is the form's alone; a second
line of fp16 and bf16 computes in them as well. The reference is the same transformer in float32.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.weight_forms import FORMS, Weights
from sd35graph.engine.folders import EMBEDDED_MODELS
from sd35graph.models.handles import open_checkpoint, open_diffusion_model, open_text_encoders
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.loading.precision import Precision
from sd35graph.sampling.sample import ksample
from sd35graph.values import Conditioning, ConditioningEntry, FlowSettings, Guider, Latent

CPU = torch.device("cpu")
PREFIX = "model.diffusion_model."
SYNTHETIC = ("tiny_sd3", "tiny_sd35_large", "tiny_sd35_medium")
TIMES = (950.0, 500.0, 50.0)
PROMPTS = ("a 3d red apple", "a flat blue car on a yellow background", "a house and a tree", "three cats")


def synthetic_weights(shared: Path, manifest: str) -> Weights:
    """The random weights of the recorded numbers, of the transformer."""
    spec = importlib.util.spec_from_file_location("synth_weights", shared / "parity" / "synth_weights.py")
    assert spec
    assert spec.loader
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    content = json.loads((shared / "parity" / "manifests" / f"{manifest}.json").read_text(encoding="utf-8"))
    keys = {key: shape for key, shape in content["keys"].items() if key.startswith(PREFIX)}
    return {key.removeprefix(PREFIX): tensor for key, tensor in maker.make({**content, "keys": keys}, 11).items()}


def embedded_weights() -> Weights:
    """Those of the transformer inside the package."""
    weights = load_file(EMBEDDED_MODELS / "checkpoints" / "sd35_tiny.safetensors")
    return {key.removeprefix(PREFIX): tensor.float() for key, tensor in weights.items() if key.startswith(PREFIX)}


def velocities(path: Path, weights: Weights, precision: Precision) -> Tensor:
    """What the transformer in the file gives for a few random inputs."""
    network = ModelPool(CPU, precision, []).mmdit(open_diffusion_model(path))
    generator = torch.Generator().manual_seed(5)
    latent = torch.randn(1, 16, 16, 16, generator=generator)
    context = torch.randn(1, 77, weights["context_embedder.weight"].shape[1], generator=generator)
    pooled = torch.randn(1, weights["y_embedder.mlp.0.weight"].shape[1], generator=generator)
    with torch.inference_mode():
        return torch.cat([network(latent, torch.tensor([time]), context, pooled) for time in TIMES])


class Painter:
    """Draws with the embedded model's text encoders and autoencoder, in float32, and a given transformer."""

    def __init__(self) -> None:
        self._pool = ModelPool(CPU, "fp32", (EMBEDDED_MODELS,))
        self._vae = open_checkpoint(EMBEDDED_MODELS / "checkpoints" / "sd35_tiny.safetensors")[2]
        parts = [
            EMBEDDED_MODELS / "text_encoders" / f"sd35_tiny_{part}.safetensors"
            for part in ("clip_l", "clip_g", "t5xxl")
        ]
        encoders = self._pool.text_encoders(open_text_encoders(parts))
        self._prompts = [_conditioning(*encoders.encode(text)) for text in PROMPTS]
        self._negative = _conditioning(*encoders.encode(""))

    def __call__(self, path: Path, precision: Precision) -> tuple[Tensor, Tensor]:
        """Latents and pictures of all prompts, as the example workflow makes them."""
        network = ModelPool(CPU, precision, []).mmdit(open_diffusion_model(path))
        with torch.inference_mode():
            latents = [
                ksample(
                    network,
                    FlowSettings(shift=1.0),
                    Guider(prompt, self._negative, 4.0),
                    seed=seed,
                    steps=20,
                    sampler="euler",
                    scheduler="simple",
                    latent=Latent(torch.zeros(1, 16, 8, 8)),
                ).samples
                for seed, prompt in enumerate(self._prompts)
            ]
            latent = torch.cat(latents)
            return latent, self._pool.vae(self._vae).decode(latent)


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Root of the mean square of the difference, relative to that of what is expected."""
    return float((found - expected).square().mean().sqrt() / expected.square().mean().sqrt())


def psnr(found: Tensor, expected: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in 0..1."""
    return -10 * math.log10(max(float((found - expected).square().mean()), 1e-12))


def files(weights: Weights, folder: Path) -> Iterator[tuple[str, Precision, Path]]:
    """Each form's file with the precision it is computed in; the first is the reference."""
    save_file(weights, folder / "reference.safetensors")
    yield "fp32", "fp32", folder / "reference.safetensors"
    for name, (suffix, write) in FORMS.items():
        path = folder / f"{name.replace(' ', '_')}.{suffix}"
        write(weights, path)
        yield name, "fp32", path
        if name == "fp16":
            yield "fp16, computed in fp16", "fp16", path
        if name == "bf16":
            yield "bf16, computed in bf16", "bf16", path


def velocity_errors(weights: Weights, folder: Path) -> dict[str, float]:
    """By form: the velocities' relative error."""
    found = {name: velocities(path, weights, precision) for name, precision, path in files(weights, folder)}
    return {name: relative_error(each, found["fp32"]) for name, each in found.items() if name != "fp32"}


def picture_errors(weights: Weights, folder: Path) -> dict[str, tuple[float, float, float]]:
    """By form: the final latents' relative error, the pictures' PSNR, and the file's size by that of fp16."""
    paint = Painter()
    drawn = {name: (*paint(path, precision), path) for name, precision, path in files(weights, folder)}
    latents, pictures, _ = drawn["fp32"]
    sixteen = drawn["fp16"][2].stat().st_size
    return {
        name: (relative_error(latent, latents), psnr(picture, pictures), path.stat().st_size / sixteen)
        for name, (latent, picture, path) in drawn.items()
        if name != "fp32"
    }


def table(shared: Path) -> str:
    """All of it, in markdown."""
    columns: dict[str, Mapping[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in SYNTHETIC:
            columns[name] = velocity_errors(synthetic_weights(shared, name), Path(folder))
        embedded = embedded_weights()
        columns["sd35-tiny"] = velocity_errors(embedded, Path(folder))
        drawn = picture_errors(embedded, Path(folder))
    head = (
        "form",
        *(f"velocity, {name}" for name in columns),
        "latent, sd35-tiny",
        "picture, sd35-tiny",
        "size by fp16",
    )
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for form, (latent, decibels, size) in drawn.items():
        errors = (f"{100 * column[form]:.3g} %" for column in columns.values())
        lines.append(f"| {form} | {' | '.join(errors)} | {100 * latent:.3g} % | {decibels:.1f} dB | {size:.2f} |")
    return "\n".join(lines)


def _conditioning(cond: Tensor, pooled: Tensor) -> Conditioning:
    return Conditioning((ConditioningEntry(cond, pooled),))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder of reference data")
    torch.set_num_threads(1)
    print(table(parser.parse_args().shared))


if __name__ == "__main__":
    main()
