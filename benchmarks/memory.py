"""Memory and time with and without room for all weights: `python -m benchmarks.memory [--gigabytes 2] [--out FILE]`.

Makes checkpoints of a random diffusion model, of SD3.5's shape and about the size asked for, and runs each in processes
of their own: with all weights in memory, and with a budget of a third. Peak memory is that of the process beyond what
it took after its imports (on a GPU what torch allocated). Times are of single network calls with guidance, taken in
turns from a network that stays and one that is streamed, within one process. Goals: a peak, activations included, of at
most 1.15 times the weights or the budget; with a third, the same latents bit for bit in at most 1.3 times the time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.random_models import Stored, mmdit, write_random
from sd35graph.models.handles import ModelHandle, open_diffusion_model
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.sampling.sample import ksample
from sd35graph.values import Conditioning, ConditioningEntry, Guider, Latent

PEAK_GOAL, TIME_GOAL = 1.15, 1.3
CONTEXT_WIDTH, POOLED_WIDTH, TOKENS = 4096, 2048, 77
WIDTH = 1024


def write_checkpoint(path: Path, stored: Stored, size_bytes: float) -> None:
    """A random diffusion model whose file takes about `size_bytes`."""
    bytes_per_weight = {"fp32": 4, "fp16": 2, "bf16": 2, "fp8": 1}[stored]
    block_bytes = 36 * WIDTH**2 * bytes_per_weight  # 36 squares: 18 in each of the two streams
    depth = max(2, round(size_bytes / block_bytes))
    with torch.device("meta"):
        network = MMDiT(mmdit(depth, WIDTH, grid=64))
    write_random(path, network, stored, torch.device("cpu"))


def text(seed: int) -> Conditioning:
    """Random conditioning."""
    generator = torch.Generator().manual_seed(seed)
    cond = torch.randn(1, TOKENS, CONTEXT_WIDTH, generator=generator)
    return Conditioning((ConditioningEntry(cond, torch.randn(1, POOLED_WIDTH, generator=generator)),))


def draw(pool: ModelPool, model: ModelHandle, cells: int, steps: int) -> Tensor:
    """The latent after `steps` steps with guidance."""
    latent = Latent(torch.zeros(1, 16, cells, cells))
    made = ksample(
        pool.mmdit(model),
        model.flow,
        Guider(text(1), text(2), 4.0),
        seed=1,
        steps=steps,
        sampler="euler",
        scheduler="simple",
        latent=latent,
        denoise=1.0,
        device=pool.device,
    )
    return made.samples


@dataclass(frozen=True)
class Peak:
    """Two steps in a process of their own. latent: a digest of what came out."""

    weights_bytes: int
    peak_bytes: int
    loading_s: float
    latent: str


@dataclass(frozen=True)
class Times:
    """Medians of network calls in turns; ratios: of each pair."""

    resident_s: float
    streamed_s: float
    ratios: list[float]


def measure_peak(path: Path, budget: int | None, device: torch.device, cells: int) -> Peak:
    """Load and run two steps in this process."""
    model = open_diffusion_model(path)
    torch.ones(64, 64, device=device) @ torch.ones(64, 64, device=device)  # libraries load what they need
    baseline = reset_peak(device)
    pool = ModelPool(device, "auto", (), budget_bytes=budget)
    started = time.perf_counter()
    pool.mmdit(model)
    loading_s = time.perf_counter() - started
    latent = draw(pool, model, cells, 2)
    digest = hashlib.sha256(latent.numpy().tobytes()).hexdigest()
    return Peak(pool.size_bytes, peak(device) - baseline, loading_s, digest)


def measure_times(path: Path, budget: int, device: torch.device, cells: int, repetitions: int) -> Times:
    """Call a network that stays and one that is streamed in turns; the first of each is left out."""
    model = open_diffusion_model(path)
    networks = [ModelPool(device, "auto", (), budget_bytes=limit).mmdit(model) for limit in (None, budget)]
    x = torch.randn(2, 16, cells, cells, generator=torch.Generator().manual_seed(3)).to(device)
    prompts = [text(seed).entries[0] for seed in (1, 2)]
    context, pooled = (torch.cat([getattr(prompt, name) for prompt in prompts]) for name in ("cond", "pooled"))
    seconds: tuple[list[float], list[float]] = ([], [])
    with torch.no_grad():
        for _ in range(repetitions + 1):
            for network, taken in zip(networks, seconds, strict=True):
                started = time.perf_counter()
                network(x, torch.full((2,), 500.0, device=device), context, pooled).sum().item()
                taken.append(time.perf_counter() - started)
    resident, streamed = (taken[1:] for taken in seconds)
    ratios = [round(b / a, 3) for a, b in zip(resident, streamed, strict=True)]
    return Times(statistics.median(resident), statistics.median(streamed), ratios)


def reset_peak(device: torch.device) -> int:
    """What is in use now; the peak is measured from here on."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    Path("/proc/self/clear_refs").write_text("5")  # Linux: VmHWM becomes VmRSS
    return _status("VmRSS")


def peak(device: torch.device) -> int:
    """The most that was in use since `reset_peak`, in bytes."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else _status("VmHWM")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def child(options: argparse.Namespace, path: Path, *arguments: str) -> dict[str, Any]:  # Any: one of the dataclasses
    """What this program measures in a process of its own."""
    shared = [f"--device={options.device}", f"--cells={options.cells}", f"--threads={options.threads}"]
    command = [sys.executable, "-m", "benchmarks.memory", f"--child={path}", *shared, *arguments]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def run_child(options: argparse.Namespace) -> None:
    """Measure in this process and print."""
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    if options.repetitions:
        times = measure_times(options.child, options.budget, device, options.cells, options.repetitions)
        print(json.dumps(asdict(times)))
    else:
        print(json.dumps(asdict(measure_peak(options.child, options.budget, device, options.cells))))


def compare(stored: Stored, path: Path, options: argparse.Namespace) -> dict[str, object]:
    """All measurements of one checkpoint."""
    size = path.stat().st_size
    budget = f"--budget={size // 3}"
    runs: tuple[list[Peak], list[Peak]] = ([], [])
    for _ in range(options.processes):
        for found, limit in zip(runs, ([], [budget]), strict=True):
            found.append(Peak(**child(options, path, *limit)))
    times = Times(**child(options, path, budget, f"--repetitions={options.times}"))
    resident, third = (middle(found) for found in runs)
    return {
        "stored": stored,
        "file_gb": round(size / 1e9, 3),
        "resident_weights_gb": round(resident.weights_bytes / 1e9, 3),
        "resident_peak_ratio": round(resident.peak_bytes / resident.weights_bytes, 3),
        "resident_loading_s": round(resident.loading_s, 2),
        "third_budget_gb": round(size / 3e9, 3),
        "third_weights_gb": round(third.weights_bytes / 1e9, 3),
        "third_peak_gb": round(third.peak_bytes / 1e9, 3),
        "third_peak_ratio": round(third.peak_bytes / (size / 3), 3),
        "same_latents": len({run.latent for found in runs for run in found}) == 1,
        "resident_call_s": round(times.resident_s, 3),
        "third_call_s": round(times.streamed_s, 3),
        "time_ratio": statistics.median(times.ratios),
        "time_ratios": times.ratios,
    }


def middle(runs: Sequence[Peak]) -> Peak:
    """The run with the median peak."""
    return sorted(runs, key=lambda run: run.peak_bytes)[len(runs) // 2]


def is_good(result: Mapping[str, Any]) -> bool:  # Any: numbers and words of `compare`
    """Whether all goals are reached."""
    peaks = max(result["resident_peak_ratio"], result["third_peak_ratio"])
    return bool(peaks <= PEAK_GOAL and result["time_ratio"] <= TIME_GOAL and result["same_latents"])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of the checkpoints")
    parser.add_argument("--stored", nargs="+", choices=["fp32", "fp16", "bf16", "fp8"], default=["fp32", "bf16"])
    parser.add_argument("--cells", type=int, default=32, help="latent cells per side; 8 pixels each")
    parser.add_argument("--processes", type=int, default=3, help="peaks to measure of each kind")
    parser.add_argument("--times", type=int, default=7, help="pairs of network calls")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="for the checkpoints; default: the folder of temporary files")
    parser.add_argument("--out", type=Path)
    for name, kind in (("--child", Path), ("--budget", int), ("--repetitions", int)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_child(options)
        return 0
    results = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for stored in options.stored:
            path = Path(folder) / f"{stored}.safetensors"
            write_checkpoint(path, stored, options.gigabytes * 1e9)
            results.append(compare(stored, path, options))
            path.unlink()
            print(json.dumps(results[-1], indent=1), "goals:", "met" if is_good(results[-1]) else "NOT MET", flush=True)
    if options.out:
        report = {"load": os.getloadavg()[0], "torch": torch.__version__, "results": results}
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0 if all(is_good(result) for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
