"""How soon a cancel takes effect in every phase of a job: `python -m benchmarks.cancel [--out FILE] [--times 3]`.

Starts `sd35graph serve` with our nodes on random models: a T5 encoder of full width, a transformer and the autoencoder
of SD3.5, so large that each phase takes seconds here. A cancel is sent at several moments of each phase; measured is
the time from the request to the event that tells of the job's end, and whether the worker had to be replaced for it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from websockets.sync.client import ClientConnection, connect

from benchmarks.gpu import FULL_VAE
from benchmarks.random_models import mmdit, write_random
from sd35graph.engine.folders import EMBEDDED_MODELS
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.vae import VAE
from sd35graph.models.networks.variants import T5Config

ROOT = Path(__file__).resolve().parent.parent
TOYS = ROOT / "tests" / "engine" / "toy_pack.py"
T5 = T5Config(layers=4, width=4096, heads=64, head_width=64, mlp_width=10240, vocabulary=32128, buckets=32)
TIMEOUT_S = 600.0

Graph = dict[str, dict[str, Any]]
IsPhase = Callable[[dict[str, Any]], bool]


def write_models(base: Path) -> None:
    """The models of all phases, and tokenizers for them."""
    networks = {
        "diffusion_models/m.safetensors": lambda: MMDiT(mmdit(depth=12, width=1024, grid=96)),
        "text_encoders/t5xxl.safetensors": lambda: T5TextEncoder(T5),
        "vae/v.safetensors": lambda: VAE(FULL_VAE),
    }
    for name, network in networks.items():
        path = base / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with torch.device("meta"):
            made = network()
        write_random(path, made, "bf16", torch.device("cpu"))
    for theirs, ours in (("sd35_tiny_clip_l", "clip"), ("sd35_tiny_t5xxl", "t5")):
        shutil.copytree(EMBEDDED_MODELS / "text_encoders" / theirs, base / "models" / "tokenizers" / ours)


class Server:
    """A running server and a client of it."""

    def __init__(self, base: Path) -> None:
        command = [sys.executable, "-m", "sd35graph", "serve", "--base", str(base), "--port", "0", "--packs", str(TOYS)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "nodes")])}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().split("http://")[1].strip()
        self.id = uuid4().hex

    def socket(self) -> ClientConnection:
        """A connected WebSocket."""
        return connect(f"ws://{self.address}/ws?clientId={self.id}", max_size=None)

    def ask(self, path: str, body: object = None) -> Any:
        """The answer to a GET, or to a POST of `body`."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://{self.address}{path}", data, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read() or b"null")

    def restarts(self) -> int:
        """How often the worker was replaced."""
        return int(self.ask("/system_stats")["workers"][0]["restarts"])

    def run(
        self, socket: ClientConnection, graph: Graph, is_phase: IsPhase | None = None, delay_s: float = 0.0
    ) -> tuple[float, str]:
        """Run a graph; in the phase, `delay_s` after its start, cancel it. Gives (seconds to its end, how)."""
        job_id = self.ask("/prompt", {"prompt": graph, "client_id": self.id})["prompt_id"]
        since = 0.0
        while True:
            received = socket.recv(timeout=TIMEOUT_S)
            message = json.loads(received) if isinstance(received, str) else {"type": "preview", "data": {}}
            ours = message["data"].get("prompt_id") == job_id
            if ours and not since and is_phase is not None and is_phase(message):
                time.sleep(delay_s)
                since = time.perf_counter()
                self.ask("/interrupt", {})
            if ours and message["type"] in ("execution_success", "execution_error", "execution_interrupted"):
                return time.perf_counter() - since, message["type"]

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def running(base: Path) -> Iterator[tuple[Server, ClientConnection]]:
    """A server and a socket to it until the block ends."""
    server = Server(base)
    try:
        server.ask("/object_info")  # once the worker is there
        with server.socket() as socket:
            yield server, socket
    finally:
        server.stop()


def node(node_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": node_type, "inputs": inputs}


def text(of: str) -> Graph:
    """Encodes a text; node `text`."""
    return {
        "clip": node("CLIPLoader", clip_name="t5xxl.safetensors", type="sd3"),
        "text": node("CLIPTextEncode", clip=["clip", 0], text=of),
    }


def sampling(seed: int) -> Graph:
    """Samples; node `sample`."""
    return {
        **text("the same for all"),
        "model": node("UNETLoader", unet_name="m.safetensors", weight_dtype="default"),
        "empty": node("EmptySD3LatentImage", width=768, height=768, batch_size=1),
        "sample": node(
            "KSampler",
            model=["model", 0],
            positive=["text", 0],
            negative=["text", 0],
            latent_image=["empty", 0],
            seed=seed,
            steps=20,
            cfg=4.0,
            sampler_name="euler",
            scheduler="simple",
            denoise=1.0,
        ),
        "out": node("PreviewAny", source=["sample", 0]),
    }


def decoding(batch: int) -> Graph:
    """Decodes pictures; node `decode`."""
    return {
        "vae": node("VAELoader", vae_name="v.safetensors"),
        "empty": node("EmptySD3LatentImage", width=512, height=512, batch_size=batch),
        "decode": node("VAEDecode", samples=["empty", 0], vae=["vae", 0]),
        "out": node("PreviewAny", source=["decode", 0]),
    }


def saving(batch: int) -> Graph:
    """Saves pictures; node `save`."""
    return {
        "empty": node("EmptyImage", width=1536, height=1536, batch_size=batch, color=batch),
        "save": node("SaveImage", images=["empty", 0], filename_prefix="x"),
    }


def begins(name: str) -> IsPhase:
    """That a node begins."""
    return lambda message: message["type"] == "executing" and message["data"].get("node") == name


def steps(message: dict[str, Any]) -> bool:
    """That a step of the sampler is done."""
    return bool(message["type"] == "progress" and message["data"]["node"] == "sample")


def phases(base: Path) -> list[tuple[str, Callable[[int], Graph], IsPhase, bool, Sequence[float]]]:
    """(name, graph of the n-th time, when the phase begins, whether models are forgotten first, seconds after that)."""

    def encode(number: int) -> Graph:
        return {**text(f"another one, {number}"), "out": node("PreviewAny", source=["text", 0])}

    def toy(node_type: str) -> Callable[[int], Graph]:
        return lambda number: {"toy": node(node_type, mark=str(base / "mark"))}

    return [
        ("a node that looks at its token", toy("WaitForCancel"), begins("toy"), False, (0.0, 0.3, 1.0)),
        ("a node that never looks", toy("Hang"), begins("toy"), False, (0.0, 0.3, 1.0)),
        ("loading a text encoder", encode, begins("text"), True, (0.0, 0.2, 0.5)),
        ("encoding a text", encode, begins("text"), False, (0.1, 0.3, 0.6)),
        ("loading a transformer", sampling, begins("sample"), True, (0.0, 0.1, 0.3)),
        ("sampling", sampling, steps, False, (0.1, 0.5, 1.0)),
        ("decoding", decoding, begins("decode"), False, (0.5, 1.5, 3.0)),
        ("saving", lambda number: saving(16 + number), begins("save"), False, (0.1, 0.5, 1.0)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, help="a file for the table, beside the terminal")
    parser.add_argument("--times", type=int, default=2, help="how often each moment is measured")
    asked = parser.parse_args()
    lines = [f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, models on the CPU", ""]
    lines += ["| phase | cancels | median | slowest | worker replaced |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        write_models(base)
        with running(base) as (server, socket):
            number = 0
            for name, graph, is_phase, forgets, delays in phases(base):
                found: list[float] = []
                time.sleep(1.0)  # a worker that was ended at last is counted by then
                before = server.restarts()
                if name in ("encoding a text", "sampling"):  # from the first time on, with the model in memory
                    server.run(socket, {**text("the same for all"), "out": node("PreviewAny", source=["text", 0])})
                for delay_s in list(delays) * asked.times:
                    number += 1
                    if forgets:
                        server.ask("/free", {"unload_models": True, "free_memory": False})
                    took_s, end = server.run(socket, graph(number), is_phase, delay_s)
                    if end == "execution_interrupted":
                        found.append(took_s)
                    print(f"{name}, after {delay_s} s: {end}, {took_s:.3f} s", file=sys.stderr)
                middle = sorted(found)[len(found) // 2] if found else float("nan")
                replaced = server.restarts() - before
                lines.append(
                    f"| {name} | {len(found)} | {middle * 1000:.0f} ms | {max(found, default=0) * 1000:.0f} ms "
                    f"| {replaced} times |"
                )
    print("\n".join(lines))
    if asked.out is not None:
        asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
