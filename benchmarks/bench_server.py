"""How fast the server starts and answers, and what it needs: `python benchmarks/bench_server.py [--out FILE]`.

Starts `sd35graph serve` with trivial nodes in a temporary folder. Times include a client in this process. `cpu` is the
processor time the API process itself needed, which a busy machine hardly changes.
"""

from __future__ import annotations

import argparse
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

ROOT = Path(__file__).resolve().parent.parent
PACK = Path(__file__).resolve().parent / "trivial_pack"
HOST = "127.0.0.1"
ENDS = ('"execution_success"', '"execution_error"', '"execution_interrupted"')

Graph = dict[str, Any]


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
        self._port = port
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
        connection = http.client.HTTPConnection(HOST, self._port, timeout=60)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def socket(self) -> ClientConnection:
        """A connected WebSocket."""
        return connect(f"ws://{HOST}:{self._port}/ws?clientId={self.id}", max_size=None, compression=None)

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
        return http.client.HTTPConnection(HOST, self._port, timeout=600)

    def memory(self) -> dict[str, float]:
        """Memory of the API process alone, in MB: resident, and not shared with others."""
        usage = psutil.Process(self.process.pid).memory_full_info()
        return {"rss_mb": round(usage.rss / 1e6, 1), "uss_mb": round(usage.uss / 1e6, 1)}

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
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--chain", type=int, default=5000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    values = itertools.count(int(time.time()) % 10**6)
    report: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_before": os.getloadavg()[0],
    }

    def note(name: str, figures: object) -> None:
        report[name] = figures
        print(name, json.dumps(figures), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        note("start", starts(base, options.port, options.starts))
        with running(base, options.port) as server:
            server.first_answer()
            server.get("/object_info")
            connection = server.connection()
            with server.socket() as socket:
                socket.recv()
                server.run(socket, connection, chain(0, next(values)))  # the worker is there now
                note("idle_memory", server.memory())
                note(
                    "trivial",
                    latencies(lambda: server.run(socket, connection, chain(0, next(values))), options.prompts),
                )
                same = chain(0, next(values))
                server.run(socket, connection, same)
                note("trivial_cached", latencies(lambda: server.run(socket, connection, same), options.prompts))
                for length in (options.chain // 5, options.chain):
                    graph = chain(length, next(values))
                    first = described(server.run(socket, connection, graph), length)
                    note(
                        f"chain_{length}",
                        {"first": first, "cached": described(server.run(socket, connection, graph), length)},
                    )
                note("memory_after", server.memory())
    report["load_after"] = os.getloadavg()[0]
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
