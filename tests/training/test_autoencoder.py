"""The autoencoder's latents are brought to the engine's mean and spread without changing the pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sd35graph.models.networks.vae import VAE
from sd35graph.values import LATENT_SCALE, LATENT_SHIFT
from training.autoencoder import make_vae, normalise_latents, psnr, split_icons
from training.config import load_config
from training.icons import STYLES, IconKey, Icons, concepts

CONFIGS = Path(__file__).parents[2] / "training" / "configs"


@pytest.fixture
def vae() -> VAE:
    torch.manual_seed(0)
    vae = make_vae(load_config(CONFIGS / "smoke.toml").vae).requires_grad_(False)
    weight = vae.decoder.conv_in.weight  # only its centre, so that the borders' padding plays no part
    centre = weight[:, :, 1, 1].clone()
    weight.zero_()
    weight[:, :, 1, 1] = centre
    return vae


def test_latents_get_the_spread_the_engine_expects_and_pictures_stay(vae: VAE) -> None:
    pictures = torch.rand(6, 64, 64, 3, generator=torch.Generator().manual_seed(1))
    before = vae.decode(vae.encode(pictures))

    normalise_latents(vae, pictures.permute(0, 3, 1, 2) * 2 - 1)

    latents = vae.encode(pictures)
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.full((16,), LATENT_SHIFT), atol=1e-4, rtol=0)
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.full((16,), 1 / LATENT_SCALE), atol=1e-4, rtol=0)
    torch.testing.assert_close(vae.decode(latents), before, atol=1e-4, rtol=0)


def test_psnr_of_a_known_error() -> None:
    truth = np.zeros((2, 4, 4, 3), np.uint8)

    assert psnr(truth, truth + np.uint8(51)) == pytest.approx(-20 * np.log10(0.2), abs=1e-3)


def test_no_icon_that_a_caption_names_is_held_out() -> None:
    named = [concept.icon for concept in concepts(wide=True)]
    keys = [IconKey(style, icon) for style in STYLES for icon in (*named, *(f"unlisted-{n}" for n in range(400)))]
    seen, held_out = split_icons(Icons(np.zeros((len(keys), 1, 1, 4), np.uint8), keys))

    assert set(seen) | set(held_out) == set(keys)
    assert not set(seen) & set(held_out)
    assert {key.icon for key in held_out}.isdisjoint(named)
    assert 10 < len({key.icon for key in held_out}) < 30
