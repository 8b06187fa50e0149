"""ControlNets of SD3 and SD3.5: copies of some blocks that see a hint picture and steer the transformer.

"Adding Conditional Control to Text-to-Image Diffusion Models" (arXiv 2302.05543) on a transformer. Two families are
read, each with the key names of its files: SD3.5 Large's blur, canny and depth, whose blocks see image tokens only
(layout after Stability-AI/sd3.5 `dit_embedder.py`, MIT), and diffusers' `SD3ControlNetModel` (`controlnet_sd3.py`,
Apache-2.0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sd35graph.models.errors import ForeignModelError, InputShapeError, WeightsMismatchError
from sd35graph.models.files.checkpoint import Shape
from sd35graph.models.networks.mmdit import (
    HeadNorm,
    MMDiT,
    StreamBlock,
    attend,
    centre_positions,
    modulated_norm,
    pad_to_patches,
    time_features,
)
from sd35graph.models.networks.variants import HEAD_WIDTH, PATCH, MMDiTConfig

Blocks = Literal["stream", "single", "joint"]
"""SD3.5 Large's own, the same in diffusers' key names, or blocks that also see the text."""

_GRID_CENTRE = 7.5
_FIRST = "transformer_blocks.0."


@dataclass(frozen=True, slots=True)
class ControlNetConfig:
    """Dimensions of a ControlNet; see `MMDiTConfig`.

    hint_channels: 16, or 17 with a mask. context_width: 0 if the text is not seen. grid: 0 if it has no position grid
    and no patch embedding of its own, and shares those of the transformer's kind.
    """

    blocks: Blocks
    depth: int
    width: int
    hint_channels: int
    pooled_width: int
    time_features: int
    mlp_width: int
    context_width: int
    grid: int
    qk_norm: bool
    dual_attention: frozenset[int]

    @property
    def needs_mask(self) -> bool:
        """Whether it is for inpainting: the hint then has a mask as its last channel."""
        return self.hint_channels == 17

    @property
    def is_first_generation(self) -> bool:
        """Whether it is one of those trained for SD3 with no pooled text and with hints that are not shifted.

        Diffusers' `force_zeros_for_pooled_projection`, which the weights file does not hold: the ones for inpainting
        and for SD3.5 (with norms of queries and keys) were trained without.
        """
        return self.blocks == "joint" and not self.qk_norm and not self.needs_mask


def controlnet_config(shapes: Mapping[str, Shape], where: str) -> ControlNetConfig:
    """The ControlNet whose tensors have `shapes`; `where` names the file in errors."""
    width, hint_channels = _shape(shapes, "pos_embed_input.proj.weight", 4, where)[:2]
    if hint_channels not in (16, 17) or width % HEAD_WIDTH:
        raise ForeignModelError(
            f"{where} is a ControlNet with hints of {hint_channels} channels and a width of {width}; expected 16 "
            f"channels (17 with a mask) and a multiple of {HEAD_WIDTH}, as for SD3 and SD3.5."
        )
    blocks: Blocks = (
        "stream"
        if f"{_FIRST}attn.qkv.weight" in shapes
        else "joint"
        if f"{_FIRST}attn.add_k_proj.weight" in shapes
        else "single"
    )
    depth = sum(key.startswith("controlnet_blocks.") and key.endswith(".weight") for key in shapes)
    mlp = f"{_FIRST}mlp.fc1.weight" if blocks == "stream" else f"{_FIRST}ff.net.0.proj.weight"
    positions = shapes.get("pos_embed.pos_embed", (1, 0))[1]
    return ControlNetConfig(
        blocks=blocks,
        depth=depth,
        width=width,
        hint_channels=hint_channels,
        pooled_width=_shape(shapes, "time_text_embed.text_embedder.linear_1.weight", 2, where)[1],
        time_features=_shape(shapes, "time_text_embed.timestep_embedder.linear_1.weight", 2, where)[1],
        mlp_width=_shape(shapes, mlp, 2, where)[0],
        context_width=_shape(shapes, "context_embedder.weight", 2, where)[1] if blocks == "joint" else 0,
        grid=math.isqrt(positions),
        qk_norm=f"{_FIRST}attn.norm_q.weight" in shapes,
        dual_attention=frozenset(i for i in range(depth) if f"transformer_blocks.{i}.attn2.to_q.weight" in shapes),
    )


class ControlNet(nn.Module):
    """Residuals for the blocks of a transformer, from a noisy latent, a prompt and a hint."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        if config.grid:
            self.pos_embed = _Patches(16, width, config.grid)
        if config.context_width:
            self.context_embedder = nn.Linear(config.context_width, width)
        self.time_text_embed = _TimeText(config)
        self.transformer_blocks = nn.ModuleList(_block(config, index) for index in range(config.depth))
        self.controlnet_blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(config.depth))
        self.pos_embed_input = _Patches(config.hint_channels, width, 0)

    def check_fits(self, model: MMDiT, where: str) -> None:
        """Raise `WeightsMismatchError` unless it can steer `model`; `where` names the ControlNet's file."""
        ours, theirs = self.config, model.config
        if ours.width != theirs.width or ours.depth > theirs.depth or ours.pooled_width != theirs.pooled_width:
            raise WeightsMismatchError(
                f"{where} is a ControlNet for a model {ours.width} wide with {ours.depth} or more blocks and a pooled "
                f"text of {ours.pooled_width}, but the diffusion model is {theirs.width} wide with {theirs.depth} "
                f"blocks and a pooled text of {theirs.pooled_width}. Use the ControlNet made for this model."
            )

    def forward(
        self, x: Tensor, timestep: Tensor, context: Tensor, pooled: Tensor, hint: Tensor, base: MMDiT
    ) -> list[Tensor]:
        """Residuals [B, N, width] for all blocks of `base`, each own block serving as many of them as it takes.

        x, timestep, context, pooled: as the transformer gets them. hint: [B, 16 or 17, h, w], encoded, in model space.
        Raises `InputShapeError`.
        """
        config, weight = self.config, self.pos_embed_input.proj.weight
        if hint.shape != (x.shape[0], config.hint_channels, *x.shape[2:]):
            raise InputShapeError(
                f"The hint must have shape {[x.shape[0], config.hint_channels, *x.shape[2:]]}, as the latent, but has "
                f"{list(hint.shape)}."
            )
        latent, hint = (pad_to_patches(tensor.to(weight.device, weight.dtype)) for tensor in (x, hint))
        image = self._embed(latent, base) + self.pos_embed_input(hint)  # [B, N, width]
        text = None
        if config.context_width:
            text = context.to(weight.device, weight.dtype)
            text = self.context_embedder(F.pad(text, (0, config.context_width - text.shape[-1])))  # [B, L, width]
        if config.is_first_generation:
            pooled = torch.zeros_like(pooled)
        condition = self.time_text_embed(timestep.to(weight.device), pooled.to(weight.device, weight.dtype))
        found = []
        for block, output in zip(self.transformer_blocks, self.controlnet_blocks, strict=True):
            text, image = block(text, image, condition)
            found.append(output(image))
        each = math.ceil(base.config.depth / config.depth)
        return [found[index // each] for index in range(base.config.depth)]

    def _embed(self, latent: Tensor, base: MMDiT) -> Tensor:
        rows, columns = latent.shape[-2] // PATCH, latent.shape[-1] // PATCH
        if self.config.grid:
            if max(rows, columns) > self.config.grid:
                raise InputShapeError(
                    f"The latent is {columns * PATCH} x {rows * PATCH} cells, but this ControlNet's position grid ends "
                    f"at {self.config.grid * PATCH} ({self.config.grid * PATCH * 8} pixels) per side."
                )
            own: Tensor = self.pos_embed(latent)
            return own + centre_positions(self.pos_embed.pos_embed, rows, columns)
        grid = sine_grid(rows, columns, self.config.width).to(latent.device, latent.dtype)
        embedder = base.x_embedder.proj.weight
        tokens: Tensor = base.x_embedder(latent.to(embedder.device, embedder.dtype))
        return tokens.to(latent.device, latent.dtype) + grid


def sine_grid(rows: int, columns: int, width: int) -> Tensor:
    """Position features [1, rows * columns, width], columns first; the shorter side spans 0..15.

    Stability-AI/sd3.5 `mmditx.py`, get_2d_sincos_pos_embed_torch (MIT).
    """
    half, shorter = _GRID_CENTRE, min(rows, columns)
    axes = [
        torch.linspace(_GRID_CENTRE - half * n / shorter, _GRID_CENTRE + half * n / shorter, n) for n in (rows, columns)
    ]
    down, across = torch.meshgrid(*axes, indexing="ij")
    frequencies = 1.0 / 10000 ** (torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    angles = [position.flatten().double()[:, None] * frequencies for position in (across, down)]
    return torch.cat([wave for angle in angles for wave in (angle.sin(), angle.cos())], dim=1).float()[None]


class _Patches(nn.Module):
    """[B, C, h, w] -> [B, N, width]; with a position grid of its own if `grid` is not 0."""

    def __init__(self, channels: int, width: int, grid: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel_size=PATCH, stride=PATCH)
        self.pos_embed: Tensor
        if grid:
            self.register_buffer("pos_embed", torch.zeros(1, grid**2, width))

    def forward(self, latent: Tensor) -> Tensor:
        tokens: Tensor = self.proj(latent)
        return tokens.flatten(2).transpose(1, 2)


class _Mlp(nn.Module):
    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(features, width)
        self.linear_2 = nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.linear_2(F.silu(self.linear_1(features)))
        return out


class _TimeText(nn.Module):
    """The condition [B, width] with the SiLU that every modulation begins with."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__()
        self.timestep_embedder = _Mlp(config.time_features, config.width)
        self.text_embedder = _Mlp(config.pooled_width, config.width)
        self.features = config.time_features

    def forward(self, timestep: Tensor, pooled: Tensor) -> Tensor:
        time = time_features(timestep, self.features).to(pooled.dtype)
        return F.silu(self.timestep_embedder(time) + self.text_embedder(pooled))


def _block(config: ControlNetConfig, index: int) -> nn.Module:
    if config.blocks == "stream":
        return _StreamOnly(_stream_config(config))
    return _DiffusersBlock(config, is_joint=config.blocks == "joint", is_dual=index in config.dual_attention)


def _stream_config(config: ControlNetConfig) -> MMDiTConfig:
    return MMDiTConfig(
        depth=config.depth,
        width=config.width,
        channels=16,
        context_width=config.context_width,
        pooled_width=config.pooled_width,
        time_features=config.time_features,
        mlp_width=config.mlp_width,
        grid=config.grid,
        qk_norm=False,
        dual_attention=frozenset(),
    )


class _StreamOnly(StreamBlock):
    """The image half of a joint block, attending to itself."""

    def forward(self, text: None, image: Tensor, condition: Tensor) -> tuple[None, Tensor]:
        modulation = self.modulate(condition)
        attended = attend(*self.attn.project(modulated_norm(image, *modulation[:2])))
        return text, self.finish(image, attended, modulation)


class _Projections(nn.Module):
    """Attention of diffusers: one matrix each for queries, keys and values of one or two streams."""

    def __init__(self, config: ControlNetConfig, *, is_joint: bool) -> None:
        super().__init__()
        width = config.width
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        if is_joint:
            self.add_q_proj, self.add_k_proj, self.add_v_proj = (nn.Linear(width, width) for _ in range(3))
            self.to_add_out = nn.Linear(width, width)
        if config.qk_norm:
            self.norm_q, self.norm_k = HeadNorm(), HeadNorm()
        if config.qk_norm and is_joint:
            self.norm_added_q, self.norm_added_k = HeadNorm(), HeadNorm()
        self.qk_norm = config.qk_norm

    def of_image(self, tokens: Tensor) -> list[Tensor]:
        """Queries, keys and values, [B, heads, L, 64] each, of tokens [B, L, width]."""
        query, key, value = (_heads(layer(tokens)) for layer in (self.to_q, self.to_k, self.to_v))
        return [self.norm_q(query), self.norm_k(key), value] if self.qk_norm else [query, key, value]

    def of_text(self, tokens: Tensor) -> list[Tensor]:
        query, key, value = (_heads(layer(tokens)) for layer in (self.add_q_proj, self.add_k_proj, self.add_v_proj))
        return [self.norm_added_q(query), self.norm_added_k(key), value] if self.qk_norm else [query, key, value]


class _Gelu(nn.Module):
    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__()
        self.proj = nn.Linear(config.width, config.mlp_width)

    def forward(self, tokens: Tensor) -> Tensor:
        return F.gelu(self.proj(tokens), approximate="tanh")


class _FeedForward(nn.Module):
    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__()
        self.net = nn.Sequential(_Gelu(config), nn.Identity(), nn.Linear(config.mlp_width, config.width))

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.net(tokens)
        return out


class _Modulation(nn.Module):
    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, count * width)
        self.count = count

    def forward(self, condition: Tensor) -> tuple[Tensor, ...]:
        """Vectors [B, 1, width], in the order of `StreamBlock.modulate`."""
        out: Tensor = self.linear(condition)
        return out.unsqueeze(1).chunk(self.count, dim=-1)


class _DiffusersBlock(nn.Module):
    """A joint block, or its image half alone, in diffusers' key names."""

    def __init__(self, config: ControlNetConfig, *, is_joint: bool, is_dual: bool) -> None:
        super().__init__()
        self.norm1 = _Modulation(config.width, 9 if is_dual else 6)
        self.attn = _Projections(config, is_joint=is_joint)
        self.ff = _FeedForward(config)
        if is_joint:
            self.norm1_context = _Modulation(config.width, 6)
            self.ff_context = _FeedForward(config)
        if is_dual:
            self.attn2 = _Projections(config, is_joint=False)
        self.is_dual = is_dual

    def forward(self, text: Tensor | None, image: Tensor, condition: Tensor) -> tuple[Tensor | None, Tensor]:
        modulation = self.norm1(condition)
        heads = self.attn.of_image(modulated_norm(image, *modulation[:2]))
        length = 0
        if text is not None:
            length = text.shape[1]
            text_modulation = self.norm1_context(condition)
            text_heads = self.attn.of_text(modulated_norm(text, *text_modulation[:2]))
            heads = [torch.cat(pair, dim=2) for pair in zip(text_heads, heads, strict=True)]
        attended = attend(*heads)  # [B, L + N, width]
        if text is not None:
            text = text + text_modulation[2] * self.attn.to_add_out(attended[:, :length])
            text = _feed(text, text_modulation, self.ff_context)
        result = image + modulation[2] * self.attn.to_out[0](attended[:, length:])
        if self.is_dual:
            shift, scale, gate = modulation[6:]
            own = attend(*self.attn2.of_image(modulated_norm(image, shift, scale)))
            result = result + gate * self.attn2.to_out[0](own)
        return text, _feed(result, modulation, self.ff)


def _feed(tokens: Tensor, modulation: Sequence[Tensor], ff: nn.Module) -> Tensor:
    shift, scale, gate = modulation[3:6]
    out: Tensor = tokens + gate * ff(modulated_norm(tokens, shift, scale))
    return out


def _heads(tokens: Tensor) -> Tensor:
    return torch.unflatten(tokens, -1, (-1, HEAD_WIDTH)).transpose(1, 2)  # [B, heads, L, 64]


def _shape(shapes: Mapping[str, Shape], key: str, rank: int, where: str) -> Shape:
    shape = shapes.get(key)
    if shape is None or len(shape) != rank:
        raise WeightsMismatchError(f'{where}: "{key}" has shape {shape}, expected {rank} dimensions.')
    return shape
