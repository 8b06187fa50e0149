"""Seeded noise."""

from __future__ import annotations

import pytest
import torch

from sd35graph.sampling.noise import MAX_SEED, draw_noise, make_noise, seeded_rng

SHAPE = (2, 16, 3, 5)


def test_noise_is_one_draw_of_a_seeded_cpu_generator() -> None:
    expected = torch.randn(SHAPE, generator=torch.Generator().manual_seed(7))
    assert torch.equal(make_noise(SHAPE, 7), expected)


def test_batch_index_picks_draws_of_single_pictures() -> None:
    generator = torch.Generator().manual_seed(3)
    draws = [torch.randn((1, *SHAPE[1:]), generator=generator) for _ in range(3)]
    assert torch.equal(make_noise(SHAPE, 3, (2, 0)), torch.cat((draws[2], draws[0])))
    assert torch.equal(make_noise(SHAPE, 3, (1, 1)), torch.cat((draws[1], draws[1])))


def test_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    make_noise(SHAPE, 1)
    draw_noise(seeded_rng(1), SHAPE)
    assert torch.equal(torch.get_rng_state(), before)


def test_draws_continue_from_the_stored_state() -> None:
    generator = torch.Generator().manual_seed(11)
    first, rng = draw_noise(seeded_rng(11), SHAPE)
    second, _ = draw_noise(rng, SHAPE)
    assert torch.equal(first, torch.randn(SHAPE, generator=generator))
    assert torch.equal(second, torch.randn(SHAPE, generator=generator))


def test_largest_seed_works_and_a_larger_one_is_refused() -> None:
    assert make_noise(SHAPE, MAX_SEED).shape == SHAPE
    with pytest.raises(ValueError, match=f"seed must be between 0 and {MAX_SEED}, got {MAX_SEED + 1}"):
        make_noise(SHAPE, MAX_SEED + 1)


@pytest.mark.parametrize("index", [(0,), (0, -1), (0, 1, 2)])
def test_batch_index_must_fit_the_batch(index: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="batch_index needs 2 entries of 0 or more, one per row"):
        make_noise(SHAPE, 1, index)
