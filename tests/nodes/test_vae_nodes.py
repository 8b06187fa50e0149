"""Nodes between pictures and latents, on a stand-in for the VAE that keeps what it was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sd35graph import Image, Latent, Mask
from sd35graph.models.errors import ModelMemoryError
from sd35graph.models.handles import VaeHandle, WeightsRef
from sd35graph_nodes.vae import (
    vae_decode,
    vae_decode_tiled,
    vae_encode,
    vae_encode_for_inpaint,
    vae_encode_tiled,
)

HANDLE = VaeHandle(WeightsRef(Path("vae.safetensors"), "1", "vae"))  # type: ignore[arg-type] # no file is read


class FakeVae:
    """Means of 8 x 8 pixels as latents; what was asked is kept."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def encode(self, pixels: Tensor) -> Tensor:
        self.asked.append(pixels)
        return F.avg_pool2d(pixels.movedim(-1, 1), 8).repeat(1, 6, 1, 1)[:, :16]

    def encode_tiled(self, pixels: Tensor, tile_size: int = 512, overlap: int = 64) -> Tensor:
        self.asked.append((tile_size, overlap))
        return self.encode(pixels)

    def decode(self, samples: Tensor) -> Tensor:
        return F.interpolate(samples[:, :3], scale_factor=8).movedim(1, -1)

    def decode_tiled(self, samples: Tensor, tile_size: int = 512, overlap: int = 64) -> Tensor:
        self.asked.append((tile_size, overlap))
        return self.decode(samples)


class PoolContext:
    """A context whose pool has one VAE."""

    def __init__(self) -> None:
        self.network = FakeVae()
        self.warnings: list[str] = []

    def check_cancelled(self) -> None:
        pass

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def resource(self, kind: object) -> PoolContext:
        return self

    def vae(self, handle: VaeHandle) -> FakeVae:
        assert handle is HANDLE
        return self.network


def picture(*shape: int) -> Image:
    return Image(torch.rand(*shape, generator=torch.Generator().manual_seed(0)))


def test_alpha_does_not_reach_the_vae() -> None:
    ctx, made = PoolContext(), picture(1, 16, 16, 4)
    assert torch.equal(vae_encode(ctx, made, HANDLE).samples, vae_encode_tiled(ctx, made, HANDLE).samples)
    assert torch.equal(ctx.network.asked[0], made.pixels[..., :3])


def test_tile_size_and_overlap_reach_the_vae() -> None:
    ctx = PoolContext()
    vae_encode_tiled(ctx, picture(1, 16, 16, 3), HANDLE, 256, 32)
    decoded = vae_decode_tiled(ctx, Latent(torch.rand(1, 16, 2, 3)), HANDLE, 128, 64, 8, 4)
    assert decoded.pixels.shape == vae_decode(ctx, Latent(torch.rand(1, 16, 2, 3)), HANDLE).pixels.shape
    assert [ctx.network.asked[0], ctx.network.asked[2]] == [(256, 32), (128, 64)]


def test_what_is_to_be_made_anew_is_grey_and_the_rest_unchanged() -> None:
    ctx, made, mask = PoolContext(), picture(1, 16, 24, 3), torch.zeros(1, 16, 24)
    mask[:, 4:8, 2:5], mask[:, 0, 0] = 0.8, 0.3  # rounded to 1 and 0
    latent = vae_encode_for_inpaint(ctx, made, HANDLE, Mask(mask), 0)
    (given,) = ctx.network.asked
    assert torch.allclose(given[:, 4:8, 2:5], torch.tensor(0.5))
    torch.testing.assert_close(given[:, 8:], made.pixels[:, 8:])
    assert latent.noise_mask is not None
    assert torch.equal(latent.noise_mask, mask.round())


@pytest.mark.parametrize("size", [1, 2, 5, 6, 64])
def test_the_mask_grows_as_by_a_square_of_ones(size: int) -> None:
    mask = (torch.rand(2, 24, 32, generator=torch.Generator().manual_seed(1)) > 0.97).float()
    latent = vae_encode_for_inpaint(PoolContext(), picture(2, 24, 32, 3), HANDLE, Mask(mask), size)
    padding = -(-(size - 1) // 2)
    counted = F.conv2d(mask[:, None], torch.ones(1, 1, size, size), padding=padding)[:, 0, :24, :32]
    assert latent.noise_mask is not None
    assert torch.equal(latent.noise_mask, counted.round().clamp(0, 1))


def test_the_mask_is_scaled_and_cropped_with_the_picture_and_repeated_over_the_batch() -> None:
    ctx, made = PoolContext(), picture(2, 20, 30, 3)
    mask = torch.zeros(1, 10, 15)
    mask[:, :, 9:] = 1  # from column 18 of the picture on, which is 15 after the crop of 3 at the left
    latent = vae_encode_for_inpaint(ctx, made, HANDLE, Mask(mask), 0)
    assert latent.samples.shape == (2, 16, 2, 3)
    assert latent.noise_mask is not None
    assert latent.noise_mask.shape == (2, 16, 24)
    assert latent.noise_mask[:, 0].nonzero()[:, 1].unique().tolist() == list(range(15, 24))
    torch.testing.assert_close(ctx.network.asked[0][:, :, :15], made.pixels[:, 2:18, 3:18])


class SmallVae(FakeVae):
    """One that has memory for pieces only."""

    def encode(self, pixels: Tensor) -> Tensor:
        raise ModelMemoryError("no room")

    def decode(self, samples: Tensor) -> Tensor:
        raise ModelMemoryError("no room")

    def encode_tiled(self, pixels: Tensor, tile_size: int = 512, overlap: int = 64) -> Tensor:
        return FakeVae().encode_tiled(pixels, tile_size, overlap)

    def decode_tiled(self, samples: Tensor, tile_size: int = 512, overlap: int = 64) -> Tensor:
        return FakeVae().decode_tiled(samples, tile_size, overlap)


def test_without_memory_for_the_whole_it_goes_piece_by_piece_and_says_so() -> None:
    context, plenty = PoolContext(), PoolContext()
    context.network = SmallVae()
    latent, picture = Latent(torch.rand(1, 16, 4, 4)), Image(torch.rand(1, 16, 16, 3))
    assert torch.equal(vae_decode(context, latent, HANDLE).pixels, vae_decode(plenty, latent, HANDLE).pixels)
    assert torch.equal(vae_encode(context, picture, HANDLE).samples, vae_encode(plenty, picture, HANDLE).samples)
    assert [message.partition(",")[0] for message in context.warnings] == [
        "The picture was decoded piece by piece",
        "The picture was encoded piece by piece",
    ]
    assert plenty.warnings == []
