"""Merged and saved models: weighted sums, files that load again, and LoRAs out of differences."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, load_file, save_file
from test_lora import write as write_lora
from tiny_networks import MMDIT, Save, Weights, randomize

from sd35graph.models.changes.extraction import extract_lora, factorize
from sd35graph.models.changes.lora import open_lora
from sd35graph.models.changes.merging import merge_encoders, merge_models
from sd35graph.models.changes.saving import write_networks
from sd35graph.models.changes.tensors import NetworkTensors, open_tensors
from sd35graph.models.errors import WeightsChangedError, WeightsMismatchError
from sd35graph.models.handles import ModelHandle, open_checkpoint, open_diffusion_model, open_text_encoders
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.mmdit import MMDiT

QKV = "joint_blocks.1.x_block.attn.qkv.weight"


@pytest.fixture
def second_weights() -> Weights:
    return randomize(MMDiT(MMDIT), 7)


@pytest.fixture
def models(save: Save, mmdit_weights: Weights, second_weights: Weights) -> tuple[ModelHandle, ModelHandle]:
    return (
        open_diffusion_model(save("a.safetensors", mmdit=mmdit_weights)),
        open_diffusion_model(save("b.safetensors", mmdit=second_weights)),
    )


def loaded(handle: ModelHandle) -> Weights:
    return dict(ModelPool(torch.device("cpu"), "fp32", []).mmdit(handle).state_dict())


def written(*networks: tuple[str, NetworkTensors], metadata: dict[str, str] | None = None) -> bytes:
    file = BytesIO()
    write_networks(file, networks, metadata or {}, lambda done, total: None)
    return file.getvalue()


def test_a_merge_is_the_weighted_sum(
    models: tuple[ModelHandle, ModelHandle], mmdit_weights: Weights, second_weights: Weights
) -> None:
    first, second = models
    merged = loaded(merge_models(first, second, {"": (0.25, 0.75)}))
    for key, weight in merged.items():
        torch.testing.assert_close(weight, 0.25 * mmdit_weights[key] + 0.75 * second_weights[key])
    assert merge_models(first, second, {"": (0.25, 0.75)}) == merge_models(first, second, {"": (0.25, 0.75)})
    assert merge_models(first, second, {"": (0.5, 0.5)}) != merge_models(first, second, {"": (0.25, 0.75)})


def test_the_longest_start_of_a_key_decides(
    models: tuple[ModelHandle, ModelHandle], mmdit_weights: Weights, second_weights: Weights
) -> None:
    shares = {"joint_blocks.": (0.0, 1.0), "joint_blocks.1.": (0.5, 0.5)}
    merged = loaded(merge_models(*models, shares))
    assert torch.equal(merged["final_layer.linear.weight"], mmdit_weights["final_layer.linear.weight"])
    other = "joint_blocks.0.x_block.attn.qkv.weight"
    assert torch.equal(merged[other], second_weights[other])
    torch.testing.assert_close(merged[QKV], 0.5 * mmdit_weights[QKV] + 0.5 * second_weights[QKV])


def test_a_difference_added_again_gives_the_second_model(models: tuple[ModelHandle, ModelHandle]) -> None:
    first, second = models
    difference = merge_models(second, first, {"": (1.0, -1.0)})
    again = loaded(merge_models(first, difference, {"": (1.0, 1.0)}))
    for key, weight in loaded(second).items():
        torch.testing.assert_close(again[key], weight)


def test_unlike_models_name_the_first_tensor_that_differs(save: Save, models: tuple[ModelHandle, ModelHandle]) -> None:
    shallow = open_diffusion_model(save("c.safetensors", mmdit=randomize(MMDiT(replace(MMDIT, depth=2)))))
    with pytest.raises(
        WeightsMismatchError,
        match=r"a\.safetensors and .*c\.safetensors do not hold the same diffusion model: "
        r'"joint_blocks\.1\.context_block\.attn\.proj\.weight" has shape \[128, 128\] in the first and is missing',
    ):
        merge_models(models[0], shallow, {"": (0.5, 0.5)})


def test_merging_with_a_file_that_changed_since_is_refused(
    models: tuple[ModelHandle, ModelHandle], second_weights: Weights, tmp_path: Path
) -> None:
    merged = merge_models(*models, {"": (0.5, 0.5)})
    save_file(second_weights, tmp_path / "b.safetensors")
    with pytest.raises(WeightsChangedError, match=r"b\.safetensors changed on disk"):
        loaded(merged)


def test_text_encoders_merge_by_kind(tmp_path: Path, clip_l_weights: Weights, t5_weights: Weights) -> None:
    others = {key: -weight for key, weight in clip_l_weights.items()}
    for name, weights in (("l1", clip_l_weights), ("l2", others), ("t5", t5_weights)):
        save_file(weights, tmp_path / f"{name}.safetensors")
    first, second = (open_text_encoders([tmp_path / f"{name}.safetensors"]) for name in ("l1", "l2"))
    (ref,) = merge_encoders(first, second, (0.75, 0.25)).weights
    key = "text_model.encoder.layers.0.mlp.fc1.weight"
    torch.testing.assert_close(open_tensors(ref).read(key), 0.5 * clip_l_weights[key])
    with pytest.raises(WeightsMismatchError, match=r"first are CLIP-L text encoder, the second T5-XXL text encoder"):
        merge_encoders(first, open_text_encoders([tmp_path / "t5.safetensors"]), (0.5, 0.5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_saved_checkpoint_loads_again_to_the_same_weights(
    tmp_path: Path,
    save: Save,
    mmdit_weights: Weights,
    second_weights: Weights,
    vae_weights: Weights,
    clip_l_weights: Weights,
    dtype: torch.dtype,
) -> None:
    parts = {"mmdit": mmdit_weights, "vae": vae_weights, "clip_l": clip_l_weights}
    path = save("all.safetensors", **{name: {k: t.to(dtype) for k, t in part.items()} for name, part in parts.items()})
    model, encoders, vae = open_checkpoint(path)
    merged = merge_models(model, open_diffusion_model(save("b.safetensors", mmdit=second_weights)), {"": (0.5, 0.5)})
    content = written(
        ("model.diffusion_model.", open_tensors(merged.weights)),
        ("text_encoders.clip_l.transformer.", open_tensors(encoders.require()[0])),
        ("first_stage_model.", open_tensors(vae.require())),
        metadata={"prompt": '{"1": {}}'},
    )
    (tmp_path / "saved.safetensors").write_bytes(content)
    again, encoders_again, vae_again = open_checkpoint(tmp_path / "saved.safetensors")
    with safe_open(tmp_path / "saved.safetensors", "pt") as file:
        assert file.metadata() == {"prompt": '{"1": {}}'}
    tensors = load(content)
    assert {tensor.dtype for tensor in tensors.values()} == {dtype}
    assert len(tensors) == len(load_file(path))
    for key, weight in loaded(again).items():
        assert torch.equal(weight, loaded(merged)[key].to(dtype).float())
    for old, new in ((vae.require(), vae_again.require()), (encoders.require()[0], encoders_again.require()[0])):
        first, second = open_tensors(old), open_tensors(new)
        assert all(torch.equal(first.read(key), second.read(key)) for key in first.shapes)


def test_fp8_is_saved_as_bfloat16(tmp_path: Path, mmdit_weights: Weights) -> None:
    stored = {k: t.to(torch.float8_e4m3fn) if t.ndim == 2 else t for k, t in mmdit_weights.items()}
    save_file(stored, tmp_path / "m.safetensors")
    tensors = load(written(("", open_tensors(open_diffusion_model(tmp_path / "m.safetensors").weights))))
    assert torch.equal(tensors[QKV], stored[QKV].to(torch.bfloat16))
    assert tensors["pos_embed"].dtype == torch.float32


def test_the_header_is_padded_so_that_tensors_are_aligned(models: tuple[ModelHandle, ModelHandle]) -> None:
    for text in ("", "x", "xx", "xxxxxx"):
        content = written(("", open_tensors(models[0].weights)), metadata={"note": text})
        length = int.from_bytes(content[:8], "little")
        assert length % 8 == 0
        assert json.loads(content[8 : 8 + length])["__metadata__"] == {"note": text}


def test_a_low_rank_difference_is_extracted_exactly(tmp_path: Path, save: Save, mmdit_weights: Weights) -> None:
    base = open_diffusion_model(save("a.safetensors", mmdit=mmdit_weights))
    generator = torch.Generator().manual_seed(3)
    up, down = torch.randn(384, 3, generator=generator), torch.randn(3, 128, generator=generator)
    bias = torch.randn(384, generator=generator)
    key, bias_key = QKV, QKV.replace("weight", "bias")
    changed = {**mmdit_weights, key: mmdit_weights[key] + up @ down, bias_key: mmdit_weights[bias_key] + bias}
    tuned = open_diffusion_model(save("b.safetensors", mmdit=changed))
    difference = open_tensors(merge_models(tuned, base, {"": (1.0, -1.0)}).weights)
    progress: list[tuple[int, int]] = []
    tensors, left_out = extract_lora(difference, 3, "standard", lambda *done: progress.append(done), with_biases=True)
    module = "diffusion_model.joint_blocks.1.x_block.attn.qkv"
    assert {name: list(t.shape) for name, t in tensors.items()} == {
        f"{module}.lora_up.weight": [384, 3],
        f"{module}.lora_down.weight": [3, 128],
        f"{module}.diff_b": [384],
    }
    assert left_out == []
    assert progress[-1] == (len(mmdit_weights), len(mmdit_weights))
    patch = write_lora(tmp_path, tensors).patch("mmdit", difference.shapes, 1.0)
    assert patch is not None
    for name in (key, bias_key):
        torch.testing.assert_close(patch.apply(name, mmdit_weights[name]), changed[name], atol=1e-5, rtol=1e-5)


def test_whole_differences_and_what_a_lora_cannot_hold(
    tmp_path: Path, models: tuple[ModelHandle, ModelHandle], mmdit_weights: Weights, second_weights: Weights
) -> None:
    first, second = models
    difference = open_tensors(merge_models(second, first, {"": (1.0, -1.0)}).weights)
    tensors, left_out = extract_lora(difference, 1, "full_diff", lambda *done: None, with_biases=True)
    assert left_out == ["pos_embed"]
    save_file(tensors, tmp_path / "diff.safetensors")
    lora = open_lora(tmp_path / "diff.safetensors")
    assert lora.unknown({"mmdit": difference.shapes}) == []
    patch = lora.patch("mmdit", difference.shapes, 1.0)
    assert patch is not None
    assert {key for key in mmdit_weights if not patch.changes(key)} == {"pos_embed"}
    torch.testing.assert_close(patch.apply(QKV, mmdit_weights[QKV]), second_weights[QKV])
    without, _ = extract_lora(difference, 1, "standard", lambda *done: None, with_biases=False)
    assert all(name.endswith((".lora_up.weight", ".lora_down.weight")) for name in without)


def test_factors_are_the_nearest_of_their_rank() -> None:
    matrix = torch.diag(torch.tensor([5.0, 4.0, 3.0, 2.0]))[:, :3]
    up, down = factorize(matrix, 2)
    assert (up.shape, down.shape) == ((4, 2), (2, 3))
    torch.testing.assert_close(up @ down, torch.diag(torch.tensor([5.0, 4.0, 0.0, 0.0]))[:, :3])
    assert factorize(matrix, 99)[0].shape == (4, 3)
