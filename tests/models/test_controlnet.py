"""ControlNets: diffusers' results on the same weights, what files hold, and what does not fit."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import SD3ControlNetModel
from safetensors.torch import load_file, save_file
from test_model_handles import sparse_file
from tiny_networks import MMDIT, Save, Weights, randomize
from torch import Tensor

from sd35graph.models.errors import ForeignModelError, InputShapeError, ModelError, WeightsMismatchError
from sd35graph.models.handles import open_checkpoint, open_controlnet
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.build import build, skeleton
from sd35graph.models.networks.controlnet import ControlNet, ControlNetConfig, sine_grid
from sd35graph.models.networks.mmdit import MMDiT

CPU = torch.device("cpu")
WIDTH, GRID = 128, 12
STREAM = ControlNetConfig(
    blocks="stream",
    depth=2,
    width=WIDTH,
    hint_channels=16,
    pooled_width=48,
    time_features=256,
    mlp_width=256,
    context_width=0,
    grid=0,
    qk_norm=False,
    dual_attention=frozenset(),
)


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def base() -> MMDiT:
    network = MMDiT(MMDIT)
    network.load_state_dict(randomize(network))
    return network.requires_grad_(False).eval()


def diffusers_net(*, context: int | None = 96, extra: int = 0, qk_norm: str | None = None, dual: tuple[int, ...] = ()):  # type: ignore[no-untyped-def]
    network = SD3ControlNetModel(
        sample_size=2 * GRID,
        num_layers=2,
        num_attention_heads=2,
        joint_attention_dim=context,
        caption_projection_dim=WIDTH,
        pooled_projection_dim=48,
        pos_embed_max_size=GRID,
        extra_conditioning_channels=extra,
        dual_attention_layers=dual,
        qk_norm=qk_norm,
        use_pos_embed=context is not None,
        pos_embed_type="sincos" if context is not None else None,
    )
    network.load_state_dict(randomize(network))
    return network.requires_grad_(False).eval()


@pytest.mark.parametrize(
    ("extra", "qk_norm", "dual"),
    [(0, None, ()), (1, None, ()), (0, "rms_norm", ()), (0, "rms_norm", (0,))],
    ids=["sd3", "inpainting", "qk-norm", "sd3.5-medium"],
)
@pytest.mark.parametrize("size", [(8, 8), (12, 6)])
def test_joint_blocks_agree_with_diffusers(
    tmp_path: Path, extra: int, qk_norm: str | None, dual: tuple[int, ...], size: tuple[int, int]
) -> None:
    theirs = diffusers_net(extra=extra, qk_norm=qk_norm, dual=dual)
    theirs.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "diffusion_pytorch_model.safetensors")
    ours = build("controlnet", weights)
    assert isinstance(ours, ControlNet)
    assert ours.config.is_first_generation == (extra == 0 and qk_norm is None)
    x, hint = random(2, 16, *size), random(2, 16 + extra, *size, seed=2)
    timestep, context, pooled = torch.tensor([800.0, 120.0]), random(2, 7, 96, seed=3), random(2, 48, seed=4)
    with torch.no_grad():
        got = ours(x, timestep, context, pooled, hint, base())
        (wanted,) = theirs(
            x,
            hint,
            encoder_hidden_states=context,
            # Diffusers' pipeline does this, by a field of the config file.
            pooled_projections=torch.zeros_like(pooled) if ours.config.is_first_generation else pooled,
            timestep=timestep,
            return_dict=False,
        )
    assert len(got) == 3  # blocks of the transformer: the first two share the first residual
    assert got[0] is got[1]
    for mine, other in ((got[0], wanted[0]), (got[2], wanted[1])):
        # float32; the sums run in another order in q, k and v of one matrix each. Residuals are of order 1.
        torch.testing.assert_close(mine, other, atol=2e-5, rtol=1e-5)


def test_image_blocks_agree_with_diffusers() -> None:
    theirs = diffusers_net(context=None)
    ours = build("controlnet", dict(theirs.state_dict()))
    assert isinstance(ours, ControlNet)
    model, x, hint = base(), random(1, 16, 8, 6), random(1, 16, 8, 6, seed=2)
    timestep, pooled = torch.tensor([500.0]), random(1, 48, seed=4)
    tokens = model.x_embedder(x) + sine_grid(4, 3, WIDTH)
    with torch.no_grad():
        got = ours(x, timestep, torch.zeros(1, 1, 1), pooled, hint, model)
        (wanted,) = theirs(tokens, hint, pooled_projections=pooled, timestep=timestep, return_dict=False)
    torch.testing.assert_close(got[0], wanted[0], atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(got[2], wanted[1], atol=2e-5, rtol=1e-5)


def test_the_grid_has_sines_and_cosines_of_columns_then_rows() -> None:
    grid = sine_grid(2, 4, 8)[0].unflatten(0, (2, 4))  # the shorter side spans 0..15, the longer -7.5..22.5
    for row, column, down, across in ((0, 0, 0.0, -7.5), (1, 3, 15.0, 22.5), (0, 1, 0.0, 2.5)):
        waves = [f(p * w) for p in (across, down) for f in (math.sin, math.cos) for w in (1.0, 0.01)]
        torch.testing.assert_close(grid[row, column], torch.tensor(waves))


def test_residuals_are_added_after_their_block() -> None:
    model = base()
    arguments = (random(1, 16, 8, 8), torch.tensor([500.0]), random(1, 5, 96), random(1, 48))
    plain = model(*arguments)
    none = [torch.zeros(1, 16, WIDTH)] * 3
    assert torch.equal(model(*arguments, residuals=none), plain)
    for index in range(3):
        only = [random(1, 16, WIDTH) if index == i else none[0] for i in range(3)]
        assert not torch.allclose(model(*arguments, residuals=only), plain, atol=1e-3)
    # With every block left out, what is added anywhere is added to the embedded image.
    skipped = frozenset(range(3))
    first = model(*arguments, skip_layers=skipped, residuals=[random(1, 16, WIDTH)])
    last = model(*arguments, skip_layers=skipped, residuals=[none[0], none[0], random(1, 16, WIDTH)])
    assert torch.equal(first, last)


def test_the_released_large_controlnet_opens_from_its_header_alone(tmp_path: Path, shared: Path) -> None:
    keys = json.loads((shared / "parity/manifests/sd3.5_large_controlnet.json").read_text(encoding="utf-8"))["keys"]
    path = sparse_file(tmp_path / "c.safetensors", keys)
    handle = open_controlnet(path)
    assert handle.kind == "blur"
    network = skeleton("controlnet", {key: tuple(shape) for key, shape in keys.items()}, "it")
    assert {key: list(t.shape) for key, t in network.state_dict().items()} | {"control_type": [1]} == keys
    del keys["transformer_blocks.7.mlp.fc2.bias"]
    with pytest.raises(WeightsMismatchError, match=r"ControlNet do not fit\. 1 missing: transformer_blocks\.7\.mlp"):
        open_controlnet(sparse_file(tmp_path / "d.safetensors", keys))


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.int32])
@pytest.mark.parametrize(("number", "kind"), [(0, "blur"), (1, "canny"), (2, "depth")])
def test_the_file_says_what_its_hints_are(tmp_path: Path, number: int, kind: str, dtype: torch.dtype) -> None:
    weights = randomize(ControlNet(STREAM)) | {"control_type": torch.tensor([number], dtype=dtype)}
    save_file(weights, tmp_path / "c.safetensors")
    handle = open_controlnet(tmp_path / "c.safetensors")
    assert handle.kind == kind
    assert ModelPool(CPU, "fp32", []).controlnet(handle).config == STREAM


def test_the_folder_of_a_controlnet_says_it_too(tmp_path: Path) -> None:
    weights = randomize(ControlNet(STREAM)) | {"control_type": torch.tensor([2])}
    save_file(weights, tmp_path / "diffusion_pytorch_model.safetensors")
    assert open_controlnet(tmp_path).kind == "depth"


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (torch.zeros(0), r'"control_type" is F32 of shape \[0\]; expected a single number'),
        (torch.zeros(2), r'"control_type" is F32 of shape \[2\]; expected a single number'),
        (torch.tensor([torch.nan]), "ControlNet of type nan; expected 0"),
        (torch.tensor([0.5]), r"ControlNet of type 0\.5; expected 0"),
    ],
)
def test_a_kind_of_hint_that_is_no_number_is_refused(tmp_path: Path, stored: Tensor, words: str) -> None:
    save_file(randomize(ControlNet(STREAM)) | {"control_type": stored}, tmp_path / "c.safetensors")
    with pytest.raises(ModelError, match=words):
        open_controlnet(tmp_path / "c.safetensors")


def test_an_unknown_kind_of_hint_is_refused(tmp_path: Path) -> None:
    save_file(randomize(ControlNet(STREAM)) | {"control_type": torch.tensor([7])}, tmp_path / "c.safetensors")
    with pytest.raises(ForeignModelError, match=r"ControlNet of type 7; expected 0 \(blur\), 1 \(canny\) or 2"):
        open_controlnet(tmp_path / "c.safetensors")


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("control_model.input_blocks.0.0.weight", "ControlNet for Stable Diffusion 1, 2 or XL"),
        ("controlnet_cond_embedding.conv_in.weight", "ControlNet for Stable Diffusion 1, 2 or XL"),
        ("controlnet_x_embedder.weight", "ControlNet for Flux"),
        ("controlnet_blocks.0.weight", "ControlNet for another model"),
    ],
)
def test_other_controlnets_are_named(tmp_path: Path, key: str, title: str) -> None:
    save_file({key: torch.ones(2), "other": torch.ones(1)}, tmp_path / "c.safetensors")
    with pytest.raises(ForeignModelError, match=title):
        open_controlnet(tmp_path / "c.safetensors")


def test_a_checkpoint_is_no_controlnet_and_the_reverse(tmp_path: Path, save: Save, mmdit_weights: Weights) -> None:
    with pytest.raises(ForeignModelError, match="holds no ControlNet, only: diffusion model"):
        open_controlnet(save("m.safetensors", mmdit=mmdit_weights))
    save_file(randomize(ControlNet(STREAM)), tmp_path / "c.safetensors")
    with pytest.raises(Exception, match=r"only: ControlNet\. It belongs in models/controlnet"):
        open_checkpoint(tmp_path / "c.safetensors")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (replace(STREAM, width=192), "192 wide with 2 or more blocks"),
        (replace(STREAM, depth=4), "128 wide with 4 or more blocks"),
        (replace(STREAM, pooled_width=64), "pooled text of 64"),
    ],
)
def test_a_controlnet_of_another_size_is_refused(config: ControlNetConfig, words: str) -> None:
    with pytest.raises(WeightsMismatchError, match=rf"c\.safetensors .*{words}.*model is 128 wide with 3 blocks"):
        ControlNet(config).check_fits(base(), "c.safetensors")


def test_a_hint_of_another_size_is_refused() -> None:
    with pytest.raises(InputShapeError, match=r"hint must have shape \[1, 16, 8, 8\].*\[1, 16, 4, 8\]"):
        ControlNet(STREAM)(
            random(1, 16, 8, 8), torch.ones(1), torch.zeros(1, 1, 1), random(1, 48), random(1, 16, 4, 8), base()
        )


def test_a_latent_beyond_the_grid_is_refused() -> None:
    network = build("controlnet", dict(diffusers_net().state_dict()))
    x = random(1, 16, 8, 2 * GRID + 2)
    with pytest.raises(InputShapeError, match=r"26 x 8 cells, but this ControlNet's position grid ends at 24"):
        network(x, torch.ones(1), random(1, 5, 96), random(1, 48), x, base())
