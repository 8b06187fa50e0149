"""Which network a file holds, read from the shapes of its tensors: one frozen config per kind of network.

There is no table of released models: SD3 Medium, SD3.5 Large, its Turbo and SD3.5 Medium differ in numbers only, and
the header gives the numbers. Layout after Stability's sd3.5 reference code (MIT), `mmditx.py` and `sd3_impls.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sd35graph.models.errors import ForeignModelError, WeightsMismatchError
from sd35graph.models.files.storage import Shape

ClipName = Literal["clip_l", "clip_g"]

HEAD_WIDTH = 64
PATCH = 2


@dataclass(frozen=True, slots=True)
class MMDiTConfig:
    """Dimensions of a multimodal diffusion transformer (arXiv 2403.03206).

    width: of both token streams, a multiple of 64. grid: side of the stored square position grid, in patches.
    dual_attention: blocks with a second, image-only attention. qk_norm: RMS norm on queries and keys.
    """

    depth: int
    width: int
    channels: int
    context_width: int
    pooled_width: int
    time_features: int
    mlp_width: int
    grid: int
    qk_norm: bool
    dual_attention: frozenset[int]

    @property
    def heads(self) -> int:
        return self.width // HEAD_WIDTH


@dataclass(frozen=True, slots=True)
class VaeConfig:
    """Dimensions of the convolutional autoencoder; widths run from full resolution to latent resolution."""

    latent_channels: int
    encoder_widths: tuple[int, ...]
    encoder_blocks: int
    decoder_widths: tuple[int, ...]
    decoder_blocks: int

    @property
    def factor(self) -> int:
        """Pixels per latent cell and axis."""
        return 1 << (len(self.decoder_widths) - 1)


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """Dimensions of a CLIP text encoder. CLIP-G has a projection and exact GELU, CLIP-L neither."""

    name: ClipName
    layers: int
    width: int
    mlp_width: int
    vocabulary: int
    positions: int
    projection_width: int

    @property
    def heads(self) -> int:
        return self.width // HEAD_WIDTH


@dataclass(frozen=True, slots=True)
class T5Config:
    """Dimensions of a T5 v1.1 encoder."""

    layers: int
    width: int
    heads: int
    head_width: int
    mlp_width: int
    vocabulary: int
    buckets: int


def mmdit_config(shapes: Mapping[str, Shape], where: str) -> MMDiTConfig:
    """The transformer whose tensors have `shapes`; `where` names the file in errors."""
    width, channels = _shape(shapes, "x_embedder.proj.weight", 4, where)[:2]
    _require_multiple(width, HEAD_WIDTH, "x_embedder.proj.weight", where)
    positions = _shape(shapes, "pos_embed", 3, where)[1]
    block = "joint_blocks.0.x_block."
    depth = _count(shapes, "joint_blocks.{}.x_block.attn.qkv.weight", where)
    return MMDiTConfig(
        depth=depth,
        width=width,
        channels=channels,
        context_width=_shape(shapes, "context_embedder.weight", 2, where)[1],
        pooled_width=_shape(shapes, "y_embedder.mlp.0.weight", 2, where)[1],
        time_features=_shape(shapes, "t_embedder.mlp.0.weight", 2, where)[1],
        mlp_width=_shape(shapes, block + "mlp.fc1.weight", 2, where)[0],
        grid=_square_side(positions, where),
        qk_norm=block + "attn.ln_q.weight" in shapes,
        dual_attention=frozenset(i for i in range(depth) if f"joint_blocks.{i}.x_block.attn2.qkv.weight" in shapes),
    )


def vae_config(shapes: Mapping[str, Shape], where: str) -> VaeConfig:
    """The autoencoder whose tensors have `shapes`; raises `ForeignModelError` for one with other than 16 channels."""
    channels = _shape(shapes, "decoder.conv_in.weight", 4, where)[1]
    if channels != 16:
        raise ForeignModelError(
            f"{where} holds a {channels}-channel autoencoder"
            f"{' (Stable Diffusion 1, 2 or XL)' if channels == 4 else ''}; SD3 and SD3.5 need the 16-channel one."
        )
    levels = _count(shapes, "encoder.down.{}.block.0.conv1.weight", where)
    up_levels = _count(shapes, "decoder.up.{}.block.0.conv1.weight", where)
    down, up = "encoder.down.{}.block.0.conv1.weight", "decoder.up.{}.block.0.conv1.weight"
    return VaeConfig(
        latent_channels=channels,
        encoder_widths=tuple(_shape(shapes, down.format(i), 4, where)[0] for i in range(levels)),
        encoder_blocks=_count(shapes, "encoder.down.0.block.{}.conv1.weight", where),
        decoder_widths=tuple(_shape(shapes, up.format(i), 4, where)[0] for i in range(up_levels)),
        decoder_blocks=_count(shapes, "decoder.up.0.block.{}.conv1.weight", where),
    )


def clip_config(shapes: Mapping[str, Shape], name: ClipName, where: str) -> ClipConfig:
    """The CLIP text encoder whose tensors have `shapes`."""
    token = "text_model.embeddings.token_embedding.weight"
    vocabulary, width = _shape(shapes, token, 2, where)
    _require_multiple(width, HEAD_WIDTH, token, where)
    table = "text_model.embeddings.position_embedding.weight"
    positions = _shape(shapes, table, 2, where)[0]
    if positions < 3:
        raise WeightsMismatchError(
            f'{where}: "{table}" holds {positions} positions; expected at least 3, as a section has a start, '
            "a token and an end."
        )
    # CLIP-L's projection is unused and often left out of its file; CLIP-G's missing one is reported as a missing key.
    projection = shapes.get("text_projection.weight", (width, width)) if name == "clip_g" else (width, width)
    return ClipConfig(
        name=name,
        layers=_count(shapes, "text_model.encoder.layers.{}.mlp.fc1.weight", where),
        width=width,
        mlp_width=_shape(shapes, "text_model.encoder.layers.0.mlp.fc1.weight", 2, where)[0],
        vocabulary=vocabulary,
        positions=positions,
        projection_width=projection[0],
    )


def t5_config(shapes: Mapping[str, Shape], where: str) -> T5Config:
    """The T5 encoder whose tensors have `shapes`."""
    attention = "encoder.block.0.layer.0.SelfAttention."
    vocabulary, width = _shape(shapes, "shared.weight", 2, where)
    buckets, heads = _shape(shapes, attention + "relative_attention_bias.weight", 2, where)
    inner = _shape(shapes, attention + "q.weight", 2, where)[0]
    _require_multiple(inner, heads, attention + "q.weight", where)
    return T5Config(
        layers=_count(shapes, "encoder.block.{}.layer.0.SelfAttention.q.weight", where),
        width=width,
        heads=heads,
        head_width=inner // heads,
        mlp_width=_shape(shapes, "encoder.block.0.layer.1.DenseReluDense.wi_0.weight", 2, where)[0],
        vocabulary=vocabulary,
        buckets=buckets,
    )


def _shape(shapes: Mapping[str, Shape], key: str, rank: int, where: str) -> Shape:
    shape = shapes.get(key)
    if shape is None:
        raise WeightsMismatchError(f'{where}: key "{key}" is missing.')
    if len(shape) != rank or 0 in shape:
        raise WeightsMismatchError(
            f'{where}: "{key}" has shape {list(shape)}, expected {rank} dimensions, none of them 0.'
        )
    return shape


def _count(shapes: Mapping[str, Shape], pattern: str, where: str) -> int:
    """How many of pattern 0, 1, 2, … there are; a gap shows up later as unexpected keys."""
    count = 0
    while pattern.format(count) in shapes:
        count += 1
    if count == 0:
        raise WeightsMismatchError(f'{where}: key "{pattern.format(0)}" is missing.')
    return count


def _square_side(positions: int, where: str) -> int:
    side = math.isqrt(positions)
    if side * side != positions:
        raise WeightsMismatchError(f'{where}: "pos_embed" holds {positions} positions, expected a square grid.')
    return side


def _require_multiple(value: int, of: int, key: str, where: str) -> None:
    if value % of:
        raise WeightsMismatchError(f'{where}: "{key}" is {value} wide, expected a multiple of {of}.')
