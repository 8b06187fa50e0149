"""Nodes that make latents."""

from __future__ import annotations

from typing import Annotated

import torch

from sd35graph import Input, Latent, node
from sd35graph_nodes.kinds import BatchSize
from sd35graph_nodes.latent_masks import CELL
from sd35graph_nodes.limits import check_latent_size

_TOOLTIP = "In pixels; a latent cell covers 8."


@node("EmptySD3LatentImage", title="Empty SD3 latent image", category="latent/sd3")
def empty_sd3_latent_image(
    width: Annotated[int, Input(min=16, max=16384, step=16, tooltip=_TOOLTIP)] = 1024,
    height: Annotated[int, Input(min=16, max=16384, step=16, tooltip=_TOOLTIP)] = 1024,
    batch_size: BatchSize = 1,
) -> Latent:
    """A zero latent, [batch, 16, height/8, width/8], for text-to-image."""
    check_latent_size(batch_size, height // CELL, width // CELL)
    return Latent(torch.zeros(batch_size, 16, height // CELL, width // CELL))


@node("EmptyLatentImage", title="Empty latent image", category="latent")
def empty_latent_image(
    width: Annotated[int, Input(min=16, max=16384, step=8, tooltip=_TOOLTIP)] = 512,
    height: Annotated[int, Input(min=16, max=16384, step=8, tooltip=_TOOLTIP)] = 512,
    batch_size: BatchSize = 1,
) -> Latent:
    """A zero latent with 4 channels, [batch, 4, height/8, width/8]; the sampler widens it to what its model needs."""
    check_latent_size(batch_size, height // CELL, width // CELL)
    return Latent(torch.zeros(batch_size, 4, height // CELL, width // CELL))


NODES = (
    empty_sd3_latent_image,
    empty_latent_image,
)
