"""LoRA files: key styles, formats, what does not fit, and the patched network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_networks import Save, Weights
from torch import Tensor

from sd35graph.models.changes.lora import Lora, LoraPatch, open_lora
from sd35graph.models.changes.tensors import network_shapes
from sd35graph.models.errors import (
    FileFormatError,
    ForeignModelError,
    UnsupportedStorageError,
    WeightsChangedError,
    WeightsMismatchError,
)
from sd35graph.models.files.sections import Section
from sd35graph.models.handles import open_checkpoint, open_diffusion_model
from sd35graph.models.loading.pool import ModelPool

CPU = torch.device("cpu")
QKV = "joint_blocks.1.x_block.attn.qkv.weight"
MLP = "text_model.encoder.layers.1.mlp.fc1.weight"


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def shapes_of(weights: Weights) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in weights.items()}


def write(folder: Path, tensors: Weights) -> Lora:
    save_file(tensors, folder / "lora.safetensors")
    return open_lora(folder / "lora.safetensors")


def patch(lora: Lora, weights: Weights, section: Section = "mmdit", strength: float = 1.0) -> LoraPatch:
    found = lora.patch(section, shapes_of(weights), strength)
    assert found is not None
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    ("up", "down"),
    [
        (
            "lora_te1_text_model_encoder_layers_1_mlp_fc1.lora_up",
            "lora_te1_text_model_encoder_layers_1_mlp_fc1.lora_down",
        ),
        (
            "lora_te_text_model_encoder_layers_1_mlp_fc1.lora_up",
            "lora_te_text_model_encoder_layers_1_mlp_fc1.lora_down",
        ),
        (
            "text_encoder.text_model.encoder.layers.1.mlp.fc1.lora_linear_layer.up",
            "text_encoder.text_model.encoder.layers.1.mlp.fc1.lora_linear_layer.down",
        ),
        (
            "text_encoder.text_model.encoder.layers.1.mlp.fc1.lora_B",
            "text_encoder.text_model.encoder.layers.1.mlp.fc1.lora_A",
        ),
        (
            "text_encoders.clip_l.transformer.text_model.encoder.layers.1.mlp.fc1.lora_B.default",
            "text_encoders.clip_l.transformer.text_model.encoder.layers.1.mlp.fc1.lora_A.default",
        ),
    ],
)
def test_every_key_style_reaches_clip_l(
    tmp_path: Path, clip_l_weights: Weights, up: str, down: str, dtype: torch.dtype
) -> None:
    first, second = random(64, 3).to(dtype), random(3, 768, seed=2).to(dtype)
    lora = write(tmp_path, {f"{up}.weight": first, f"{down}.weight": second})
    found = patch(lora, clip_l_weights, "clip_l", -0.5)
    changed = found.apply(MLP, clip_l_weights[MLP])
    assert changed.dtype == torch.float32
    torch.testing.assert_close(changed, clip_l_weights[MLP] - 0.5 * first.float() @ second.float())
    assert [key for key in clip_l_weights if found.changes(key)] == [MLP]
    assert lora.unknown({"clip_l": shapes_of(clip_l_weights)}) == []


@pytest.mark.parametrize(
    ("prefix", "section", "module", "shape"),
    [
        ("lora_te2_", "clip_g", "text_model.encoder.layers.0.self_attn.q_proj", (1280, 1280)),
        ("text_encoder_2.", "clip_g", "text_model.encoder.layers.0.self_attn.q_proj", (1280, 1280)),
        ("lora_te3_", "t5xxl", "encoder.block.1.layer.0.SelfAttention.q", (128, 4096)),
        ("text_encoder_3.", "t5xxl", "encoder.block.1.layer.1.DenseReluDense.wi_0", (32, 4096)),
    ],
)
def test_the_prefix_says_which_encoder(
    tmp_path: Path,
    clip_g_weights: Weights,
    clip_l_weights: Weights,
    t5_weights: Weights,
    prefix: str,
    section: Section,
    module: str,
    shape: tuple[int, int],
) -> None:
    name = prefix + (module.replace(".", "_") if prefix.endswith("_") else module)
    lora = write(
        tmp_path, {f"{name}.lora_up.weight": random(shape[0], 2), f"{name}.lora_down.weight": random(2, shape[1])}
    )
    weights = {"clip_l": clip_l_weights, "clip_g": clip_g_weights, "t5xxl": t5_weights}
    patches = {name: lora.patch(name, shapes_of(tensors), 1.0) for name, tensors in weights.items()}
    assert [name for name, found in patches.items() if found] == [section]
    found = patches[section]
    assert found is not None
    assert found.changes(f"{module}.weight")


def test_loha_is_the_elementwise_product_of_two_products(tmp_path: Path, mmdit_weights: Weights) -> None:
    a, b, c, d = random(384, 4), random(4, 128, seed=2), random(384, 4, seed=3), random(4, 128, seed=4)
    name = "lycoris_joint_blocks_1_x_block_attn_qkv"
    lora = write(
        tmp_path,
        {
            f"{name}.hada_w1_a": a,
            f"{name}.hada_w1_b": b,
            f"{name}.hada_w2_a": c,
            f"{name}.hada_w2_b": d,
            f"{name}.alpha": torch.tensor(2.0),
        },
    )
    expected = mmdit_weights[QKV] + torch.einsum("ir,rj,is,sj->ij", a, b, c, d) * (2.0 / 4)
    torch.testing.assert_close(patch(lora, mmdit_weights).apply(QKV, mmdit_weights[QKV]), expected)


@pytest.mark.parametrize("is_whole", [True, False])
def test_lokr_is_a_kronecker_product(tmp_path: Path, mmdit_weights: Weights, is_whole: bool) -> None:
    first, left, right = random(8, 8), random(16, 2, seed=2), random(2, 16, seed=3)
    name = "lycoris_transformer_blocks_1_attn_to_k"
    second = {f"{name}.lokr_w2": left @ right} if is_whole else {f"{name}.lokr_w2_a": left, f"{name}.lokr_w2_b": right}
    lora = write(tmp_path, {f"{name}.lokr_w1": first, **second, f"{name}.alpha": torch.tensor(1.0)})
    change = torch.einsum("ij,kl->ikjl", first, left @ right).reshape(128, 128) * (1.0 if is_whole else 0.5)
    expected = mmdit_weights[QKV].clone()
    expected[128:256] += change
    torch.testing.assert_close(patch(lora, mmdit_weights).apply(QKV, mmdit_weights[QKV]), expected)


def test_a_kernel_is_changed_as_its_flat_matrix(tmp_path: Path, mmdit_weights: Weights) -> None:
    up, down = random(128, 2, 1, 1), random(2, 16, 2, 2)
    name = "lora_unet_x_embedder_proj"
    lora = write(tmp_path, {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down})
    key = "x_embedder.proj.weight"
    expected = mmdit_weights[key] + torch.einsum("orij,rckl->ockl", up, down)
    torch.testing.assert_close(patch(lora, mmdit_weights).apply(key, mmdit_weights[key]), expected)


def test_differences_change_weights_biases_and_norms(tmp_path: Path, mmdit_weights: Weights) -> None:
    changes = {
        "diffusion_model.joint_blocks.1.x_block.attn.qkv.diff_b": random(384),
        "diffusion_model.joint_blocks.0.x_block.attn.ln_q.diff": random(64),
        "transformer.norm_out.linear.diff": random(256, 128),
    }
    found = patch(write(tmp_path, changes), mmdit_weights, strength=-2.0)
    bias, norm, swapped = changes.values()
    for key, change in (
        ("joint_blocks.1.x_block.attn.qkv.bias", bias),
        ("joint_blocks.0.x_block.attn.ln_q.weight", norm),
        ("final_layer.adaLN_modulation.1.weight", torch.cat([swapped[128:], swapped[:128]])),
    ):
        torch.testing.assert_close(found.apply(key, mmdit_weights[key]), mmdit_weights[key] - 2.0 * change)
    assert sum(map(found.changes, mmdit_weights)) == 3


def test_the_pool_applies_stacked_loras_and_keeps_the_variants_apart(
    tmp_path: Path, save: Save, mmdit_weights: Weights
) -> None:
    name = "diffusion_model.joint_blocks.1.x_block.attn.qkv"
    up, down = random(384, 2), random(2, 128)
    lora = write(tmp_path, {f"{name}.lora_B.weight": up, f"{name}.lora_A.weight": down})
    plain = open_diffusion_model(save("m.safetensors", mmdit=mmdit_weights))
    shapes = network_shapes(plain.weights)
    assert shapes == shapes_of(mmdit_weights)
    first, second = lora.patch("mmdit", shapes, 0.75), lora.patch("mmdit", shapes, -0.25)
    assert first is not None
    assert second is not None
    assert first != second
    assert hash(first) == hash(lora.patch("mmdit", shapes, 0.75))
    stacked = replace(plain, weights=replace(plain.weights, patches=(first, second)))
    pool = ModelPool(CPU, "fp32", [])
    torch.testing.assert_close(pool.mmdit(stacked).state_dict()[QKV], mmdit_weights[QKV] + 0.5 * up @ down)
    assert torch.equal(pool.mmdit(plain).state_dict()[QKV], mmdit_weights[QKV])


def test_a_lora_that_changed_since_is_refused(tmp_path: Path, mmdit_weights: Weights) -> None:
    name = "joint_blocks.1.x_block.attn.qkv"
    tensors = {f"{name}.lora_B.weight": random(384, 2), f"{name}.lora_A.weight": random(2, 128)}
    found = patch(write(tmp_path, tensors), mmdit_weights)
    save_file({**tensors, "more": torch.ones(1)}, tmp_path / "lora.safetensors")
    with pytest.raises(WeightsChangedError, match=r"lora\.safetensors changed on disk"):
        found.apply(QKV, mmdit_weights[QKV])


def test_another_models_lora_says_which_model_it_is_for(tmp_path: Path, mmdit_weights: Weights) -> None:
    name = "transformer.transformer_blocks.{}.attn.to_q.lora_{}.weight"
    tensors = {name.format(i, "B"): random(192, 2) for i in (0, 2, 6)}
    lora = write(tmp_path, tensors | {name.format(i, "A"): random(2, 192) for i in (0, 2, 6)})
    with pytest.raises(
        WeightsMismatchError,
        match=r"does not fit the diffusion model \(128 wide, 3 blocks\): 2 of its changes have another shape "
        r"\(transformer\.transformer_blocks\.0\.attn\.to_q, .*made for one 192 wide with 7 or more blocks",
    ):
        lora.patch("mmdit", shapes_of(mmdit_weights), 1.0)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("lora_unet_double_blocks_0_img_attn_qkv", "Flux"),
        ("transformer.single_transformer_blocks.0.attn.to_q", "Flux"),
        ("lora_unet_down_blocks_0_attentions_0_proj_in", "Stable Diffusion 1, 2 or XL"),
    ],
)
def test_a_lora_of_another_family_is_named(tmp_path: Path, mmdit_weights: Weights, name: str, title: str) -> None:
    lora = write(tmp_path, {f"{name}.lora_up.weight": random(8, 2), f"{name}.lora_down.weight": random(2, 8)})
    networks: dict[Section, dict[str, tuple[int, ...]]] = {"mmdit": shapes_of(mmdit_weights)}
    assert lora.patch("mmdit", networks["mmdit"], 1.0) is None
    message = str(lora.no_effect(networks))
    assert isinstance(lora.no_effect(networks), ForeignModelError)
    assert f"It seems to be made for {title}." in message
    assert name in message


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"lora_up.weight": torch.zeros(384, 0), "lora_down.weight": torch.zeros(0, 128)}, "holds no numbers"),
        ({"diff": torch.zeros(384, 128), "alpha": torch.ones(2)}, r'alpha" is F32 of shape \[2\]; expected a single'),
        ({"diff": torch.tensor(1.0)}, r"1 of its changes have another shape"),
        ({"lora_up.weight": torch.tensor(1.0), "lora_down.weight": torch.tensor(1.0)}, "have another shape"),
    ],
)
def test_shapes_that_no_change_has_are_refused(
    tmp_path: Path, mmdit_weights: Weights, tensors: Weights, words: str
) -> None:
    module = "lora_unet_joint_blocks_1_x_block_attn_qkv."
    with pytest.raises(WeightsMismatchError, match=words):
        patch(write(tmp_path, {module + name: tensor for name, tensor in tensors.items()}), mmdit_weights)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.float64, torch.float32])
def test_alpha_is_read_in_any_form(tmp_path: Path, mmdit_weights: Weights, dtype: torch.dtype) -> None:
    module, up, down = "lora_unet_joint_blocks_1_x_block_attn_qkv.", random(384, 4), random(4, 128, seed=2)
    factors = {"lora_up.weight": up, "lora_down.weight": down, "alpha": torch.tensor(2, dtype=dtype)}
    lora = write(tmp_path, {module + name: tensor for name, tensor in factors.items()})
    changed = patch(lora, mmdit_weights).apply(QKV, mmdit_weights[QKV])
    torch.testing.assert_close(changed, mmdit_weights[QKV] + up @ down * (2 / 4))


def test_unknown_and_incomplete_keys_are_listed(tmp_path: Path, mmdit_weights: Weights) -> None:
    known = "lora_unet_joint_blocks_0_x_block_attn_proj"
    lora = write(
        tmp_path,
        {
            f"{known}.lora_up.weight": random(128, 2),
            f"{known}.lora_down.weight": random(2, 128),
            "lora_unet_joint_blocks_9_x_block_attn_proj.lora_up.weight": random(128, 2),
            "lora_unet_joint_blocks_9_x_block_attn_proj.lora_down.weight": random(2, 128),
            "lora_unet_joint_blocks_1_x_block_attn_proj.lora_up.weight": random(128, 2),
            "mystery": torch.ones(1),
            "lora_te3_encoder_block_0_layer_0_SelfAttention_q.lora_up.weight": random(128, 2),
            "lora_te3_encoder_block_0_layer_0_SelfAttention_q.lora_down.weight": random(2, 4096),
        },
    )
    assert sorted(lora.unknown({"mmdit": shapes_of(mmdit_weights)})) == [
        "lora_unet_joint_blocks_1_x_block_attn_proj.lora_up.weight",
        "lora_unet_joint_blocks_9_x_block_attn_proj",
        "mystery",
    ]


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("transformer.proj_out.dora_scale", "DoRA"),
        ("transformer.proj_out.lora_magnitude_vector.weight", "DoRA"),
        ("lora_unet_x_embedder_proj.lora_mid.weight", "Tucker"),
        ("oft_unet_final_layer_linear.oft_blocks", "OFT"),
    ],
)
def test_formats_that_are_not_read_are_named(tmp_path: Path, key: str, title: str) -> None:
    with pytest.raises(UnsupportedStorageError, match=rf"is a {title}.* file \(it has .*expected LoRA, LoHa or LoKr"):
        write(tmp_path, {key: torch.ones(2)})


def test_a_model_in_the_lora_folder_changes_nothing(save: Save, mmdit_weights: Weights) -> None:
    path = save("m.safetensors", mmdit=mmdit_weights)
    lora = open_lora(path)
    model, _, _ = open_checkpoint(path)
    shapes = network_shapes(model.weights)
    assert lora.patch("mmdit", shapes, 1.0) is None
    assert "holds no complete LoRA, LoHa or LoKr: its " in str(lora.no_effect({"mmdit": shapes}))


@pytest.mark.parametrize(
    ("tensors", "said"), [({}, "it is empty"), ({"lora_unet_x.lora_A.weight": torch.zeros(1, 1)}, "its 1 keys")]
)
def test_a_file_without_a_whole_change_is_called_so(tmp_path: Path, tensors: Weights, said: str) -> None:
    assert f"holds no complete LoRA, LoHa or LoKr: {said}" in str(write(tmp_path, tensors).no_effect({}))


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lora.pt"
    path.write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(FileFormatError, match="pickle"):
        open_lora(path)
