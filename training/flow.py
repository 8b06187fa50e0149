"""Training of transformer and text encoders by rectified flow (SD3 paper, arXiv 2403.03206).

x_t = (1 - t) x0 + t noise, the network predicts noise - x0 (equation 13 and section 3), and t is the logistic function
of a standard normal (section 3.1, "logit-normal"). Matrices inside the blocks are updated by Muon, the rest by AdamW.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from torch import Tensor, nn

from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.vae import VAE
from sd35graph.models.networks.variants import MMDiTConfig
from sd35graph.values import LATENT_SCALE, LATENT_SHIFT
from training.config import Config
from training.icons import Concept, Icons
from training.loop import Loop, Schedule
from training.scenes import draw, random_scene
from training.text import Encoders, Tokenizers

_TIMESTEPS = 1000  # sigma 1 as the network hears it
_TIME_FEATURES = 256
_GUIDANCE, _STEPS = 4.0, 20  # of the sample sheets

SHEET_PROMPTS = (
    "a red apple", "cat face", "rocket", "pizza", "house", "red heart", "dog face", "sunflower", "umbrella", "guitar",
    "a 3d red apple", "line art cat face", "classic rocket", "3d pizza", "line art house", "classic dog face",
    "sunflower on a blue background", "3d umbrella, black background", "penguin, red background", "two rockets",
    "three pizzas", "a pizza left of a guitar", "a cat above a house", "woman with dark skin tone",
    "man with light skin tone, 3d", "3d elephant", "owl, classic style", "banana", "a line art bicycle", "3d robot",
    "castle on a pink background", "strawberry",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lesson:
    """A course's scenes. latents: float16 [N, 16, h, w] in model space. ids: [N, L] per encoder."""

    latents: Tensor
    ids: tuple[Tensor, Tensor, Tensor]


class Model(nn.Module):
    """What the flow trains: transformer and text encoders."""

    def __init__(self, config: Config, tokenizers: Tokenizers) -> None:
        super().__init__()
        sizes, flow = config.text, config.flow
        self.encoders = Encoders(sizes, tokenizers)
        width = 64 * flow.depth
        self.mmdit = MMDiT(
            MMDiTConfig(
                depth=flow.depth,
                width=width,
                channels=16,
                context_width=max(sizes.t5_width, sizes.clip_l_width + sizes.clip_g_width),
                pooled_width=sizes.clip_l_width + sizes.clip_g_width,
                time_features=_TIME_FEATURES,
                mlp_width=4 * width,
                grid=flow.grid,
                qk_norm=True,
                dual_attention=frozenset(),
            )
        )
        _initialise(self.mmdit)


Teach = Callable[[int], Lesson]
"""From a course's number to its scenes."""


def encode_scenes(
    config: Config,
    vae: VAE,
    icons: Icons,
    concepts: list[Concept],
    tokenizers: Tokenizers,
    device: torch.device,
    number: int,
) -> Lesson:
    """Draw and encode the scenes of a course; minutes."""
    course = config.flow.courses[number]
    rng = np.random.default_rng([config.seed, 2, number])
    latents: list[Tensor] = []
    rows: list[tuple[list[int], list[int], list[int]]] = []
    for _ in track(range(0, course.scenes, 64), "encoding scenes"):
        scenes = [random_scene(rng, concepts, tokenizers.fits, course.shares) for _ in range(64)]
        latents.append(encode(vae, np.stack([draw(scene, icons, config.size) for scene in scenes]), device).half())
        rows += [tokenizers.rows(scene.caption) for scene in scenes]
    ids = tuple(torch.tensor(list(part), dtype=torch.int32) for part in zip(*rows, strict=True))
    return Lesson(torch.cat(latents), (ids[0], ids[1], ids[2]))


@torch.no_grad()
def encode(vae: VAE, pictures: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Latents [B, 16, h, w] in model space, float32 on the CPU, of pictures [B, H, W, 3]."""
    pixels = torch.from_numpy(pictures).to(device).float().permute(0, 3, 1, 2) / 127.5 - 1
    with torch.autocast(device.type, torch.bfloat16):
        moments: Tensor = vae.encoder(pixels.contiguous())
    return (moments[:, : vae.config.latent_channels].float().cpu() - LATENT_SHIFT) * LATENT_SCALE


def train_flow(
    config: Config, vae: VAE, teach: Teach, tokenizers: Tokenizers, folder: Path, device: torch.device
) -> Model:
    """The running average of the trained model, float32 on `device`."""
    flow = config.flow
    lesson = lru_cache(maxsize=1)(teach)
    course_of = [number for number, course in enumerate(flow.courses) for _ in range(course.steps)]
    torch.manual_seed(config.seed)
    model = Model(config, tokenizers).to(device)
    averaged = copy.deepcopy(model).requires_grad_(False)
    mmdit = torch.compile(model.mmdit) if config.compile else model.mmdit
    optimizers = _optimizers(model, config)
    empty = tuple(torch.tensor(row, dtype=torch.int32) for row in tokenizers.rows(""))

    def step(n: int) -> Mapping[str, Tensor]:
        scenes = lesson(course_of[n])
        round_, place = divmod(n, len(scenes.latents) // flow.batch)
        order = np.random.default_rng([config.seed, 3, round_]).permutation(len(scenes.latents))
        rows = torch.from_numpy(order[place * flow.batch : (place + 1) * flow.batch])
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + n)
        is_dropped = torch.rand(len(rows), 1, generator=generator) < flow.dropout
        ids = [torch.where(is_dropped, blank, part[rows]) for part, blank in zip(scenes.ids, empty, strict=True)]
        x0 = scenes.latents[rows].float()
        noise = torch.randn(x0.shape, generator=generator)
        t = torch.randn(len(rows), generator=generator).sigmoid()
        noisy = torch.lerp(x0, noise, t.view(-1, 1, 1, 1))
        with torch.autocast(device.type, torch.bfloat16):
            context, pooled = model.encoders(*(part.to(device) for part in ids))
            velocity = mmdit(noisy.to(device), t.to(device) * _TIMESTEPS, context, pooled)
        loss = F.mse_loss(velocity.float(), (noise - x0).to(device))
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        decay = min(flow.average, (1 + n) / (10 + n))  # shorter at first, lest the first weights linger
        torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1 - decay)
        return {"loss": loss.detach()}

    def on_sample(n: int) -> None:
        write_sheet(averaged, vae, tokenizers, config.size, folder / f"flow-{n:06d}.png")

    state = {"model": model, "averaged": averaged} | {f"optimizer_{i}": o for i, o in enumerate(optimizers)}
    schedule = Schedule(flow.steps, warmup=min(100, flow.steps // 10 + 1))
    Loop("flow", folder, schedule, state, optimizers, flow.save_every).run(step, on_sample)
    return averaged


@torch.no_grad()
def write_sheet(model: Model, vae: VAE, tokenizers: Tokenizers, size: int, path: Path) -> None:
    """Pictures for `SHEET_PROMPTS`, eight in a row: Euler steps with classifier-free guidance."""
    device = next(model.parameters()).device
    prompts = [text for text in SHEET_PROMPTS if tokenizers.fits(text)]
    rows = [tokenizers.rows(text) for text in [*prompts, *[""] * len(prompts)]]
    context, pooled = model.encoders(*(torch.tensor(part, device=device) for part in zip(*rows, strict=True)))
    x = torch.randn(len(prompts), 16, size // 8, size // 8, generator=torch.Generator().manual_seed(0)).to(device)
    for step in range(_STEPS):
        t = 1 - step / _STEPS
        times = torch.full((2 * len(prompts),), t * _TIMESTEPS, device=device)
        wanted, unguided = model.mmdit(torch.cat([x, x]), times, context, pooled).chunk(2)
        x = x - (unguided + _GUIDANCE * (wanted - unguided)) / _STEPS
    pictures = (vae.decode(x / LATENT_SCALE + LATENT_SHIFT) * 255).round().byte().cpu().numpy()
    lines = [np.concatenate(list(pictures[i : i + 8]), axis=1) for i in range(0, len(prompts) - 7, 8)]
    Image.fromarray(np.concatenate(lines)).save(path)


def _optimizers(model: Model, config: Config) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the transformer's attention and MLPs, AdamW for everything else."""
    matrices = [
        parameter
        for name, parameter in model.mmdit.named_parameters()
        if parameter.ndim == 2 and name.startswith("joint_blocks.") and "adaLN" not in name
    ]
    chosen = set(matrices)
    others = [parameter for parameter in model.parameters() if parameter not in chosen]
    flow = config.flow
    return [
        torch.optim.Muon(matrices, lr=flow.matrix_learning_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=flow.learning_rate, betas=(0.9, 0.95), weight_decay=0.01),
    ]


def _initialise(mmdit: MMDiT) -> None:
    """As DiT (arXiv 2212.09748, section 3.2, adaLN-Zero): every block begins as the identity, the output as zero."""
    for name, module in mmdit.named_modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if "adaLN" in name or name == "final_layer.linear":
                nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
    nn.init.xavier_uniform_(mmdit.x_embedder.proj.weight.flatten(1))
    for embedder in (mmdit.t_embedder, mmdit.y_embedder):
        for layer in (embedder.mlp[0], embedder.mlp[2]):
            assert isinstance(layer, nn.Linear)
            nn.init.normal_(layer.weight, std=0.02)
    mmdit.pos_embed.copy_(_positions(mmdit.config.grid, mmdit.config.width))


def _positions(side: int, width: int) -> Tensor:
    """Fixed sines and cosines of column and row, [1, side * side, width], as in DiT's reference code (`models.py`)."""
    frequencies = 1 / 10000 ** (torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    angles = torch.arange(side, dtype=torch.float64).outer(frequencies)  # [side, width / 4]
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)  # [side, width / 2]
    columns, rows = waves.repeat(side, 1), waves.repeat_interleave(side, 0)
    return torch.cat([columns, rows], dim=1).float().unsqueeze(0)
