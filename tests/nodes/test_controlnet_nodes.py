"""The ControlNet nodes: what they put into conditionings."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sd35graph import Conditioning, ConditioningEntry, Image
from sd35graph.models.handles import ControlNetHandle, VaeHandle, WeightsRef
from sd35graph_nodes.controlnet import controlnet_apply_advanced, controlnet_apply_sd3

NET = ControlNetHandle(WeightsRef(Path("canny.safetensors"), "1", "controlnet"), "canny")  # type: ignore[arg-type]
VAE = VaeHandle(None, Path("m.safetensors"))
IMAGE = Image(torch.zeros(1, 8, 8, 3))


def prompt(count: int) -> Conditioning:
    return Conditioning(tuple(ConditioningEntry(torch.zeros(1, 2, 4), torch.zeros(1, 3)) for _ in range(count)))


def test_one_control_is_in_every_entry_of_both() -> None:
    positive, negative = controlnet_apply_sd3(prompt(2), prompt(1), NET, VAE, IMAGE, 0.7, 0.1, 0.6)
    controls = [entry.controls for entry in (*positive.entries, *negative.entries)]
    assert len({id(control) for (control,) in controls}) == 1
    ((control,), *_) = controls
    assert (control.net, control.vae, control.hint) == (NET, VAE, IMAGE.pixels)
    assert (control.strength, control.start_percent, control.end_percent) == (0.7, 0.1, 0.6)


def test_controls_follow_each_other() -> None:
    once = controlnet_apply_sd3(prompt(1), prompt(1), NET, VAE, IMAGE, 0.7, 0.0, 1.0)
    twice = controlnet_apply_advanced(*once, NET, IMAGE, 0.3, 0.0, 1.0, VAE)
    assert [control.strength for control in twice.positive.entries[0].controls] == [0.7, 0.3]
    assert len(once.positive.entries[0].controls) == 1
    assert twice.negative.size_bytes == prompt(1).size_bytes + 2 * IMAGE.size_bytes


def test_a_missing_vae_is_told_by_the_node() -> None:
    with pytest.raises(ValueError, match=r'canny\.safetensors reads its hint through a VAE.*Connect the "vae" input'):
        controlnet_apply_advanced(prompt(1), prompt(1), NET, IMAGE, 1.0, 0.0, 1.0, None)


def test_strength_zero_leaves_both_as_they_are() -> None:
    positive, negative = prompt(1), prompt(1)
    assert controlnet_apply_advanced(positive, negative, NET, IMAGE, 0.0, 0.0, 1.0, None) == (positive, negative)
