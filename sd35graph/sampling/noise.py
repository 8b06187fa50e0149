"""Seeded Gaussian noise. Always drawn on the CPU, so that a seed gives the same picture on every device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

MAX_SEED = 2**64 - 1


def seeded_rng(seed: int) -> Tensor:
    """State of a fresh CPU generator for `seed` (0 .. 2^64 - 1), a byte tensor that can be stored."""
    return _generator(seed).get_state()


def _generator(seed: int) -> torch.Generator:
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed must be between 0 and {MAX_SEED}, got {seed}")
    return torch.Generator().manual_seed(seed)


def draw_noise(rng: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """One float32 CPU draw of `shape` from the generator state `rng`, and the state after it."""
    generator = torch.Generator()
    generator.set_state(rng)
    noise = torch.randn(tuple(shape), generator=generator, dtype=torch.float32)
    return noise, generator.get_state()


def make_noise(shape: Sequence[int], seed: int, batch_index: Sequence[int] | None = None) -> Tensor:
    """Initial noise of `shape` [B, C, h, w], float32 on the CPU.

    batch_index: None draws the whole batch at once. Otherwise [1, C, h, w] draws follow one another and row i takes
    draw batch_index[i], so that a picture taken out of a batch keeps its noise. Repeats are allowed.
    """
    generator = _generator(seed)
    if batch_index is None:
        return torch.randn(tuple(shape), generator=generator, dtype=torch.float32)
    if len(batch_index) != shape[0] or min(batch_index) < 0:
        raise ValueError(f"batch_index needs {shape[0]} entries of 0 or more, one per row, got {list(batch_index)}")
    row = (1, *shape[1:])
    draws = [torch.randn(row, generator=generator, dtype=torch.float32) for _ in range(max(batch_index) + 1)]
    return torch.cat([draws[index] for index in batch_index])  # [B, C, h, w]
