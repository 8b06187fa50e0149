"""Processes of a server are killed again and again, at any moment: every job ends once, and every file is whole."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path
from random import Random
from typing import Any
from urllib.error import HTTPError
from uuid import UUID

import psutil
import pytest
from crash_pack import name_in

PACK = Path(__file__).with_name("crash_pack.py")
TIMEOUT_S = 120.0


class Victim:
    """A server on one port that can be killed and started again."""

    def __init__(self, base: Path) -> None:
        self._base = base
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "sd35graph", "serve", "--port", str(self.port), "--base", str(self._base)]
        command += ["--no-builtin-nodes", "--packs", str(PACK)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert re.search(r"http://\S+", line), f"the server did not say its address but {line!r}"

    def process(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def workers(self) -> list[psutil.Process]:
        return self.process().children()

    def kill(self, whom: str) -> None:
        """Kill "server", "worker" or "both"; the server is started again."""
        workers = self.workers()
        for worker in workers if whom != "server" else []:
            with suppress(psutil.NoSuchProcess):
                worker.kill()
        if whom != "worker":
            self.stop()
            psutil.wait_procs(workers, timeout=TIMEOUT_S)
            self.start()

    def stop(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(TIMEOUT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def ask(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data), timeout=TIMEOUT_S) as answer:
            return json.load(answer)

    def wait_for_work(self) -> None:
        """Wait until a job runs, or none is left."""
        while not (queue := self.surely("/queue"))["queue_running"] and queue["queue_pending"]:
            time.sleep(0.02)

    def surely(self, path: str, body: object = None) -> Any:
        """`ask`, as a patient client does: again until there is an answer."""
        give_up_at = time.monotonic() + TIMEOUT_S
        while True:
            try:
                return self.ask(path, body)
            except HTTPError as refusal:
                with refusal:
                    if refusal.code == 409:  # it had been accepted before the answer was lost
                        return None
                    if refusal.code != 503:
                        raise
            except (OSError, HTTPException):
                pass  # it is dead, or died while it answered
            assert time.monotonic() < give_up_at, f"no answer to {path}"
            time.sleep(0.02)


class Client(threading.Thread):
    """Submits jobs, a few after each kill, from a thread of its own: some while the server is dying."""

    def __init__(self, server: Victim, jobs: dict[str, float]) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._jobs = jobs
        self.allowed = threading.Semaphore(0)
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for job_id, seconds in self._jobs.items():
                self.allowed.acquire()
                prompt = {"1": {"class_type": "Keep", "inputs": {"name": job_id, "seconds": seconds}}}
                self._server.surely("/prompt", {"prompt": prompt, "prompt_id": job_id})
        except BaseException as failure:
            self.failure = failure
            raise


def crash(base: Path, *, jobs: int, kills: int, seed: int) -> str:
    """Run jobs, every tenth of them for a second, while processes are killed; gives the counts, or fails."""
    random = Random(seed)
    seconds = {str(UUID(int=number + 1)): 1.0 if number % 10 == 5 else 0.0 for number in range(jobs)}
    server = Victim(base)
    server.start()
    client = Client(server, seconds)
    client.start()
    whom: Counter[str] = Counter()
    for kill in range(kills):
        for _ in range(jobs * (kill + 1) // kills - jobs * kill // kills):
            client.allowed.release()
        if kill % 2:  # every other one falls while a job runs
            server.wait_for_work()
        time.sleep(random.uniform(0.0, 0.9))
        victim = random.choice(("server", "worker", "both"))
        server.kill(victim)
        whom[victim] += 1
    client.join(TIMEOUT_S)
    assert client.failure is None
    assert not client.is_alive()
    history = _all_ended(server, jobs)
    server.stop()
    return _counts(base, seconds, history, whom)


def _all_ended(server: Victim, jobs: int) -> dict[str, Any]:
    give_up_at = time.monotonic() + TIMEOUT_S
    while len(history := server.surely("/history")) < jobs:
        assert time.monotonic() < give_up_at, f"{len(history)} of {jobs} jobs ended"
        time.sleep(0.1)
    return dict(history)


def _counts(base: Path, jobs: dict[str, float], history: dict[str, Any], whom: Counter[str]) -> str:
    with closing(sqlite3.connect(base / "sd35graph.sqlite")) as database:
        [[sound]] = database.execute("PRAGMA integrity_check")
        stored = dict(database.execute("SELECT id, state FROM jobs"))
        ends = dict(
            database.execute(
                "SELECT job_id, count(*) FROM events WHERE type IN ('succeeded', 'failed', 'cancelled') GROUP BY job_id"
            )
        )
        retries = dict(database.execute("SELECT job_id, count(*) FROM events WHERE type = 'retried' GROUP BY job_id"))
    files = {path.name: name_in(path.read_bytes()) for path in (base / "output").iterdir() if path.suffix == ".bin"}
    torn = [path.name for path in (base / "output").iterdir() if path.suffix not in (".bin", ".part")]
    assert sound == "ok"
    assert stored.keys() == history.keys() == jobs.keys(), "a job was lost, or came from nowhere"
    assert ends == dict.fromkeys(jobs, 1), "a job ended more than once, or never"
    assert not torn
    failed = [job_id for job_id, state in stored.items() if state != "succeeded"]
    for job_id in failed:  # its worker was killed while it ran, at each of its two attempts
        error = history[job_id]["status"]["messages"][-1][1]
        assert "was ended by SIGKILL" in error["exception_message"], error
        assert retries[job_id] >= 1
    shown = {job_id: history[job_id]["outputs"]["1"]["files"][0] for job_id in jobs if job_id not in failed}
    for job_id, file in shown.items():
        assert files[file["filename"]] == job_id, "a result names the file of another job"
    assert len({file["filename"] for file in shown.values()}) == len(shown), "two results name one file"
    return (
        f"{len(jobs)} jobs, {whom.total()} kills ({', '.join(f'{count} {name}' for name, count in whom.items())}): "
        f"{len(history)} results, {len(shown)} succeeded, {len(failed)} failed as their worker was killed twice; "
        f"{len(retries)} jobs retried, {sum(retries.values())} times in all; "
        f"{len(files)} files, all whole, {len(files) - len(shown)} of attempts that were cut short"
    )


def _say(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")


def test_twenty_jobs_survive_six_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _say(capsys, crash(tmp_path, jobs=20, kills=6, seed=1))


@pytest.mark.slow
def test_two_hundred_jobs_survive_a_hundred_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _say(capsys, crash(tmp_path, jobs=200, kills=100, seed=2))
