"""The transformer against an independent implementation, and what it says to wrong inputs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import SD3Transformer2DModel
from diffusers.loaders.single_file_utils import convert_sd3_transformer_checkpoint_to_diffusers
from tiny_networks import MMDIT, Weights, randomize
from torch import Tensor

from sd35graph.models.errors import InputShapeError, WeightsMismatchError
from sd35graph.models.networks.build import build
from sd35graph.models.networks.mmdit import MMDiT, time_features
from sd35graph.models.networks.variants import MMDiTConfig, mmdit_config

VARIANTS = {
    "sd3 medium": replace(MMDIT, qk_norm=False, dual_attention=frozenset()),
    "sd3.5 large": replace(MMDIT, dual_attention=frozenset()),
    "sd3.5 medium": MMDIT,
}


def make(weights: Weights) -> MMDiT:
    network = build("mmdit", weights)
    assert isinstance(network, MMDiT)
    return network


@pytest.fixture
def mmdit(mmdit_weights: Weights) -> MMDiT:
    return make(mmdit_weights)


def inputs(height: int = 8, width: int = 10, batch: int = 2, tokens: int = 7) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, 16, height, width, generator=generator)
    context = torch.randn(batch, tokens, MMDIT.context_width, generator=generator)
    pooled = torch.randn(batch, MMDIT.pooled_width, generator=generator)
    return x, torch.tensor([700.0, 12.5, 3.0])[:batch], context, pooled


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())
def test_velocity_agrees_with_diffusers(config: MMDiTConfig) -> None:
    config = replace(config, mlp_width=4 * config.width)  # a fixed ratio there
    weights = randomize(MMDiT(config))
    theirs = SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=16,
        out_channels=16,
        num_layers=config.depth,
        attention_head_dim=64,
        num_attention_heads=config.heads,
        joint_attention_dim=config.context_width,
        caption_projection_dim=config.width,
        pooled_projection_dim=config.pooled_width,
        pos_embed_max_size=config.grid,
        dual_attention_layers=tuple(config.dual_attention),
        qk_norm="rms_norm" if config.qk_norm else None,
    )
    theirs.load_state_dict(convert_sd3_transformer_checkpoint_to_diffusers(dict(weights)))
    x, timestep, context, pooled = inputs()
    with torch.no_grad():
        expected = theirs(x, encoder_hidden_states=context, pooled_projections=pooled, timestep=timestep).sample
    velocity = make(weights)(x, timestep, context, pooled)
    # Same arithmetic in another order: float32 rounding only.
    torch.testing.assert_close(velocity, expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())
def test_config_is_read_back_from_shapes(config: MMDiTConfig) -> None:
    shapes = {key: tuple(tensor.shape) for key, tensor in MMDiT(config).state_dict().items()}
    assert mmdit_config(shapes, "test") == config


def test_weights_are_assigned_not_copied(mmdit_weights: Weights) -> None:
    network = make(mmdit_weights)
    assert all(tensor.data_ptr() == mmdit_weights[key].data_ptr() for key, tensor in network.state_dict().items())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_odd_sizes_keep_their_size(mmdit: MMDiT) -> None:
    x, *rest = inputs(height=7, width=9)
    assert mmdit(x, *rest).shape == x.shape


def test_odd_sizes_are_padded_with_the_first_row_and_column(mmdit: MMDiT) -> None:
    x, *rest = inputs(height=7, width=9)
    padded = torch.cat([x, x[:, :, :1]], dim=2)
    padded = torch.cat([padded, padded[..., :1]], dim=3)
    torch.testing.assert_close(mmdit(x, *rest), mmdit(padded, *rest)[..., :7, :9])


def test_narrow_context_is_padded_with_zeros(mmdit: MMDiT) -> None:
    x, timestep, context, pooled = inputs()
    padded = torch.cat([context[..., :50], torch.zeros(2, 7, MMDIT.context_width - 50)], dim=-1)
    assert torch.equal(mmdit(x, timestep, context[..., :50], pooled), mmdit(x, timestep, padded, pooled))


def test_zeros_beyond_the_widest_context_say_nothing(mmdit: MMDiT) -> None:
    x, timestep, context, pooled = inputs()
    padded = torch.cat([context, torch.zeros(2, 7, 1000)], dim=-1)
    assert torch.equal(mmdit(x, timestep, padded, pooled), mmdit(x, timestep, context, pooled))


def test_autocast_norms_the_heads_without_a_warning(mmdit: MMDiT) -> None:
    velocity = mmdit(*inputs())
    with torch.autocast("cpu", torch.bfloat16):
        rough = mmdit(*inputs())
    assert not torch.equal(rough, velocity)
    # bfloat16 has 8 bits of mantissa.
    torch.testing.assert_close(rough, velocity, rtol=0.1, atol=0.1)


def test_rows_of_a_batch_do_not_see_each_other(mmdit: MMDiT) -> None:
    x, timestep, context, pooled = inputs()
    alone = mmdit(x[:1], timestep[:1], context[:1], pooled[:1])
    torch.testing.assert_close(mmdit(x, timestep, context, pooled)[:1], alone, rtol=1e-4, atol=1e-5)


def test_a_skipped_block_leaves_both_streams_as_they_are(mmdit_weights: Weights) -> None:
    silent = dict(mmdit_weights)  # a block whose gates are all zero changes nothing either
    for stream in ("context_block", "x_block"):
        for kind in ("weight", "bias"):
            key = f"joint_blocks.1.{stream}.adaLN_modulation.1.{kind}"
            silent[key] = torch.zeros_like(silent[key])
    skipped = make(mmdit_weights)(*inputs(), skip_layers=frozenset({1}))
    torch.testing.assert_close(skipped, make(silent)(*inputs()))
    assert not torch.allclose(skipped, make(mmdit_weights)(*inputs()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_takes_and_gives_float32(mmdit_weights: Weights, dtype: torch.dtype) -> None:
    half = make({key: tensor.to(dtype) for key, tensor in mmdit_weights.items()})
    velocity = half(*inputs())
    exact = make(mmdit_weights)(*inputs())
    assert velocity.dtype == torch.float32
    # bfloat16 keeps 8 bits: a per cent or so after three blocks.
    assert (velocity - exact).norm() / exact.norm() < 0.05


def test_timesteps_stay_exact_in_half_precision() -> None:
    """999 is not a bfloat16 number; the features are computed before the cast."""
    assert not torch.equal(time_features(torch.tensor([999.0]), 256), time_features(torch.tensor([1000.0]), 256))


def test_time_features_are_cosines_then_sines() -> None:
    features = time_features(torch.tensor([0.0, 2.0]), 256)
    assert torch.equal(features[0], torch.cat([torch.ones(128), torch.zeros(128)]))
    assert features[1, 0].item() == pytest.approx(torch.tensor(2.0).cos().item())
    assert features[1, 128 + 64].item() == pytest.approx(torch.tensor(2.0 * 10000**-0.5).sin().item())


@pytest.mark.parametrize(
    ("index", "wrong", "words"),
    [
        (0, torch.zeros(2, 4, 8, 8), r"\[B, 16, h, w\], but got \[2, 4, 8, 8\]"),
        (0, torch.zeros(2, 16, 8, 26), r"26 x 8 cells.*ends at 24 \(192 pixels\)"),
        (1, torch.zeros(3), r"timestep must have shape \[2\]"),
        (2, torch.ones(2, 7, 97), r"at most 96\], but has \[2, 7, 97\], and more than zeros beyond"),
        (2, torch.zeros(1, 7, 96), r"text context must have shape \[2, L"),
        (3, torch.zeros(2, 47), r"pooled text must have shape \[2, 48\]"),
    ],
)
def test_wrong_inputs_are_named_with_both_shapes(mmdit: MMDiT, index: int, wrong: Tensor, words: str) -> None:
    arguments = list(inputs())
    arguments[index] = wrong
    with pytest.raises(InputShapeError, match=words):
        mmdit(*arguments)


@pytest.mark.parametrize(
    ("key", "shape", "words"),
    [
        ("pos_embed", (1, 143, 128), "143 positions, expected a square"),
        ("x_embedder.proj.weight", (100, 16, 2, 2), "100 wide, expected a multiple of 64"),
        ("context_embedder.weight", (128,), "expected 2 dimensions"),
    ],
)
def test_shapes_no_transformer_has_are_refused(
    mmdit_weights: Weights, key: str, shape: tuple[int, ...], words: str
) -> None:
    with pytest.raises(WeightsMismatchError, match=words):
        build("mmdit", {**mmdit_weights, key: torch.zeros(shape)}, "file.safetensors")
