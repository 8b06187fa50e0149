"""The merging and saving nodes: their ratios, their files, and that a saved model draws the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sd35graph.graph.registry import Registry
from sd35graph.models.changes.tensors import open_tensors
from sd35graph.models.handles import ModelHandle, TextEncoderHandle, VaeHandle, open_checkpoint, open_text_encoders
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.variants import MMDiTConfig
from sd35graph_nodes import pack
from sd35graph_nodes.lora import lora_loader_model_only
from sd35graph_nodes.merging import (
    checkpoint_save,
    clip_merge_simple,
    clip_save,
    lora_save,
    model_merge_add,
    model_merge_simple,
    model_merge_subtract,
    model_save,
    vae_save,
)
from sd35graph_nodes.merging_blocks import model_merge_blocks

EMBEDDED = Path(__file__).parents[2] / "sd35graph" / "embedded" / "models"
DEEP = MMDiTConfig(
    depth=24,
    width=64,
    channels=16,
    context_width=8,
    pooled_width=8,
    time_features=8,
    mlp_width=8,
    grid=2,
    qk_norm=False,
    dual_attention=frozenset(),
)
PROMPT = {"1": {"class_type": "ModelSave"}}
WORKFLOW = {"workflow": {"nodes": []}}


class Saving:
    """A context that saves into one folder, and keeps what is shown and warned of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown: list[Any] = []
        self.warnings: list[str] = []
        self.pool = ModelPool(torch.device("cpu"), "fp32", [])

    def save(self, folder: str, prefix: str, suffix: str, write: Callable[[BytesIO], object]) -> SimpleNamespace:
        assert folder == "output"
        file = BytesIO()
        write(file)
        path = self.folder / f"{prefix}_00001_{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.getvalue())
        return SimpleNamespace(subfolder="/".join(prefix.split("/")[:-1]), filename=path.name)

    def file(self, source: str, name: str) -> Path:
        return self.folder / source / name

    def show(self, key: str, items: list[Any]) -> None:
        self.shown += items

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def progress(self, value: float, total: float) -> None:
        assert 0 < value <= total

    def resource(self, kind: type) -> ModelPool:
        return self.pool


@pytest.fixture
def context(tmp_path: Path) -> Saving:
    return Saving(tmp_path)


@pytest.fixture(scope="module")
def tiny() -> tuple[ModelHandle, TextEncoderHandle, VaeHandle]:
    """The model inside the package, and its text encoders."""
    model, _, vae = open_checkpoint(EMBEDDED / "checkpoints" / "sd35_tiny.safetensors")
    names = ("clip_l", "clip_g", "t5xxl")
    return model, open_text_encoders([EMBEDDED / f"text_encoders/sd35_tiny_{name}.safetensors" for name in names]), vae


@pytest.fixture
def halved(tmp_path: Path, tiny: tuple[ModelHandle, TextEncoderHandle, VaeHandle]) -> ModelHandle:
    """The tiny model with all of the transformer's weights halved."""
    tensors = load_file(tiny[0].weights.path)
    half = {key: t / 2 if key.startswith("model.diffusion_model.") else t for key, t in tensors.items()}
    save_file(half, tmp_path / "half.safetensors")
    return open_checkpoint(tmp_path / "half.safetensors")[0]


def test_merges_have_the_ratios_they_say(
    tiny: tuple[ModelHandle, TextEncoderHandle, VaeHandle], halved: ModelHandle
) -> None:
    whole, key = tiny[0], "final_layer.linear.weight"
    own = open_tensors(whole.weights).read(key)
    for merged, factor in (
        (model_merge_simple(whole, halved, 1.0), 1.0),
        (model_merge_simple(whole, halved, 0.25), 0.25 + 0.75 / 2),
        (model_merge_add(whole, halved), 1.5),
        (model_merge_subtract(whole, halved, 2.0), 1.0),
        (model_merge_blocks(whole, halved, 1.0, 1.0, 0.0), 0.5),
    ):
        torch.testing.assert_close(open_tensors(merged.weights).read(key), own * factor)
        assert merged.flow == whole.flow


def test_thirds_of_the_blocks_have_their_ratio(
    tiny: tuple[ModelHandle, TextEncoderHandle, VaeHandle], halved: ModelHandle
) -> None:
    tensors, own = (
        open_tensors(model_merge_blocks(tiny[0], halved, 1.0, 0.5, 0.0).weights),
        open_tensors(tiny[0].weights),
    )
    depth = sum(key.endswith(".x_block.attn.qkv.weight") for key in own.shapes)
    factors = []
    for key in ("context_embedder.weight", *(f"joint_blocks.{i}.x_block.attn.proj.weight" for i in range(depth))):
        factors.append(round(float(tensors.read(key).norm() / own.read(key).norm()), 3))
    assert factors == [1.0, *sorted(factors[1:], reverse=True)]
    assert factors[1] == 1.0
    assert factors[-1] == 0.5
    assert set(factors) <= {1.0, 0.75, 0.5}


def test_every_block_has_a_ratio_by_the_name_of_its_weights(
    tmp_path: Path, tiny: tuple[ModelHandle, TextEncoderHandle, VaeHandle]
) -> None:
    node = Registry()
    node.add(pack)
    schema = node.types["ModelMergeSD3_2B"].schema
    names = [spec.name for spec in schema.inputs]
    assert names[:7] == [
        "model1",
        "model2",
        "pos_embed.",
        "x_embedder.",
        "context_embedder.",
        "y_embedder.",
        "t_embedder.",
    ]
    assert names[7:] == [*(f"joint_blocks.{index}." for index in range(24)), "final_layer."]
    assert len(node.types["ModelMergeSD35_Large"].schema.inputs) == 2 + 5 + 38 + 1
    save_file(dict(MMDiT(DEEP).state_dict()), tmp_path / "m.safetensors")
    model = open_checkpoint(tmp_path / "m.safetensors")[0]
    ratios = dict.fromkeys(names[2:], 1.0) | {"joint_blocks.2.": 0.25, "pos_embed.": 0.0}
    merge = node.types["ModelMergeSD3_2B"].function
    (patch,) = merge(model1=model, model2=model, **ratios).weights.patches
    changed = {key for key in open_tensors(model.weights).shapes if patch.changes(key)}
    assert changed == {"pos_embed", *(key for key in open_tensors(model.weights).shapes if ".2." in key[:15])}
    with pytest.raises(
        ValueError, match=r"ModelMergeSD3_2B is for models of 24 blocks, but sd35_tiny\.safetensors has"
    ):
        merge(model1=tiny[0], model2=tiny[0], **ratios)


def test_a_saved_checkpoint_is_the_model_with_its_workflow(
    context: Saving, tmp_path: Path, tiny: tuple[ModelHandle, TextEncoderHandle, VaeHandle]
) -> None:
    checkpoint_save(context, *tiny, "checkpoints/mine", PROMPT, WORKFLOW)
    assert context.shown == ["checkpoints/mine_00001_.safetensors"]
    path = tmp_path / "checkpoints" / "mine_00001_.safetensors"
    with safe_open(path, "pt") as file:
        assert {key: json.loads(text) for key, text in file.metadata().items()} == {"prompt": PROMPT, **WORKFLOW}
    saved, original = load_file(path), load_file(tiny[0].weights.path)
    assert all(torch.equal(saved[key], tensor) for key, tensor in original.items())
    assert sum(key.startswith("text_encoders.") for key in saved) == len(saved) - len(original)


def test_parts_are_saved_alone_and_load_again(
    context: Saving, tmp_path: Path, tiny: tuple[ModelHandle, TextEncoderHandle, VaeHandle]
) -> None:
    model, clip, vae = tiny
    model_save(context, model, "m", None, None)
    vae_save(context, vae, "v", None, None)
    clip_save(context, clip_merge_simple(clip, clip, 0.5), "c", None, None)
    assert context.shown == [
        "m_00001_.safetensors",
        "v_00001_.safetensors",
        "c_clip_l_00001_.safetensors",
        "c_clip_g_00001_.safetensors",
        "c_t5xxl_00001_.safetensors",
    ]
    again = open_text_encoders([tmp_path / name for name in context.shown[2:]])
    assert [ref.section for ref in again.weights] == ["clip_l", "clip_g", "t5xxl"]
    for old, new in zip(clip.weights, again.weights, strict=True):
        first, second = open_tensors(old), open_tensors(new)
        assert all(torch.equal(first.read(key), second.read(key)) for key in first.shapes)


def test_a_saved_lora_turns_one_model_into_the_other(
    context: Saving, tmp_path: Path, tiny: tuple[ModelHandle, TextEncoderHandle, VaeHandle]
) -> None:
    key = "joint_blocks.0.x_block.attn.proj"
    tensors = load_file(tiny[0].weights.path)
    name = f"model.diffusion_model.{key}.weight"
    tensors[name] = tensors[name] + 0.1 * torch.ones_like(tensors[name])
    save_file(tensors, tmp_path / "tuned.safetensors")
    tuned = open_checkpoint(tmp_path / "tuned.safetensors")[0]
    lora_save(context, "loras/x", 1, "standard", True, model_merge_subtract(tuned, tiny[0], 1.0), None)
    assert context.shown == ["loras/x_00001_.safetensors"]
    patched = lora_loader_model_only(context, tiny[0], "x_00001_.safetensors", 1.0)
    got, wanted = (open_tensors(handle.weights).read(f"{key}.weight") for handle in (patched, tuned))
    # The files are fp16, so what differs is 0.1 rounded in each weight; rank 1 holds all but that rounding.
    torch.testing.assert_close(got, wanted, atol=1e-3, rtol=0)
    assert context.warnings == []


def test_a_lora_needs_a_difference(context: Saving, tiny: tuple[ModelHandle, TextEncoderHandle, VaeHandle]) -> None:
    with pytest.raises(ValueError, match='connect "model_diff", made with ModelMergeSubtract'):
        lora_save(context, "x", 1, "standard", True, None, None)
    same = model_merge_subtract(tiny[0], tiny[0], 1.0)
    with pytest.raises(ValueError, match="two models are equal"):
        lora_save(context, "x", 1, "standard", True, same, None)
