"""Opening model files: what each holds, and which defects are found without loading."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_networks import Save, Weights

from sd35graph.models.errors import (
    ForeignModelError,
    MissingPartError,
    ModelError,
    UnsupportedStorageError,
    WeightsMismatchError,
)
from sd35graph.models.files.sections import PART_METADATA
from sd35graph.models.handles import (
    ModelHandle,
    TextEncoderHandle,
    open_checkpoint,
    open_diffusion_model,
    open_text_encoders,
    open_vae,
)
from sd35graph.values import FlowSettings


def test_an_all_in_one_file_gives_three_handles(
    save: Save, mmdit_weights: Weights, vae_weights: Weights, clip_l_weights: Weights, t5_weights: Weights
) -> None:
    path = save(
        "all.safetensors",
        mmdit=mmdit_weights,
        vae=vae_weights,
        clip_l=clip_l_weights,
        t5xxl=t5_weights,
        extra={"text_encoders.clip_l.logit_scale": torch.tensor(4.6)},
    )
    model, encoders, vae = open_checkpoint(path)
    assert model.flow == FlowSettings()
    assert [ref.section for ref in encoders.require()] == ["clip_l", "t5xxl"]
    assert vae.require().section == "vae"
    assert model.size_bytes + encoders.size_bytes + vae.size_bytes < 10_000


def test_handles_compare_by_value(save: Save, mmdit_weights: Weights) -> None:
    path = save("m.safetensors", mmdit=mmdit_weights)
    assert open_diffusion_model(path) == open_diffusion_model(path)
    assert hash(open_diffusion_model(path)) == hash(open_checkpoint(path)[0])


def test_missing_parts_are_an_error_on_use_not_on_opening(save: Save, mmdit_weights: Weights) -> None:
    path = save("m.safetensors", mmdit=mmdit_weights)
    _, encoders, vae = open_checkpoint(path)
    with pytest.raises(MissingPartError, match=r"holds no text encoders.*TripleCLIPLoader") as caught:
        encoders.require()
    assert str(path) in str(caught.value)
    with pytest.raises(MissingPartError, match=r"holds no VAE.*VAELoader"):
        vae.require()


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_diffusion_model_opens_with_and_without_prefix(tmp_path: Path, mmdit_weights: Weights, prefix: str) -> None:
    path = tmp_path / "m.safetensors"
    save_file({prefix + key: tensor for key, tensor in mmdit_weights.items()}, path)
    assert isinstance(open_diffusion_model(path), ModelHandle)


@pytest.mark.parametrize("prefix", ["", "first_stage_model."])
def test_a_vae_opens_with_and_without_prefix(tmp_path: Path, vae_weights: Weights, prefix: str) -> None:
    path = tmp_path / "vae.safetensors"
    save_file({prefix + key: tensor for key, tensor in vae_weights.items()}, path)
    assert open_vae(path).require().section == "vae"


def test_encoders_are_told_apart_by_keys_and_width(
    tmp_path: Path, clip_l_weights: Weights, clip_g_weights: Weights, t5_weights: Weights
) -> None:
    paths = [tmp_path / name for name in ("t.safetensors", "g.safetensors", "l.safetensors")]
    for path, weights in zip(paths, (t5_weights, clip_g_weights, clip_l_weights), strict=True):
        save_file(weights, path)
    handle = open_text_encoders(paths)
    assert [ref.section for ref in handle.weights] == ["clip_l", "clip_g", "t5xxl"]
    assert handle.placement == "default"


def test_metadata_names_an_encoder_whose_width_does_not(tmp_path: Path, clip_g_weights: Weights) -> None:
    path = tmp_path / "clip.safetensors"
    save_file({**clip_g_weights}, path, {PART_METADATA: "clip_g"})
    assert [ref.section for ref in open_text_encoders([path], "cpu").weights] == ["clip_g"]


def test_the_same_encoder_twice_names_both_files(tmp_path: Path, clip_l_weights: Weights) -> None:
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path in paths:
        save_file(clip_l_weights, path)
    with pytest.raises(ModelError, match=r"a\.safetensors and .*b\.safetensors are both a CLIP-L"):
        open_text_encoders(paths)


def test_unused_parts_of_complete_clip_and_t5_files_are_tolerated(
    tmp_path: Path, clip_l_weights: Weights, t5_weights: Weights
) -> None:
    extra = ("logit_scale", "text_projection.weight", "vision_model.x", "visual_projection.weight")
    positions = {"text_model.embeddings.position_ids": torch.arange(77).unsqueeze(0)}
    save_file({**clip_l_weights, **{key: torch.ones(1) for key in extra}, **positions}, tmp_path / "l.safetensors")
    save_file(
        {**t5_weights, "decoder.block.0.x": torch.ones(1), "encoder.embed_tokens.weight": torch.ones(2)},
        tmp_path / "t.safetensors",
    )
    assert len(open_text_encoders([tmp_path / "l.safetensors", tmp_path / "t.safetensors"]).weights) == 2


def test_a_missing_key_is_named(save: Save, mmdit_weights: Weights) -> None:
    weights = dict(mmdit_weights)
    del weights["joint_blocks.1.x_block.mlp.fc2.bias"]
    path = save("m.safetensors", mmdit=weights)
    with pytest.raises(WeightsMismatchError, match=r"1 missing: joint_blocks\.1\.x_block\.mlp\.fc2\.bias\."):
        open_checkpoint(path)


def test_a_key_the_config_is_read_from_is_named_too(save: Save, mmdit_weights: Weights) -> None:
    weights = dict(mmdit_weights)
    del weights["joint_blocks.0.x_block.attn.qkv.weight"]
    with pytest.raises(WeightsMismatchError, match=r'"joint_blocks\.0\.x_block\.attn\.qkv\.weight" is missing'):
        open_checkpoint(save("m.safetensors", mmdit=weights))


def test_unexpected_keys_are_listed_up_to_ten(save: Save, vae_weights: Weights, mmdit_weights: Weights) -> None:
    extra = {f"first_stage_model.extra.{i:02}": torch.ones(1) for i in range(12)}
    path = save("m.safetensors", mmdit=mmdit_weights, vae=vae_weights, extra=extra)
    with pytest.raises(WeightsMismatchError, match=r"12 unexpected: extra\.00, .*extra\.09 and 2 more"):
        open_checkpoint(path)


def test_keys_outside_every_part_are_listed(save: Save, mmdit_weights: Weights) -> None:
    path = save("m.safetensors", mmdit=mmdit_weights, extra={"something.else": torch.ones(1)})
    with pytest.raises(WeightsMismatchError, match=r"1 keys that belong to none: something\.else"):
        open_checkpoint(path)


def test_a_wrong_shape_gives_both_shapes(save: Save, mmdit_weights: Weights) -> None:
    weights = {**mmdit_weights, "final_layer.linear.bias": torch.ones(63)}
    with pytest.raises(
        WeightsMismatchError, match=r"1 of wrong shape: final_layer\.linear\.bias \[63\] instead of \[64\]"
    ):
        open_checkpoint(save("m.safetensors", mmdit=weights))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("model.diffusion_model.input_blocks.0.0.weight", "Stable Diffusion 1, 2 or XL"),
        ("conditioner.embedders.1.model.x", "Stable Diffusion XL"),
        ("cond_stage_model.transformer.text_model.x", "Stable Diffusion 1"),
        ("double_blocks.0.img_attn.qkv.weight", "Flux"),
        ("transformer_blocks.0.attn.to_q.weight", "diffusers"),
        ("lora_unet_joint_blocks_0.lora_down.weight", "LoRA"),
        ("controlnet_blocks.0.weight", "ControlNet"),
        ("mystery.weight", "unknown model with keys such as mystery.weight"),
    ],
)
def test_foreign_models_are_recognised(tmp_path: Path, key: str, words: str) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({key: torch.ones(2)}, path)
    with pytest.raises(ForeignModelError, match=words) as caught:
        open_checkpoint(path)
    assert str(path) in str(caught.value)


def test_a_stable_diffusion_checkpoint_is_recognised_despite_its_vae(tmp_path: Path, vae_weights: Weights) -> None:
    path = tmp_path / "sd15.safetensors"
    tensors = {"first_stage_model." + key: tensor for key, tensor in vae_weights.items()}
    save_file({**tensors, "cond_stage_model.transformer.x": torch.ones(1)}, path)
    with pytest.raises(ForeignModelError, match="Stable Diffusion 1"):
        open_vae(path)


def test_a_four_channel_vae_is_refused(tmp_path: Path, vae_weights: Weights) -> None:
    path = tmp_path / "vae.safetensors"
    save_file({**vae_weights, "decoder.conv_in.weight": torch.ones(64, 4, 3, 3)}, path)
    with pytest.raises(ForeignModelError, match=r"4-channel autoencoder.*need the 16-channel one"):
        open_vae(path)


def test_a_clip_of_another_width_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip_h.safetensors"
    save_file({"text_model.embeddings.token_embedding.weight": torch.ones(5, 1024)}, path)
    with pytest.raises(ForeignModelError, match=r"width 1024; expected 768 \(CLIP-L\) or 1280"):
        open_text_encoders([path])


def test_files_in_the_wrong_loader_say_what_they_are(
    tmp_path: Path, vae_weights: Weights, clip_l_weights: Weights
) -> None:
    vae, clip = tmp_path / "vae.safetensors", tmp_path / "clip.safetensors"
    save_file(vae_weights, vae)
    save_file(clip_l_weights, clip)
    with pytest.raises(MissingPartError, match=r"no diffusion model, only: VAE.*models/vae"):
        open_checkpoint(vae)
    with pytest.raises(ForeignModelError, match="no text encoder, only: VAE"):
        open_text_encoders([vae])
    with pytest.raises(ForeignModelError, match=r"no VAE, only: CLIP-L text encoder.*models/text_encoders"):
        open_vae(clip)
    with pytest.raises(ForeignModelError, match="no diffusion model, only: CLIP-L"):
        open_diffusion_model(clip)


def test_integer_weights_are_refused(save: Save, mmdit_weights: Weights) -> None:
    weights = {**mmdit_weights, "final_layer.linear.bias": torch.ones(64, dtype=torch.int8)}
    with pytest.raises(UnsupportedStorageError, match=r"final_layer\.linear\.bias.*I8.*expected one of F32, F16, BF16"):
        open_checkpoint(save("m.safetensors", mmdit=weights))


@pytest.mark.parametrize(
    ("manifest", "section"),
    [
        ("sd3_medium.mmdit", "mmdit"),
        ("sd3.5_large.mmdit", "mmdit"),
        ("sd3.5_medium.mmdit", "mmdit"),
        ("vae16", "vae"),
        ("clip_l", "clip_l"),
        ("clip_g", "clip_g"),
        ("t5xxl", "t5xxl"),
    ],
)
def test_released_files_open_from_their_header_alone(tmp_path: Path, shared: Path, manifest: str, section: str) -> None:
    """A sparse file of the full size, with the keys and shapes of the released one."""
    keys = json.loads((shared / "parity/manifests" / f"{manifest}.json").read_text())["keys"]
    path = sparse_file(tmp_path / "model.safetensors", keys)
    if section == "mmdit":
        assert open_checkpoint(path)[0] == open_diffusion_model(path)
    elif section == "vae":
        assert open_vae(path).require().section == section
    else:
        handle: TextEncoderHandle = open_text_encoders([path])
        assert [ref.section for ref in handle.weights] == [section]


def sparse_file(path: Path, shapes: dict[str, list[int]]) -> Path:
    """A safetensors file of zeros that takes no space on disk."""
    header, position = {}, 0
    for key, shape in shapes.items():
        size = 2 * torch.Size(shape).numel()
        header[key] = {"dtype": "F16", "shape": shape, "data_offsets": [position, position + size]}
        position += size
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + position)
    return path
