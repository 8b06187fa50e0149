"""Pairs of networks with equal weights: ours, and diffusers' or transformers' with the weights converted by them.

The conversion is diffusers' own (`loaders/single_file_utils.py`), which reads the released files, so that no table of
names of ours takes part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_vae_checkpoint,
    convert_sd3_transformer_checkpoint_to_diffusers,
)
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, T5EncoderModel
from transformers import T5Config as TheirT5Config

from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.vae import VAE
from sd35graph.models.networks.variants import ClipConfig, MMDiTConfig, T5Config, VaeConfig

N = TypeVar("N", bound=torch.nn.Module)

MMDIT = MMDiTConfig(
    depth=3,
    width=128,
    channels=16,
    context_width=256,
    pooled_width=192,
    time_features=256,
    mlp_width=512,
    grid=12,
    qk_norm=True,
    dual_attention=frozenset(),
)
VARIANTS = {
    "SD3 Medium": replace(MMDIT, qk_norm=False),
    "SD3.5 Large": MMDIT,
    "SD3.5 Medium": replace(MMDIT, dual_attention=frozenset({0, 1})),
}
VAE_CONFIG = VaeConfig(
    latent_channels=16,
    encoder_widths=(32, 32, 64, 64),
    encoder_blocks=2,
    decoder_widths=(32, 32, 64, 64),
    decoder_blocks=3,
)
CLIP_END = 49407
CLIP_L = ClipConfig(
    name="clip_l", layers=3, width=64, mlp_width=96, vocabulary=49408, positions=77, projection_width=64
)
CLIP_G = replace(CLIP_L, name="clip_g", width=128, projection_width=128)
T5 = T5Config(layers=2, width=256, heads=2, head_width=64, mlp_width=96, vocabulary=32128, buckets=32)


def with_random_weights(network: N, seed: int) -> N:
    """The network with weights that keep activations near 1; norms' weights lie around 1, other vectors around 0."""
    generator = torch.Generator().manual_seed(seed)
    for key, tensor in network.state_dict().items():
        fan_in = tensor[0].numel() if tensor.ndim > 1 and "embed" not in key else 16
        offset = 1.0 if tensor.ndim == 1 and key.endswith("weight") else 0.0
        tensor.copy_(torch.randn(tensor.shape, generator=generator) / fan_in**0.5 + offset)
    return network.eval().requires_grad_(False)


def transformers(config: MMDiTConfig) -> tuple[MMDiT, SD3Transformer2DModel]:
    """Our transformer and diffusers'."""
    ours = with_random_weights(MMDiT(config), 1)
    ours.final_layer.linear.weight.mul_(0.1)  # velocities near 1, as a trained network's
    theirs = SD3Transformer2DModel(
        num_layers=config.depth,
        attention_head_dim=64,
        num_attention_heads=config.heads,
        joint_attention_dim=config.context_width,
        caption_projection_dim=config.width,
        pooled_projection_dim=config.pooled_width,
        pos_embed_max_size=config.grid,
        dual_attention_layers=tuple(config.dual_attention),
        qk_norm="rms_norm" if config.qk_norm else None,
    )
    theirs.load_state_dict(convert_sd3_transformer_checkpoint_to_diffusers(dict(ours.state_dict())))
    return ours, theirs.eval().requires_grad_(False)


def autoencoders() -> tuple[VAE, AutoencoderKL]:
    """Our autoencoder and diffusers', with the scale and shift of SD3's latents."""
    ours = with_random_weights(VAE(VAE_CONFIG), 2)
    theirs = AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=VAE_CONFIG.encoder_widths,
        layers_per_block=VAE_CONFIG.encoder_blocks,
        latent_channels=16,
        use_quant_conv=False,
        use_post_quant_conv=False,
        scaling_factor=1.5305,
        shift_factor=0.0609,
    )
    prefixed = {f"first_stage_model.{key}": tensor for key, tensor in ours.state_dict().items()}
    theirs.load_state_dict(convert_ldm_vae_checkpoint(prefixed, theirs.config))
    return ours, theirs.eval().requires_grad_(False)


def clip_encoders(config: ClipConfig) -> tuple[ClipTextEncoder, CLIPTextModelWithProjection]:
    """Our CLIP encoder and transformers'. CLIP-L's pooled vector is not projected, which the identity says there."""
    ours = with_random_weights(ClipTextEncoder(config), 3)
    theirs = CLIPTextModelWithProjection(
        CLIPTextConfig(
            vocab_size=config.vocabulary,
            hidden_size=config.width,
            intermediate_size=config.mlp_width,
            projection_dim=config.projection_width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            hidden_act="quick_gelu" if config.name == "clip_l" else "gelu",
            bos_token_id=49406,
            eos_token_id=CLIP_END,
            pad_token_id=CLIP_END,
        )
    )
    weights: dict[str, Tensor] = {"text_projection.weight": torch.eye(config.width), **ours.state_dict()}
    theirs.load_state_dict(weights)
    return ours, theirs.eval().requires_grad_(False)


def t5_encoders() -> tuple[T5TextEncoder, T5EncoderModel]:
    """Our T5 encoder and transformers'."""
    ours = with_random_weights(T5TextEncoder(T5), 4)
    theirs = T5EncoderModel(
        TheirT5Config(
            vocab_size=T5.vocabulary,
            d_model=T5.width,
            d_kv=T5.head_width,
            d_ff=T5.mlp_width,
            num_layers=T5.layers,
            num_heads=T5.heads,
            feed_forward_proj="gated-gelu",
            dropout_rate=0.0,
        )
    )
    weights: dict[str, Tensor] = dict(ours.state_dict())
    weights["encoder.embed_tokens.weight"] = weights["shared.weight"]  # tied
    theirs.load_state_dict(weights)
    return ours, theirs.eval().requires_grad_(False)


def randn(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers of a given seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
