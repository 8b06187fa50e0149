"""The 16-channel autoencoder of SD3: pictures to latents at an eighth of the size, and back.

Module names are the keys of the released files. Layout after Stability's sd3.5 reference code (MIT), `sd3_impls.py`,
which descends from the latent diffusion autoencoder (arXiv 2112.10752). Encoding returns the mean of the posterior.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sd35graph.interruption import stop_if_asked
from sd35graph.models.errors import InputShapeError
from sd35graph.models.networks.tiling import blend_tiles
from sd35graph.models.networks.variants import VaeConfig

_GROUPS = 32
_NORM_EPS = 1e-6


class VAE(nn.Module):
    """Encoder and decoder. Inputs are cast to the device and dtype of the weights.

    Results are float32, on the device of the input.
    """

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def encode(self, pixels: Tensor) -> Tensor:
        """Latent [B, 16, h, w] of pictures [B, H, W, 3] in 0..1.

        Sizes that are not multiples of 8 are cropped about the centre. Raises `InputShapeError`.
        """
        # One picture at a time: the memory needed does not grow with the batch, the arithmetic is the same.
        means = [self._encode_one(picture) for picture in torch.split(self._encodable(pixels), 1)]
        return torch.cat(means).to(pixels.device)

    def encode_tiled(self, pixels: Tensor, tile_size: int = 512, overlap: int = 64) -> Tensor:
        """As `encode`, in overlapping tiles: less memory, faint differences. Arguments as of `decode_tiled`."""
        shapes, shared = self._tile_shapes(tile_size, overlap)
        means = []
        for picture in torch.split(self._encodable(pixels), 1):
            passes = [
                # Tiles lie on the last two axes, which the encoder's input does not end in.
                blend_tiles(
                    lambda x: self._encode_one(x.movedim(1, -1)),
                    picture.movedim(-1, 1),
                    shape,
                    shared,
                    1,
                    self.config.factor,
                )
                for shape in shapes
            ]
            means.append(torch.stack(passes).mean(0))
        return torch.cat(means).to(pixels.device)

    def decode(self, latent: Tensor) -> Tensor:
        """Pictures [B, 8h, 8w, 3] in 0..1 of a latent [B, 16, h, w]. Raises `InputShapeError`."""
        self._check_latent(latent)
        pictures = [_to_unit_range(self._decode_one(row)) for row in torch.split(latent, 1)]
        return torch.cat(pictures).to(latent.device)

    def decode_tiled(self, latent: Tensor, tile_size: int = 512, overlap: int = 64) -> Tensor:
        """As `decode`, in overlapping tiles of about `tile_size` pixels per side: less memory, faint differences.

        Three passes, with square, tall and wide tiles, are averaged, so that no seam lies in all of them.
        tile_size, overlap: in pixels; an overlap over a quarter of the tile is lowered to that quarter.
        """
        self._check_latent(latent)
        shapes, shared = self._tile_shapes(tile_size, overlap)
        factor = self.config.factor
        pictures = []
        for row in torch.split(latent, 1):
            passes = [blend_tiles(self._decode_one, row, shape, shared, factor) for shape in shapes]
            pictures.append(_to_unit_range(torch.stack(passes).mean(0)))
        return torch.cat(pictures).to(latent.device)

    def _tile_shapes(self, tile_size: int, overlap: int) -> tuple[tuple[tuple[int, int], ...], int]:
        """Rows and columns of the tiles of each pass, and the overlap, in latent cells. Raises `InputShapeError`."""
        factor = self.config.factor
        if tile_size < 4 * factor or overlap < 0:
            raise InputShapeError(
                f"Tiles must be at least {4 * factor} pixels, with an overlap of 0 or more; "
                f"got {tile_size} and {overlap}."
            )
        tile, shared = tile_size // factor, min(overlap, tile_size // 4) // factor
        return ((tile, tile), (tile * 2, tile // 2), (tile // 2, tile * 2)), shared

    def _encodable(self, pixels: Tensor) -> Tensor:
        """The pictures cropped to what can be encoded. Raises `InputShapeError`."""
        factor = self.config.factor
        if pixels.ndim != 4 or pixels.shape[-1] != 3 or min(pixels.shape[1:3]) < factor or pixels.shape[0] == 0:
            raise InputShapeError(
                f"The VAE encodes pictures of shape [B, H, W, 3], at least {factor} pixels per side, "
                f"but got {list(pixels.shape)}."
            )
        return crop_to_multiple(pixels, factor)

    def _encode_one(self, picture: Tensor) -> Tensor:
        weight = self.encoder.conv_in.weight
        channels_first = picture.to(weight.device, weight.dtype).permute(0, 3, 1, 2)
        moments: Tensor = self.encoder(channels_first * 2 - 1)  # [1, 32, h, w]: mean, log variance
        return moments[:, : self.config.latent_channels].float()

    def _decode_one(self, latent: Tensor) -> Tensor:
        weight = self.decoder.conv_in.weight
        out: Tensor = self.decoder(latent.to(weight.device, weight.dtype))
        return out.float()  # [1, 3, H, W], about -1..1

    def _check_latent(self, latent: Tensor) -> None:
        channels = self.config.latent_channels
        if latent.ndim != 4 or latent.shape[1] != channels or 0 in latent.shape:
            raise InputShapeError(
                f"This VAE decodes latents of shape [B, {channels}, h, w], but got {list(latent.shape)}. "
                "For SD3 models use EmptySD3LatentImage."
            )


class Encoder(nn.Module):
    """[B, 3, H, W] -> [B, 2 * 16, H/8, W/8]."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        widths = config.encoder_widths
        self.conv_in = nn.Conv2d(3, widths[0], 3, padding=1)
        levels = enumerate(pairwise((widths[0], *widths)))
        last = len(widths) - 1
        self.down = nn.ModuleList(DownLevel(a, b, config.encoder_blocks, is_last=i == last) for i, (a, b) in levels)
        self.mid = Middle(widths[-1])
        self.norm_out = nn.GroupNorm(_GROUPS, widths[-1], eps=_NORM_EPS)
        self.conv_out = nn.Conv2d(widths[-1], 2 * config.latent_channels, 3, padding=1)

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.conv_in(pixels)
        for level in self.down:
            x = level(x)
        out: Tensor = self.conv_out(F.silu(self.norm_out(self.mid(x))))
        return out


class Decoder(nn.Module):
    """[B, 16, h, w] -> [B, 3, 8h, 8w]."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        widths = config.decoder_widths
        self.conv_in = nn.Conv2d(config.latent_channels, widths[-1], 3, padding=1)
        self.mid = Middle(widths[-1])
        # Numbered from full resolution; data flows from the last to the first.
        levels = enumerate(pairwise((*widths, widths[-1])))
        self.up = nn.ModuleList(UpLevel(b, a, config.decoder_blocks, is_last=i == 0) for i, (a, b) in levels)
        self.norm_out = nn.GroupNorm(_GROUPS, widths[0], eps=_NORM_EPS)
        self.conv_out = nn.Conv2d(widths[0], 3, 3, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        x = self.mid(self.conv_in(latent))
        for level in reversed(self.up):
            x = level(x)
        out: Tensor = self.conv_out(F.silu(self.norm_out(x)))
        return out


class DownLevel(nn.Module):
    """Residual blocks, then halving of the resolution except at the last level."""

    def __init__(self, width_in: int, width: int, blocks: int, *, is_last: bool) -> None:
        super().__init__()
        self.block = nn.ModuleList(ResidualBlock(width_in if i == 0 else width, width) for i in range(blocks))
        self.downsample = nn.Identity() if is_last else Downsample(width)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        out: Tensor = self.downsample(x)
        return out


class UpLevel(nn.Module):
    """Residual blocks, then doubling of the resolution except at the last level."""

    def __init__(self, width_in: int, width: int, blocks: int, *, is_last: bool) -> None:
        super().__init__()
        self.block = nn.ModuleList(ResidualBlock(width_in if i == 0 else width, width) for i in range(blocks))
        self.upsample = nn.Identity() if is_last else Upsample(width)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        out: Tensor = self.upsample(x)
        return out


class Downsample(nn.Module):
    """Strided convolution, padded right and below only."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(F.pad(x, (0, 1, 0, 1)))
        return out


class Upsample(nn.Module):
    """Nearest-neighbour doubling, then a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return out


class Middle(nn.Module):
    """Residual block, attention, residual block, at latent resolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block_1 = ResidualBlock(width, width)
        self.attn_1 = SpatialAttention(width)
        self.block_2 = ResidualBlock(width, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.block_2(self.attn_1(self.block_1(x)))
        return out


class ResidualBlock(nn.Module):
    """Two normalised convolutions beside a shortcut, which is a 1x1 convolution where the width changes."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(_GROUPS, width_in, eps=_NORM_EPS)
        self.conv1 = nn.Conv2d(width_in, width, 3, padding=1)
        self.norm2 = nn.GroupNorm(_GROUPS, width, eps=_NORM_EPS)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.nin_shortcut = nn.Identity() if width_in == width else nn.Conv2d(width_in, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        stop_if_asked()
        residual = self.conv1(F.silu(self.norm1(x)))
        stop_if_asked()
        residual = self.conv2(F.silu(self.norm2(residual)))
        out: Tensor = self.nin_shortcut(x) + residual
        return out


class SpatialAttention(nn.Module):
    """Single-head self-attention over all cells; the projections are 1x1 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_GROUPS, width, eps=_NORM_EPS)
        self.q = nn.Conv2d(width, width, 1)
        self.k = nn.Conv2d(width, width, 1)
        self.v = nn.Conv2d(width, width, 1)
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        query, key, value = (
            conv(normed).flatten(2).transpose(1, 2).unsqueeze(1)  # [B, 1, h * w, width]
            for conv in (self.q, self.k, self.v)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        attended = attended.squeeze(1).transpose(1, 2).view(x.shape)  # [B, width, h, w]
        out: Tensor = x + self.proj_out(attended)
        return out


def crop_to_multiple(pixels: Tensor, factor: int) -> Tensor:
    """Pictures or masks [B, H, W, ...] cropped about the centre to sizes that are multiples of `factor`."""
    height, width = (n // factor * factor for n in pixels.shape[1:3])
    top, left = (pixels.shape[1] % factor) // 2, (pixels.shape[2] % factor) // 2
    return pixels[:, top : top + height, left : left + width]


def _to_unit_range(decoded: Tensor) -> Tensor:
    """[B, 3, H, W] in about -1..1 -> [B, H, W, 3] in 0..1."""
    return ((decoded + 1) / 2).clamp(0, 1).permute(0, 2, 3, 1)
