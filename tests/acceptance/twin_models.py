"""Tiny models of random weights under the names, and in the storage formats, of the released files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import SD3ControlNetModel
from PIL import Image as Pillow
from safetensors.torch import save_file
from torch import Tensor, nn

from sd35graph.engine.folders import EMBEDDED_MODELS
from sd35graph.models.files.sections import CHECKPOINT_PREFIXES
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.controlnet import ControlNet, ControlNetConfig
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.vae import VAE
from sd35graph.models.networks.variants import ClipConfig, MMDiTConfig, T5Config, VaeConfig

Weights = dict[str, Tensor]

# Real widths only where a file is told by them, or another one must fit; otherwise as little as possible.
LARGE = MMDiTConfig(
    depth=2,
    width=128,
    channels=16,
    context_width=4096,
    pooled_width=2048,
    time_features=256,
    mlp_width=512,
    grid=16,
    qk_norm=True,
    dual_attention=frozenset(),
)
MEDIUM_3 = replace(LARGE, qk_norm=False)  # of SD3
VAE_CONFIG = VaeConfig(
    latent_channels=16,
    encoder_widths=(32, 32, 64, 64),
    encoder_blocks=1,
    decoder_widths=(32, 32, 64, 64),
    decoder_blocks=1,
)
STREAM = ControlNetConfig(
    blocks="stream",
    depth=1,
    width=LARGE.width,
    hint_channels=16,
    pooled_width=LARGE.pooled_width,
    time_features=256,
    mlp_width=512,
    context_width=0,
    grid=0,
    qk_norm=False,
    dual_attention=frozenset(),
)
# With the blocks 7 to 9 that skip-layer guidance leaves out.
MEDIUM_35 = replace(LARGE, depth=10, dual_attention=frozenset({0, 1}))
# The vocabularies of the tokenizers that come along fit in.
CLIP_L = ClipConfig(
    name="clip_l", layers=2, width=768, mlp_width=64, vocabulary=1500, positions=77, projection_width=768
)
CLIP_G = replace(CLIP_L, name="clip_g", width=1280, projection_width=1280)
T5 = T5Config(layers=1, width=4096, heads=1, head_width=64, mlp_width=32, vocabulary=600, buckets=32)


def write_twins(base: Path) -> None:
    """Fill a base folder with twins of all models and pictures that the shared and the shipped workflows name."""
    for folder in ("checkpoints", "text_encoders", "controlnet", "tokenizers"):
        (base / "models" / folder).mkdir(parents=True)
    _write_tokenizers(base / "models" / "tokenizers")
    networks = {CLIP_L.name: ClipTextEncoder(CLIP_L), CLIP_G.name: ClipTextEncoder(CLIP_G), "t5xxl": T5TextEncoder(T5)}
    encoders = {name: _random(network) for name, network in networks.items()}
    _write_encoders(base / "models" / "text_encoders", encoders)
    large, medium, vae = _random(MMDiT(LARGE)), _random(MMDiT(MEDIUM_3)), _random(VAE(VAE_CONFIG))
    clips = {name: _cast(encoders[name], torch.float16) for name in ("clip_l", "clip_g")}
    checkpoints = base / "models" / "checkpoints"
    half = {"vae": _cast(vae, torch.float16)}
    _save(checkpoints / "sd3.5_large.safetensors", half | {"mmdit": _cast(large, torch.float16)})
    shutil.copy(checkpoints / "sd3.5_large.safetensors", checkpoints / "sd3.5_large_turbo.safetensors")
    newer = _random(MMDiT(MEDIUM_35))
    _save(checkpoints / "sd3.5_medium.safetensors", half | {"mmdit": _cast(newer, torch.float16)})
    _save(checkpoints / "sd3_medium.safetensors", half | {"mmdit": _cast(medium, torch.float16)})
    _save(
        checkpoints / "sd3_medium_incl_clips_t5xxlfp8.safetensors",
        half | clips | {"mmdit": _cast(medium, torch.float16), "t5xxl": _cast(encoders["t5xxl"], torch.float8_e4m3fn)},
    )
    _save(
        checkpoints / "sd3.5_large_fp8_scaled.safetensors",
        half | clips | {"mmdit": _scaled(large), "t5xxl": _scaled(encoders["t5xxl"])},
    )
    _write_controlnets(base / "models" / "controlnet")
    (base / "input").mkdir()
    picture = _picture()
    picture.save(base / "input" / "sd3_controlnet_example.png")
    picture.putalpha(Pillow.linear_gradient("L").resize(picture.size))
    picture.save(base / "input" / "example.png")


def _random(network: nn.Module) -> Weights:
    """Random weights that keep activations near 1, and let each layer count."""
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for key, tensor in network.state_dict().items():
        fan_in = tensor[0].numel() if tensor.ndim > 1 and "embed" not in key else 16
        offset = 1.0 if tensor.ndim == 1 and key.endswith("weight") else 0.0
        weights[key] = torch.randn(tensor.shape, generator=generator) / fan_in**0.5 + offset
    return weights


def _cast(weights: Weights, dtype: torch.dtype) -> Weights:
    return {key: tensor.to(dtype) for key, tensor in weights.items()}


def _scaled(weights: Weights) -> Weights:
    """As a "scaled fp8" file: fp8 matrices of the layers, a scale beside each, and the mark."""
    stored: Weights = {"scaled_fp8": torch.empty(2, dtype=torch.float8_e4m3fn)}
    for key, tensor in weights.items():
        if tensor.ndim == 2 and key.endswith(".weight") and "embed" not in key and "shared" not in key:
            scale = tensor.abs().max() / 448  # the largest e4m3 number
            stored[key] = (tensor / scale).to(torch.float8_e4m3fn)
            stored[f"{key.removesuffix('weight')}scale_weight"] = scale
        else:
            stored[key] = tensor.to(torch.float16)
    return stored


def _save(path: Path, sections: Mapping[str, Weights]) -> None:
    prefixes: dict[str, str] = {**CHECKPOINT_PREFIXES}
    tensors: Weights = {}
    for name, weights in sections.items():
        tensors |= {prefixes[name] + key: tensor.contiguous() for key, tensor in weights.items()}
    save_file(tensors, path)


def _write_encoders(folder: Path, encoders: Mapping[str, Weights]) -> None:
    for name in ("clip_l", "clip_g"):
        save_file(_cast(encoders[name], torch.float16), folder / f"{name}.safetensors")
    save_file(_cast(encoders["t5xxl"], torch.float16), folder / "t5xxl_fp16.safetensors")
    save_file(_cast(encoders["t5xxl"], torch.float8_e4m3fn), folder / "t5xxl_fp8_e4m3fn.safetensors")


def _write_tokenizers(folder: Path) -> None:
    theirs = EMBEDDED_MODELS / "text_encoders"
    shutil.copytree(theirs / "sd35_tiny_clip_l", folder / "clip")
    shutil.copytree(theirs / "sd35_tiny_t5xxl", folder / "t5")


def _write_controlnets(folder: Path) -> None:
    stream = _random(ControlNet(STREAM)) | {"control_type": torch.tensor([1])}
    save_file(_cast(stream, torch.float16), folder / "sd3.5_large_controlnet_canny.safetensors")
    theirs = SD3ControlNetModel(
        num_layers=1,
        num_attention_heads=LARGE.heads,
        attention_head_dim=64,
        joint_attention_dim=LARGE.context_width,
        caption_projection_dim=LARGE.width,
        pooled_projection_dim=LARGE.pooled_width,
        pos_embed_max_size=LARGE.grid,
    )
    save_file(_random(theirs), folder / "sd3_controlnet_canny.safetensors")


def _picture() -> Pillow.Image:
    """A white disc before a dark gradient: something to find edges in."""
    y, x = np.mgrid[0:96, 0:128]
    disc = (x - 64) ** 2 + (y - 48) ** 2 < 900
    pixels = np.stack([np.where(disc, 255, shade) for shade in (x // 2, y // 2, 40)], axis=-1)
    return Pillow.fromarray(pixels.astype("uint8"))
