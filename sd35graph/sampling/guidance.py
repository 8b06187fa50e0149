"""From conditioning to one guided prediction per call: classifier-free guidance on predictions of the clean latent.

Guidance: "Classifier-Free Diffusion Guidance" (arXiv 2207.12598), applied to x0. Skip-layer guidance:
Stability-AI/sd3.5 `sd3_impls.py`, SkipLayerCFGDenoiser (MIT), here switched by sigma instead of by step. A prediction
depends on x and sigma alone, never on how often or in which order it was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from sd35graph.sampling.flow import percent_to_sigma
from sd35graph.sampling.regions import Region, fit_batch, resolve_regions
from sd35graph.sampling.state import Denoiser, Prediction
from sd35graph.values import Conditioning, Control, FlowSettings, Guider


class VelocityModel(Protocol):
    """A rectified-flow network: the velocity of x at a noise level."""

    def __call__(
        self,
        x: Tensor,
        timestep: Tensor,
        context: Tensor,
        pooled: Tensor,
        skip_layers: frozenset[int] = frozenset(),
        controls: Sequence[Control] = (),
        corner: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """x [B, 16, h, w], timestep [B], context [B, L, D], pooled [B, P] -> velocity [B, 16, h, w].

        controls: what steers it; `corner` is then the top and left cell of the part of the latent that x is. Neither is
        passed without controls, so that a model that knows none need not take them.
        """
        ...


Role = Literal["positive", "middle", "negative"]


@dataclass(frozen=True, slots=True)
class _Window:
    """A part of schedule time as sigmas; both ends count."""

    sigma_start: float
    sigma_end: float

    def holds(self, sigma: float) -> bool:
        return self.sigma_end <= sigma <= self.sigma_start


def _window(flow: FlowSettings, start_percent: float, end_percent: float) -> _Window:
    if not 0.0 <= start_percent <= end_percent <= 1.0:
        raise ValueError(f"guidance must act from 0 or later to 1 or earlier, got {start_percent} to {end_percent}")
    return _Window(percent_to_sigma(flow, start_percent), percent_to_sigma(flow, end_percent))


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
    options = guider.options
    regions = _regions(guider, flow, height, width, device)
    weights = _weights(guider)
    extra: set[Role] = {"negative"} if uses_uncond and guider.negative is not None else set()
    interval = _window(flow, options.start_percent, options.end_percent)
    skips = [
        (skip, _window(flow, skip.start_percent, skip.end_percent))
        for skip in options.skip_layers
        if skip.layers and skip.scale
    ]

    def denoise(x: Tensor, sigma: float) -> Prediction:
        shares = weights if interval.holds(sigma) else _POSITIVE_ALONE
        wanted = {"positive", *(role for role, share in shares.items() if share), *extra}
        roles = [role for role in regions if role in wanted]
        found = dict(zip(roles, _predict(model, flow, x, sigma, [regions[role] for role in roles]), strict=True))
        positive, uncond = found["positive"], found.get("negative")
        x0 = _mix([(found[role], share) for role, share in shares.items() if share])
        if options.rescale and x0 is not positive:
            x0 = _rescale_velocity(x, sigma, x0, positive, options.rescale)
        for skip, window in skips:
            if window.holds(sigma):
                (without,) = _predict(model, flow, x, sigma, (regions["positive"],), skip.layers)
                x0 = x0 + (positive - without) * skip.scale
                x0 = x0 * _contrast(positive, x0, skip.rescale) if skip.rescale else x0
        return Prediction(x0, x0 if uncond is None else uncond)

    return denoise


def _regions(
    guider: Guider, flow: FlowSettings, height: int, width: int, device: torch.device
) -> dict[Role, tuple[Region, ...]]:
    prompts: dict[Role, Conditioning | None] = {
        "positive": guider.positive,
        "middle": guider.middle,
        "negative": guider.negative,
    }
    given = {role: prompt for role, prompt in prompts.items() if prompt is not None}
    return dict(zip(given, resolve_regions(list(given.values()), flow, height, width, device), strict=True))


_POSITIVE_ALONE: dict[Role, float] = {"positive": 1.0}


def _weights(guider: Guider) -> dict[Role, float]:
    """The share of each prediction in the guided one; they add up to 1."""
    if guider.negative is None:
        return _POSITIVE_ALONE
    if guider.middle is None:
        return {"positive": guider.cfg, "negative": 1.0 - guider.cfg}
    middle = guider.cfg_middle
    return {"positive": guider.cfg, "middle": middle - guider.cfg, "negative": 1.0 - middle}


def _mix(parts: Sequence[tuple[Tensor, float]]) -> Tensor:
    """The weighted sum; a single part of weight 1 is given back as it is."""
    if len(parts) == 1 and parts[0][1] == 1.0:
        return parts[0][0]
    total = parts[0][0] * parts[0][1]
    for tensor, weight in parts[1:]:
        total = torch.add(total, tensor, alpha=weight)
    return total


def _rescale_velocity(x: Tensor, sigma: float, x0: Tensor, positive: Tensor, share: float) -> Tensor:
    """Guidance with part of its gain in contrast taken back (arXiv 2305.08891, equations 15 and 16).

    The paper compares deviations of the network's output. Users of this setting know it on the v of k-diffusion's
    CompVisVDenoiser (`external.py`, MIT), v ~ x / (1 + sigma^2) - x0, whatever the model; so it is taken here.
    """
    base = x / (1.0 + sigma**2)
    return base - (base - x0) * _contrast(base - positive, base - x0, share)


def _contrast(wanted: Tensor, given: Tensor, share: float) -> Tensor:
    """The factor that brings the deviation of each row of `given` by `share` to that of `wanted`, [B, 1, 1, 1]."""
    dims = tuple(range(1, given.ndim))
    ratio = wanted.std(dim=dims, keepdim=True) / given.std(dim=dims, keepdim=True).clamp_min(1e-12)
    return ratio * share + (1.0 - share)


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
    for group in _batches([region for regions in active for region in regions], sigma):
        for region, x0 in zip(group, _evaluate(model, flow, x, sigma, group, skip_layers), strict=True):
            x0_of[id(region)] = x0
    return [_average(x, regions, [x0_of[id(region)] for region in regions]) for regions in active]


def _batches(regions: Sequence[Region], sigma: float) -> list[list[Region]]:
    """Regions that can share a network call: of equal shapes, and under controls of the same cells and controls."""
    groups: dict[tuple[object, ...], list[Region]] = {}
    for region in regions:
        size = (region.box.height, region.box.width) if region.box else ()
        controls = region.controls_at(sigma)
        groups.setdefault((*region.cond.shape[1:], *size, controls, controls and region.box), []).append(region)
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
    controls, box = group[0].controls_at(sigma), group[0].box
    if controls:
        corner = (box.top, box.left) if box else (0, 0)
        velocity = model(xs, timestep, context, pooled, skip_layers=skip_layers, controls=controls, corner=corner)
    else:
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
