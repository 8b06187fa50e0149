"""Operations on conditioning."""

from __future__ import annotations

import pytest
import torch

from sd35graph.sampling import conditioning as ops
from sd35graph.values import Conditioning, ConditioningEntry, FractionArea, PixelArea


def prompt(value: float, tokens: int = 4) -> Conditioning:
    return Conditioning((ConditioningEntry(torch.full((1, tokens, 3), value), torch.full((1, 2), value)),))


def test_combine_keeps_all_entries_in_order() -> None:
    both = ops.combine(prompt(1), prompt(2, tokens=9))
    assert [entry.cond.shape[1] for entry in both.entries] == [4, 9]


def test_average_interpolates_and_fits_the_token_count() -> None:
    longer = ops.average(prompt(1.0), prompt(3.0, tokens=6), 0.25).entries[0]
    assert torch.equal(longer.cond, torch.full((1, 4, 3), 2.5))
    assert torch.equal(longer.pooled, torch.full((1, 2), 2.5))
    shorter = ops.average(prompt(1.0), prompt(3.0, tokens=1), 0.25).entries[0]
    assert shorter.cond[0, :, 0].tolist() == [2.5, 0.25, 0.25, 0.25]


def test_average_and_concat_take_the_first_entry_of_the_source_for_each_entry() -> None:
    target, source = ops.combine(prompt(1), prompt(2)), ops.combine(prompt(5), prompt(9))
    assert [e.cond[0, 0, 0].item() for e in ops.average(target, source, 0.0).entries] == [5, 5]
    joined = ops.concat(target, source)
    assert [e.cond[0, :, 0].tolist() for e in joined.entries] == [[1.0] * 4 + [5.0] * 4, [2.0] * 4 + [5.0] * 4]
    assert [e.pooled[0, 0].item() for e in joined.entries] == [1, 2]


@pytest.mark.parametrize("operation", ["average", "concat"])
def test_empty_source_is_an_error(operation: str) -> None:
    extra = (0.5,) if operation == "average" else ()
    with pytest.raises(ValueError, match=f"{operation} needs a second conditioning with at least one entry"):
        getattr(ops, operation)(prompt(1), Conditioning(()), *extra)


def test_changes_leave_the_original_alone() -> None:
    original = prompt(1)
    entry = original.entries[0]
    ops.zero_out(original)
    ops.set_timestep_range(original, 0.2, 0.7)
    ops.set_area(original, PixelArea(8, 8, 0, 0), 2.0)
    ops.set_mask(original, torch.ones(1, 8, 8), 0.5)
    assert original.entries == (entry,)
    assert (entry.start_percent, entry.end_percent, entry.area, entry.strength, entry.mask) == (0, 1, None, 1, None)
    assert bool((entry.cond == 1).all())


def test_settings_reach_every_entry() -> None:
    both = ops.combine(prompt(1), prompt(2))
    both = ops.set_timestep_range(both, 0.2, 0.7)
    both = ops.set_area_percentage(both, FractionArea(0.5, 0.5, 0.0, 0.25), 2.0)
    both = ops.set_mask(both, torch.ones(8, 8), 0.5, "mask bounds")
    both = ops.set_area_strength(both, 3.0)
    for entry in both.entries:
        assert (entry.start_percent, entry.end_percent, entry.strength) == (0.2, 0.7, 3.0)
        assert entry.area == FractionArea(0.5, 0.5, 0.0, 0.25)
        assert entry.mask is not None
        assert (entry.mask.shape, entry.mask_strength, entry.mask_area) == ((1, 8, 8), 0.5, "mask bounds")
    assert all(not bool(entry.cond.any() or entry.pooled.any()) for entry in ops.zero_out(both).entries)
