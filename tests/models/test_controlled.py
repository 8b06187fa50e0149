"""A transformer under controls: strength, several at once, and hints made to fit the latent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import save_file
from test_controlnet import STREAM, random
from tiny_networks import Save, Weights, randomize
from torch import Tensor

from sd35graph.models.controlled import ControlledModel, open_model, scale_and_crop
from sd35graph.models.errors import MissingPartError, WeightsMismatchError
from sd35graph.models.handles import ControlNetHandle, ModelHandle, VaeHandle, open_checkpoint, open_controlnet
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.controlnet import ControlNet
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.sampling.guidance import make_denoiser
from sd35graph.sampling.sample import ksample
from sd35graph.values import (
    Conditioning,
    ConditioningEntry,
    Control,
    Guider,
    Latent,
    PixelArea,
    latent_to_model,
)

LATENT = Latent(torch.zeros(1, 16, 8, 8))
PICTURE = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def pool() -> ModelPool:
    return ModelPool(torch.device("cpu"), "fp32", [])


@pytest.fixture
def handles(save: Save, mmdit_weights: Weights, vae_weights: Weights) -> tuple[ModelHandle, VaeHandle]:
    model, _, vae = open_checkpoint(save("m.safetensors", mmdit=mmdit_weights, vae=vae_weights))
    return model, vae


@pytest.fixture
def net(tmp_path: Path) -> ControlNetHandle:
    return controlnet(tmp_path, 0)


def controlnet(folder: Path, kind: int, seed: int = 5, **changes: int) -> ControlNetHandle:
    path = folder / f"c{kind}{seed}.safetensors"
    weights = randomize(ControlNet(replace(STREAM, **changes)), seed)  # type: ignore[arg-type] # tests change numbers
    save_file(weights | {"control_type": torch.tensor([kind])}, path)
    return open_controlnet(path)


def entry(*controls: Control, seed: int = 1, **changes: object) -> ConditioningEntry:
    made = ConditioningEntry(random(1, 5, 96, seed=seed), random(1, 48, seed=seed), controls=controls)
    return replace(made, **changes)  # type: ignore[arg-type] # tests change any field


def guider(*controls: Control) -> Guider:
    return Guider(Conditioning((entry(*controls),)), Conditioning((entry(*controls, seed=2),)), 3.0)


def run(pool: ModelPool, model: ModelHandle, given: Guider) -> Tensor:
    opened = open_model(pool, model, given, LATENT)
    return ksample(
        opened, model.flow, given, seed=1, steps=3, sampler="euler", scheduler="simple", latent=LATENT
    ).samples


def test_strength_zero_is_exactly_no_control(
    pool: ModelPool, handles: tuple[ModelHandle, VaeHandle], net: ControlNetHandle
) -> None:
    model, vae = handles
    without = run(pool, model, guider())
    assert torch.equal(run(pool, model, guider(Control(net, PICTURE, vae, 0.0))), without)
    assert not torch.allclose(run(pool, model, guider(Control(net, PICTURE, vae, 0.5))), without, atol=1e-2)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_controls_work_in_half_precision(
    handles: tuple[ModelHandle, VaeHandle], net: ControlNetHandle, precision: Literal["bf16", "fp16"]
) -> None:
    model, vae = handles
    single = ModelPool(torch.device("cpu"), "fp32", [])
    control = Control(net, PICTURE, vae, 0.5)
    x, sigma = random(1, 16, 8, 8), torch.tensor([700.0])
    velocities = []
    for pool in (single, ModelPool(torch.device("cpu"), precision, [])):
        opened = open_model(pool, model, guider(control), LATENT)
        assert isinstance(opened, ControlledModel)
        velocities.append(opened(x, sigma, entry().cond, entry().pooled, controls=(control,)))
    assert velocities[1].dtype == torch.float32
    # bfloat16 has 8 bits; what a random network makes of that is of order 1 %.
    difference = (velocities[1] - velocities[0]).norm() / velocities[0].norm()
    assert difference < 0.1


def test_blocks_brought_in_one_by_one_give_the_same_bits(
    pool: ModelPool, handles: tuple[ModelHandle, VaeHandle], tmp_path: Path
) -> None:
    model, vae = handles
    steered = guider(Control(controlnet(tmp_path, 0, depth=3), PICTURE, vae, 0.5))
    narrow = ModelPool(torch.device("cpu"), "fp32", [], budget_bytes=1, host_budget_bytes=1)
    assert torch.equal(run(narrow, model, steered), run(pool, model, steered))


def test_a_control_acts_only_in_its_window(
    pool: ModelPool, handles: tuple[ModelHandle, VaeHandle], net: ControlNetHandle
) -> None:
    model, vae = handles
    without = run(pool, model, guider())
    always = run(pool, model, guider(Control(net, PICTURE, vae)))
    nowhere = Control(net, PICTURE, vae, 1.0, 0.999, 1.0)  # after the last step but before sigma 0
    assert torch.equal(run(pool, model, guider(nowhere)), without)
    early = run(pool, model, guider(Control(net, PICTURE, vae, 1.0, 0.0, 0.1)))
    assert not torch.allclose(early, without, atol=1e-2)
    assert not torch.allclose(early, always, atol=1e-2)


def test_residuals_of_several_controls_add_up(
    pool: ModelPool, handles: tuple[ModelHandle, VaeHandle], net: ControlNetHandle
) -> None:
    model, vae = handles
    halves = run(pool, model, guider(Control(net, PICTURE, vae, 0.5), Control(net, PICTURE, vae, 0.5)))
    whole = run(pool, model, guider(Control(net, PICTURE, vae, 1.0)))
    torch.testing.assert_close(halves, whole, atol=1e-4, rtol=1e-4)


def test_positive_and_negative_may_differ_in_controls(
    pool: ModelPool, handles: tuple[ModelHandle, VaeHandle], net: ControlNetHandle
) -> None:
    model, vae = handles
    control = Control(net, PICTURE, vae)
    mixed = replace(guider(), positive=Conditioning((entry(control),)))
    opened = open_model(pool, model, mixed, LATENT)
    assert isinstance(opened, ControlledModel)
    x, sigma = random(1, 16, 8, 8), torch.tensor([700.0])
    steered = opened(x, sigma, entry().cond, entry().pooled, controls=(control,))
    negative = opened(x, sigma, entry(seed=2).cond, entry(seed=2).pooled)
    denoise = make_denoiser(opened, model.flow, mixed, height=8, width=8, device=x.device)
    velocity = 3.0 * steered - 2.0 * negative
    torch.testing.assert_close(denoise(x, 0.7).x0, x - 0.7 * velocity, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_hints_are_prepared_and_encoded_in_model_space(
    tmp_path: Path, pool: ModelPool, handles: tuple[ModelHandle, VaeHandle], kind: int
) -> None:
    model, vae = handles
    control = Control(controlnet(tmp_path, kind), PICTURE, vae)
    opened = open_model(pool, model, guider(control), LATENT)
    assert isinstance(opened, ControlledModel)
    prepared = [PICTURE, PICTURE * 127.5 + 0.5, 1.0 - PICTURE][kind]
    torch.testing.assert_close(opened.live[control].hint, latent_to_model(pool.vae(vae).encode(prepared)))


def test_the_alpha_of_a_hint_is_left_out(
    pool: ModelPool, handles: tuple[ModelHandle, VaeHandle], net: ControlNetHandle
) -> None:
    model, vae = handles
    control = Control(net, torch.cat([PICTURE, torch.rand(1, 64, 64, 1)], dim=-1), vae)
    opened = open_model(pool, model, guider(control), LATENT)
    assert isinstance(opened, ControlledModel)
    torch.testing.assert_close(opened.live[control].hint, latent_to_model(pool.vae(vae).encode(PICTURE)))


def test_an_area_sees_its_part_of_the_hint(
    pool: ModelPool, handles: tuple[ModelHandle, VaeHandle], net: ControlNetHandle
) -> None:
    model, vae = handles
    control = Control(net, PICTURE, vae)
    area = replace(entry(control), area=PixelArea(32, 32, 16, 32))
    given = Guider(Conditioning((area,)))
    opened = open_model(pool, model, given, LATENT)
    assert isinstance(opened, ControlledModel)
    seen: list[tuple[tuple[int, ...], object, object]] = []

    def watching(x: Tensor, *arguments: Tensor, **options: object) -> Tensor:
        seen.append((tuple(x.shape), options.get("controls"), options.get("corner")))
        velocity: Tensor = opened(x, *arguments, **options)  # type: ignore[arg-type] # passed on as they come
        return velocity

    ksample(watching, model.flow, given, seed=1, steps=1, sampler="euler", scheduler="simple", latent=LATENT)
    assert ((1, 16, 4, 4), (control,), (4, 2)) in seen


def test_pictures_and_latents_pair_up_by_row(
    pool: ModelPool, handles: tuple[ModelHandle, VaeHandle], net: ControlNetHandle
) -> None:
    model, vae = handles
    pictures = torch.cat([PICTURE, 1.0 - PICTURE])
    control = Control(net, pictures, vae)
    opened = open_model(pool, model, guider(control), Latent(torch.zeros(3, 16, 8, 8)))
    assert isinstance(opened, ControlledModel)
    hint = opened.live[control].hint
    assert hint.shape == (3, 16, 8, 8)
    assert torch.equal(hint[0], hint[2])
    assert not torch.equal(hint[0], hint[1])


def test_what_is_missing_or_does_not_fit_is_an_error(
    tmp_path: Path, pool: ModelPool, handles: tuple[ModelHandle, VaeHandle], net: ControlNetHandle
) -> None:
    model, vae = handles
    with pytest.raises(MissingPartError, match=r"c05\.safetensors needs a VAE to read its hint picture"):
        open_model(pool, model, guider(Control(net, PICTURE, None)), LATENT)
    wide = controlnet(tmp_path, 0, 9, width=192)
    with pytest.raises(WeightsMismatchError, match=r"c09\.safetensors is a ControlNet for a model 192 wide"):
        open_model(pool, model, guider(Control(wide, PICTURE, vae)), LATENT)
    masked = controlnet(tmp_path, 0, 8, hint_channels=17)
    with pytest.raises(MissingPartError, match=r"c08\.safetensors is a ControlNet for inpainting"):
        open_model(pool, model, guider(Control(masked, PICTURE, vae)), LATENT)
    assert isinstance(open_model(pool, model, guider(), LATENT), MMDiT)


def test_hints_are_cut_about_the_centre_and_scaled() -> None:
    columns = torch.arange(8.0).expand(1, 4, 8)[..., None].expand(1, 4, 8, 3)
    assert scale_and_crop(columns, 4, 8) is columns
    assert scale_and_crop(columns, 4, 4)[0, 0, :, 0].tolist() == [2, 3, 4, 5]
    assert scale_and_crop(columns, 8, 8)[0, 0, :, 0].tolist() == [2, 2, 3, 3, 4, 4, 5, 5]
    rows = columns.transpose(1, 2)
    assert scale_and_crop(rows, 4, 4)[0, :, 0, 0].tolist() == [2, 3, 4, 5]
    assert scale_and_crop(torch.ones(1, 1, 500, 3), 64, 8).shape == (1, 64, 8, 3)
