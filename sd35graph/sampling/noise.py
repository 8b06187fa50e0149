"""Seeded Gaussian noise. Always drawn on the CPU, so that a seed gives the same picture on every device."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from sd35graph.sampling.flow import as_float32

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
    noise = torch.empty(tuple(shape))
    for index in range(max(batch_index) + 1):
        draw = torch.randn((1, *shape[1:]), generator=generator, dtype=torch.float32)
        noise[[row for row, wanted in enumerate(batch_index) if wanted == index]] = draw
    return noise


class BrownianNoise:
    """Increments of one Brownian path over sigma, scaled to unit variance; on the CPU, as all noise.

    The path is a function of seed, shape and interval alone (torchsde, BrownianTree, Apache-2.0; "Scalable Gradients
    for Stochastic Differential Equations", arXiv 2001.01328), so a run that is continued elsewhere finds the same one.
    It is made with the first increment that is asked for.

    shape: [B, C, h, w]; sigmas: the schedule, whose largest and smallest positive entries bound the path.
    """

    def __init__(self, seed: int, shape: Sequence[int], sigmas: Sequence[float]) -> None:
        self._seed = seed
        self._shape = tuple(shape)
        self._start = min((sigma for sigma in sigmas if sigma > 0), default=0.0)
        self._end = max(sigmas)

    @cached_property
    def _tree(self) -> Callable[[float, float], Tensor]:
        from torchsde import BrownianTree  # takes a second to import, and few samplers need it

        tree: Callable[[float, float], Tensor] = BrownianTree(
            t0=self._start, w0=torch.zeros(self._shape), t1=self._end, entropy=self._seed
        )
        return tree

    def __call__(self, sigma: float, sigma_next: float) -> Tensor:
        """Noise for the step from `sigma` down to `sigma_next`, which lie in the interval, float32."""
        high, low = as_float32(sigma), as_float32(sigma_next)
        # The tree rounds its ends to 6 digits and complains of anything outside.
        low, high = (min(max(value, round(self._start, 6)), round(self._end, 6)) for value in (low, high))
        return -self._tree(low, high) / math.sqrt(abs(as_float32(sigma) - as_float32(sigma_next)))
