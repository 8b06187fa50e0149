"""Dimensions and random weights of networks small enough for tests, in the layout of the released files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from sd35graph.models.networks.variants import ClipConfig, MMDiTConfig, T5Config, VaeConfig

MMDIT = MMDiTConfig(
    depth=3,
    width=128,
    channels=16,
    context_width=96,
    pooled_width=48,
    time_features=256,
    mlp_width=256,
    grid=12,
    qk_norm=True,
    dual_attention=frozenset({0}),
)
VAE_CONFIG = VaeConfig(
    latent_channels=16,
    encoder_widths=(32, 32, 64, 64),
    encoder_blocks=1,
    decoder_widths=(32, 32, 64, 64),
    decoder_blocks=2,
)
CLIP_L = ClipConfig(name="clip_l", layers=2, width=768, mlp_width=64, vocabulary=50, positions=77, projection_width=768)
CLIP_G = ClipConfig(
    name="clip_g", layers=2, width=1280, mlp_width=64, vocabulary=50, positions=77, projection_width=1280
)
T5 = T5Config(layers=2, width=4096, heads=2, head_width=64, mlp_width=32, vocabulary=50, buckets=32)

Weights = dict[str, Tensor]
Save = Callable[..., Path]


def randomize(network: nn.Module, seed: int = 0) -> Weights:
    """Random weights for every tensor of a network, scaled so that activations stay near 1."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for key, tensor in network.state_dict().items():
        fan_in = max(1, tensor[0].numel()) if tensor.ndim > 1 else 16
        offset = 1.0 if tensor.ndim == 1 and key.endswith("weight") else 0.0
        weights[key] = torch.randn(tensor.shape, generator=generator) / fan_in**0.5 + offset
    return weights
