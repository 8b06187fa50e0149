"""The autoencoder against an independent implementation, and tiled decoding."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from tiny_networks import VAE_CONFIG, Weights
from torch import Tensor

from sd35graph.models.errors import InputShapeError
from sd35graph.models.networks.build import build
from sd35graph.models.networks.tiling import blend_tiles
from sd35graph.models.networks.vae import VAE
from sd35graph.models.networks.variants import vae_config
from sd35graph.values import latent_to_model, model_to_latent


@pytest.fixture
def vae(vae_weights: Weights) -> VAE:
    network = build("vae", vae_weights)
    assert isinstance(network, VAE)
    return network


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def theirs(vae_weights: Weights) -> AutoencoderKL:
    # One number of blocks per network there: the decoder has one more than the encoder, as in the tiny config.
    network = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=VAE_CONFIG.encoder_widths,
        layers_per_block=VAE_CONFIG.encoder_blocks,
        latent_channels=16,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    network.load_state_dict(convert_ldm_vae_checkpoint(dict(vae_weights), network.config))
    return network.requires_grad_(False)


def test_encoding_agrees_with_diffusers(vae: VAE, theirs: AutoencoderKL) -> None:
    pixels = noise(2, 32, 48, 3).sigmoid()
    expected = theirs.encode(pixels.permute(0, 3, 1, 2) * 2 - 1).latent_dist.mean
    torch.testing.assert_close(vae.encode(pixels), expected, rtol=1e-4, atol=1e-4)


def test_decoding_agrees_with_diffusers(vae: VAE, theirs: AutoencoderKL) -> None:
    latent = noise(2, 16, 4, 6)
    expected = (theirs.decode(latent).sample / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)
    torch.testing.assert_close(vae.decode(latent), expected, rtol=1e-4, atol=1e-4)


def test_config_is_read_back_from_shapes(vae_weights: Weights) -> None:
    config = vae_config({key: tuple(tensor.shape) for key, tensor in vae_weights.items()}, "test")
    assert config == VAE_CONFIG
    assert config.factor == 8


def test_pictures_are_cropped_about_the_centre(vae: VAE) -> None:
    pixels = noise(1, 37, 30, 3).sigmoid()
    assert torch.equal(vae.encode(pixels), vae.encode(pixels[:, 2:34, 3:27]))


def test_decoded_pictures_lie_between_0_and_1(vae: VAE) -> None:
    pixels = vae.decode(noise(1, 16, 3, 2) * 50)
    assert pixels.shape == (1, 24, 16, 3)
    assert pixels.min() == 0
    assert pixels.max() == 1


def test_a_small_latent_is_decoded_directly_even_when_tiled(vae: VAE) -> None:
    latent = noise(1, 16, 4, 4)
    torch.testing.assert_close(vae.decode_tiled(latent, tile_size=512), vae.decode(latent))


def test_tiled_decoding_is_close_to_direct_decoding(vae: VAE) -> None:
    latent = noise(2, 16, 12, 20)
    tiled, direct = vae.decode_tiled(latent, tile_size=64, overlap=32), vae.decode(latent)
    assert tiled.shape == direct.shape
    # Group norms and attention see one tile instead of all, so the pictures differ, but far less than two pictures do.
    other = vae.decode(latent.flip(0))
    assert (tiled - direct).abs().mean() < 0.5 * (other - direct).abs().mean()


def test_a_small_picture_is_encoded_directly_even_when_tiled(vae: VAE) -> None:
    pixels = noise(1, 37, 30, 3).sigmoid()
    torch.testing.assert_close(vae.encode_tiled(pixels, tile_size=512), vae.encode(pixels))


def test_tiled_encoding_is_close_to_direct_encoding(vae: VAE) -> None:
    pixels = noise(2, 99, 160, 3).sigmoid()
    tiled, direct = vae.encode_tiled(pixels, tile_size=64, overlap=32), vae.encode(pixels)
    assert tiled.shape == direct.shape == (2, 16, 12, 20)
    other = vae.encode(pixels.flip(0))
    assert (tiled - direct).abs().mean() < 0.5 * (other - direct).abs().mean()


@pytest.mark.parametrize("tile", [(8, 8), (16, 4), (4, 16)])
@pytest.mark.parametrize("overlap", [0, 1, 3])
def test_tiling_a_local_function_that_shrinks_changes_nothing(tile: tuple[int, int], overlap: int) -> None:
    x = noise(1, 2, 21 * 4, 17 * 4)
    shrunk = blend_tiles(lambda part: F.avg_pool2d(part, 4), x, tile, overlap, 1, cell=4)
    torch.testing.assert_close(shrunk, F.avg_pool2d(x, 4))


@pytest.mark.parametrize("tile", [(8, 8), (16, 4), (4, 16), (40, 5)])
@pytest.mark.parametrize("overlap", [0, 1, 3])
def test_tiling_a_local_function_changes_nothing(tile: tuple[int, int], overlap: int) -> None:
    def enlarge(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2.0, mode="nearest")

    x = noise(1, 2, 21, 17)
    torch.testing.assert_close(blend_tiles(enlarge, x, tile, overlap, 2), enlarge(x))


def test_latent_scaling_is_its_own_inverse() -> None:
    x = noise(1, 16, 4, 4)
    torch.testing.assert_close(model_to_latent(latent_to_model(x)), x)
    assert latent_to_model(torch.tensor(0.0609)).item() == pytest.approx(0.0)
    assert latent_to_model(torch.tensor(1.0609)).item() == pytest.approx(1.5305)


@pytest.mark.parametrize("shape", [(1, 4, 8, 8), (16, 8, 8), (1, 16, 0, 8)])
def test_wrong_latents_are_named_with_both_shapes(vae: VAE, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputShapeError, match=r"\[B, 16, h, w\], but got .*EmptySD3LatentImage"):
        vae.decode(torch.zeros(shape))
    with pytest.raises(InputShapeError):
        vae.decode_tiled(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(1, 8, 8, 4), (8, 8, 3), (1, 7, 8, 3)])
def test_wrong_pictures_are_named_with_both_shapes(vae: VAE, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputShapeError, match=r"\[B, H, W, 3\], at least 8 pixels per side, but got"):
        vae.encode(torch.zeros(shape))
    with pytest.raises(InputShapeError):
        vae.encode_tiled(torch.zeros(shape))


def test_tiles_too_small_to_blend_are_refused(vae: VAE) -> None:
    with pytest.raises(InputShapeError, match="at least 32 pixels"):
        vae.decode_tiled(torch.zeros(1, 16, 8, 8), tile_size=16)
    with pytest.raises(InputShapeError, match="at least 32 pixels"):
        vae.encode_tiled(torch.zeros(1, 64, 64, 3), tile_size=16)
