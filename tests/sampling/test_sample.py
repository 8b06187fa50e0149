"""The driver: schedules, start and end, storing and resuming, cancelling."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from sd35graph.sampling.guidance import VelocityModel
from sd35graph.sampling.noise import make_noise
from sd35graph.sampling.sample import SamplingRun, custom_sample, cut_sigmas, ksample, ksampler_sigmas, prepare, widen
from sd35graph.sampling.samplers import SAMPLERS
from sd35graph.sampling.schedulers import full_schedule
from sd35graph.sampling.state import SamplerState
from sd35graph.values import (
    Conditioning,
    ConditioningEntry,
    FlowSettings,
    Guider,
    Latent,
    latent_to_model,
    model_to_latent,
)

FLOW = FlowSettings()
SHAPE = (2, 16, 4, 6)


def network(
    x: Tensor, timestep: Tensor, context: Tensor, pooled: Tensor, skip_layers: frozenset[int] = frozenset()
) -> Tensor:
    """A smooth nonlinear velocity that depends on everything it is given."""
    sigma = (timestep / 1000)[:, None, None, None]
    text = context.mean(dim=(1, 2))[:, None, None, None]
    return x - torch.tanh(x.roll(1, dims=-1) * (1.2 - sigma) + text)


def prompt(value: float) -> Conditioning:
    return Conditioning((ConditioningEntry(torch.full((1, 3, 4), value), torch.zeros(1, 2)),))


GUIDER = Guider(prompt(0.3), prompt(-0.2), 3.0)
EMPTY = Latent(torch.zeros(SHAPE))
PICTURE = Latent(make_noise(SHAPE, 9))


def make_run(sampler: str, steps: int = 6, latent: Latent = PICTURE) -> SamplingRun:
    sigmas = ksampler_sigmas(sampler, "simple", steps, FLOW)
    noise = make_noise(SHAPE, 4)
    return prepare(network, FLOW, GUIDER, sampler=sampler, sigmas=sigmas, latent=latent, noise=noise, seed=4)


def sample(latent: Latent = EMPTY, model: VelocityModel = network, **changes: object) -> Latent:
    settings = {"seed": 4, "steps": 6, "sampler": "euler", "scheduler": "simple", "latent": latent} | changes
    return ksample(model, FLOW, GUIDER, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_run_stored_after_any_step_continues_to_the_same_bits(sampler: str) -> None:
    run = make_run(sampler)
    stored: list[bytes] = []
    state = run.start
    total = run.sampler.total_steps(run.sigmas)
    while state.step < total:
        stored.append(save(state.to_tensors()))
        state = run.sampler.step(state, run.denoise, run.sigmas)
    assert len(stored) >= 3
    for blob in stored[:: max(1, len(stored) // 8)]:
        # A new run, as another process would make it.
        resumed = make_run(sampler).drive(SamplerState.from_tensors(load(blob)))
        assert torch.equal(resumed.x, state.x)
        assert torch.equal(resumed.rng, state.rng)
        assert resumed.denoised is not None
        assert state.denoised is not None
        assert torch.equal(resumed.denoised, state.denoised)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_same_seed_gives_the_same_bits_and_another_seed_does_not(sampler: str) -> None:
    first, again, other = (sample(sampler=sampler, seed=seed).samples for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert bool(first.isfinite().all())


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_very_short_schedules_work(sampler: str, steps: int) -> None:
    assert bool(sample(sampler=sampler, steps=steps).samples.isfinite().all())


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_repeated_sigmas_are_steps_of_no_length(sampler: str) -> None:
    sigmas = torch.tensor([1.0, 0.8, 0.5, 0.2, 0.0])
    repeated = torch.tensor([1.0, 0.8, 0.8, 0.5, 0.2, 0.2, 0.0])
    results = [
        custom_sample(network, FLOW, GUIDER, noise_seed=4, seed=4, sampler=sampler, sigmas=values, latent=EMPTY)[
            0
        ].samples
        for values in (sigmas, repeated)
    ]
    assert torch.equal(*results)


def test_callback_sees_every_step_once() -> None:
    seen: list[tuple[int, int]] = []
    sample(sampler="heun", on_step=lambda index, total, x0, x: seen.append((index, total)))
    assert seen == [(index, 6) for index in range(6)]


def test_callback_gets_the_prediction_of_the_step() -> None:
    got: list[Tensor] = []
    result = sample(on_step=lambda index, total, x0, x: got.append(x0))
    # Euler's last step goes straight to its prediction.
    torch.testing.assert_close(model_to_latent(got[-1]), result.samples, atol=1e-5, rtol=0)


def test_adaptive_sampler_reports_progress_along_the_schedule() -> None:
    seen: list[int] = []
    sample(sampler="dpm_adaptive", on_step=lambda index, total, x0, x: seen.append(index))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 5)


def test_exception_in_the_callback_ends_the_run_at_once() -> None:
    calls = 0

    class Cancelled(Exception):
        pass

    def counting(x: Tensor, *rest: Tensor, **options: frozenset[int]) -> Tensor:
        nonlocal calls
        calls += 1
        return network(x, *rest, **options)

    def cancel(index: int, total: int, x0: Tensor, x: Tensor) -> None:
        if index == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        sample(model=counting, on_step=cancel)
    assert calls == 2


def test_no_gradients_are_recorded() -> None:
    weight = torch.ones((), requires_grad=True)

    def trainable(x: Tensor, *rest: Tensor, **options: frozenset[int]) -> Tensor:
        return network(x, *rest, **options) * weight

    assert not sample(model=trainable).samples.requires_grad


def test_two_halves_with_leftover_noise_make_the_whole() -> None:
    whole = sample(PICTURE)
    half = sample(PICTURE, start_at_step=0, end_at_step=3, return_with_leftover_noise=True)
    rest = sample(half, start_at_step=3, add_noise=False)
    torch.testing.assert_close(rest.samples, whole.samples, atol=1e-4, rtol=0)


def test_part_without_leftover_noise_ends_at_zero() -> None:
    sigmas = torch.tensor([1.0, 0.8, 0.5, 0.0])
    assert cut_sigmas(sigmas, 0, 2, to_zero=True).tolist() == pytest.approx([1.0, 0.8, 0.0])
    assert cut_sigmas(sigmas, 1, 2, to_zero=False).tolist() == pytest.approx([0.8, 0.5])
    assert sigmas[2] == 0.5  # the schedule itself is a value and stays


@pytest.mark.parametrize(
    "changes", [{"denoise": 0.0}, {"start_at_step": 6}, {"start_at_step": 9}, {"start_at_step": 4, "end_at_step": 3}]
)
def test_nothing_to_do_returns_the_latent_untouched(changes: dict[str, float]) -> None:
    assert sample(PICTURE, **changes).samples is PICTURE.samples


def test_denoise_starts_from_the_latent_mixed_with_noise() -> None:
    sigma = ksampler_sigmas("euler", "simple", 6, FLOW, 0.5)[0].item()
    seen: list[Tensor] = []

    def recording(x: Tensor, *rest: Tensor, **options: frozenset[int]) -> Tensor:
        seen.append(x[: SHAPE[0]])
        return network(x, *rest, **options)

    sample(PICTURE, model=recording, denoise=0.5)
    start = sigma * make_noise(SHAPE, 4) + (1 - sigma) * latent_to_model(PICTURE.samples)
    torch.testing.assert_close(seen[0], start, atol=1e-6, rtol=0)


def test_empty_latent_means_zero_in_model_space() -> None:
    run = make_run("euler", latent=EMPTY)
    assert torch.equal(run.start.x, make_noise(SHAPE, 4))


def test_penultimate_sigma_is_dropped_for_the_samplers_that_need_it() -> None:
    longer = full_schedule("simple", 7, FLOW)
    assert torch.equal(ksampler_sigmas("dpm_2", "simple", 6, FLOW), torch.cat((longer[:6], longer[7:])))
    assert torch.equal(ksampler_sigmas("euler", "simple", 6, FLOW), full_schedule("simple", 6, FLOW))


def test_noise_mask_keeps_the_outside_exactly() -> None:
    mask = torch.zeros(1, SHAPE[2] * 8, SHAPE[3] * 8)
    mask[:, :, :24] = 1.0
    latent = Latent(PICTURE.samples, noise_mask=mask)
    result = sample(latent)
    torch.testing.assert_close(result.samples[..., 4:], PICTURE.samples[..., 4:], atol=1e-5, rtol=0)
    assert not torch.allclose(result.samples[..., :2], PICTURE.samples[..., :2], atol=0.1)
    assert result.noise_mask is mask


def test_ddim_fills_the_outside_with_other_noise_than_euler_even_for_the_largest_seed() -> None:
    soft = Latent(PICTURE.samples, noise_mask=torch.full((1, 32, 48), 0.5))
    seed = 2**64 - 1
    euler, ddim = (sample(soft, sampler=name, seed=seed).samples for name in ("euler", "ddim"))
    assert not torch.allclose(euler, ddim, atol=1e-3)
    assert torch.equal(sample(PICTURE, sampler="ddim").samples, sample(PICTURE).samples)


def test_pictures_of_a_batch_keep_their_noise_through_batch_index() -> None:
    both = Latent(EMPTY.samples, batch_index=(0, 1))
    second = Latent(EMPTY.samples[1:], batch_index=(1,))
    torch.testing.assert_close(sample(both).samples[1:], sample(second).samples, atol=1e-5, rtol=0)


def test_custom_sampling_without_noise_starts_from_the_scaled_latent() -> None:
    sigmas = torch.tensor([0.5, 0.25])
    output, denoised = custom_sample(
        network, FLOW, GUIDER, noise_seed=None, seed=0, sampler="euler", sigmas=sigmas, latent=PICTURE
    )
    x = latent_to_model(PICTURE.samples) * 0.5
    # One Euler step from 0.5 to 0.25 ends half way to its prediction, and is then divided by 1 - 0.25.
    expected = (x + latent_to_model(denoised.samples)) / 2 / 0.75
    torch.testing.assert_close(latent_to_model(output.samples), expected, atol=1e-5, rtol=0)


def test_custom_sampling_of_an_empty_schedule_returns_the_latent() -> None:
    output, denoised = custom_sample(
        network, FLOW, GUIDER, noise_seed=1, seed=1, sampler="euler", sigmas=torch.empty(0), latent=PICTURE
    )
    assert output.samples is denoised.samples is PICTURE.samples


@pytest.mark.parametrize("bad", [[1.0, 0.0, 0.0], [float("nan"), 0.0], [-1.0, 0.0]])
def test_sigmas_must_be_finite_and_positive(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="sigmas must be finite and, but for the last, greater than 0"):
        custom_sample(
            network, FLOW, GUIDER, noise_seed=1, seed=1, sampler="euler", sigmas=torch.tensor(bad), latent=EMPTY
        )


def test_empty_four_channel_latent_is_widened() -> None:
    assert widen(Latent(torch.zeros(3, 4, 5, 6))).samples.shape == (3, 16, 5, 6)


@pytest.mark.parametrize("samples", [torch.ones(1, 4, 5, 6), torch.ones(1, 32, 5, 6)])
def test_latent_of_another_model_is_refused(samples: Tensor) -> None:
    with pytest.raises(ValueError, match=r"SD3 latents have shape \[batch, 16, height, width\], got"):
        sample(Latent(samples))


def run_over(values: list[float], sampler: str = "euler") -> Tensor:
    sigmas = torch.tensor(values)
    run = custom_sample(network, FLOW, GUIDER, noise_seed=4, seed=4, sampler=sampler, sigmas=sigmas, latent=PICTURE)
    return run[0].samples


@pytest.mark.parametrize("sampler", sorted(name for name, known in SAMPLERS.items() if known.follows_rising))
def test_rising_sigmas_take_a_picture_back_to_its_noise(sampler: str) -> None:
    assert bool(run_over([0.1, 0.3, 0.6, 0.9], sampler).isfinite().all())


@pytest.mark.parametrize("sampler", sorted(name for name, known in SAMPLERS.items() if not known.follows_rising))
def test_samplers_that_need_falling_sigmas_say_who_does_not(sampler: str) -> None:
    with pytest.raises(ValueError, match=f"{sampler} needs falling sigmas, but got .*; only euler, heun, dpm_2, ddim"):
        run_over([0.3, 0.6, 0.0], sampler)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([14.6, 1.0, 0.0], r"lie between 0 \(picture\) and 1 \(noise\), but got \[14.6, 1, 0\]"),
        ([0.5, 1.0], "the last sigma must be less than 1"),
        ([0.5, float("inf"), 0.0], "sigmas must be finite"),
    ],
)
def test_sigmas_outside_the_flow_are_refused(values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_over(values)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_equal_sigmas_alone_are_no_step(sampler: str) -> None:
    result = run_over([0.5, 0.5], sampler)
    torch.testing.assert_close(
        latent_to_model(result), make_noise(SHAPE, 4) + latent_to_model(PICTURE.samples), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_largest_seed_and_a_batch_of_64_work(sampler: str) -> None:
    latent = Latent(torch.zeros(64, 16, 2, 2))
    assert bool(sample(latent, sampler=sampler, seed=2**64 - 1, steps=2).samples.isfinite().all())
