"""Checkpoints of random weights in the layout of the released files, written one tensor at a time."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from sd35graph.models.networks.build import linear_weights
from sd35graph.models.networks.variants import MMDiTConfig

Stored = Literal["fp32", "fp16", "bf16", "fp8"]

_FORMS = {
    "fp32": ("F32", torch.float32),
    "fp16": ("F16", torch.float16),
    "bf16": ("BF16", torch.bfloat16),
    "fp8": ("F8_E4M3", torch.float8_e4m3fn),
}


def mmdit(depth: int, width: int, grid: int, dual_attention: int = 0) -> MMDiTConfig:
    """Dimensions of a transformer of SD3.5; dual_attention: how many of the first blocks have a second attention."""
    return MMDiTConfig(
        depth=depth,
        width=width,
        channels=16,
        context_width=4096,
        pooled_width=2048,
        time_features=256,
        mlp_width=4 * width,
        grid=grid,
        qk_norm=True,
        dual_attention=frozenset(range(dual_attention)),
    )


def write_random(path: Path, network: nn.Module, stored: Stored, device: torch.device) -> None:
    """A safetensors file with random weights for `network`; made on `device`, scaled so that activations stay small.

    stored: the form of the weights of linear layers; with fp8 all other tensors are bf16.
    """
    linear = linear_weights(network)
    shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    forms = {key: _FORMS[stored if stored != "fp8" or key in linear else "bf16"] for key in shapes}
    entries, end = {}, 0
    for key, shape in shapes.items():
        code, dtype = forms[key]
        begin, end = end, end + math.prod(shape) * dtype.itemsize
        entries[key] = {"dtype": code, "shape": shape, "data_offsets": (begin, end)}
    header = json.dumps(entries).encode()
    generator = torch.Generator(device).manual_seed(0)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for key, shape in shapes.items():
            scale = 0.5 * math.prod(shape[1:]) ** -0.5 if len(shape) > 1 else 0.05
            weight = torch.randn(shape, generator=generator, device=device).mul_(scale).to(forms[key][1])
            file.write(weight.cpu().view(-1).view(torch.uint8).numpy().data)
