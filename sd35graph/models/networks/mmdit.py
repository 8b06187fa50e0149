"""The multimodal diffusion transformer of SD3 and SD3.5 (arXiv 2403.03206, section 4 and figure 2).

Module names are the keys of the released files. Layout after Stability's sd3.5 reference code (MIT), `mmditx.py`,
which SD3.5 Medium's second, image-only attention comes from; unlike there, odd latent sizes are padded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sd35graph.interruption import stop_if_asked
from sd35graph.models.errors import InputShapeError
from sd35graph.models.networks.variants import HEAD_WIDTH, PATCH, MMDiTConfig

_NORM_EPS = 1e-6


class MMDiT(nn.Module):
    """Velocity of the flow at a noisy latent, given a time and a prompt."""

    def __init__(self, config: MMDiTConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.x_embedder = PatchEmbedding(config)
        self.t_embedder = ConditionMlp(config.time_features, width)
        self.y_embedder = ConditionMlp(config.pooled_width, width)
        self.context_embedder = nn.Linear(config.context_width, width)
        self.pos_embed: Tensor
        self.register_buffer("pos_embed", torch.zeros(1, config.grid**2, width))
        self.joint_blocks = nn.ModuleList(JointBlock(config, index) for index in range(config.depth))
        self.final_layer = FinalLayer(config)

    def forward(
        self,
        x: Tensor,
        timestep: Tensor,
        context: Tensor,
        pooled: Tensor,
        skip_layers: AbstractSet[int] = frozenset(),
        residuals: Sequence[Tensor] = (),
    ) -> Tensor:
        """Velocity, float32, on the device and of the shape of `x`: denoised = x - sigma * velocity.

        x: [B, C, h, w], in model space. timestep: [B], sigma times the flow's multiplier.
        context: [B, L, D]; padded with zeros on the right to the width of the context embedder. A wider one is cut to
        it, if what is cut off is such padding. pooled: [B, P].
        skip_layers: blocks that pass both token streams through unchanged.
        residuals: [B, N, width] each; entry i is added to the image tokens after block i, skipped or not.
        Inputs are cast to the device and dtype of the weights. Raises `InputShapeError`.
        """
        self._check(x, timestep, context, pooled)
        weight = self.context_embedder.weight
        height, width = x.shape[-2:]
        latent = pad_to_patches(x.to(weight.device, weight.dtype))
        rows, columns = latent.shape[-2] // PATCH, latent.shape[-1] // PATCH

        image = self.x_embedder(latent) + centre_positions(self.pos_embed, rows, columns)  # [B, N, width]
        text = context.to(weight.device, weight.dtype)
        missing = self.config.context_width - text.shape[-1]  # columns; less than 0 cuts off
        text = self.context_embedder(F.pad(text, (0, missing)))  # [B, L, width]
        time = time_features(timestep.to(weight.device), self.config.time_features).to(weight.dtype)
        condition = self.t_embedder(time) + self.y_embedder(pooled.to(weight.device, weight.dtype))
        condition = F.silu(condition)  # every modulation begins with it

        for index, block in enumerate(self.joint_blocks):
            if index not in skip_layers:
                text, image = block(text, image, condition)
            if index < len(residuals):
                image = image + residuals[index]
        patches = self.final_layer(image, condition)  # [B, N, 2 * 2 * C]
        velocity = _unpatch(patches, rows, columns)[..., :height, :width]
        return velocity.to(x.device, torch.float32)

    def _check(self, x: Tensor, timestep: Tensor, context: Tensor, pooled: Tensor) -> None:
        config = self.config
        if x.ndim != 4 or x.shape[1] != config.channels or 0 in x.shape:
            raise InputShapeError(
                f"The transformer needs a latent of shape [B, {config.channels}, h, w], but got {list(x.shape)}."
            )
        largest = config.grid * PATCH
        if max(x.shape[-2:]) > largest:
            raise InputShapeError(
                f"The latent is {x.shape[-1]} x {x.shape[-2]} cells, but this model's position grid ends at {largest} "
                f"({largest * 8} pixels) per side."
            )
        batch = x.shape[0]
        if timestep.shape != (batch,):
            raise InputShapeError(
                f"The timestep must have shape [{batch}], as the latent, but has {list(timestep.shape)}."
            )
        widest = config.context_width
        if context.ndim != 3 or context.shape[0] != batch:
            raise InputShapeError(
                f"The text context must have shape [{batch}, L, at most {widest}], but has {list(context.shape)}."
            )
        if context.shape[2] > widest and context[..., widest:].any():
            raise InputShapeError(
                f"The text context must have shape [{batch}, L, at most {widest}], but has {list(context.shape)}, "
                "and more than zeros beyond. Use the text encoders that belong to this model."
            )
        if pooled.shape != (batch, config.pooled_width):
            raise InputShapeError(
                f"The pooled text must have shape [{batch}, {config.pooled_width}], but has {list(pooled.shape)}. "
                "Was the prompt encoded for another model family?"
            )


class PatchEmbedding(nn.Module):
    """[B, C, h, w] -> [B, N, width]: one token per 2 x 2 patch, row by row."""

    def __init__(self, config: MMDiTConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(config.channels, config.width, kernel_size=PATCH, stride=PATCH)

    def forward(self, latent: Tensor) -> Tensor:
        tokens: Tensor = self.proj(latent)  # [B, width, h/2, w/2]
        return tokens.flatten(2).transpose(1, 2)  # [B, N, width]


class ConditionMlp(nn.Module):
    """Two layers with SiLU between; its three entries are numbered as in the file."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(features, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.mlp(features)
        return out


class HeadNorm(nn.Module):
    """RMS norm of each attention head (arXiv 2302.05442 section 2 stabilises attention so)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(HEAD_WIDTH))

    def forward(self, heads: Tensor) -> Tensor:
        # The cast is for autocast only, which leaves the weight as it is.
        return F.rms_norm(heads, (HEAD_WIDTH,), self.weight.to(heads.dtype), eps=_NORM_EPS)


class Attention(nn.Module):
    """Projections of one token stream into and out of attention; the last text block has no way out."""

    def __init__(self, config: MMDiTConfig, *, has_output: bool = True) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        if has_output:
            self.proj = nn.Linear(config.width, config.width)
        if config.qk_norm:
            self.ln_q = HeadNorm()
            self.ln_k = HeadNorm()
        self.qk_norm = config.qk_norm

    def project(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, [B, heads, L, 64] each, of tokens [B, L, width]."""
        heads = torch.unflatten(self.qkv(tokens), -1, (3, self.heads, HEAD_WIDTH))  # [B, L, 3, heads, 64]
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        if self.qk_norm:
            query, key = self.ln_q(query), self.ln_k(key)
        return query, key, value


class Mlp(nn.Module):
    """Feed-forward layer with tanh-approximated GELU."""

    def __init__(self, config: MMDiTConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.width, config.mlp_width)
        self.fc2 = nn.Linear(config.mlp_width, config.width)

    def forward(self, tokens: Tensor) -> Tensor:
        stop_if_asked()
        out: Tensor = self.fc2(F.gelu(self.fc1(tokens), approximate="tanh"))
        return out


class StreamBlock(nn.Module):
    """One stream's share of a joint block. modulations: how many vectors of `width` the condition gives it."""

    def __init__(self, config: MMDiTConfig, *, is_dual: bool = False, is_last_text: bool = False) -> None:
        super().__init__()
        self.attn = Attention(config, has_output=not is_last_text)
        if is_dual:
            self.attn2 = Attention(config)
        if not is_last_text:
            self.mlp = Mlp(config)
        self.modulations = 2 if is_last_text else 9 if is_dual else 6
        self.adaLN_modulation = _modulation(config.width, self.modulations)

    def modulate(self, condition: Tensor) -> tuple[Tensor, ...]:
        """Vectors [B, 1, width]: shift, scale, gate of attention, then of the MLP, then of the second attention."""
        out: Tensor = self.adaLN_modulation(condition)
        return out.unsqueeze(1).chunk(self.modulations, dim=-1)

    def finish(self, tokens: Tensor, attended: Tensor, modulation: tuple[Tensor, ...]) -> Tensor:
        """The stream after this block, from its input and its share of the attention's result."""
        gate, mlp_shift, mlp_scale, mlp_gate = modulation[2:6]
        residual: Tensor = tokens + gate * self.attn.proj(attended)
        if self.modulations == 9:
            shift, scale, gate = modulation[6:9]
            own = attend(*self.attn2.project(modulated_norm(tokens, shift, scale)))
            residual = residual + gate * self.attn2.proj(own)
        out: Tensor = residual + mlp_gate * self.mlp(modulated_norm(residual, mlp_shift, mlp_scale))
        return out


class JointBlock(nn.Module):
    """Text and image tokens attend to each other; everything else is per stream."""

    def __init__(self, config: MMDiTConfig, index: int) -> None:
        super().__init__()
        self.is_last = index == config.depth - 1
        self.context_block = StreamBlock(config, is_last_text=self.is_last)
        self.x_block = StreamBlock(config, is_dual=index in config.dual_attention)

    def forward(self, text: Tensor, image: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """text: [B, L, width], returned unchanged by the last block. image: [B, N, width]. condition: [B, width]."""
        text_modulation = self.context_block.modulate(condition)
        image_modulation = self.x_block.modulate(condition)
        text_qkv = self.context_block.attn.project(modulated_norm(text, *text_modulation[:2]))
        image_qkv = self.x_block.attn.project(modulated_norm(image, *image_modulation[:2]))
        query, key, value = (torch.cat(pair, dim=2) for pair in zip(text_qkv, image_qkv, strict=True))
        attended = attend(query, key, value)  # [B, L + N, width]
        length = text.shape[1]
        image = self.x_block.finish(image, attended[:, length:], image_modulation)
        if not self.is_last:
            text = self.context_block.finish(text, attended[:, :length], text_modulation)
        return text, image


class FinalLayer(nn.Module):
    """[B, N, width] -> [B, N, 2 * 2 * C]."""

    def __init__(self, config: MMDiTConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(config.width, PATCH * PATCH * config.channels)
        self.adaLN_modulation = _modulation(config.width, 2)

    def forward(self, image: Tensor, condition: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(condition).unsqueeze(1).chunk(2, dim=-1)
        out: Tensor = self.linear(modulated_norm(image, shift, scale))
        return out


def time_features(timestep: Tensor, count: int) -> Tensor:
    """Sinusoidal features [B, count], float32, of timesteps [B]: cosines, then sines (arXiv 2006.11239, appendix B)."""
    half = count // 2
    exponent = torch.arange(half, dtype=torch.float32, device=timestep.device) / half
    angles = timestep.float().unsqueeze(-1) * torch.exp(-math.log(10000.0) * exponent)  # [B, half]
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def _modulation(width: int, count: int) -> nn.Sequential:
    # The SiLU that the released code has as entry 0 is applied once, before all blocks; entry 1 keeps its number.
    return nn.Sequential(nn.Identity(), nn.Linear(width, count * width))


def modulated_norm(tokens: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """LayerNorm without weights of its own, then the condition's scale and shift."""
    return F.layer_norm(tokens, tokens.shape[-1:], eps=_NORM_EPS) * (1 + scale) + shift


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """[B, heads, L, 64] each -> [B, L, width]."""
    stop_if_asked()
    return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)


def centre_positions(grid: Tensor, rows: int, columns: int) -> Tensor:
    """The centre [1, rows * columns, width] of a square grid [1, side * side, width]."""
    side = math.isqrt(grid.shape[1])
    top, left = (side - rows) // 2, (side - columns) // 2
    return torch.unflatten(grid, 1, (side, side))[:, top : top + rows, left : left + columns].flatten(1, 2)


def pad_to_patches(latent: Tensor) -> Tensor:
    """Repeat the first row or column after the last where the size is odd, as the recorded reference does."""
    down, right = -latent.shape[-2] % PATCH, -latent.shape[-1] % PATCH
    return F.pad(latent, (0, right, 0, down), mode="circular") if down or right else latent


def _unpatch(patches: Tensor, rows: int, columns: int) -> Tensor:
    """[B, rows * columns, 2 * 2 * C] -> [B, C, 2 * rows, 2 * columns]; C varies fastest within a token."""
    grid = torch.unflatten(
        torch.unflatten(patches, 2, (PATCH, PATCH, -1)), 1, (rows, columns)
    )  # [B, rows, columns, 2, 2, C]
    return grid.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)
