"""How fast sd35-tiny loads and draws: `python benchmarks/bench_tiny.py [--models DIR] [--out FILE]`.

Loading is reading and building all networks in a fresh process; importing torch and transformers comes before it and
stands apart. A picture is a whole run of the workflow, from text to the PNG file, on an engine that has drawn before.
Goals: loading under 1 s, and a picture with 20 steps and classifier-free guidance under 3 s on 2 threads.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from sd35graph.engine.folders import EMBEDDED_MODELS
from sd35graph.local import LocalEngine
from sd35graph.settings import Settings

WORKFLOW = Path(__file__).resolve().parents[1] / "workflows" / "sd35_tiny.json"
LOADING_GOAL_S, PICTURE_GOAL_S = 1.0, 3.0

# Run in a process of its own, which gets the model root as its argument and prints seconds as JSON.
_LOADING = """
import json, sys, time
from pathlib import Path
times = [time.perf_counter()]
import torch
times.append(time.perf_counter())
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, T5Config, T5EncoderModel
from sd35graph.models.handles import open_checkpoint, open_text_encoders
from sd35graph.models.loading.pool import ModelPool
times.append(time.perf_counter())
root = Path(sys.argv[1])
model, _, vae = open_checkpoint(root / "checkpoints" / "sd35_tiny.safetensors")
parts = ("clip_l", "clip_g", "t5xxl")
encoders = open_text_encoders([root / "text_encoders" / f"sd35_tiny_{part}.safetensors" for part in parts])
pool = ModelPool(torch.device("cpu"), "auto", (root,))
pool.mmdit(model), pool.vae(vae), pool.text_encoders(encoders)
times.append(time.perf_counter())
steps = ("import_torch_s", "import_transformers_s", "loading_s")
print(json.dumps({name: end - start for name, start, end in zip(steps, times, times[1:])}))
"""


def loadings(models: Path, count: int) -> dict[str, float]:
    """Medians over fresh processes; the first of all, which fills the disk's cache, is left out."""
    command = [sys.executable, "-c", _LOADING, str(models)]
    measured = [json.loads(subprocess.check_output(command, text=True)) for _ in range(count + 1)][1:]
    return {name: round(statistics.median(each[name] for each in measured), 3) for name in measured[0]}


def pictures(models: Path, count: int, threads: int) -> dict[str, float]:
    """Seconds from a prompt to its picture; the first, which loads the model, stands apart."""
    torch.set_num_threads(threads)
    document = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as base:
        engine = LocalEngine(Settings.load({"base": base, "models": (models,), "device": "cpu"}, {}))
        seconds = []
        for seed in range(count + 1):
            started = time.perf_counter()
            result = engine.run(document, overrides=[f"KSampler.seed={seed}", f"prompt.text=a red apple, {seed}"])
            seconds.append(time.perf_counter() - started)
            if result.error is not None:
                raise RuntimeError(result.error)
        engine.close()
    first, *others = seconds
    return {
        "picture_s": round(statistics.median(others), 3),
        "best_s": round(min(others), 3),
        "first_with_loading_s": round(first, 3),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=Path, default=EMBEDDED_MODELS, help="the model root")
    parser.add_argument("--loadings", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    report: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_before": os.getloadavg()[0],
    }
    loading = loadings(options.models.resolve(), options.loadings)
    picture = pictures(options.models, options.pictures, options.threads)
    report |= {"loading": loading, "picture": picture, "load_after": os.getloadavg()[0]}
    print(json.dumps(report, indent=1))
    met = loading["loading_s"] < LOADING_GOAL_S and picture["picture_s"] < PICTURE_GOAL_S
    print(
        f"goals: loading {loading['loading_s']:g} < {LOADING_GOAL_S:g} s, picture {picture['picture_s']:g} < "
        f"{PICTURE_GOAL_S:g} s: {'met' if met else 'NOT MET'}"
    )
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
