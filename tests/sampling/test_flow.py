"""The map between schedule time, sigma and the network's timestep."""

from __future__ import annotations

import pytest
import torch

from sd35graph.sampling.flow import (
    as_float32,
    percent_to_sigma,
    sigma_at,
    sigma_max,
    sigma_table,
    sigma_to_timestep,
    timestep_to_sigma,
)
from sd35graph.values import FlowSettings


def test_table_follows_the_shift_formula_and_ends_at_exactly_one() -> None:
    table = sigma_table(FlowSettings(shift=3.0))
    assert table.dtype == torch.float32
    assert len(table) == 1000
    assert table[499].item() == pytest.approx(3 * 0.5 / (1 + 2 * 0.5))
    assert table[-1].item() == 1.0
    assert bool((table.diff() > 0).all())


def test_number_of_timesteps_sets_the_length_of_the_table() -> None:
    table = sigma_table(FlowSettings(shift=1.0, timesteps=4))
    torch.testing.assert_close(table, torch.tensor([0.25, 0.5, 0.75, 1.0]))


def test_position_between_entries_lies_between_their_sigmas() -> None:
    flow = FlowSettings()
    table = sigma_table(flow)
    assert sigma_at(flow, torch.tensor(10)) == table[10].item()
    assert table[10].item() < sigma_at(flow, torch.tensor(10.5)) < table[11].item()
    assert sigma_at(flow, torch.tensor(999)) == sigma_max(flow) == 1.0


def test_timestep_is_sigma_times_multiplier_but_sigma_is_shifted() -> None:
    flow = FlowSettings(shift=3.0, multiplier=500.0)
    torch.testing.assert_close(sigma_to_timestep(flow, torch.tensor([0.5])), torch.tensor([250.0]))
    torch.testing.assert_close(timestep_to_sigma(flow, torch.tensor([250.0])), torch.tensor([0.75]))


@pytest.mark.parametrize(("percent", "sigma"), [(-1.0, 1.0), (0.0, 1.0), (0.1, 27 / 28), (1.0, 0.0), (2.0, 0.0)])
def test_percent_is_of_schedule_time(percent: float, sigma: float) -> None:
    assert percent_to_sigma(FlowSettings(shift=3.0), percent) == as_float32(sigma)


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        (FlowSettings(shift=0.0), "shift must be a number greater than 0, got 0.0"),
        (FlowSettings(shift=float("nan")), "shift must be a number greater than 0, got nan"),
        (FlowSettings(multiplier=0.0), "multiplier must be a number greater than 0"),
        (FlowSettings(timesteps=1), "timesteps must be at least 2, got 1"),
    ],
)
def test_impossible_settings_say_what_is_needed(flow: FlowSettings, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sigma_table(flow)
