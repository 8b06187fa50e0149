"""The table of diffusers' names covers every tensor of the released files, once."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path

import pytest
import torch

from sd35graph.models.files.diffusers_names import Place, mmdit_places, tensor_place, vae_places

Shapes = dict[str, tuple[int, ...]]


def manifest(shared: Path, name: str, prefix: str) -> tuple[Shapes, dict[str, object]]:
    content = json.loads((shared / "parity" / "manifests" / f"{name}.json").read_text())
    return {key.removeprefix(prefix): tuple(shape) for key, shape in content["keys"].items()}, content["meta"]


def assert_covers(theirs: Shapes, places: dict[str, Place], ours: Shapes) -> None:
    """Every tensor of diffusers' model has a place, and the places fill every tensor of the released file exactly."""
    filled: dict[str, dict[int | None, int]] = defaultdict(dict)
    for key, shape in theirs.items():
        place = tensor_place(key, places)
        assert place is not None, key
        assert place.third not in filled[place.name], key
        filled[place.name][place.third] = math.prod(shape)
    assert {name: sum(parts.values()) for name, parts in filled.items()} == {k: math.prod(s) for k, s in ours.items()}
    assert all(set(parts) in ({None}, {0, 1, 2}) for parts in filled.values())


@pytest.mark.parametrize("name", ["sd3_medium", "sd3.5_medium", "sd3.5_large"])
def test_each_full_size_transformer_is_covered(shared: Path, name: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    ours, meta = manifest(shared, f"{name}.mmdit", "model.diffusion_model.")
    with torch.device("meta"):
        network = diffusers.SD3Transformer2DModel(
            num_layers=meta["depth"],
            num_attention_heads=meta["heads"],
            caption_projection_dim=meta["hidden"],
            dual_attention_layers=meta["dual_attention_blocks"],
            qk_norm="rms_norm" if meta["qk_norm"] else None,
            pos_embed_max_size=meta["pos_embed_max_size"],
        )
    theirs = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    assert_covers(theirs, mmdit_places(int(str(meta["depth"]))), ours)


def test_the_full_size_autoencoder_is_covered(shared: Path) -> None:
    diffusers = pytest.importorskip("diffusers")
    ours, _ = manifest(shared, "vae16", "first_stage_model.")
    with torch.device("meta"):
        network = diffusers.AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4,
            block_out_channels=[128, 256, 512, 512],
            layers_per_block=2,
            latent_channels=16,
            use_quant_conv=False,
            use_post_quant_conv=False,
        )
    theirs = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    assert_covers(theirs, vae_places(4), ours)


def test_what_is_swapped_is_the_last_norm_of_each_stream() -> None:
    swapped = {name for name, place in mmdit_places(3).items() if place.is_swapped}
    assert swapped == {"norm_out.linear", "transformer_blocks.2.norm1_context.linear"}


def test_names_diffusers_does_not_have_have_no_place() -> None:
    assert tensor_place("transformer_blocks.3.attn.to_q.weight", mmdit_places(3)) is None
