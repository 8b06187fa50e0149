"""The loader nodes: forms of weights, families of text encoders, and drop-downs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from folder_context import FolderContext
from safetensors.torch import save_file

from sd35graph.graph.formats.object_info import object_info
from sd35graph.models.errors import ForeignModelError
from sd35graph.packs import load_packs
from sd35graph_nodes import loaders


@pytest.fixture
def context(tmp_path: Path, shared: Path) -> FolderContext:
    """A folder with a transformer of zeros."""
    keys = json.loads((shared / "parity/manifests/tiny_sd3.json").read_text(encoding="utf-8"))["keys"]
    prefix = "model.diffusion_model."
    save_file(
        {key: torch.zeros(shape) for key, shape in keys.items() if key.startswith(prefix)}, tmp_path / "m.safetensors"
    )
    return FolderContext(tmp_path)


@pytest.mark.parametrize(
    ("weight_dtype", "storage"),
    [("default", None), ("fp8_e4m3fn", "F8_E4M3"), ("fp8_e4m3fn_fast", "F8_E4M3"), ("fp8_e5m2", "F8_E5M2")],
)
def test_the_weight_dtype_says_what_is_kept_in_memory(
    context: FolderContext, weight_dtype: str, storage: str | None
) -> None:
    assert loaders.unet_loader(context, "m.safetensors", weight_dtype).weights.storage == storage


def test_clients_see_the_recorded_choices(shared: Path) -> None:
    recorded = json.loads((shared / "parity" / "e2e" / "object_info.json").read_text(encoding="utf-8"))
    schemas = load_packs()[0].schemas()
    names = {"UNETLoader": "weight_dtype", "CLIPLoader": "type", "DualCLIPLoader": "type"}
    ours = object_info([schemas[name] for name in names], lambda source: ["a"])
    for node, key in names.items():
        assert ours[node]["input"]["required"][key][0] == recorded[node]["input"]["required"][key][0], node


def test_another_family_of_text_encoders_is_refused(context: FolderContext) -> None:
    message = r'type "hidream" is for another family of models; only text encoders of SD3.*Choose the type "sd3"'
    for loader in (loaders.clip_loader, loaders.clip_loader_gguf):
        with pytest.raises(ForeignModelError, match=message):
            loader(context, "a.safetensors", "hidream")
    for dual_loader in (loaders.dual_clip_loader, loaders.dual_clip_loader_gguf):
        with pytest.raises(ForeignModelError, match=message):
            dual_loader(context, "a.safetensors", "b.gguf", "hidream")
