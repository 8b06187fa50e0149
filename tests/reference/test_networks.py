"""Our networks against diffusers' and transformers' with the same weights.

Tolerances. The transformers are compared in float64: without norms on queries and keys, random weights blow float32's
rounding up a thousandfold on either side, which could hide a small mistake. What remains, 2e-7, is the rounding of our
result to float32; 2e-6 is allowed. The autoencoders' sums run in float32, in another order: measured 4e-6 (decoding)
and 2e-6 (encoding), 2e-5 allowed. The text encoders agree to the last bit; 1e-6 is allowed.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from twins import (
    CLIP_END,
    CLIP_G,
    CLIP_L,
    VARIANTS,
    autoencoders,
    clip_encoders,
    randn,
    t5_encoders,
    transformers,
)

from sd35graph.models.networks.variants import ClipConfig


def inputs(*size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Two noisy latents of `size`, their timesteps, contexts and pooled vectors, in float64."""
    x, context, pooled = randn(2, 16, *size), randn(2, 9, 256, seed=1), randn(2, 192, seed=2)
    return x.double(), torch.tensor([1000.0, 37.5]), context.double(), pooled.double()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [(8, 8), (6, 20)])
def test_transformer_gives_the_velocity_of_diffusers(variant: str, size: tuple[int, int]) -> None:
    ours, theirs = (network.double() for network in transformers(VARIANTS[variant]))
    x, timestep, context, pooled = inputs(*size)
    expected = theirs(x, context, pooled, timestep).sample
    assert expected.std() > 0.3
    torch.testing.assert_close(ours(x, timestep, context, pooled).double(), expected, atol=2e-6, rtol=0)


def test_skipped_layers_are_those_of_diffusers() -> None:
    ours, theirs = (network.double() for network in transformers(VARIANTS["SD3.5 Medium"]))
    x, timestep, context, pooled = inputs(8, 8)
    expected = theirs(x, context, pooled, timestep, skip_layers=[1]).sample
    skipping = ours(x, timestep, context, pooled, skip_layers=frozenset({1}))
    torch.testing.assert_close(skipping.double(), expected, atol=2e-6, rtol=0)
    assert (skipping - ours(x, timestep, context, pooled)).abs().max() > 0.1


def test_autoencoder_decodes_and_encodes_as_diffusers() -> None:
    ours, theirs = autoencoders()
    latent = randn(2, 16, 8, 6)
    picture = theirs.decode(latent).sample
    expected = ((picture + 1) / 2).clamp(0, 1).movedim(1, -1)
    assert expected.std() > 0.05
    torch.testing.assert_close(ours.decode(latent), expected, atol=2e-5, rtol=0)
    pixels = torch.rand(2, 64, 48, 3, generator=torch.Generator().manual_seed(1))
    mean = theirs.encode(2 * pixels.movedim(-1, 1) - 1).latent_dist.mean
    torch.testing.assert_close(ours.encode(pixels), mean, atol=2e-5, rtol=0)


@pytest.mark.parametrize("config", [CLIP_L, CLIP_G], ids=lambda config: config.name)
def test_clip_gives_the_second_to_last_layer_and_the_pooled_vector_of_transformers(config: ClipConfig) -> None:
    ours, theirs = clip_encoders(config)
    ids = torch.randint(0, 49406, (2, 77), generator=torch.Generator().manual_seed(0))
    ids[:, 0] = 49406
    ids[0, 9:], ids[1, 76] = CLIP_END, CLIP_END  # one padded with the end token, one full
    expected = theirs(ids, output_hidden_states=True)
    hidden, pooled = ours(ids, CLIP_END)
    torch.testing.assert_close(hidden, expected.hidden_states[-2], atol=1e-6, rtol=0)
    torch.testing.assert_close(pooled, expected.text_embeds, atol=1e-6, rtol=0)


def test_t5_gives_the_last_layer_of_transformers_with_padding_taking_part() -> None:
    ours, theirs = t5_encoders()
    ids = torch.randint(2, 32100, (2, 77), generator=torch.Generator().manual_seed(0))
    ids[0, 12:] = 0
    ids[:, 11] = 1
    expected = theirs(ids).last_hidden_state
    torch.testing.assert_close(ours(ids), expected, atol=1e-6, rtol=0)
