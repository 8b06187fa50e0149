"""The trained networks as files the engine loads: fp16 safetensors in the layout of the released SD3.5 files."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sd35graph.models.files.sections import CHECKPOINT_PREFIXES, PART_METADATA
from sd35graph.models.networks.vae import VAE
from training.flow import Model
from training.text import Tokenizers

STEM = "sd35_tiny"


def export(root: Path, model: Model, vae: VAE, tokenizers: Tokenizers) -> None:
    """Write checkpoint, encoders and tokenizers below the model root `root`."""
    checkpoints, encoders = root / "checkpoints", root / "text_encoders"
    for folder in (checkpoints, encoders):
        folder.mkdir(parents=True, exist_ok=True)
    weights = _half(model.mmdit, CHECKPOINT_PREFIXES["mmdit"]) | _half(vae, CHECKPOINT_PREFIXES["vae"])
    save_file(weights, checkpoints / f"{STEM}.safetensors", {"title": "sd35-tiny"})
    for part in ("clip_l", "clip_g", "t5xxl"):
        encoder = getattr(model.encoders, part)
        save_file(_half(encoder), encoders / f"{STEM}_{part}.safetensors", {PART_METADATA: part})
    tokenizers.save(encoders, STEM)


def _half(network: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    return {prefix + key: value.to("cpu", torch.float16) for key, value in network.state_dict().items()}
