"""Seeded noise."""

from __future__ import annotations

import sys
import weakref
from typing import Any

import pytest
import torch

from sd35graph.sampling.flow import as_float32
from sd35graph.sampling.noise import MAX_SEED, BrownianNoise, draw_noise, make_noise, seeded_rng

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


def test_draws_that_no_row_takes_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: weakref.WeakSet[torch.Tensor] = weakref.WeakSet()
    most = 0
    draw = torch.randn

    def watched(*arguments: Any, **named: Any) -> torch.Tensor:
        nonlocal most
        tensor = draw(*arguments, **named)
        alive.add(tensor)
        most = max(most, len(alive))
        return tensor

    monkeypatch.setattr(torch, "randn", watched)
    make_noise((1, 16, 2, 2), 7, batch_index=(500,))
    assert most <= 2


@pytest.mark.parametrize("index", [(0,), (0, -1), (0, 1, 2)])
def test_batch_index_must_fit_the_batch(index: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="batch_index needs 2 entries of 0 or more, one per row"):
        make_noise(SHAPE, 1, index)


SIGMAS = (1.0, 0.8, 0.5, 0.2, 0.0)
PATH = (2, 16, 8, 8)


def test_brownian_noise_depends_on_seed_and_interval_and_not_on_the_questions() -> None:
    path = BrownianNoise(7, PATH, SIGMAS)
    asked_first = path(0.8, 0.5)
    path(1.0, 0.93)
    assert torch.equal(path(0.8, 0.5), asked_first)
    assert torch.equal(BrownianNoise(7, PATH, SIGMAS)(0.8, 0.5), asked_first)
    assert not torch.equal(BrownianNoise(8, PATH, SIGMAS)(0.8, 0.5), asked_first)
    assert not torch.equal(BrownianNoise(7, PATH, (1.0, 0.3, 0.0))(0.8, 0.5), asked_first)


def test_brownian_noise_has_unit_variance_and_its_parts_make_the_whole() -> None:
    path = BrownianNoise(2**64 - 1, PATH, SIGMAS)
    whole, first, rest = path(0.8, 0.2), path(0.8, 0.5), path(0.5, 0.2)
    torch.testing.assert_close(whole * 0.6**0.5, (first + rest) * 0.3**0.5, atol=1e-5, rtol=0)
    for noise in (whole, first, rest):
        assert float(noise.std()) == pytest.approx(1.0, abs=0.08)
    assert abs(float((first * rest).mean())) < 0.1


def test_brownian_noise_may_be_asked_up_to_the_ends_that_rounding_moves() -> None:
    # The tree rounds its ends to 6 digits and warns, which fails a test, when asked outside them.
    low = as_float32(0.0029910268)
    assert BrownianNoise(1, PATH, (0.9999996, low, 0.0))(0.9999996, low).isfinite().all()


def test_samplers_without_brownian_noise_do_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchsde", None)
    path = BrownianNoise(1, PATH, SIGMAS)
    with pytest.raises(ImportError):
        path(0.8, 0.5)
