"""Latent to RGB."""

from __future__ import annotations

import torch

from sd35graph.sampling.preview import latent_rgb_preview


def test_worked_example_of_the_reference() -> None:
    ramp = torch.arange(16) / 8 - 1
    x0 = torch.stack((torch.zeros(16), torch.ones(16), ramp), dim=1)[None, :, None]  # [1, 16, 1, 3]
    expected = [[[127, 127, 127], [156, 191, 181], [85, 91, 78]]]
    picture = latent_rgb_preview(x0)
    assert picture.dtype == torch.uint8
    assert picture.tolist() == expected


def test_values_beyond_the_range_saturate() -> None:
    assert latent_rgb_preview(torch.full((1, 16, 1, 1), 100.0)).tolist() == [[[255, 255, 255]]]
    assert latent_rgb_preview(torch.full((1, 16, 1, 1), -100.0)).tolist() == [[[0, 0, 0]]]
