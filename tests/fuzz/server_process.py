"""A server in a process of its own, whose memory and open files can be looked at."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

TOY_PACK = Path(__file__).parents[1] / "server" / "toy_pack"
TIMEOUT_S = 60.0


@dataclass
class ServerProcess:
    """A running `sd35graph serve`. log: what it has written to its standard error."""

    url: str
    process: psutil.Process
    log: Path

    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=TIMEOUT_S)

    def holds(self) -> tuple[int, int]:
        """(memory in bytes, open files)."""
        return self.process.memory_info().rss, self.process.num_fds()

    def state_after(self, job_id: str) -> str:
        """The state of a job once it has ended: its stream of events ends then."""
        with self.http() as http:
            with http.stream("GET", f"/v1/jobs/{job_id}/events") as events:
                assert events.status_code in (200, 204), f"job {job_id} is lost"
                for _ in events.iter_lines():
                    pass
            state: str = http.get(f"/v1/jobs/{job_id}").json()["state"]
            return state


@contextmanager
def serving(base: Path) -> Iterator[ServerProcess]:
    """The server until the end of the block, with the built-in nodes and the toy ones."""
    log = base / "server.log"
    command = [sys.executable, "-m", "sd35graph", "serve", "--port", "0", "--base", str(base), "--packs", str(TOY_PACK)]
    with (
        open(log, "wb") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, log.read_text(encoding="utf-8")
        try:
            yield ServerProcess(found[0], psutil.Process(process.pid), log)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(TIMEOUT_S)
