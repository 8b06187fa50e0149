"""How long prompts are, against the recorded tokens and the tokenizers of another library."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import CLIPTokenizer, T5TokenizerFast

from sd35graph.engine.folders import EMBEDDED_MODELS, Folders
from sd35graph.graph.prompt_length import EncoderLength, PromptLength
from sd35graph.models.text import tokenizer_files
from sd35graph_nodes.prompt_meter import EncoderMeter

CLIP_END, T5_END, CLIP_ROOM = 49407, 1, 75
Measure = Callable[[str], PromptLength]


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """Tiny encoders with as many positions as the released ones, and no tokenizers."""
    monkeypatch.setattr(tokenizer_files, "try_to_load_from_cache", lambda repository, name: None)
    folders = Folders.under(tmp_path)
    folders.create()
    for width, name in ((768, "clip_l"), (1280, "clip_g")):
        embeddings = "text_model.embeddings"
        layer = {"text_model.encoder.layers.0.mlp.fc1.weight": torch.zeros(64, width)}
        tables = {
            f"{embeddings}.token_embedding.weight": torch.zeros(4, width),
            f"{embeddings}.position_embedding.weight": torch.zeros(CLIP_ROOM + 2, width),
        }
        save_file({**layer, **tables}, tmp_path / f"models/text_encoders/{name}.safetensors")
    shutil.copy(EMBEDDED_MODELS / "text_encoders/sd35_tiny_t5xxl.safetensors", tmp_path / "models/text_encoders")
    return folders


def files_of(folders: Folders) -> Sequence[Path]:
    return [folders.file("text_encoders", name) for name in folders.choices("text_encoders")]


@pytest.fixture
def measure(folders: Folders, shared: Path) -> Measure:
    """Measures with the released vocabularies."""
    shutil.copytree(shared / "parity/tokenizers", folders.models[0] / "tokenizers")
    meter = EncoderMeter(folders.models)
    return lambda text: meter.measure(text, files_of(folders), folders.file)


def lengths(found: PromptLength) -> dict[str, tuple[int, int]]:
    """(tokens, sections) by encoder."""
    return {length.encoder: (length.tokens, length.sections) for length in found.encoders}


def recorded(sections: list[list[list[Any]]], end: int, marks: int) -> tuple[int, int]:
    """(tokens, sections) of recorded sections, which have so many marks before their end, and padding behind it."""
    return sum([token for token, _ in section].index(end) - marks for section in sections), len(sections)


def test_lengths_are_those_of_the_recorded_tokens(measure: Measure, shared: Path) -> None:
    cases = json.loads((shared / "parity/tokens.json").read_text(encoding="utf-8"))["cases"]
    assert len(cases) > 40
    for case in cases:
        if case["name"] == "endoftext":  # its prompt spells the marks out
            continue
        expected = {
            "clip_l": recorded(case["expect"]["l"], CLIP_END, 1),
            "clip_g": recorded(case["expect"]["g"], CLIP_END, 1),
            "t5xxl": recorded(case["expect"]["t5xxl"], T5_END, 0),
        }
        assert lengths(measure(case["args"]["text"])) == expected, case["name"]


@pytest.mark.parametrize("text", ["a red fox", "süße Mädchen, 8k!", "", "桜の木の下の猫"])
def test_plain_prompts_are_as_long_as_another_library_says(measure: Measure, shared: Path, text: str) -> None:
    clip = CLIPTokenizer.from_pretrained(shared / "parity/tokenizers/clip")
    t5 = T5TokenizerFast.from_pretrained(shared / "parity/tokenizers/t5")
    expected_clip = len(clip(text).input_ids) - 2
    assert lengths(measure(text)) == {
        "clip_l": (expected_clip, 1),
        "clip_g": (expected_clip, 1),
        "t5xxl": (len(t5(text).input_ids) - 1, 1),
    }


def test_limits_are_what_a_section_holds_and_what_t5_was_trained_with(measure: Measure) -> None:
    clip_l, clip_g, t5xxl = measure("cat " * 76).encoders
    assert clip_l == EncoderLength("clip_l", 76, CLIP_ROOM, 2)
    assert clip_g == EncoderLength("clip_g", 76, CLIP_ROOM, 2)
    assert (t5xxl.limit, t5xxl.sections) == (255, 1)


def test_an_embedding_counts_as_its_vectors_and_one_without_a_file_is_told_of(
    measure: Measure, folders: Folders
) -> None:
    save_file(
        {"clip_l": torch.zeros(5, 768)},
        folders.file("text_encoders", "clip_l.safetensors").parents[1] / "embeddings/style.safetensors",
    )
    found = measure("cat embedding:style")
    assert (lengths(found)["clip_l"], lengths(found)["clip_g"], found.problems) == ((6, 1), (1, 1), ())
    found = measure("cat embedding:nothing")
    assert lengths(found)["clip_l"] == (1, 1)
    (problem,) = found.problems
    assert "embedding:nothing was left out" in problem


def test_what_cannot_be_measured_is_said_once_with_the_way_out(folders: Folders, shared: Path) -> None:
    shutil.copytree(shared / "parity/tokenizers/t5", folders.models[0] / "tokenizers/t5")
    save_file({"decoder.mid.block_1.norm1.weight": torch.zeros(1)}, folders.models[0] / "text_encoders/vae.safetensors")
    found = EncoderMeter(folders.models).measure("a cat", files_of(folders), folders.file)
    assert list(lengths(found)) == ["t5xxl"]
    clip_l, clip_g, vae = sorted(found.problems, key=lambda problem: ("VAE" in problem, problem))
    assert "CLIP tokenizer was not found" in clip_l
    assert "models pull tokenizers" in clip_g
    assert "holds no text encoder, only: VAE" in vae
