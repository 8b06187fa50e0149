"""The released networks in full size, on the meta device: keys, shapes, and pictures up to the end of the grid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sd35graph.models.errors import InputShapeError, WeightsMismatchError
from sd35graph.models.files.sections import CHECKPOINT_PREFIXES, Section
from sd35graph.models.networks.build import skeleton
from sd35graph.models.networks.mmdit import MMDiT

MIS_SHAPED: dict[Section, str] = {
    "mmdit": "final_layer.linear.bias",
    "vae": "decoder.norm_out.weight",
    "clip_l": "text_model.encoder.layers.0.layer_norm1.weight",
    "clip_g": "text_model.encoder.layers.0.layer_norm1.weight",
    "t5xxl": "encoder.final_layer_norm.weight",
}

Shapes = dict[str, tuple[int, ...]]

# With a tensor of each that the dimensions are not read from.
NETWORKS: list[tuple[str, Section, str]] = [
    ("sd3_medium.mmdit", "mmdit", "joint_blocks.7.context_block.mlp.fc2.weight"),
    ("sd3.5_large.mmdit", "mmdit", "joint_blocks.37.x_block.attn.ln_k.weight"),
    ("sd3.5_medium.mmdit", "mmdit", "joint_blocks.12.x_block.attn2.proj.bias"),
    ("vae16", "vae", "decoder.up.1.block.0.nin_shortcut.weight"),
    ("clip_l", "clip_l", "text_model.encoder.layers.11.self_attn.q_proj.bias"),
    ("clip_g", "clip_g", "text_model.final_layer_norm.weight"),
    ("t5xxl", "t5xxl", "encoder.block.23.layer.1.DenseReluDense.wo.weight"),
]


def shapes(shared: Path, manifest: str, section: Section) -> Shapes:
    keys = json.loads((shared / "parity/manifests" / f"{manifest}.json").read_text(encoding="utf-8"))["keys"]
    return {key.removeprefix(CHECKPOINT_PREFIXES[section]): tuple(shape) for key, shape in keys.items()}


@pytest.mark.parametrize(("manifest", "section", "key"), NETWORKS)
def test_keys_and_shapes_are_those_of_the_released_file(
    shared: Path, manifest: str, section: Section, key: str
) -> None:
    expected = shapes(shared, manifest, section)
    network = skeleton(section, expected, manifest).state_dict()
    unused = {"text_projection.weight"} if section == "clip_l" else set()
    assert {name: tuple(tensor.shape) for name, tensor in network.items()} == {
        name: shape for name, shape in expected.items() if name not in unused
    }
    assert all(tensor.is_meta for tensor in network.values())


@pytest.mark.parametrize(("manifest", "section", "key"), NETWORKS)
def test_a_missing_a_surplus_and_a_mis_shaped_key_are_named_at_once(
    shared: Path, manifest: str, section: Section, key: str
) -> None:
    wrong = shapes(shared, manifest, section)
    misshapen = MIS_SHAPED[section]
    del wrong[key]
    wrong |= {misshapen: (3,), "more.of.it": (1,)}
    with pytest.raises(WeightsMismatchError) as caught:
        skeleton(section, wrong, "file.safetensors")
    message = str(caught.value)
    assert message.startswith("file.safetensors: the keys of the ")
    assert f"1 missing: {key}; 1 unexpected: more.of.it; 1 of wrong shape: {misshapen} [3] instead of [" in message


@pytest.mark.parametrize(
    ("manifest", "pixels"),
    [
        ("sd3_medium.mmdit", (1024, 1024)),
        ("sd3.5_large.mmdit", (1344, 768)),
        ("sd3.5_medium.mmdit", (1440, 1440)),  # 2 megapixels, the most it was trained on
        ("sd3.5_medium.mmdit", (6144, 16)),  # the end of its grid of 384 patches
    ],
)
def test_pictures_fit_the_position_grid(shared: Path, manifest: str, pixels: tuple[int, int]) -> None:
    network = skeleton("mmdit", shapes(shared, manifest, "mmdit"), manifest)
    assert isinstance(network, MMDiT)
    latent = torch.empty(1, 16, pixels[1] // 8, pixels[0] // 8, device="meta")
    context, pooled = torch.empty(1, 154, 4096, device="meta"), torch.empty(1, 2048, device="meta")
    assert network(latent, torch.empty(1, device="meta"), context, pooled).shape == latent.shape


def test_a_picture_beyond_the_grid_is_refused_with_its_size(shared: Path) -> None:
    network = skeleton("mmdit", shapes(shared, "sd3.5_medium.mmdit", "mmdit"), "m")
    latent = torch.empty(1, 16, 16, 770, device="meta")
    context, pooled = torch.empty(1, 154, 4096, device="meta"), torch.empty(1, 2048, device="meta")
    with pytest.raises(InputShapeError, match=r"770 x 16 cells, but .* grid ends at 768 \(6144 pixels\) per side"):
        network(latent, torch.empty(1, device="meta"), context, pooled)
