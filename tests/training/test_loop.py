"""A training that is cut off goes on as if it had not been."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from training.loop import Loop, Schedule


class Cut(Exception):
    """Raised in the middle of a training."""


def train(folder: Path, *, cut_at: int | None = None) -> tuple[Tensor, list[int]]:
    """The weight after 10 steps of a regression, saved every 4, and the steps at which samples were asked for."""
    torch.manual_seed(0)
    layer = nn.Linear(3, 1)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    samples: list[int] = []

    def step(n: int) -> Mapping[str, Tensor]:
        if n == cut_at:
            raise Cut
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(n))
        loss = (layer(x) - x.sum(1, keepdim=True)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"loss": loss.detach()}

    folder.mkdir(exist_ok=True)
    parts = {"layer": layer, "optimizer": optimizer}
    Loop("test", folder, Schedule(steps=10, warmup=2), parts, [optimizer], save_every=4).run(step, samples.append)
    return layer.weight.detach(), samples


@pytest.mark.parametrize("cut_at", [2, 4, 9])
def test_a_run_that_was_cut_off_goes_on_from_its_last_checkpoint(tmp_path: Path, cut_at: int) -> None:
    expected, samples = train(tmp_path / "whole")
    assert samples == [4, 8, 10]

    with pytest.raises(Cut):
        train(tmp_path / "cut", cut_at=cut_at)
    resumed, _ = train(tmp_path / "cut")

    assert torch.equal(resumed, expected)


def test_a_finished_run_is_not_repeated(tmp_path: Path) -> None:
    weight, _ = train(tmp_path)
    again, samples = train(tmp_path)

    assert torch.equal(weight, again)
    assert samples == []


def test_losses_are_logged_at_each_save(tmp_path: Path) -> None:
    train(tmp_path)

    lines = [json.loads(line) for line in (tmp_path / "test.log").read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 8, 10]
    assert all(math.isfinite(line["loss"]) for line in lines)


def test_the_schedule_warms_up_and_ends_at_zero() -> None:
    schedule = Schedule(steps=110, warmup=10)

    assert [schedule.factor(n) for n in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert schedule.factor(60) == pytest.approx(0.5)
    assert schedule.factor(110) == pytest.approx(0.0)
