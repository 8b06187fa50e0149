"""The noise mask of a latent where it has to be cut or joined: at the size of the picture the latent stands for."""

from __future__ import annotations

from torch import Tensor

from sd35graph import Latent
from sd35graph_nodes.resizing import resize

CELL = 8
"""Pixels per latent cell, along each side."""


def mask_in_pixels(latent: Latent) -> Tensor | None:
    """The noise mask, [B or 1, 8h, 8w]; None where there is none. As it is kept, it may have any size."""
    if latent.noise_mask is None:
        return None
    rows, columns = latent.samples.shape[-2:]
    return resize(latent.noise_mask[:, None], rows * CELL, columns * CELL, "bilinear")[:, 0]
