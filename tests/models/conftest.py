"""Tiny random networks in the real file layout, and the files that hold them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_networks import CLIP_G, CLIP_L, MMDIT, T5, VAE_CONFIG, Save, Weights, randomize

from sd35graph.models.files.sections import CHECKPOINT_PREFIXES, Section
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.vae import VAE


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def mmdit_weights() -> Weights:
    return randomize(MMDiT(MMDIT))


@pytest.fixture(scope="session")
def vae_weights() -> Weights:
    return randomize(VAE(VAE_CONFIG))


@pytest.fixture(scope="session")
def clip_l_weights() -> Weights:
    return randomize(ClipTextEncoder(CLIP_L))


@pytest.fixture(scope="session")
def clip_g_weights() -> Weights:
    return randomize(ClipTextEncoder(CLIP_G))


@pytest.fixture(scope="session")
def t5_weights() -> Weights:
    return randomize(T5TextEncoder(T5))


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """save(name, mmdit=weights, vae=weights, extra={...}): one file, with the prefixes of an all-in-one checkpoint."""

    def save(name: str, *, extra: Weights | None = None, **sections: Weights) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = dict(extra or {})
        for section, weights in sections.items():
            prefix = CHECKPOINT_PREFIXES[_section(section)]
            tensors |= {prefix + key: tensor for key, tensor in weights.items()}
        save_file(tensors, path)
        return path

    return save


def _section(name: str) -> Section:
    return next(section for section in CHECKPOINT_PREFIXES if section == name)
