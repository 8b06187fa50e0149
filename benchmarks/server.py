"""How fast the server starts and answers, and what it needs: `python -m benchmarks.server [--out FILE]`.

Starts `sd35graph serve` with trivial nodes in a temporary folder. Times include a client in this process. `cpu` is the
processor time the API process itself needed, which a busy machine hardly changes. `--only` names the parts to measure.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
from websockets.sync.client import ClientConnection, connect

from benchmarks.server_clients import HOST, Graph, many_sockets, throughput

ROOT = Path(__file__).resolve().parent.parent
PACK = Path(__file__).resolve().parent / "trivial_pack"
PARTS = ("start", "latency", "chain", "throughput", "memory", "sockets")
ENDS = ('"execution_success"', '"execution_error"', '"execution_interrupted"')


@dataclass
class Run:
    """One prompt from POST to its end. bytes: what the socket received."""

    post_s: float
    total_s: float
    messages: int
    bytes: int


class Server:
    """A server process and a client of it."""

    def __init__(self, base: Path, port: int) -> None:
        command = [sys.executable, "-m", "sd35graph", "serve", "--base", str(base), "--port", str(port)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "nodes")])}
        self.port = port
        self._started = time.perf_counter()
        self.process = subprocess.Popen(
            [*command, "--no-builtin-nodes", "--packs", str(PACK)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.id = uuid4().hex

    def first_answer(self) -> tuple[float, float]:
        """(seconds from process start to the first answered request, processor seconds the process needed)."""
        while True:
            try:
                self.get("/prompt")
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"the server ended with code {self.process.returncode}") from None
                time.sleep(0.005)
                continue
            elapsed = time.perf_counter() - self._started
            used = psutil.Process(self.process.pid).cpu_times()
            return elapsed, used.user + used.system

    def get(self, path: str) -> Any:
        """The answer to a GET, parsed."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def socket(self) -> ClientConnection:
        """A connected WebSocket."""
        return connect(f"ws://{HOST}:{self.port}/ws?clientId={self.id}", max_size=None, compression=None)

    def run(self, socket: ClientConnection, connection: http.client.HTTPConnection, graph: Graph) -> Run:
        """Queue a graph and wait for its end."""
        body = json.dumps({"prompt": graph, "client_id": self.id})
        began = time.perf_counter()
        connection.request("POST", "/prompt", body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        posted = time.perf_counter()
        prompt_id = answer["prompt_id"]
        messages = size = 0
        while True:
            message = socket.recv()
            messages += 1
            size += len(message)
            if isinstance(message, str) and prompt_id in message and any(end in message for end in ENDS):
                ended = time.perf_counter()
                break
        if '"execution_success"' not in message:
            raise RuntimeError(message[:500])
        return Run(posted - began, ended - began, messages, size)

    def connection(self) -> http.client.HTTPConnection:
        """A connection that stays open between requests, as clients keep it."""
        return http.client.HTTPConnection(HOST, self.port, timeout=600)

    def memory(self) -> dict[str, float]:
        """Memory of the API process alone, in MB: resident, and not shared with others."""
        usage = psutil.Process(self.process.pid).memory_full_info()
        return {"rss_mb": round(usage.rss / 1e6, 1), "uss_mb": round(usage.uss / 1e6, 1)}

    def cpu_s(self) -> float:
        """Processor time of the API process so far."""
        used = psutil.Process(self.process.pid).cpu_times()
        return used.user + used.system

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def running(base: Path, port: int) -> Iterator[Server]:
    """A server until the block ends."""
    server = Server(base, port)
    try:
        yield server
    finally:
        server.stop()


def chain(length: int, value: int) -> Graph:
    """A source, `length` steps and a sink."""
    steps = {
        str(number): {"class_type": "TrivialStep", "inputs": {"value": [str(number - 1), 0]}}
        for number in range(1, length + 1)
    }
    return {
        "0": {"class_type": "TrivialSource", "inputs": {"value": value}},
        **steps,
        "sink": {"class_type": "TrivialSink", "inputs": {"value": [str(length), 0]}},
    }


def starts(base: Path, port: int, count: int) -> dict[str, object]:
    """Process start to first answer; the first start of all, which makes the folders, is left out."""
    measured = []
    for _ in range(count + 1):
        with running(base, port) as server:
            measured.append(server.first_answer())
    wall, cpu = zip(*measured[1:], strict=True)
    return {
        "start_to_first_answer_s": round(statistics.median(wall), 3),
        "best_s": round(min(wall), 3),
        "cpu_s": round(statistics.median(cpu), 3),
    }


def latencies(measure: Callable[[], Run], count: int) -> dict[str, object]:
    """Median and 95th percentile of POST to success, in milliseconds."""
    runs = sorted((measure() for _ in range(count)), key=lambda run: run.total_s)
    return {
        "post_to_success_ms": round(1e3 * statistics.median(run.total_s for run in runs), 2),
        "p95_ms": round(1e3 * runs[int(0.95 * count)].total_s, 2),
        "post_ms": round(1e3 * statistics.median(run.post_s for run in runs), 2),
        "messages": runs[0].messages,
    }


def described(run: Run, nodes: int) -> dict[str, object]:
    """A run of a chain."""
    return {
        "total_s": round(run.total_s, 3),
        "us_per_node": round(1e6 * run.total_s / nodes, 1),
        "post_s": round(run.post_s, 3),
        "messages": run.messages,
        "bytes_per_node": round(run.bytes / nodes),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8197)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--chain", type=int, default=5000)
    parser.add_argument("--burst", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--sockets", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    report: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_before": os.getloadavg()[0],
    }

    def note(name: str, figures: object) -> None:
        report[name] = figures
        print(name, json.dumps(figures), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        if "start" in options.only:
            note("start", starts(base, options.port, options.starts))
        with running(base, options.port) as server:
            server.first_answer()
            server.get("/object_info")
            measure(server, options, note)
    report["load_after"] = os.getloadavg()[0]
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def measure(server: Server, options: argparse.Namespace, note: Callable[[str, object], None]) -> None:
    """Measure what was asked for on a running server."""
    values = itertools.count(int(time.time()) % 10**6)
    fresh = (chain(0, value) for value in values)
    connection = server.connection()
    with server.socket() as socket:
        socket.recv()
        server.run(socket, connection, next(fresh))  # the worker is there now
        note("idle_memory", server.memory())
        if "latency" in options.only:
            note("trivial", latencies(lambda: server.run(socket, connection, next(fresh)), options.prompts))
            same = next(fresh)
            server.run(socket, connection, same)
            note("trivial_cached", latencies(lambda: server.run(socket, connection, same), options.prompts))
        if "chain" in options.only:
            for length in (options.chain // 5, options.chain):
                graph = chain(length, next(values))
                first = described(server.run(socket, connection, graph), length)
                again = described(server.run(socket, connection, graph), length)
                note(f"chain_{length}", {"first": first, "cached": again})
    if "throughput" in options.only:
        for connections in (1, 4, 16):
            before = server.cpu_s()
            figures = asyncio.run(throughput(server.port, list(itertools.islice(fresh, options.burst)), connections))
            figures["api_cpu_ms_per_prompt"] = round(1e3 * (server.cpu_s() - before) / options.burst, 2)
            note(f"throughput_{connections}", figures)
    if "memory" in options.only:
        before_mb = server.memory()
        figures = asyncio.run(throughput(server.port, list(itertools.islice(fresh, options.jobs)), 8))
        note(f"memory_{options.jobs}", {"before": before_mb, "after": server.memory(), **figures})
    if "sockets" in options.only:
        ticker = {"class_type": "TrivialTicker", "inputs": {"times": round(10 * options.seconds), "pause_s": 0.1}}
        before = server.cpu_s()
        figures = asyncio.run(many_sockets(server.port, options.sockets, {"1": ticker}, options.seconds))
        note("sockets", {**figures, "api_cpu_s_per_s": round((server.cpu_s() - before) / options.seconds, 2)})
    note("memory_after", server.memory())


if __name__ == "__main__":
    main()
