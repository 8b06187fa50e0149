"""Processes of a real server are killed with SIGKILL; no accepted job is lost, and none is done twice."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import psutil
import pytest

TOY_PACK = Path(__file__).parents[1] / "engine" / "toy_pack.py"
TIMEOUT_S = 60
SERVE = [sys.executable, "-m", "sd35graph", "serve", "--port", "0", "--no-builtin-nodes", "--packs", str(TOY_PACK)]

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


class Server:
    """A running `sd35graph serve`."""

    def __init__(self, base: Path) -> None:
        self.process = subprocess.Popen(
            [*SERVE, "--base", str(base)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the server did not say its address but {line!r}"
        self.url = found[0]

    def ask(self, path: str, body: object = None) -> Any:
        request = urllib.request.Request(self.url + path, data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
            return json.load(reply)

    def submit(self, job_id: str, **node: Any) -> None:
        prompt = {"1": {"class_type": node.pop("type"), "inputs": node}}
        accepted = self.ask("/prompt", {"prompt": prompt, "prompt_id": job_id})
        assert accepted["prompt_id"] == job_id

    def worker(self) -> psutil.Process:
        [worker] = psutil.Process(self.process.pid).children()
        return worker

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        assert self.process.stdout is not None
        self.process.wait(TIMEOUT_S)
        self.process.stdout.close()


@contextmanager
def serving(base: Path) -> Iterator[Server]:
    server = Server(base)
    try:
        yield server
    finally:
        if server.process.returncode is None:
            server.process.send_signal(signal.SIGINT)
        server.close()


class Notes:
    """A named pipe into which nodes write one line when they start; read without polling."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._lines: Queue[str] = Queue()
        # Open for writing, too, so that there is never an end of file between two writers.
        self._keep = os.open(path, os.O_RDWR)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with open(self.path, encoding="utf-8") as lines:
            for line in lines:
                self._lines.put(line.strip())

    def next(self) -> str:
        return self._lines.get(timeout=TIMEOUT_S)

    def are_all_read(self) -> bool:
        try:
            self._lines.get_nowait()
        except Empty:
            return True
        return False

    def close(self) -> None:
        os.close(self._keep)


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Notes]:
    notes = Notes(tmp_path / "notes")
    yield notes
    notes.close()


JOBS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(4)]


def until_ended(server: Server, *jobs: str) -> dict[str, Any]:
    """The history once all of `jobs` are in it."""
    give_up_at = time.monotonic() + TIMEOUT_S
    while not set(jobs) <= (history := server.ask("/history")).keys():
        assert time.monotonic() < give_up_at, f"not ended: {set(jobs) - history.keys()}"
    return history  # type: ignore[no-any-return]


def kinds(entry: dict[str, Any]) -> list[str]:
    return [message[0] for message in entry["status"]["messages"] if message[0] != "execution_cached"]


def test_job_that_kills_its_worker_twice_fails_with_the_reason_and_the_next_runs(tmp_path: Path, notes: Notes) -> None:
    with serving(tmp_path / "base") as server:
        server.submit(JOBS[0], type="Kill", count=str(notes.path))
        server.submit(JOBS[1], type="Note", path=str(notes.path), text=JOBS[1])
        assert [notes.next(), notes.next()] == ["started", "started"]
        assert notes.next() == JOBS[1]
        history = until_ended(server, JOBS[1])
    assert list(history) == JOBS[:2]
    assert kinds(history[JOBS[0]])[-1] == "execution_error"
    error = history[JOBS[0]]["status"]["messages"][-1][1]
    assert error["exception_message"].startswith("the worker process was ended by SIGKILL while node 1 (Kill) ran")
    assert error["node_id"] == "1"
    assert history[JOBS[1]]["status"]["status_str"] == "success"


def test_job_whose_worker_is_killed_once_succeeds_at_its_second_attempt(tmp_path: Path, notes: Notes) -> None:
    with serving(tmp_path / "base") as server:
        server.submit(JOBS[0], type="HangWhileNew", mark=str(tmp_path / "mark"), note=str(notes.path))
        server.submit(JOBS[1], type="Note", path=str(notes.path), text=JOBS[1])
        assert notes.next() == "started"
        server.worker().kill()
        assert notes.next() == "started"
        assert notes.next() == JOBS[1]
        history = until_ended(server, JOBS[1])
    assert history[JOBS[0]]["status"]["status_str"] == "success"
    assert history[JOBS[0]]["outputs"] == {"1": {"text": ["second time"]}}
    assert kinds(history[JOBS[1]]) == ["execution_start", "execution_success"]


def test_killed_server_takes_its_worker_along_and_the_next_one_ends_every_job_once(
    tmp_path: Path, notes: Notes
) -> None:
    with serving(tmp_path / "base") as server:
        server.submit(JOBS[0], type="Note", path=str(notes.path), text="before")
        server.submit(JOBS[1], type="HangWhileNew", mark=str(tmp_path / "mark"), note=str(notes.path))
        server.submit(JOBS[2], type="Note", path=str(notes.path), text=JOBS[2])
        assert [notes.next(), notes.next()] == ["before", "started"]
        worker = server.worker()
        server.kill()
    worker.wait(TIMEOUT_S)  # it ends in the middle of its node
    with serving(tmp_path / "base") as server:
        assert notes.next() == "started"
        assert notes.next() == JOBS[2]
        history = until_ended(server, JOBS[2])
    assert notes.are_all_read()
    assert list(history) == JOBS[:3]
    assert [entry["status"]["status_str"] for entry in history.values()] == ["success"] * 3
    assert kinds(history[JOBS[0]]) == ["execution_start", "execution_success"]
    assert kinds(history[JOBS[1]])[-1] == "execution_success"
    assert kinds(history[JOBS[1]]).count("execution_success") == 1
    assert [entry["prompt"][0] for entry in history.values()] == [0, 1, 2]


def test_jobs_accepted_just_before_the_kill_run_at_the_next_start(tmp_path: Path, notes: Notes) -> None:
    with serving(tmp_path / "base") as server:
        for job_id in JOBS:
            server.submit(job_id, type="Note", path=str(notes.path), text=job_id)
        server.kill()
    with serving(tmp_path / "base") as server:
        history = until_ended(server, *JOBS)
    assert list(history) == JOBS
    assert [entry["status"]["status_str"] for entry in history.values()] == ["success"] * 4
