"""From conditioning to one guided prediction per call: classifier-free guidance on predictions of the clean latent.

Guidance: "Classifier-Free Diffusion Guidance" (arXiv 2207.12598), applied to x0. Skip-layer guidance:
Stability-AI/sd3.5 `sd3_impls.py`, SkipLayerCFGDenoiser (MIT), here switched by sigma instead of by step. A prediction
depends on x and sigma alone, never on how often or in which order it was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from sd35graph.sampling.flow import percent_to_sigma
from sd35graph.sampling.regions import Region, fit_batch, resolve_regions
from sd35graph.sampling.state import Denoiser, Prediction
from sd35graph.values import Conditioning, FlowSettings


class VelocityModel(Protocol):
    """A rectified-flow network: the velocity of x at a noise level."""

    def __call__(
        self,
        x: Tensor,
        timestep: Tensor,
        context: Tensor,
        pooled: Tensor,
        skip_layers: frozenset[int] = frozenset(),
    ) -> Tensor:
        """x [B, 16, h, w], timestep [B], context [B, L, D], pooled [B, P] -> velocity [B, 16, h, w]."""
        ...


@dataclass(frozen=True, slots=True)
class SkipLayerGuidance:
    """Push away from what the network predicts with some blocks left out.

    layers: indices of these blocks. scale: weight of the difference.
    start_percent, end_percent: the part of schedule time in which it acts.
    """

    layers: frozenset[int]
    scale: float = 3.0
    start_percent: float = 0.01
    end_percent: float = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Guider:
    """What the picture should show and how strongly.

    negative: what it should not show; None for no guidance at all, in which case cfg has no effect.
    cfg: 1 follows the positive alone, and the negative is then not evaluated.
    """

    positive: Conditioning
    negative: Conditioning | None = None
    cfg: float = 1.0
    skip_layer: SkipLayerGuidance | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Skip-layer guidance with its range as sigmas."""

    layers: frozenset[int]
    scale: float
    sigma_start: float
    sigma_end: float


def make_denoiser(
    model: VelocityModel,
    flow: FlowSettings,
    guider: Guider,
    *,
    height: int,
    width: int,
    device: torch.device,
    uses_uncond: bool = False,
) -> Denoiser:
    """A function (x, sigma) -> `Prediction` for latents of `height` x `width` cells on `device`.

    uses_uncond: evaluate the negative even where cfg 1 makes it unnecessary.
    """
    positive, negative = resolve_regions(guider.positive, guider.negative, flow, height, width, device)
    guided = guider.negative is not None
    needs_negative = guided and (guider.cfg != 1.0 or uses_uncond)
    window = _skip_window(guider.skip_layer, flow)

    def denoise(x: Tensor, sigma: float) -> Prediction:
        lists = (positive, negative) if needs_negative else (positive,)
        predictions = _predict(model, flow, x, sigma, lists)
        x0 = with_text = predictions[0]
        uncond = predictions[1] if needs_negative else None
        if uncond is not None:
            x0 = uncond + (with_text - uncond) * guider.cfg
        if window is not None and window.sigma_end <= sigma <= window.sigma_start:
            (without_layers,) = _predict(model, flow, x, sigma, (positive,), window.layers)
            x0 = x0 + (with_text - without_layers) * window.scale
        return Prediction(x0, x0 if uncond is None else uncond)

    return denoise


def _skip_window(skip: SkipLayerGuidance | None, flow: FlowSettings) -> _Window | None:
    if skip is None or not skip.layers or skip.scale == 0.0:
        return None
    start, end = percent_to_sigma(flow, skip.start_percent), percent_to_sigma(flow, skip.end_percent)
    return _Window(skip.layers, skip.scale, start, end)


def _predict(
    model: VelocityModel,
    flow: FlowSettings,
    x: Tensor,
    sigma: float,
    lists: Sequence[Sequence[Region]],
    skip_layers: frozenset[int] = frozenset(),
) -> list[Tensor]:
    """The averaged prediction of each list. Regions of equal shapes, also of different lists, share a network call."""
    active = [[region for region in regions if region.is_active(sigma)] for regions in lists]
    x0_of: dict[int, Tensor] = {}
    for group in _same_shapes([region for regions in active for region in regions]):
        for region, x0 in zip(group, _evaluate(model, flow, x, sigma, group, skip_layers), strict=True):
            x0_of[id(region)] = x0
    return [_average(x, regions, [x0_of[id(region)] for region in regions]) for regions in active]


def _same_shapes(regions: Sequence[Region]) -> list[list[Region]]:
    groups: dict[tuple[int, ...], list[Region]] = {}
    for region in regions:
        size = (region.box.height, region.box.width) if region.box else ()
        groups.setdefault((*region.cond.shape[1:], *size), []).append(region)
    return list(groups.values())


def _evaluate(
    model: VelocityModel,
    flow: FlowSettings,
    x: Tensor,
    sigma: float,
    group: Sequence[Region],
    skip_layers: frozenset[int],
) -> Sequence[Tensor]:
    """The clean latent each region of the group predicts for its cells, [B, C, h, w] of its box."""
    batch = x.shape[0]
    crops = [region.box.crop(x) if region.box else x for region in group]
    xs = torch.cat(crops)  # [G * B, C, h, w]
    timestep = torch.full((xs.shape[0],), sigma * flow.multiplier, dtype=torch.float32, device=x.device)
    context = torch.cat([fit_batch(region.cond, batch) for region in group])  # [G * B, L, D]
    pooled = torch.cat([fit_batch(region.pooled, batch) for region in group])  # [G * B, P]
    velocity = model(xs, timestep, context, pooled, skip_layers=skip_layers)
    return (xs - velocity.to(torch.float32) * sigma).chunk(len(group))


def _average(x: Tensor, regions: Sequence[Region], predictions: Sequence[Tensor]) -> Tensor:
    """Weighted mean per cell; 0 where no region has weight."""
    if len(regions) == 1 and regions[0].box is None and regions[0].mask is None and regions[0].strength != 0.0:
        return predictions[0]
    height, width = x.shape[-2:]
    total = torch.zeros_like(x)
    weight_sum = x.new_zeros(x.shape[0], 1, height, width)
    for region, x0 in zip(regions, predictions, strict=True):
        weights = fit_batch(region.weights(height, width, x.device), x.shape[0])
        for target, value in ((total, x0 * weights), (weight_sum, weights)):
            part = region.box.crop(target) if region.box else target
            part += value
    return torch.where(weight_sum == 0, 0.0, total / torch.where(weight_sum == 0, 1.0, weight_sum))


def keep_outside(denoise: Denoiser, mask: Tensor, latent: Tensor, noise: Tensor) -> Denoiser:
    """`denoise` that may change only what `mask` allows.

    mask: [B, 1, h, w], 1 where the picture may change; latent, noise: [B, C, h, w], model space. Before each evaluation
    x outside becomes the latent with `noise` at the current sigma, afterwards x0 outside is the latent itself.
    """

    def denoise_inside(x: Tensor, sigma: float) -> Prediction:
        outside = noise * sigma + latent * (1.0 - sigma)
        x0, uncond = denoise(x * mask + outside * (1.0 - mask), sigma)
        return Prediction(x0 * mask + latent * (1.0 - mask), uncond)

    return denoise_inside
