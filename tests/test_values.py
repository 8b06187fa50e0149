"""Values on edges refuse what they can never be."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sd35graph.values import Image


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        ("text", "an Image holds a tensor [B, H, W, 3], but got a value of type str"),
        (torch.zeros(8, 6, 3), "an Image holds a batch of pictures, [B, H, W, 3], but got a tensor of shape [8, 6, 3]"),
    ],
)
def test_an_image_that_is_no_batch_of_pictures_is_refused_where_it_is_made(pixels: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        Image(pixels)
    assert str(caught.value) == message
