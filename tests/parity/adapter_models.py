"""The model library behind the parity checker's interface: networks, tokens, text encoding."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file
from torch import Tensor

from sd35graph.models.changes.lora import open_lora
from sd35graph.models.files.sections import CHECKPOINT_PREFIXES, EncoderName
from sd35graph.models.networks.build import build
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.controlnet import ControlNet
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.vae import VAE
from sd35graph.models.text.encoding import CLIP_G_PAD, ClipPart, EmptyPadding, T5Part, TextEncoders
from sd35graph.models.text.tokenizer_files import load_clip_tokenizer, load_t5_tokenizer
from sd35graph.models.text.tokenizers import ClipTokenizer, Section, T5Tokenizer
from sd35graph.values import latent_to_model, model_to_latent

StateDict = dict[str, Tensor]

__all__ = [
    "apply_lora",
    "controlnet_forward",
    "encode_part",
    "encode_text",
    "encode_text_sd3",
    "get_weight",
    "latent_to_model",
    "load_controlnet",
    "load_mmdit",
    "load_text_encoders",
    "load_vae",
    "mmdit_forward",
    "model_to_latent",
    "tokenize",
    "vae_decode",
    "vae_decode_tiled",
    "vae_encode",
]

SHARED = Path(os.environ.get("SD35GRAPH_SHARED", Path(__file__).resolve().parents[3] / "shared"))
TOKENIZERS = SHARED / "parity" / "tokenizers"
CLIP_LENGTH = 77  # of the released encoders' sections


@cache
def clip_tokenizer() -> ClipTokenizer:
    return load_clip_tokenizer(TOKENIZERS / "clip")


@cache
def t5_tokenizer() -> T5Tokenizer:
    return load_t5_tokenizer(TOKENIZERS / "t5")


def load_mmdit(state_dict: StateDict) -> MMDiT:
    network = build("mmdit", _without_prefix(state_dict, CHECKPOINT_PREFIXES["mmdit"]))
    assert isinstance(network, MMDiT)
    return network


def mmdit_forward(
    model: MMDiT, x: Tensor, t: Tensor, context: Tensor, y: Tensor, skip_layers: tuple[int, ...]
) -> Tensor:
    velocity: Tensor = model(x, t, context, y, skip_layers=frozenset(skip_layers))
    return velocity


def apply_lora(model: MMDiT, lora: StateDict, strength: float) -> MMDiT:
    weights = model.state_dict()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lora.safetensors"
        save_file(lora, path)
        patch = open_lora(path).patch("mmdit", {key: tuple(w.shape) for key, w in weights.items()}, strength)
        assert patch is not None
        patched = {key: patch.apply(key, w) if patch.changes(key) else w for key, w in weights.items()}
    network = build("mmdit", patched)
    assert isinstance(network, MMDiT)
    return network


def get_weight(model: MMDiT, key: str) -> Tensor:
    return model.state_dict()[key.removeprefix(CHECKPOINT_PREFIXES["mmdit"])]


def load_controlnet(state_dict: StateDict) -> ControlNet:
    network = build("controlnet", state_dict)
    assert isinstance(network, ControlNet)
    return network


def controlnet_forward(
    controlnet: ControlNet, x: Tensor, t: Tensor, y: Tensor, hint: Tensor, base: StateDict
) -> list[Tensor]:
    residuals: list[Tensor] = controlnet(x, t, torch.zeros(1, 1, 1), y, hint, load_mmdit(base))
    return residuals


def tokenize(text: str) -> dict[str, list[Section]]:
    clip = clip_tokenizer()
    return {
        "l": clip.sections(text, clip.end_id, CLIP_LENGTH),
        "g": clip.sections(text, CLIP_G_PAD, CLIP_LENGTH),
        "t5xxl": [t5_tokenizer().section(text)],
    }


def load_text_encoders(state_dicts: dict[EncoderName, StateDict]) -> TextEncoders:
    networks = {name: build(name, weights) for name, weights in state_dicts.items()}
    clip_l, clip_g, t5xxl = (networks.get(name) for name in ("clip_l", "clip_g", "t5xxl"))
    clip = clip_tokenizer()
    return TextEncoders(
        clip_l=ClipPart(clip_l, clip, clip.end_id) if isinstance(clip_l, ClipTextEncoder) else None,
        clip_g=ClipPart(clip_g, clip, CLIP_G_PAD) if isinstance(clip_g, ClipTextEncoder) else None,
        t5xxl=T5Part(t5xxl, t5_tokenizer()) if isinstance(t5xxl, T5TextEncoder) else None,
    )


def encode_part(te: TextEncoders, part: EncoderName, text: str) -> tuple[Tensor, Tensor | None]:
    return te.encode_part(part, text)


def encode_text(te: TextEncoders, text: str) -> tuple[Tensor, Tensor]:
    return te.encode(text)


def encode_text_sd3(
    te: TextEncoders, clip_l: str, clip_g: str, t5xxl: str, empty_padding: EmptyPadding
) -> tuple[Tensor, Tensor]:
    return te.encode_sd3(clip_l, clip_g, t5xxl, empty_padding=empty_padding)


def load_vae(state_dict: StateDict) -> VAE:
    network = build("vae", _without_prefix(state_dict, CHECKPOINT_PREFIXES["vae"]))
    assert isinstance(network, VAE)
    return network


def vae_encode(vae: VAE, pixels: Tensor) -> Tensor:
    return vae.encode(pixels)


def vae_decode(vae: VAE, latent: Tensor) -> Tensor:
    return vae.decode(latent)


def vae_decode_tiled(vae: VAE, latent: Tensor, tile_size: int, overlap: int) -> Tensor:
    return vae.decode_tiled(latent, tile_size, overlap)


def _without_prefix(state_dict: StateDict, prefix: str) -> StateDict:
    return {key.removeprefix(prefix): tensor for key, tensor in state_dict.items()}
