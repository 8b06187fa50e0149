"""SD3.5 at full size on a GPU: `python -m benchmarks.gpu [--out FILE] [--tiny --device cpu]`.

Random weights of SD3.5 Large and Medium, in bf16 and fp8, draw a latent of 1024 x 1024 pixels with guidance: seconds
per step and peak memory with the whole GPU and with a budget of 10 GB, each in a process of its own, and whether both
give the same latent bit for bit. The VAE decodes a picture of that size. The embedded model's predictions in fp16 and
bf16 are compared with float32. Results as JSON and as a table. --tiny: small networks and pictures, to try the program.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.memory import peak, reset_peak, text
from benchmarks.random_models import Stored, mmdit, write_random
from sd35graph.engine.folders import EMBEDDED_MODELS
from sd35graph.graph.context import WorkerEnvironment
from sd35graph.models.handles import open_checkpoint, open_diffusion_model, open_vae
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.loading.precision import Precision
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.vae import VAE
from sd35graph.models.networks.variants import VaeConfig
from sd35graph.sampling.sample import ksample
from sd35graph.values import Guider, Latent
from sd35graph_nodes import make_pool

BUDGET_BYTES = 10 * 10**9

NETWORKS = {
    "large": mmdit(depth=38, width=2432, grid=192),
    "medium": mmdit(depth=24, width=1536, grid=384, dual_attention=13),
}
TINY = {"large": mmdit(depth=6, width=256, grid=16), "medium": mmdit(depth=4, width=128, grid=24, dual_attention=2)}
FULL_VAE = VaeConfig(16, (128, 256, 512, 512), 2, (128, 256, 512, 512), 3)
TINY_VAE = VaeConfig(16, (32, 32, 64, 64), 1, (32, 32, 64, 64), 2)


@dataclass(frozen=True)
class Case:
    """One measurement: a network, how it is stored, and how much memory it may take (None: all)."""

    network: str
    stored: Stored
    budget_bytes: int | None


@dataclass(frozen=True)
class Result:
    """What a case took; weights_bytes of it were weights. latent: a digest of what came out."""

    weights_bytes: int
    peak_bytes: int
    loading_s: float
    step_s: float
    latent: str


def build(case: Case, folder: Path, device: torch.device, *, is_tiny: bool) -> Path:
    """The case's checkpoint, written if it is not there."""
    path = folder / f"{case.network}-{case.stored}.safetensors"
    if not path.exists():
        with torch.device("meta"):
            network = MMDiT((TINY if is_tiny else NETWORKS)[case.network])
        write_random(path, network, case.stored, device)
    return path


def new_pool(device: torch.device, budget_bytes: int | None = None, precision: Precision = "auto") -> ModelPool:
    """A pool made as a worker makes its own; the budget is of the device's memory."""
    ram = budget_bytes if device.type == "cpu" else None
    return make_pool(WorkerEnvironment(str(device), precision, (), budget_bytes, ram))


def measure(path: Path, budget_bytes: int | None, device: torch.device, cells: int, steps: int) -> Result:
    """Load and sample in this process; the first step is left out of the time."""
    model = open_diffusion_model(path)
    baseline = reset_peak(device)
    pool = new_pool(device, budget_bytes)
    started = time.perf_counter()
    network = pool.mmdit(model)
    ends = [time.perf_counter()]

    def on_step(index: int, total: int, x0: Tensor, x: Tensor) -> None:
        x.sum().item()  # waits for the GPU
        ends.append(time.perf_counter())

    made = ksample(
        network,
        model.flow,
        Guider(text(1), text(2), 4.0),
        seed=1,
        steps=steps,
        sampler="euler",
        scheduler="simple",
        latent=Latent(torch.zeros(1, 16, cells, cells)),
        device=device,
        on_step=on_step,
    )
    seconds = [end - begin for begin, end in pairwise(ends[1:])]
    digest = hashlib.sha256(made.samples.numpy().tobytes()).hexdigest()
    return Result(pool.size_bytes, peak(device) - baseline, ends[0] - started, statistics.median(seconds), digest)


def measure_vae(folder: Path, device: torch.device, cells: int, *, is_tiny: bool) -> dict[str, float]:
    """Seconds and peak memory of decoding one picture in bf16; the second time, as the first prepares kernels."""
    path = folder / "vae.safetensors"
    with torch.device("meta"):
        network = VAE(TINY_VAE if is_tiny else FULL_VAE)
    write_random(path, network, "bf16", device)
    vae = new_pool(device).vae(open_vae(path))
    latent = torch.randn(1, 16, cells, cells, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        vae.decode(latent)
        baseline, started = reset_peak(device), time.perf_counter()
        vae.decode(latent)
    return {"decode_s": time.perf_counter() - started, "peak_bytes": peak(device) - baseline}


def precision_errors(device: torch.device) -> dict[str, float]:
    """Relative RMS error of the embedded model's velocity in half precision, against float32 on the CPU."""
    model, _, _ = open_checkpoint(EMBEDDED_MODELS / "checkpoints" / "sd35_tiny.safetensors")
    found: dict[str, Tensor] = {}
    for name, where in (("fp32", torch.device("cpu")), ("fp16", device), ("bf16", device)):
        network = new_pool(where, precision=name).mmdit(model)  # type: ignore[arg-type]  # the three names above
        config, generator = network.config, torch.Generator().manual_seed(0)
        shapes = (2, 16, 16, 16), (2, 77, config.context_width), (2, config.pooled_width)
        x, context, pooled = (torch.randn(shape, generator=generator) for shape in shapes)
        with torch.no_grad():
            found[name] = network(x, torch.tensor([900.0, 300.0]), context, pooled).cpu()
    exact = found.pop("fp32")
    return {
        name: ((made - exact).square().mean() / exact.square().mean()).sqrt().item() for name, made in found.items()
    }


def child(case: Case, path: Path, options: argparse.Namespace) -> Result:
    """The case in a process of its own, as budgets hold for a whole process."""
    budget = [] if case.budget_bytes is None else [f"--budget={case.budget_bytes}"]
    shared = [f"--device={options.device}", f"--cells={options.cells}", f"--steps={options.steps}"]
    command = [sys.executable, "-m", "benchmarks.gpu", f"--child={path}", *shared, *budget]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Result(**json.loads(output.splitlines()[-1]))


def table(results: Sequence[tuple[Case, Result]]) -> str:
    """The results in Markdown."""
    lines = ["| model | stored | budget | weights | peak | loading | step |", "|---|---|---|---|---|---|---|"]
    for case, result in results:
        budget = "all" if case.budget_bytes is None else f"{case.budget_bytes / 1e9:.3g} GB"
        sizes = f"{result.weights_bytes / 1e9:.2f} GB | {result.peak_bytes / 1e9:.2f} GB"
        times = f"{result.loading_s:.1f} s | {result.step_s:.3f} s"
        lines.append(f"| {case.network} | {case.stored} | {budget} | {sizes} | {times} |")
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--tiny", action="store_true", help="small networks, to try the program")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--stored", nargs="+", choices=["bf16", "fp8"], default=["bf16", "fp8"])
    parser.add_argument("--cells", type=int, default=128, help="latent cells per side; 8 pixels each")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument(
        "--folder", type=Path, help="for the checkpoints, 20 GB; default: the folder of temporary files"
    )
    parser.add_argument("--out", type=Path, help="a JSON file; the table goes beside it as .md")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--budget", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    device = torch.device(options.device)
    if options.child:
        result = measure(options.child, options.budget, device, options.cells, options.steps)
        print(json.dumps(asdict(result)))
        return 0
    report: dict[str, object] = {}
    results: list[tuple[Case, Result]] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for network in options.networks:
            for stored in options.stored:
                path = build(Case(network, stored, None), Path(folder), device, is_tiny=options.tiny)
                budget = path.stat().st_size // 3 if options.tiny else BUDGET_BYTES
                for case in (Case(network, stored, None), Case(network, stored, budget)):
                    results.append((case, child(case, path, options)))
                    print(json.dumps(asdict(case) | asdict(results[-1][1])), flush=True)
                path.unlink()
        report["vae"] = measure_vae(Path(folder), device, options.cells, is_tiny=options.tiny)
    is_same = all(a.latent == b.latent for (_, a), (_, b) in zip(results[::2], results[1::2], strict=True))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    report |= {"device": name, "torch": torch.__version__, "precision_errors": precision_errors(device)}
    report |= {"same_latents": is_same, "cases": [asdict(case) | asdict(result) for case, result in results]}
    facts = json.dumps({key: value for key, value in report.items() if key != "cases"}, indent=1)
    print(f"{table(results)}\n{facts}")
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        options.out.with_suffix(".md").write_text(f"{table(results)}\n\n```\n{facts}\n```\n", encoding="utf-8")
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main())
