"""Training of the autoencoder: reconstruction of icons with a light pull of the posterior towards a unit Gaussian.

As in latent diffusion (arXiv 2112.10752, section 3.1, KL-regularised), without the adversarial and perceptual terms,
which need networks of their own. Late in training the latents are shifted and scaled to the mean and spread that the
engine expects of every SD3 autoencoder, once, inside the weights.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from sd35graph.models.networks.vae import VAE
from sd35graph.models.networks.variants import VaeConfig
from sd35graph.values import LATENT_SCALE, LATENT_SHIFT
from training.config import Config, VaeTraining
from training.icons import Concept, IconKey, Icons, concepts
from training.loop import Loop, Schedule
from training.scenes import BACKGROUNDS, Placement, Scene, draw, random_scene

_KL_WEIGHT = 1e-4
_FIRST_LOG_VARIANCE = -6.0  # of the posterior: with 0, noise would drown the signal until the decoder ignores both
_NORMALISE_AT = 0.7  # of the steps; the rest mends what the padding at the borders, which stays zero, gets wrong
_HELD_OUT = 20  # one icon in so many is kept for measuring


def make_vae(training: VaeTraining) -> VAE:
    """A new network of the configured widths."""
    widths = tuple(training.widths)
    vae = VAE(VaeConfig(16, widths, training.encoder_blocks, widths, training.decoder_blocks))
    bias = vae.encoder.conv_out.bias
    assert bias is not None
    nn.init.constant_(bias[16:], _FIRST_LOG_VARIANCE)
    return vae


def train_vae(config: Config, icons: Icons, drawn: list[Concept], folder: Path, device: torch.device) -> VAE:
    """The trained network, in float32 on `device`."""
    training = config.vae
    torch.manual_seed(config.seed)
    vae = make_vae(training).to(device)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=training.learning_rate, betas=(0.9, 0.95), weight_decay=0.01)
    seen, unseen = split_icons(icons)
    schedule = Schedule(training.steps, warmup=min(100, training.steps // 10 + 1))

    def step(n: int) -> Mapping[str, Tensor]:
        if n == int(_NORMALISE_AT * training.steps):
            normalise_latents(vae, _to_tensor(_pictures(config, icons, drawn, seen, 512, n), device))
        pictures = _to_tensor(_pictures(config, icons, drawn, seen, training.batch, n), device)
        noise = torch.Generator().manual_seed(config.seed * 1_000_003 + n)
        with torch.autocast(device.type, torch.bfloat16):
            mean, log_variance = vae.encoder(pictures).float().chunk(2, dim=1)
            log_variance = log_variance.clamp(-20, 5)
            epsilon = torch.randn(mean.shape, generator=noise).to(device)
            decoded = vae.decoder(mean + epsilon * (0.5 * log_variance).exp()).float()
        error = decoded - pictures
        centred = (mean - LATENT_SHIFT) * LATENT_SCALE  # as the transformer will see it
        kl = 0.5 * (centred.square() + LATENT_SCALE**2 * log_variance.exp() - 1 - log_variance).mean()
        loss = error.abs().mean() + error.square().mean() + _KL_WEIGHT * kl
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        return {"mse": error.detach().square().mean(), "kl": kl.detach()}

    def on_sample(n: int) -> None:
        pictures = held_out_pictures(icons, unseen, config.size)
        decoded = reconstruct(vae, pictures)
        print(f"step {n}: {psnr(pictures, decoded):.2f} dB on {len(pictures)} held-out pictures")
        rows = [np.concatenate([pictures[i : i + 12], decoded[i : i + 12]], axis=1) for i in range(0, 72, 12)]
        sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
        Image.fromarray(sheet).save(folder / f"vae-{n:06d}.png")

    Loop("vae", folder, schedule, {"vae": vae, "optimizer": optimizer}, [optimizer], training.save_every).run(
        step, on_sample
    )
    return vae


def split_icons(icons: Icons) -> tuple[list[IconKey], list[IconKey]]:
    """Icons to train the autoencoder on, and those held out: one in twenty that no caption of any training names."""
    named = {concept.icon for concept in concepts(wide=True)}
    held_out = [key for key in icons.keys if key.icon not in named and zlib.crc32(key.icon.encode()) % _HELD_OUT == 0]
    kept = set(held_out)
    return [key for key in icons.keys if key not in kept], held_out


def held_out_pictures(icons: Icons, keys: list[IconKey], size: int) -> NDArray[np.uint8]:
    """Each icon alone, large, on white, uint8 [N, size, size, 3]."""
    scenes = (Scene("", "white", (Placement(key, 0.06, 0.06, 0.88),)) for key in keys)
    return np.stack([draw(scene, icons, size) for scene in scenes])


def reconstruct(vae: VAE, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`pictures` through encoder and decoder, in float32."""
    with torch.no_grad():
        decoded = vae.decode(vae.encode(torch.from_numpy(pictures).float() / 255))
    rounded: NDArray[np.uint8] = (decoded * 255).round().byte().numpy()
    return rounded


def psnr(truth: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB, the mean over pictures [N, H, W, 3]."""
    error = (truth.astype(np.float64) - decoded) / 255
    return float(np.mean(-10 * np.log10(np.mean(error**2, axis=(1, 2, 3)) + 1e-10)))


@torch.no_grad()
def normalise_latents(vae: VAE, pictures: Tensor) -> None:
    """Fold an affine map into the weights, after which latents have the engine's mean and spread, channel by channel.

    The encoder's last and the decoder's first convolution undo each other, save at the borders, where the padding of
    the latter stands for latent zero before and after.
    """
    channels = vae.config.latent_channels
    latents = torch.cat([vae.encoder(part)[:, :channels].float() for part in torch.split(pictures, 32)])
    mean, spread = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    scale = 1 / (LATENT_SCALE * spread)
    shift = LATENT_SHIFT - scale * mean
    out, into = vae.encoder.conv_out, vae.decoder.conv_in
    out.weight[:channels] *= scale.view(-1, 1, 1, 1)
    out_bias, into_bias = out.bias, into.bias
    assert out_bias is not None
    assert into_bias is not None
    out_bias[:channels] = scale * out_bias[:channels] + shift
    out_bias[channels:] += 2 * scale.log()
    into.weight /= scale.view(1, -1, 1, 1)
    into_bias -= (into.weight * shift.view(1, -1, 1, 1)).sum((1, 2, 3))


def _pictures(
    config: Config, icons: Icons, drawn: list[Concept], seen: list[IconKey], count: int, n: int
) -> NDArray[np.uint8]:
    """Half captioned scenes, half any icon at any size and place."""
    rng = np.random.default_rng([config.seed, 1, n])
    scenes = [random_scene(rng, drawn, _any_caption) for _ in range(count // 2)]
    names = list(BACKGROUNDS)
    while len(scenes) < count:
        size = rng.uniform(0.5, 1.0)
        left, top = rng.uniform(0, 1 - size, 2)
        key = seen[rng.integers(len(seen))]
        background = names[rng.integers(len(names))] if rng.random() < 0.6 else "white"
        scenes.append(Scene("", background, (Placement(key, left, top, size),)))
    return np.stack([draw(scene, icons, config.size) for scene in scenes])


def _any_caption(caption: str) -> bool:
    return True


def _to_tensor(pictures: NDArray[np.uint8], device: torch.device) -> Tensor:
    """[B, 3, H, W] in -1..1 of pictures [B, H, W, 3] in 0..255."""
    tensor = torch.from_numpy(pictures).to(device).float() / 127.5 - 1
    return tensor.permute(0, 3, 1, 2).contiguous()  # channels last would be slower: group norm's gradient is
