"""Loading and computing can be stopped in the middle, and can be done again afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_networks import MMDIT, Save, Weights
from torch import Tensor

from sd35graph.interruption import interruptible, stop_if_asked
from sd35graph.models.handles import open_diffusion_model, open_text_encoders, open_vae
from sd35graph.models.loading.pool import ModelPool

CPU = torch.device("cpu")


class Stop(Exception):
    pass


class Asked:
    """Asks the work to stop when it asks for the `at`-th time."""

    def __init__(self, at: int | None = None) -> None:
        self.times = 0
        self._at = at

    def __call__(self) -> None:
        self.times += 1
        if self.times == self._at:
            raise Stop


def stops_everywhere(work: Callable[[], Tensor]) -> int:
    """Stop `work` at every place where it can be stopped, then let it end; gives how many there are."""
    counting = Asked()
    with interruptible(counting):
        expected = work()
    for at in range(1, counting.times + 1):
        with pytest.raises(Stop), interruptible(Asked(at)):
            work()
        assert torch.equal(work(), expected)
    return counting.times


def test_outside_of_such_a_block_nothing_stops() -> None:
    stop_if_asked()
    with pytest.raises(Stop), interruptible(Asked(1)):
        stop_if_asked()
    stop_if_asked()


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_a_transformer_stops_between_its_blocks(save: Save, mmdit_weights: Weights, share: float) -> None:
    model = open_diffusion_model(save("m.safetensors", mmdit=mmdit_weights))
    total_bytes = sum(tensor.numel() * tensor.element_size() for tensor in mmdit_weights.values())
    network = ModelPool(CPU, "auto", [], budget_bytes=int(share * total_bytes)).mmdit(model)
    generator = torch.Generator().manual_seed(1)
    shapes = (1, 16, 8, 6), (1,), (1, 5, MMDIT.context_width), (1, MMDIT.pooled_width)
    given = tuple(torch.randn(shape, generator=generator) for shape in shapes)
    assert stops_everywhere(lambda: network(*given)) >= MMDIT.depth


def test_loading_stops_between_tensors_and_leaves_nothing_behind(save: Save, mmdit_weights: Weights) -> None:
    model = open_diffusion_model(save("m.safetensors", mmdit=mmdit_weights))
    pool = ModelPool(CPU, "auto", [])
    with pytest.raises(Stop), interruptible(Asked(len(mmdit_weights) // 2)):
        pool.mmdit(model)
    assert pool.size_bytes == 0
    counting = Asked()
    with interruptible(counting):
        network = pool.mmdit(model)
    assert counting.times == len(mmdit_weights)
    assert all(torch.equal(tensor, mmdit_weights[name]) for name, tensor in network.state_dict().items())


def test_an_autoencoder_stops_between_its_blocks(save: Save, vae_weights: Weights) -> None:
    vae = ModelPool(CPU, "auto", []).vae(open_vae(save("v.safetensors", vae=vae_weights)))
    latent = torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(1))
    assert stops_everywhere(lambda: vae.decode(latent)) >= 8
    assert stops_everywhere(lambda: vae.encode(torch.full((1, 32, 32, 3), 0.5))) >= 6


def test_a_text_encoder_stops_between_its_layers(t5_weights: Weights, tmp_path: Path) -> None:
    save_file(t5_weights, tmp_path / "t5.safetensors")
    [ref] = open_text_encoders([tmp_path / "t5.safetensors"]).require()
    network = ModelPool(CPU, "auto", [])._get(ref, CPU)
    ids = torch.arange(20).reshape(1, 20)
    assert stops_everywhere(lambda: network(ids)) >= 2
