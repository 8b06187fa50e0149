"""Nodes that calculate with latents."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from torch import Tensor
from torch.nn import functional as F

from sd35graph import Input, Latent, node
from sd35graph_nodes.batches import same_rows
from sd35graph_nodes.resizing import LatentMethod, fit

_Share = Annotated[
    float, Input(min=0.0, max=1.0, step=0.01, tooltip="1: only the first latent; 0: only the second one.")
]


def matched(first: Latent, second: Latent, method: LatentMethod = "bilinear") -> tuple[Tensor, Tensor]:
    """The samples of both: the second scaled to the first's size, cropped about the centre; the shorter batch repeated.

    Raises `ValueError` when they come from different kinds of model.
    """
    require_same_channels(first, second)
    height, width = first.samples.shape[-2:]
    one, other = same_rows(first.samples, fit(second.samples, height, width, method))
    return one, other


def require_same_channels(first: Latent, second: Latent) -> None:
    """Raise `ValueError` unless both latents have as many channels."""
    one, other = first.samples.shape[1], second.samples.shape[1]
    if one != other:
        raise ValueError(
            f"both latents must come from the same kind of model, but the first has {one} channels and the second "
            f"{other}; SD3 latents have 16: make them with EmptySD3LatentImage or an SD3 VAE"
        )


def changed(latent: Latent, samples: Tensor) -> Latent:
    """`latent` with other samples; in a batch of another length its rows have no place in the seed's noise any more."""
    keeps_rows = samples.shape[0] == latent.samples.shape[0]
    return replace(latent, samples=samples, batch_index=latent.batch_index if keeps_rows else None)


@node("LatentAdd", title="Add latents", category="latent/advanced")
def latent_add(samples1: Latent, samples2: Latent) -> Latent:
    """The sum of two latents. The second is scaled and cropped to the size of the first."""
    first, second = matched(samples1, samples2)
    return changed(samples1, first + second)


@node("LatentSubtract", title="Subtract latents", category="latent/advanced")
def latent_subtract(samples1: Latent, samples2: Latent) -> Latent:
    """The first latent less the second, which is scaled and cropped to the size of the first."""
    first, second = matched(samples1, samples2)
    return changed(samples1, first - second)


@node("LatentMultiply", title="Multiply latent", category="latent/advanced")
def latent_multiply(
    samples: Latent, multiplier: Annotated[float, Input(min=-10.0, max=10.0, step=0.01)] = 1.0
) -> Latent:
    """Make a latent stronger or weaker: every number times the multiplier."""
    return replace(samples, samples=samples.samples * multiplier)


@node("LatentInterpolate", title="Interpolate latents", category="latent/advanced")
def latent_interpolate(samples1: Latent, samples2: Latent, ratio: _Share = 1.0) -> Latent:
    """Mix the directions of two latents and, apart from that, their magnitudes, so that the mix is not weaker."""
    first, second = matched(samples1, samples2)
    magnitude = first.norm(dim=1, keepdim=True) * ratio + second.norm(dim=1, keepdim=True) * (1 - ratio)
    direction = F.normalize(F.normalize(first, dim=1) * ratio + F.normalize(second, dim=1) * (1 - ratio), dim=1)
    return changed(samples1, direction * magnitude)


@node("LatentBlend", title="Latent blend", category="_for_testing")
def latent_blend(samples1: Latent, samples2: Latent, blend_factor: _Share = 0.5) -> Latent:
    """Fade from one latent to another. The second is scaled and cropped to the size of the first."""
    first, second = matched(samples1, samples2, "bicubic")
    return changed(samples1, first * blend_factor + second * (1 - blend_factor))


NODES = (latent_add, latent_subtract, latent_multiply, latent_interpolate, latent_blend)
