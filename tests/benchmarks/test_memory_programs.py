"""The programs that measure memory, on small networks: that they run and compare like with like."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks import gpu, memory
from benchmarks.random_models import Stored, mmdit, write_random
from sd35graph.models.handles import open_diffusion_model
from sd35graph.models.networks.mmdit import MMDiT

CPU = torch.device("cpu")


def checkpoint(folder: Path, stored: Stored) -> Path:
    with torch.device("meta"):
        network = MMDiT(mmdit(depth=6, width=64, grid=8))
    write_random(folder / "m.safetensors", network, stored, CPU)
    return folder / "m.safetensors"


def test_random_checkpoints_are_what_loaders_take(tmp_path: Path) -> None:
    for stored in ("fp32", "fp16", "bf16", "fp8"):
        open_diffusion_model(checkpoint(tmp_path, stored))


def test_a_third_of_the_memory_gives_the_same_latent(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "fp8")
    third = path.stat().st_size // 3
    resident, streamed = (memory.measure_peak(path, budget, CPU, 4) for budget in (None, third))
    assert streamed.latent == resident.latent
    assert streamed.weights_bytes < resident.weights_bytes
    on_worker, small = (gpu.measure(path, budget, CPU, 4, 3) for budget in (None, third))
    assert on_worker.latent == small.latent
    assert small.weights_bytes < on_worker.weights_bytes


def test_both_networks_are_called_in_turns(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "bf16")
    times = memory.measure_times(path, path.stat().st_size // 3, CPU, 4, 2)
    assert len(times.ratios) == 2
    assert min(times.resident_s, times.streamed_s, *times.ratios) > 0


def test_half_precision_is_near_and_not_equal() -> None:
    errors = gpu.precision_errors(CPU)
    assert errors.keys() == {"fp16", "bf16"}
    assert all(0 < error < 0.02 for error in errors.values())  # bf16 has 8 bits: 0.4 % per rounding
