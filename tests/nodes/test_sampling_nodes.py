"""Nodes that sample, make schedules and change guidance, with a network whose answers are known."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from sd35graph import Conditioning, ConditioningEntry, Latent
from sd35graph.models.errors import InputShapeError
from sd35graph.models.handles import GuidedModel, ModelHandle, WeightsRef
from sd35graph.models.loading.pool import ModelPool
from sd35graph.sampling.flow import sigma_table
from sd35graph.sampling.guidance import make_denoiser
from sd35graph.sampling.noise import make_noise
from sd35graph.values import (
    FlowSettings,
    FractionArea,
    GuidanceOptions,
    PixelArea,
    SigmaSchedule,
    SkipLayerGuidance,
    latent_to_model,
)
from sd35graph_nodes import custom_sampling, guidance, sampling, sigmas

FLOW = FlowSettings()
MODEL = ModelHandle(WeightsRef(Path("m.safetensors"), "1", "mmdit"))  # type: ignore[arg-type] # never opened
SHAPE = (1, 16, 4, 6)
EMPTY = Latent(torch.zeros(SHAPE))
PICTURE = Latent(make_noise(SHAPE, 9))


class Network:
    """A smooth velocity that depends on all it is given, for a model of 3 blocks."""

    config = SimpleNamespace(depth=3)

    def __call__(
        self, x: Tensor, timestep: Tensor, context: Tensor, pooled: Tensor, skip_layers: frozenset[int] = frozenset()
    ) -> Tensor:
        sigma = (timestep / 1000)[:, None, None, None]
        text = context.mean(dim=(1, 2))[:, None, None, None] + 0.3 * len(skip_layers)
        return x - torch.tanh(x.roll(1, dims=-1) * (1.2 - sigma) + text)


class Pool:
    device = torch.device("cpu")

    def mmdit(self, handle: ModelHandle) -> Network:
        return Network()


@dataclass
class SamplingContext:
    """A context with a pool, which counts steps and previews."""

    steps: list[tuple[float, float]] = field(default_factory=list)
    previews: int = 0
    warned: list[str] = field(default_factory=list)

    def resource(self, kind: type) -> Any:
        assert kind is ModelPool
        return Pool()

    def progress(self, value: float, total: float) -> None:
        self.steps.append((value, total))

    def preview(self, image: bytes, media_type: str) -> None:
        self.previews += 1

    def warn(self, message: str) -> None:
        self.warned.append(message)


def prompt(value: float) -> Conditioning:
    return Conditioning((ConditioningEntry(torch.full((1, 3, 4), value), torch.zeros(1, 2)),))


COMMON: dict[str, Any] = {"model": MODEL, "cfg": 3.0, "positive": prompt(0.3), "negative": prompt(-0.2)}


def ksample(latent: Latent = EMPTY, ctx: SamplingContext | None = None, **changes: Any) -> Tensor:
    values = {**COMMON, "seed": 4, "steps": 6, "sampler_name": "euler", "scheduler": "simple", "latent_image": latent}
    return sampling.ksampler(ctx or SamplingContext(), **values | changes).samples


def advanced(latent: Latent = EMPTY, **changes: Any) -> Latent:
    values = {
        **COMMON,
        "noise_seed": 4,
        "steps": 6,
        "sampler_name": "euler",
        "scheduler": "simple",
        "latent_image": latent,
        "add_noise": "enable",
        "start_at_step": 0,
        "end_at_step": 10_000,
        "return_with_leftover_noise": "disable",
    }
    return sampling.ksampler_advanced(SamplingContext(), **values | changes)


def schedule(steps: int = 6, denoise: float = 1.0) -> SigmaSchedule:
    return sigmas.basic_scheduler(model=MODEL, scheduler="simple", steps=steps, denoise=denoise)


def test_every_step_reports_progress_and_a_preview() -> None:
    ctx = SamplingContext()
    ksample(ctx=ctx)
    assert ctx.steps == [(step, 6) for step in range(1, 7)]
    assert ctx.previews == 6


def test_parts_of_the_steps_make_the_whole() -> None:
    assert torch.equal(advanced().samples, ksample())
    first = advanced(end_at_step=2, return_with_leftover_noise="enable")
    rest = advanced(first, start_at_step=2, add_noise="disable")
    torch.testing.assert_close(rest.samples, ksample(), atol=1e-4, rtol=0)
    assert not torch.allclose(advanced(end_at_step=2).samples, first.samples, atol=0.1)
    assert advanced(PICTURE, start_at_step=6).samples is PICTURE.samples


@pytest.mark.parametrize("sampler", ["euler", "euler_ancestral", "dpmpp_2m_sde"])
def test_custom_sampling_does_what_the_sampler_node_does(sampler: str) -> None:
    wanted = ksample(PICTURE, sampler_name=sampler)
    chosen = custom_sampling.ksampler_select(sampler)
    guider = custom_sampling.cfg_guider(**COMMON)
    noise = custom_sampling.random_noise(4)
    result = custom_sampling.sampler_custom_advanced(SamplingContext(), noise, guider, chosen, schedule(), PICTURE)
    assert torch.equal(result.output.samples, wanted)
    assert result.denoised_output.samples.shape == SHAPE
    plain = custom_sampling.sampler_custom(
        SamplingContext(), **COMMON, noise_seed=4, sampler=chosen, sigmas=schedule(), latent_image=PICTURE
    )
    assert torch.equal(plain.output.samples, wanted)


def test_without_noise_the_seed_still_serves_the_sampler_in_the_simple_node() -> None:
    chosen = custom_sampling.ksampler_select("euler_ancestral")

    def simple(seed: int) -> Tensor:
        settings = {"add_noise": False, "noise_seed": seed, "sampler": chosen, "sigmas": schedule()}
        return custom_sampling.sampler_custom(SamplingContext(), **COMMON, **settings, latent_image=PICTURE)[0].samples

    guider = custom_sampling.cfg_guider(**COMMON)
    none = custom_sampling.disable_noise()
    result = custom_sampling.sampler_custom_advanced(SamplingContext(), none, guider, chosen, schedule(), PICTURE)
    assert torch.equal(result.output.samples, simple(0))
    assert not torch.allclose(simple(0), simple(1), atol=1e-3)


def test_no_sigmas_leave_the_latent_as_it_is() -> None:
    guider = custom_sampling.basic_guider(MODEL, prompt(1.0))
    for nothing in (schedule(denoise=0.0), SigmaSchedule(torch.tensor([0.7]))):
        result = custom_sampling.sampler_custom_advanced(
            SamplingContext(),
            custom_sampling.random_noise(1),
            guider,
            custom_sampling.ksampler_select("euler"),
            nothing,
            PICTURE,
        )
        assert result.output.samples is result.denoised_output.samples is PICTURE.samples


def test_noise_is_mixed_in_over_the_range_of_the_sigmas() -> None:
    noise = custom_sampling.random_noise(5)
    cut = SigmaSchedule(torch.tensor([0.9, 0.5, 0.3]))
    noisy = latent_to_model(custom_sampling.add_noise(MODEL, noise, cut, PICTURE).samples)
    wanted = 0.6 * make_noise(SHAPE, 5) + 0.4 * latent_to_model(PICTURE.samples)
    torch.testing.assert_close(noisy, wanted, atol=1e-5, rtol=0)
    one = latent_to_model(custom_sampling.add_noise(MODEL, noise, SigmaSchedule(torch.tensor([0.9])), EMPTY).samples)
    torch.testing.assert_close(one, 0.9 * make_noise(SHAPE, 5), atol=1e-5, rtol=0)
    unchanged = custom_sampling.add_noise(MODEL, noise, SigmaSchedule(torch.empty(0)), PICTURE)
    assert unchanged.samples is PICTURE.samples


def predicted(guided: GuidedModel) -> float:
    """The guided x0 of a network that paints each prompt's number."""

    def network(x: Tensor, timestep: Tensor, context: Tensor, pooled: Tensor, **_: object) -> Tensor:
        return (x - context[:, :1, :1, None]) / (timestep / 1000)[:, None, None, None]

    denoise = make_denoiser(network, FLOW, guided.guider, height=4, width=6, device=torch.device("cpu"))
    return float(denoise(make_noise(SHAPE, 1), 0.5).x0.mean())


def test_guiders_combine_their_prompts() -> None:
    assert predicted(custom_sampling.basic_guider(MODEL, prompt(2.0))) == pytest.approx(2.0, abs=1e-3)
    assert predicted(custom_sampling.cfg_guider(MODEL, prompt(2.0), prompt(1.0), 4.0)) == pytest.approx(5.0, abs=1e-3)
    prompts = {"model": MODEL, "cond1": prompt(5.0), "cond2": prompt(2.0), "negative": prompt(1.0)}
    factors = {"cfg_conds": 4.0, "cfg_cond2_negative": 3.0}
    regular = custom_sampling.dual_cfg_guider(**prompts, **factors, style="regular")  # type: ignore[arg-type]
    assert predicted(regular) == pytest.approx(1 + 3 * (2 - 1) + 4 * (5 - 2), abs=1e-3)
    nested = custom_sampling.dual_cfg_guider(**prompts, **factors, style="nested")  # type: ignore[arg-type]
    inner = 2 + 4 * (5 - 2)
    assert predicted(nested) == pytest.approx(1 + 3 * (inner - 1), abs=1e-3)


def falls_to_zero(made: SigmaSchedule, steps: int) -> list[float]:
    values: list[float] = made.sigmas.double().tolist()
    assert len(values) == steps + 1
    assert values[-1] == 0.0
    assert all(later < earlier for earlier, later in pairwise(values))
    return values


def test_schedules_between_two_sigmas_have_their_spacing() -> None:
    values = falls_to_zero(sigmas.karras_scheduler(5, 1.0, 0.1, 3.0), 5)
    assert [v ** (1 / 3) for v in values[:5]] == pytest.approx(torch.linspace(1, 0.1 ** (1 / 3), 5).tolist(), abs=1e-5)
    values = falls_to_zero(sigmas.exponential_scheduler(5, 1.0, 0.1), 5)
    assert values[:5] == pytest.approx([10 ** (-i / 4) for i in range(5)], rel=1e-5)
    assert sigmas.polyexponential_scheduler(5, 1.0, 0.1, 1.0).sigmas.tolist() == pytest.approx(values, abs=1e-6)
    values = falls_to_zero(sigmas.polyexponential_scheduler(5, 1.0, 0.1, 2.0), 5)
    assert values[:5] == pytest.approx([10 ** ((1 - i / 4) ** 2 - 1) for i in range(5)], rel=1e-5)


def test_laplace_schedule_is_that_distribution_of_log_sigma_cut_to_the_range() -> None:
    values = falls_to_zero(sigmas.laplace_scheduler(5, 100.0, 0.001, -1.0, 0.4), 5)
    # At 1/4 and 3/4 of the distribution log sigma is mu +- beta ln 2.
    quartiles = [-1 + 0.4 * math.log(2), -1, -1 - 0.4 * math.log(2)]
    assert [math.log(v) for v in values[1:4]] == pytest.approx(quartiles, abs=1e-4)
    assert max(sigmas.laplace_scheduler(5, 0.9, 0.1, 0.0, 0.5).sigmas.tolist()) == pytest.approx(0.9)


def test_variance_preserving_schedule_reaches_far_above_one() -> None:
    values = falls_to_zero(sigmas.vp_scheduler(4, 19.9, 0.1, 0.001), 4)
    assert values[0] == pytest.approx(math.sqrt(math.expm1(19.9 / 2 + 0.1)), rel=1e-5)
    with pytest.raises(ValueError, match=r"lie between 0 \(picture\) and 1 \(noise\), but got \[152"):
        custom_sampling.sampler_custom(
            SamplingContext(),
            **COMMON,
            sampler=custom_sampling.ksampler_select("euler"),
            sigmas=SigmaSchedule(torch.tensor(values)),
            latent_image=EMPTY,
        )


def test_schedules_of_a_model_use_its_shift() -> None:
    shifted = FlowSettings(shift=5.0)
    model = ModelHandle(MODEL.weights, shifted)
    table = sigma_table(shifted)
    turbo = sigmas.sd_turbo_scheduler(model, 4)
    assert torch.equal(turbo.sigmas[:-1], table[[998, 898, 798, 698]])
    part = sigmas.sd_turbo_scheduler(model, 4, 0.5)
    assert torch.equal(part.sigmas[:-1], table[[498, 398, 298, 198]])
    usual = sigmas.basic_scheduler(model=model, scheduler="beta", steps=7)
    assert torch.equal(sigmas.beta_sampling_scheduler(model, 7, 0.6, 0.6).sigmas, usual.sigmas)
    even = sigmas.beta_sampling_scheduler(model, 4, 1.0, 1.0)  # quantiles of the uniform distribution
    assert torch.equal(even.sigmas[:-1], table[[999, 749, 500, 250]])


def test_split_parts_share_the_sigma_between_them() -> None:
    whole = schedule(8)
    for high, low in (sigmas.split_sigmas(whole, 5), sigmas.split_sigmas_denoise(whole, 0.4)):
        assert (len(high.sigmas), len(low.sigmas)) == (6, 4)
        assert torch.equal(torch.cat((high.sigmas, low.sigmas[1:])), whole.sigmas)
    assert len(sigmas.split_sigmas(whole, 99).low_sigmas.sigmas) == 0
    high, low = sigmas.split_sigmas_denoise(whole, 0.0)
    assert torch.equal(high.sigmas, whole.sigmas)
    assert low.sigmas.tolist() == [0.0]


def test_flipped_schedule_starts_just_above_zero() -> None:
    whole = schedule(3)
    flipped = sigmas.flip_sigmas(whole)
    assert flipped.sigmas.tolist() == pytest.approx([0.0001, *whole.sigmas.flip(0).tolist()[1:]])
    assert whole.sigmas[-1] == 0.0
    assert len(sigmas.flip_sigmas(SigmaSchedule(torch.empty(0))).sigmas) == 0


@pytest.mark.parametrize("text", ["1, 0.5, 0", "1;0.5;0", " 1 0.5\n0 ", "[1.0, 5e-1, 0,]"])
def test_sigmas_can_be_written_by_hand(text: str) -> None:
    assert sigmas.manual_sigmas(text).sigmas.tolist() == [1.0, 0.5, 0.0]
    assert sigmas._check_manual(text) is None


@pytest.mark.parametrize("word", ["half", "-0.5", "nan", "inf", "0,5x"])
def test_sigmas_that_are_no_numbers_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match="sigmas must be numbers from 0 up, separated by commas"):
        sigmas.manual_sigmas(f"1, {word}")
    assert "sigmas must be numbers" in (sigmas._check_manual(f"1, {word}") or "")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sigmas.karras_scheduler(4, 0.1, 0.5), "sigma_min must lie between 0 and sigma_max, got 0.5 and 0.1"),
        (lambda: sigmas.karras_scheduler(4, 1.0, 0.1, 0.0), "rho must be greater than 0, got 0.0"),
        (lambda: sigmas.exponential_scheduler(4, 1.0, 0.0), "sigma_min must be greater than 0"),
        (lambda: sigmas.vp_scheduler(0), "steps must be at least 1, got 0"),
        (lambda: sigmas.sd_turbo_scheduler(MODEL, 11), "steps must be between 1 and 10, got 11"),
        (lambda: sigmas.beta_sampling_scheduler(MODEL, 4, 0.0, 0.6), "alpha and beta must be greater than 0"),
        (lambda: ksample(steps=0), "steps must be at least 1, got 0"),
        (lambda: ksample(Latent(torch.ones(1, 4, 4, 4))), r"SD3 latents have shape \[batch, 16, height, width\]"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_guidance_nodes_change_the_handle_and_add_up() -> None:
    model = guidance.rescale_cfg(guidance.guidance_interval(MODEL, 0.1, 0.8), 0.5)
    model = guidance.skip_layer_guidance_sd3(model, "0, 2", 2.5, 0.01, 0.2)
    model = guidance.skip_layer_guidance_dit(SamplingContext(), model, "1", "", 1.0, 0.0, 0.5, 0.7)
    skips = (
        SkipLayerGuidance(frozenset({0, 2}), 2.5, 0.01, 0.2),
        SkipLayerGuidance(frozenset({1}), 1.0, 0.0, 0.5, 0.7),
    )
    assert model.guidance == GuidanceOptions(0.1, 0.8, 0.5, skips)
    assert MODEL.guidance == GuidanceOptions()


@pytest.mark.parametrize(
    "model",
    [
        guidance.rescale_cfg(MODEL, 0.7),
        guidance.guidance_interval(MODEL, 0.3, 1.0),
        guidance.skip_layer_guidance_sd3(MODEL, "1, 2", 2.5, 0.01, 0.2),
    ],
)
def test_guidance_reaches_every_sampling_node(model: ModelHandle) -> None:
    changed = ksample(model=model)
    assert not torch.allclose(changed, ksample(), atol=1e-3)
    assert torch.equal(advanced(model=model).samples, changed)
    guider = custom_sampling.cfg_guider(**COMMON | {"model": model})
    chosen = custom_sampling.ksampler_select("euler")
    noise = custom_sampling.random_noise(4)
    result = custom_sampling.sampler_custom_advanced(SamplingContext(), noise, guider, chosen, schedule(), EMPTY)
    assert torch.equal(result.output.samples, changed)


def test_skipping_no_layers_or_with_scale_zero_changes_nothing() -> None:
    for layers, scale in (("", 3.0), ("1", 0.0)):
        model = guidance.skip_layer_guidance_sd3(MODEL, layers, scale, 0.0, 1.0)
        assert torch.equal(ksample(model=model), ksample())


def test_block_that_the_model_lacks_is_named_with_the_number_of_blocks() -> None:
    model = guidance.skip_layer_guidance_sd3(MODEL, "1, 7", 3.0, 0.0, 1.0)
    with pytest.raises(InputShapeError, match="leaves out block 7, but the model has 3 blocks, 0 to 2"):
        ksample(model=model)


@pytest.mark.parametrize("text", ["7, x", "-1", "7.5", "7-9"])
def test_layers_that_are_no_numbers_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="layers must be whole numbers separated by commas, such as 7, 8, 9; got"):
        guidance.skip_layer_guidance_sd3(MODEL, text)
    assert len(list(guidance._check(text, 0.5, 0.1))) == 2
    assert not list(guidance._check(None, None, 0.1))


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    assert "start_percent must not be greater" in (guidance._window_problem(0.5, 0.1) or "")
    with pytest.raises(ValueError, match=r"guidance must act from 0 or later to 1 or earlier, got 0\.5 to 0\.1"):
        ksample(model=guidance.guidance_interval(MODEL, 0.5, 0.1))


def test_single_layers_alone_are_said_to_do_nothing() -> None:
    ctx = SamplingContext()
    guidance.skip_layer_guidance_dit(ctx, MODEL, "", "7, 8, 9")
    assert ctx.warned == [
        "SD3 models have no single_layers, so this guidance does nothing; name blocks in double_layers."
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"area": PixelArea(64, 64, 512, 0)}, "it begins at 512, 0, outside the picture of 48 x 32 pixels"),
        ({"area": FractionArea(0.5, 0.5, 0.0, 1.0)}, "it begins at 0, 32, outside"),
        ({"start_percent": 0.9, "end_percent": 0.1}, "A conditioning has no effect: its range ends at 0.1, before"),
    ],
)
def test_what_never_applies_is_said(change: dict[str, Any], message: str) -> None:
    ctx = SamplingContext()
    (entry,) = prompt(0.3).entries
    positive = Conditioning((entry, replace(entry, **change)))
    sampling.ksampler(
        ctx,  # type: ignore[arg-type]  # has what the node asks for
        **COMMON | {"positive": positive},
        steps=1,
        sampler_name="euler",
        scheduler="simple",
        latent_image=EMPTY,
    )
    (warned,) = ctx.warned
    assert message in warned


def test_steps_that_end_before_they_start_are_said() -> None:
    ctx = SamplingContext()
    after = sampling.ksampler_advanced(
        ctx,  # type: ignore[arg-type]  # has what the node asks for
        **COMMON,
        add_noise="enable",
        sampler_name="euler",
        scheduler="simple",
        latent_image=PICTURE,
        start_at_step=3,
        end_at_step=1,
        return_with_leftover_noise="disable",
    )
    assert torch.equal(after.samples, PICTURE.samples)
    assert ctx.warned == ["No step is taken and the latent stays as it is: start_at_step is 3, and the last step is 1."]
