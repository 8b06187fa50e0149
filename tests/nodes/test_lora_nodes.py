"""The LoRA nodes: strengths, warnings, and a file that fits nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sd35graph.models.errors import ForeignModelError
from sd35graph.models.handles import ModelHandle, TextEncoderHandle, open_checkpoint
from sd35graph_nodes.lora import lora_loader, lora_loader_model_only

UP, DOWN = torch.ones(128, 2), torch.ones(2, 128)
MODULE = "diffusion_model.joint_blocks.0.x_block.attn.proj"


class Folder:
    """A context over one folder, which keeps what the node warns of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []

    def file(self, source: str, name: str) -> Path:
        return self.path / name

    def warn(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def base(tmp_path: Path, shared: Path) -> tuple[ModelHandle, TextEncoderHandle]:
    """A model of zeros, without text encoders."""
    keys = json.loads((shared / "parity/manifests/tiny_sd3.json").read_text(encoding="utf-8"))["keys"]
    save_file({key: torch.zeros(shape) for key, shape in keys.items()}, tmp_path / "model.safetensors")
    return open_checkpoint(tmp_path / "model.safetensors")[:2]


def write(folder: Path, width: int, **more: torch.Tensor) -> None:
    tensors = {f"{MODULE}.lora_B.weight": torch.ones(width, 2), f"{MODULE}.lora_A.weight": torch.ones(2, width)}
    save_file({**tensors, **more}, folder / "lora.safetensors")


def width_of(folder: Path) -> int:
    keys = json.loads((folder / "parity/manifests/tiny_sd3.json").read_text(encoding="utf-8"))["keys"]
    width: int = keys["model.diffusion_model.context_embedder.weight"][0]
    return width


def test_loras_stack_in_order(tmp_path: Path, shared: Path, base: tuple[ModelHandle, TextEncoderHandle]) -> None:
    write(tmp_path, width_of(shared))
    context = Folder(tmp_path)
    once = lora_loader_model_only(context, base[0], "lora.safetensors", 0.5)
    twice, clip = lora_loader(context, once, base[1], "lora.safetensors", -1.0, 1.0)
    assert [patch.strength for patch in twice.weights.patches] == [0.5, -1.0]
    assert clip == base[1]
    assert base[0].weights.patches == ()
    assert context.warnings == []


def test_strength_zero_is_the_model_itself(tmp_path: Path, base: tuple[ModelHandle, TextEncoderHandle]) -> None:
    context = Folder(tmp_path)
    assert lora_loader(context, *base, "not_there.safetensors", 0.0, 0.0) == base
    assert lora_loader_model_only(context, base[0], "not_there.safetensors", 0.0) is base[0]


def test_what_has_no_place_is_told(tmp_path: Path, shared: Path, base: tuple[ModelHandle, TextEncoderHandle]) -> None:
    write(tmp_path, width_of(shared), **{f"stray.{i:02}": torch.ones(1) for i in range(12)})
    context = Folder(tmp_path)
    assert len(lora_loader_model_only(context, base[0], "lora.safetensors", 1.0).weights.patches) == 1
    (warning,) = context.warnings
    assert warning.startswith("lora.safetensors: 12 keys have no place in this model: stray.00, stray.01")
    assert warning.endswith("stray.09 and 2 more.")


def test_a_lora_for_nothing_here_is_an_error(tmp_path: Path, base: tuple[ModelHandle, TextEncoderHandle]) -> None:
    name = "lora_unet_down_blocks_0_attentions_0_proj_in"
    save_file({f"{name}.lora_up.weight": UP, f"{name}.lora_down.weight": DOWN}, tmp_path / "lora.safetensors")
    with pytest.raises(
        ForeignModelError, match=r"changes nothing in the diffusion model .*Stable Diffusion 1, 2 or XL"
    ):
        lora_loader(Folder(tmp_path), *base, "lora.safetensors", 1.0, 1.0)
