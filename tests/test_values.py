"""Values on edges refuse what they can never be."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sd35graph.values import Image, Latent, Mask


@pytest.mark.parametrize(
    ("kind", "tensor", "message"),
    [
        (Image, "text", "an Image holds a tensor [B, H, W, 3], but got a value of type str"),
        (Image, torch.zeros(8, 6, 3), "an Image holds a batch, [B, H, W, 3], but got pixels of shape [8, 6, 3]"),
        (
            Image,
            torch.zeros(0, 8, 6, 3),
            "an Image holds at least one of everything, [B, H, W, 3], but got pixels of shape [0, 8, 6, 3]",
        ),
        (
            Image,
            torch.zeros(1, 3, 8, 6),
            "an Image has 3 channels, or 4 with alpha, but got pixels of shape [1, 3, 8, 6]",
        ),
        (Mask, torch.zeros(8, 6), "a Mask holds a batch, [B, H, W], but got values of shape [8, 6]"),
        (
            Latent,
            torch.zeros(16, 8, 6),
            "a Latent holds a batch, [B, C, h, w], but got samples of shape [16, 8, 6]",
        ),
        (
            lambda mask: Latent(torch.zeros(1, 16, 8, 6), mask),
            torch.zeros(1, 1, 64, 48),
            "the noise mask of a Latent holds a batch, [B, H, W], but got values of shape [1, 1, 64, 48]",
        ),
    ],
)
def test_a_value_that_is_no_batch_is_refused_where_it_is_made(kind: Any, tensor: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        kind(tensor)
    assert str(caught.value) == message


def test_a_part_of_a_batch_counts_as_what_it_keeps_in_memory() -> None:
    batch = torch.zeros(64, 8, 8, 3)
    assert Image(batch[:1]).size_bytes == Image(batch).size_bytes == batch.nbytes
    assert Image(batch[:1].clone()).size_bytes == batch.nbytes // 64
