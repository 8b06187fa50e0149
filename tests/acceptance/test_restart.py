"""What was accepted survives the end of the server, however it ends; and nothing of it stays behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
TOY_PACK = ROOT / "tests" / "server" / "toy_pack"
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
TIMEOUT_S = 60.0


@contextmanager
def serving(base: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address and the process of `sd35graph serve` with the toy pack."""
    command = [sys.executable, "-m", "sd35graph", "serve", "--base", str(base), "--port", "0", "--shutdown-limit", "0"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "nodes")])}
    with subprocess.Popen(
        [*command, "--no-builtin-nodes", "--packs", str(TOY_PACK)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            found = next(filter(None, map(ADDRESS.search, process.stdout)))
            yield found[0], process
        finally:
            process.kill()


def ask(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=TIMEOUT_S) as answer:
        return json.load(answer)


def until(condition: Any) -> Any:
    """The first true value of `condition()`; these are other processes, so there is no event to wait on."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return value


def slow_graph(steps: int, value: int = 1) -> dict[str, object]:
    steps_node = {"class_type": "ToySteps", "inputs": {"value": value, "steps": steps, "seconds_per_step": 0.02}}
    return {"s": steps_node, "o": {"class_type": "ToyShow (any) [text]", "inputs": {"value": ["s", 0]}}}


def is_running(url: str, job_id: str) -> bool:
    return job_id in [item[1] for item in ask(f"{url}/queue")["queue_running"]]


def finished(url: str, job_id: str) -> Any:
    return until(lambda: ask(f"{url}/history/{job_id}").get(job_id))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_running_and_waiting_jobs_survive_the_end_of_the_server(tmp_path: Path, how: signal.Signals) -> None:
    with serving(tmp_path) as (url, process):
        running, waiting = (
            ask(f"{url}/prompt", {"prompt": slow_graph(100, value), "client_id": "me"})["prompt_id"] for value in (1, 2)
        )
        until(lambda: is_running(url, running))
        workers = psutil.Process(process.pid).children(recursive=True)
        assert workers
        process.send_signal(how)
        process.wait(TIMEOUT_S)
        _, alive = psutil.wait_procs(workers, timeout=TIMEOUT_S)
        assert not alive
    with serving(tmp_path) as (url, _):
        for job_id, value in ((running, "1"), (waiting, "2")):
            entry = finished(url, job_id)
            assert entry["status"]["status_str"] == "success"
            assert entry["outputs"] == {"o": {"text": [value]}}
        assert ask(f"{url}/prompt") == {"exec_info": {"queue_remaining": 0}}
        retold = [kind for kind, _ in finished(url, running)["status"]["messages"]]
        assert "execution_retried" in retold


def test_a_killed_worker_costs_only_its_own_attempt(tmp_path: Path) -> None:
    with serving(tmp_path) as (url, process):
        first = ask(f"{url}/prompt", {"prompt": slow_graph(150), "client_id": "me"})["prompt_id"]
        second = ask(f"{url}/prompt", {"prompt": slow_graph(1, 2), "client_id": "me"})["prompt_id"]
        until(lambda: is_running(url, first))
        until(lambda: psutil.Process(process.pid).children())
        for worker in psutil.Process(process.pid).children():
            worker.kill()
        assert finished(url, second)["status"]["status_str"] == "success"
        entry = finished(url, first)
        reasons = [data["reason"] for kind, data in entry["status"]["messages"] if kind == "execution_retried"]
        assert any("SIGKILL" in reason for reason in reasons)
        assert entry["status"]["status_str"] == "success"


def test_previews_of_earlier_starts_are_removed(tmp_path: Path) -> None:
    preview = tmp_path / "temp" / "preview_00001_.png"
    preview.parent.mkdir()
    preview.touch()
    os.utime(preview, (1000, 1000))
    with serving(tmp_path):
        until(lambda: not preview.exists())


def test_the_process_started_answers_itself_and_stays_small(tmp_path: Path) -> None:
    with serving(tmp_path) as (url, process):
        ask(f"{url}/object_info")
        assert psutil.Process(process.pid).memory_info().rss < 120e6
        assert [child.pid for child in psutil.Process(process.pid).children()]
