"""Latent, conditioning, sampling-settings and value nodes, and how all of them look to clients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from sd35graph import Conditioning, ConditioningEntry
from sd35graph.graph.formats.object_info import object_info
from sd35graph.models.handles import ModelHandle, WeightsRef
from sd35graph.packs import load_packs
from sd35graph.values import FlowSettings
from sd35graph_nodes.conditioning import (
    conditioning_combine,
    conditioning_set_timestep_range,
    conditioning_zero_out,
)
from sd35graph_nodes.latent import empty_latent_image, empty_sd3_latent_image
from sd35graph_nodes.model_sampling import model_sampling_sd3
from sd35graph_nodes.primitive import (
    preview_any,
    primitive_boolean,
    primitive_float,
    primitive_int,
    primitive_string,
    primitive_string_multiline,
)


class ShowingContext:
    """A context that keeps what is shown."""

    def __init__(self) -> None:
        self.shown: dict[str, list[Any]] = {}

    def show(self, key: str, items: list[Any]) -> None:
        self.shown.setdefault(key, []).extend(items)


def entry(value: float) -> Conditioning:
    return Conditioning((ConditioningEntry(torch.full((1, 2, 4), value), torch.full((1, 3), value)),))


def test_empty_latents_have_the_channels_of_their_model() -> None:
    assert empty_sd3_latent_image(width=128, height=64, batch_size=2).samples.shape == (2, 16, 8, 16)
    assert empty_latent_image(width=128, height=64, batch_size=2).samples.shape == (2, 4, 8, 16)
    assert not empty_sd3_latent_image(64, 64, 1).samples.any()


def test_negative_of_the_published_example_is_zeros_late_and_words_early() -> None:
    words = entry(1.0)
    late = conditioning_set_timestep_range(conditioning_zero_out(words), 0.1, 1.0)
    early = conditioning_set_timestep_range(words, 0.0, 0.1)
    first, second = conditioning_combine(late, early).entries
    assert (first.start_percent, first.end_percent, second.start_percent, second.end_percent) == (0.1, 1.0, 0.0, 0.1)
    assert not first.cond.any()
    assert not first.pooled.any()
    assert torch.equal(second.cond, words.entries[0].cond)
    assert words.entries[0].end_percent == 1.0  # the value that came in is unchanged


def test_shift_changes_only_the_schedule() -> None:
    handle = ModelHandle(WeightsRef(Path("m.safetensors"), "1", "mmdit"))  # type: ignore[arg-type]
    assert model_sampling_sd3(handle, 5.0).flow == FlowSettings(shift=5.0)
    assert model_sampling_sd3(handle, 5.0).weights == handle.weights
    changed = model_sampling_sd3(handle, 1.0, "continuous", 500, 1.0)
    assert changed.flow == FlowSettings(1.0, "continuous", 500, 1.0)
    assert handle.flow == FlowSettings()


@pytest.mark.parametrize(("value", "text"), [(7, "7"), ("as is", "as is"), ([1, "a"], "[1, 'a']")])
def test_any_value_is_shown_as_text(value: object, text: str) -> None:
    context = ShowingContext()
    preview_any(context, value)
    assert context.shown == {"text": [text]}


def test_whole_numbers_of_64_bits_pass_unchanged() -> None:
    assert primitive_int(2**63 - 1) == 2**63 - 1


def test_other_values_pass_unchanged() -> None:
    assert primitive_float(-0.1) == -0.1
    assert primitive_boolean(True) is True
    assert primitive_string("one") == "one"
    assert primitive_string_multiline("a\nb") == "a\nb"


NAMES = {
    *("CFG", "CLIP", "Canny", "ControlNet", "DiT", "GGUF", "JPEG", "KSampler", "LoRA", "Medium", "PNG"),
    *("SD", "SD3", "SD3.5", "Turbo", "VAE", "VP", "WebP", "Large"),
}
"""Words of titles that are names, and are written as such wherever they stand."""


def is_sentence(title: str) -> bool:
    """Whether only its first word, and names, have capitals: `Load checkpoint`, `Empty SD3 latent image`."""
    first, *rest = (word.strip("(),") for word in title.split())
    plain = first.capitalize() == first or first in NAMES
    return plain and all(word.islower() or word in NAMES for word in rest)


def test_titles_are_sentences_in_which_only_names_have_capitals() -> None:
    titles = {schema.type: schema.title for schema in load_packs()[0].schemas().values()}
    assert {name: title for name, title in titles.items() if not is_sentence(title)} == {}
    # Two of a kind could not be told apart in a list.
    assert len(set(titles.values())) == len(titles)
    assert is_sentence("Load VAE")
    assert not is_sentence("Load Checkpoint")
    assert not is_sentence("LatentAdd")


def test_clients_see_the_recorded_nodes(shared: Path) -> None:
    recorded = json.loads((shared / "parity" / "e2e" / "object_info.json").read_text(encoding="utf-8"))
    schemas = load_packs()[0].schemas()
    assert len(schemas) >= 24
    ours = object_info([schema for name, schema in schemas.items() if name in recorded], lambda source: ["a"])
    for name, info in ours.items():
        expected = recorded[name]
        for key in ("output", "output_name", "output_is_list", "category", "output_node", "name"):
            assert info[key] == expected[key], (name, key)
        assert info["input"].get("hidden", {}) == expected["input"].get("hidden", {})
        for group, inputs in expected["input"].items():
            if group == "hidden":
                continue
            extra = {"sampling", "timesteps", "multiplier"} if name == "ModelSamplingSD3" else set()
            assert [key for key in info["input"][group] if key not in extra] == list(inputs), (name, group)
            for key, (_, *options) in inputs.items():
                limits = {
                    k: v for k, v in (options[0] if options else {}).items() if k in ("min", "max", "step", "default")
                }
                given = info["input"][group][key][1] if len(info["input"][group][key]) > 1 else {}
                assert {k: given.get(k) for k in limits} == limits, (name, key)
