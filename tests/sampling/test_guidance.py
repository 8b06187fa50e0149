"""Guidance, ranges, areas and masks, with a network that paints each prompt's own number."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from sd35graph.sampling import conditioning as ops
from sd35graph.sampling.flow import percent_to_sigma
from sd35graph.sampling.guidance import keep_outside, make_denoiser
from sd35graph.sampling.regions import resize_noise_mask
from sd35graph.sampling.state import Denoiser, Prediction
from sd35graph.values import (
    Conditioning,
    ConditioningEntry,
    FlowSettings,
    FractionArea,
    GuidanceOptions,
    Guider,
    PixelArea,
    SkipLayerGuidance,
)

FLOW = FlowSettings(shift=3.0)
HEIGHT, WIDTH = 24, 16
PLAIN = GuidanceOptions()


@dataclass
class Painter:
    """A `VelocityModel` whose x0 is the first number of the prompt, minus one for each skipped layer."""

    shapes: list[tuple[int, ...]] = field(default_factory=list)
    prompts: list[list[float]] = field(default_factory=list)
    timesteps: list[float] = field(default_factory=list)

    def __call__(
        self, x: Tensor, timestep: Tensor, context: Tensor, pooled: Tensor, skip_layers: frozenset[int] = frozenset()
    ) -> Tensor:
        assert len(x) == len(timestep) == len(context) == len(pooled)
        self.shapes.append(tuple(x.shape))
        self.prompts.append(context[:, 0, 0].tolist())
        self.timesteps.append(timestep[0].item())
        x0 = context[:, :1, :1, None] - float(len(skip_layers))
        return (x - x0) / (timestep / FLOW.multiplier)[:, None, None, None]


def prompt(value: float, tokens: int = 5) -> Conditioning:
    return Conditioning((ConditioningEntry(torch.full((1, tokens, 3), value), torch.zeros(1, 2)),))


def denoiser(
    positive: Conditioning,
    negative: Conditioning | None = None,
    cfg: float = 1.0,
    *,
    options: GuidanceOptions = PLAIN,
    uses_uncond: bool = False,
) -> tuple[Denoiser, Painter]:
    painter = Painter()
    guider = Guider(positive, negative, cfg, options)
    device = torch.device("cpu")
    return make_denoiser(
        painter, FLOW, guider, height=HEIGHT, width=WIDTH, device=device, uses_uncond=uses_uncond
    ), painter


def noisy(batch: int = 1) -> Tensor:
    return torch.randn(batch, 16, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))


def value(prediction: Tensor) -> float:
    """The one number all of `prediction` has."""
    torch.testing.assert_close(prediction, prediction.flatten()[0].expand(prediction.shape), atol=1e-4, rtol=1e-4)
    return float(prediction.flatten()[0])


def test_guidance_extrapolates_from_negative_to_positive() -> None:
    denoise, _ = denoiser(prompt(2.0), prompt(1.0), 4.0)
    x0, uncond = denoise(noisy(), 0.5)
    assert value(x0) == pytest.approx(5.0, abs=1e-4)
    assert value(uncond) == pytest.approx(1.0, abs=1e-4)


def test_network_is_told_sigma_times_multiplier() -> None:
    denoise, painter = denoiser(prompt(2.0))
    denoise(noisy(), 0.25)
    assert painter.timesteps == [250.0]


def test_negative_is_not_evaluated_at_cfg_one_unless_the_sampler_needs_it() -> None:
    denoise, painter = denoiser(prompt(2.0), prompt(1.0), 1.0)
    x0, uncond = denoise(noisy(), 0.5)
    assert painter.prompts == [[2.0]]
    assert torch.equal(x0, uncond)
    denoise, painter = denoiser(prompt(2.0), prompt(1.0), 1.0, uses_uncond=True)
    x0, uncond = denoise(noisy(), 0.5)
    assert (value(x0), value(uncond)) == (pytest.approx(2.0, abs=1e-4), pytest.approx(1.0, abs=1e-4))


def test_cfg_zero_gives_the_negative() -> None:
    denoise, _ = denoiser(prompt(2.0), prompt(1.0), 0.0)
    assert value(denoise(noisy(), 0.5).x0) == pytest.approx(1.0, abs=1e-4)


def test_prompts_of_equal_shape_share_one_call() -> None:
    denoise, painter = denoiser(ops.combine(prompt(2.0), prompt(3.0)), prompt(1.0), 4.0)
    denoise(noisy(batch=2), 0.5)
    assert painter.prompts == [[2.0, 2.0, 3.0, 3.0, 1.0, 1.0]]


def test_prompts_of_different_length_are_never_padded() -> None:
    denoise, painter = denoiser(prompt(2.0), prompt(1.0, tokens=9), 4.0)
    assert value(denoise(noisy(), 0.5).x0) == pytest.approx(5.0, abs=1e-4)
    assert painter.prompts == [[2.0], [1.0]]


def test_combined_prompts_are_averaged_by_strength() -> None:
    both = ops.combine(ops.set_area_strength(prompt(2.0), 3.0), prompt(6.0))
    assert value(denoiser(both)[0](noisy(), 0.5).x0) == pytest.approx(3.0, abs=1e-4)


def test_entries_are_active_up_to_both_ends_of_their_range() -> None:
    both = ops.combine(ops.set_timestep_range(prompt(2.0), 0.0, 0.4), ops.set_timestep_range(prompt(4.0), 0.4, 1.0))
    denoise, _ = denoiser(both)
    boundary = percent_to_sigma(FLOW, 0.4)
    results = [value(denoise(noisy(), sigma).x0) for sigma in (1.0, boundary + 1e-6, boundary, boundary - 1e-6, 0.01)]
    assert results == pytest.approx([2.0, 2.0, 3.0, 4.0, 4.0], abs=1e-3)


def test_inactive_negative_predicts_zero() -> None:
    denoise, painter = denoiser(prompt(2.0), ops.set_timestep_range(prompt(1.0), 0.0, 0.3), 4.0)
    assert value(denoise(noisy(), 0.1).x0) == pytest.approx(8.0, abs=1e-4)
    assert painter.prompts == [[2.0]]


def test_gap_in_the_positive_predicts_zero() -> None:
    denoise, _ = denoiser(ops.set_timestep_range(prompt(2.0), 0.0, 0.3), prompt(1.0), 4.0)
    assert value(denoise(noisy(), 0.1).x0) == pytest.approx(1.0 + 4.0 * (0.0 - 1.0), abs=1e-4)


def test_prediction_depends_on_sigma_and_not_on_the_order_of_calls() -> None:
    denoise, _ = denoiser(ops.set_timestep_range(prompt(2.0), 0.0, 0.3), prompt(1.0), 4.0)
    late = denoise(noisy(), 0.1).x0
    denoise(noisy(), 1.0)
    assert torch.equal(denoise(noisy(), 0.1).x0, late)


def test_network_sees_only_the_area_and_nothing_is_predicted_outside() -> None:
    area = ops.set_area(prompt(2.0), PixelArea(width=64, height=96, x=32, y=64), 1.0)
    denoise, painter = denoiser(area)
    x0 = denoise(noisy(), 0.5).x0
    assert painter.shapes == [(1, 16, 12, 8)]
    inside = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    inside[8:20, 4:12] = True
    torch.testing.assert_close(x0[0, 0][inside], torch.full((12 * 8,), 2.0), atol=1e-4, rtol=0)
    assert not bool(x0[0, 0][~inside].any())


def test_area_edges_inside_the_picture_fade_and_those_on_its_border_do_not() -> None:
    # 8 x 16 cells in the upper left corner: a quarter of the height fades at the bottom, the rest is border.
    area = ops.set_area(prompt(2.0), PixelArea(width=128, height=64, x=0, y=0), 1.0)
    x0 = denoiser(ops.combine(area, prompt(0.0)))[0](noisy(), 0.5).x0
    weight = x0[0, 0, :, 5] / 2.0  # w / (w + 1)
    expected = [0.5] * 6 + [1 / 2, 0.5 / 1.5] + [0.0] * 16
    assert weight.tolist() == pytest.approx(expected, abs=1e-4)


def test_area_is_clipped_to_the_picture_and_one_outside_takes_no_part() -> None:
    clipped = ops.set_area(prompt(2.0), PixelArea(width=128, height=128, x=64, y=128), 1.0)
    denoise, painter = denoiser(clipped)
    denoise(noisy(), 0.5)
    assert painter.shapes == [(1, 16, 8, 8)]
    outside = ops.set_area(prompt(2.0), PixelArea(width=64, height=64, x=0, y=8 * HEIGHT), 1.0)
    assert value(denoiser(ops.combine(outside, prompt(3.0)))[0](noisy(), 0.5).x0) == pytest.approx(3.0, abs=1e-4)


def test_fraction_area_is_rounded_and_at_least_one_cell() -> None:
    denoise, painter = denoiser(ops.set_area_percentage(prompt(2.0), FractionArea(0.5, 0.4, 0.25, 0.3), 1.0))
    denoise(noisy(), 0.5)
    tiny, tiny_painter = denoiser(ops.set_area_percentage(prompt(2.0), FractionArea(0.0, 0.0, 0.0, 0.0), 1.0))
    tiny(noisy(), 0.5)
    assert (painter.shapes, tiny_painter.shapes) == ([(1, 16, 10, 8)], [(1, 16, 1, 1)])


def test_area_in_the_positive_gets_the_negative_in_the_same_area() -> None:
    area = ops.set_area(prompt(2.0), PixelArea(width=64, height=96, x=32, y=64), 1.0)
    denoise, painter = denoiser(area, prompt(1.0), 4.0)
    x0 = denoise(noisy(), 0.5).x0
    assert painter.shapes == [(2, 16, 12, 8), (1, 16, HEIGHT, WIDTH)]
    assert painter.prompts == [[2.0, 1.0], [1.0]]
    assert float(x0[0, 0, 14, 8]) == pytest.approx(1 + 4 * (2 - 1), abs=1e-4)
    assert float(x0[0, 0, 0, 0]) == pytest.approx(1 + 4 * (0 - 1), abs=1e-4)


def test_area_in_the_negative_gets_the_positive_in_the_same_area() -> None:
    area = ops.set_area(prompt(1.0), PixelArea(width=64, height=96, x=32, y=64), 1.0)
    denoise, painter = denoiser(prompt(2.0), ops.combine(area, prompt(0.0)), 4.0)
    denoise(noisy(), 0.5)
    assert sorted(painter.prompts) == [[2.0, 0.0], [2.0, 1.0]]


def test_masked_prompt_weighs_by_mask_times_strength() -> None:
    mask = torch.zeros(1, HEIGHT, WIDTH)
    mask[:, :, 8:] = 1.0
    masked = ops.set_mask(prompt(4.0), mask, 0.5)
    x0 = denoiser(ops.combine(masked, prompt(1.0)))[0](noisy(), 0.5).x0
    assert float(x0[0, 0, 0, 0]) == pytest.approx(1.0, abs=1e-4)
    assert float(x0[0, 0, 0, 12]) == pytest.approx((0.5 * 4 + 1) / 1.5, abs=1e-4)


def test_mask_bounds_show_the_network_only_the_box_of_the_mask() -> None:
    mask = torch.zeros(1, HEIGHT, WIDTH)
    mask[:, 3:15, 6:8] = 1.0  # 12 x 2, widened to 12 x 8
    denoise, painter = denoiser(ops.set_mask(prompt(4.0), mask, 1.0, "mask bounds"))
    denoise(noisy(), 0.5)
    empty, empty_painter = denoiser(ops.set_mask(prompt(4.0), torch.zeros(1, 8, 8), 1.0, "mask bounds"))
    assert value(empty(noisy(), 0.5).x0) == 0.0
    assert (painter.shapes, empty_painter.shapes) == ([(1, 16, 12, 8)], [(1, 16, 8, 8)])


def test_skipped_layers_push_away_inside_their_range_only() -> None:
    skip = SkipLayerGuidance(frozenset({1, 2}), scale=0.5, start_percent=0.1, end_percent=0.4)
    options = GuidanceOptions(skip_layers=(skip,))
    denoise, painter = denoiser(prompt(3.0), prompt(1.0), 2.0, options=options)
    sigmas = (1.0, percent_to_sigma(FLOW, 0.1), percent_to_sigma(FLOW, 0.4), 0.1)
    # Without two layers the painter is 2 lower, so the difference adds 0.5 * 2.
    assert [value(denoise(noisy(), s).x0) for s in sigmas] == pytest.approx([5.0, 6.0, 6.0, 5.0], abs=1e-3)
    assert len(painter.prompts) == 4 + 2
    alone, _ = denoiser(prompt(3.0), None, 1.0, options=options)
    assert value(alone(noisy(), sigmas[1]).x0) == pytest.approx(4.0, abs=1e-4)


def test_conditioning_batches_are_repeated_to_the_latent_batch() -> None:
    two = Conditioning((ConditioningEntry(torch.tensor([1.0, 2.0]).reshape(2, 1, 1), torch.zeros(2, 2)),))
    denoise, painter = denoiser(two)
    denoise(noisy(batch=3), 0.5)
    assert painter.prompts == [[1.0, 2.0, 1.0]]


def test_noise_mask_pins_what_lies_outside() -> None:
    seen: list[Tensor] = []

    def inner(x: Tensor, sigma: float) -> Prediction:
        seen.append(x)
        return Prediction(torch.full_like(x, 9.0), torch.full_like(x, 8.0))

    mask = resize_noise_mask(torch.tensor([[[1.0, 0.25, 0.0]]]), 2, 1, 3)
    latent, noise = torch.full((2, 16, 1, 3), 2.0), torch.full((2, 16, 1, 3), -1.0)
    x0, uncond = keep_outside(inner, mask, latent, noise)(torch.full((2, 16, 1, 3), 5.0), 0.25)
    known = 0.25 * -1.0 + 0.75 * 2.0
    assert seen[0][1, 3, 0].tolist() == pytest.approx([5.0, 0.25 * 5 + 0.75 * known, known])
    assert x0[1, 3, 0].tolist() == pytest.approx([9.0, 0.25 * 9 + 0.75 * 2, 2.0])
    assert uncond[0, 0, 0].tolist() == [8.0, 8.0, 8.0]


def test_guidance_acts_only_in_its_interval_and_saves_the_negative_elsewhere() -> None:
    options = GuidanceOptions(start_percent=0.1, end_percent=0.4)
    denoise, painter = denoiser(prompt(2.0), prompt(1.0), 4.0, options=options)
    sigmas = (1.0, percent_to_sigma(FLOW, 0.1), percent_to_sigma(FLOW, 0.4), 0.1)
    assert [value(denoise(noisy(), s).x0) for s in sigmas] == pytest.approx([2.0, 5.0, 5.0, 2.0], abs=1e-3)
    assert painter.prompts == [[2.0], [2.0, 1.0], [2.0, 1.0], [2.0]]
    always, _ = denoiser(prompt(2.0), prompt(1.0), 4.0, options=options, uses_uncond=True)
    x0, uncond = always(noisy(), 1.0)
    assert (value(x0), value(uncond)) == (pytest.approx(2.0, abs=1e-4), pytest.approx(1.0, abs=1e-4))


def striped(x: Tensor, timestep: Tensor, context: Tensor, pooled: Tensor, **_: frozenset[int]) -> Tensor:
    """A network whose x0 is a fixed pattern times the prompt's number."""
    pattern = torch.linspace(-1, 1, WIDTH).expand(x.shape)
    return (x - pattern * context[:, :1, :1, None]) / (timestep / FLOW.multiplier)[:, None, None, None]


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_rescaled_guidance_has_the_deviation_of_the_positive(share: float) -> None:
    x, sigma = noisy(batch=2), 0.8
    results = []
    for rescale in (0.0, share):
        guider = Guider(prompt(2.0), prompt(1.0), 6.0, GuidanceOptions(rescale=rescale))
        denoise = make_denoiser(striped, FLOW, guider, height=HEIGHT, width=WIDTH, device=torch.device("cpu"))
        results.append(x / (1 + sigma**2) - denoise(x, sigma).x0)
    pattern = torch.linspace(-1, 1, WIDTH).expand(x.shape)
    positive = x / (1 + sigma**2) - 2.0 * pattern
    for plain, rescaled, text in zip(*results, positive, strict=True):
        want = share * text.std() + (1 - share) * plain.std()
        assert float(rescaled.std()) == pytest.approx(float(want), rel=1e-4)
        torch.testing.assert_close(rescaled / rescaled.std(), plain / plain.std(), atol=1e-4, rtol=0)


def test_rescaled_skip_layer_guidance_has_the_deviation_of_the_positive() -> None:
    def network(x: Tensor, timestep: Tensor, context: Tensor, pooled: Tensor, skip_layers: frozenset[int]) -> Tensor:
        return striped(x, timestep, context / 2 if skip_layers else context, pooled)

    skip = SkipLayerGuidance(frozenset({1}), scale=3.0, start_percent=0.0, end_percent=1.0, rescale=1.0)
    guider = Guider(prompt(2.0), None, 1.0, GuidanceOptions(skip_layers=(skip,)))
    denoise = make_denoiser(network, FLOW, guider, height=HEIGHT, width=WIDTH, device=torch.device("cpu"))
    # Without the layer the pattern is half as strong; 3 times the difference and the rescaling cancel here.
    torch.testing.assert_close(
        denoise(noisy(), 0.8).x0, 2.0 * torch.linspace(-1, 1, WIDTH).expand(1, 16, HEIGHT, WIDTH), atol=1e-4, rtol=0
    )


def test_middle_prompt_lies_between_the_negative_and_the_positive() -> None:
    painter = Painter()
    guider = Guider(prompt(5.0), prompt(1.0), 4.0, middle=prompt(2.0), cfg_middle=3.0)
    denoise = make_denoiser(painter, FLOW, guider, height=HEIGHT, width=WIDTH, device=torch.device("cpu"))
    x0, uncond = denoise(noisy(), 0.5)
    assert value(x0) == pytest.approx(1 + 3 * (2 - 1) + 4 * (5 - 2), abs=1e-3)
    assert value(uncond) == pytest.approx(1.0, abs=1e-4)
    assert painter.prompts == [[5.0, 2.0, 1.0]]


def test_area_in_one_of_three_prompts_gets_the_others_in_the_same_area() -> None:
    area = ops.set_area(prompt(5.0), PixelArea(width=64, height=96, x=32, y=64), 1.0)
    painter = Painter()
    guider = Guider(area, prompt(1.0), 4.0, middle=prompt(2.0), cfg_middle=3.0)
    denoise = make_denoiser(painter, FLOW, guider, height=HEIGHT, width=WIDTH, device=torch.device("cpu"))
    x0 = denoise(noisy(), 0.5).x0
    assert sorted(painter.prompts) == [[2.0, 1.0], [5.0, 2.0, 1.0]]
    # The whole and the area of one prompt agree, so inside it is as without an area, and outside the positive is 0.
    assert float(x0[0, 0, 14, 8]) == pytest.approx(1 + 3 * (2 - 1) + 4 * (5 - 2), abs=1e-3)
    assert float(x0[0, 0, 0, 0]) == pytest.approx(1 + 3 * (2 - 1) + 4 * (0 - 2), abs=1e-3)


def test_rescaling_a_constant_prediction_is_no_division_by_zero() -> None:
    skip = SkipLayerGuidance(frozenset({1}), scale=1.0, start_percent=0.0, end_percent=1.0, rescale=1.0)
    nowhere = ops.set_timestep_range(prompt(2.0), 0.0, 0.1)
    denoise, _ = denoiser(nowhere, options=GuidanceOptions(skip_layers=(skip,)))
    assert not bool(denoise(noisy(), 0.1).x0.any())
