"""The server is asked to stop: what runs ends or is handed back, sockets hear of it, and the process ends with 0."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from sd35graph.engine.storage.store import JobStore

ROOT = Path(__file__).parents[2]
TOY_PACK = ROOT / "tests" / "server" / "toy_pack"
ADDRESS = re.compile(r"http://(127\.0\.0\.1:\d+)")
TIMEOUT_S = 60.0
STEP_S = 0.02


class Process:
    """`sd35graph serve` as an operator runs it; log: the lines it logged, all of them once it has ended."""

    def __init__(self, base: Path, *flags: str) -> None:
        command = [sys.executable, "-m", "sd35graph", "serve", "--base", str(base), "--port", "0", *flags]
        self.base = base
        self._process = subprocess.Popen(
            [*command, "--no-builtin-nodes", "--packs", str(TOY_PACK), "--log-format", "json", "--log-level", "debug"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "nodes")])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.address = next(filter(None, map(ADDRESS.search, self._process.stdout)))[1]
        self.raw_log: list[str] = []
        self._logged = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._logged:
                self.raw_log.append(line)
                self._logged.notify_all()

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.raw_log]

    def until_logged(self, message: str) -> None:
        with self._logged:
            said = self._logged.wait_for(lambda: any(message in line for line in self.raw_log), TIMEOUT_S)
        assert said, self.raw_log

    def ask(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://{self.address}{path}", data, timeout=TIMEOUT_S) as answer:
            return json.load(answer)

    def run(self, steps: int, text: str = "a private prompt") -> str:
        """Queue a job of so many steps, and wait until it runs."""
        node = {"class_type": "ToySteps", "inputs": {"value": 1, "steps": steps, "seconds_per_step": STEP_S}}
        show = {"class_type": "ToyShow (any) [text]", "inputs": {"value": ["s", 0]}, "_meta": {"title": text}}
        with self.listening() as socket:
            job_id: str = self.ask("/prompt", {"prompt": {"s": node, "o": show}, "client_id": "me"})["prompt_id"]
            while '"progress"' not in str(socket.recv(TIMEOUT_S)):
                pass
        return job_id

    def listening(self) -> ClientConnection:
        return connect(f"ws://{self.address}/ws?clientId=me", open_timeout=TIMEOUT_S)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def exit_code(self) -> int:
        code = self._process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        return code

    def end(self) -> None:
        self._process.kill()
        self.exit_code()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def job(self, job_id: str) -> Any:
        """What the store has of a job, after the end of the process."""
        with closing(JobStore.open(f"sqlite:///{self.base / 'sd35graph.sqlite'}")) as store:
            return store.get(job_id)


def until_closed(socket: ClientConnection) -> tuple[list[dict[str, Any]], int | None]:
    """All messages a socket still gets, and the code it is closed with."""
    said: list[dict[str, Any]] = []
    try:
        while True:
            frame = socket.recv(TIMEOUT_S)
            said.append(json.loads(frame) if isinstance(frame, str) else {})
    except ConnectionClosed as closed:
        return said, closed.rcvd.code if closed.rcvd is not None else None


@contextmanager
def serving(base: Path, *flags: str) -> Iterator[Process]:
    process = Process(base, *flags)
    try:
        yield process
    finally:
        process.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_running_job_ends_and_is_told_before_the_socket_is_closed(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as server:
        job_id = server.run(steps=50)
        with server.listening() as socket:
            server.signal(number)
            said, code = until_closed(socket)
        assert server.exit_code() == 0
        ends = [message for message in said if message.get("type") == "execution_success"]
        assert [message["data"]["prompt_id"] for message in ends] == [job_id]
        assert code == 1012
        job = server.job(job_id)
        assert (job.state, job.attempts) == ("succeeded", 1)


def test_after_the_limit_the_job_is_handed_back_without_a_failed_attempt(tmp_path: Path) -> None:
    with serving(tmp_path, "--shutdown-limit", "0.2") as server:
        job_id = server.run(steps=3000)
        server.signal(signal.SIGTERM)
        assert server.exit_code() == 0
        job = server.job(job_id)
        assert (job.state, job.attempts, job.owner) == ("pending", 0, None)
        assert job.messages[-1].data["reason"] == "the server was stopped"


def test_no_job_is_taken_while_the_last_one_ends_and_none_that_waits_is_lost(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        running = server.run(steps=100)
        show = {"o": {"class_type": "ToyShow (any) [text]", "inputs": {"value": "x"}}}
        waiting = server.ask("/prompt", {"prompt": show})["prompt_id"]
        server.signal(signal.SIGTERM)
        server.until_logged("stopping in order")
        with pytest.raises(HTTPError) as refused:
            server.ask("/prompt", {"prompt": show})
        with refused.value as answer:
            assert (answer.code, answer.headers["retry-after"]) == (503, "10")
            assert "the server is being stopped and takes no more jobs" in json.load(answer)["error"]["message"]
        assert server.exit_code() == 0
        assert server.job(running).state == "succeeded"
        job = server.job(waiting)
        assert (job.state, job.attempts) == ("pending", 0)


def test_a_second_signal_ends_at_once_and_hands_the_job_back(tmp_path: Path) -> None:
    with serving(tmp_path, "--shutdown-limit", "3600") as server:
        job_id = server.run(steps=3000)
        server.signal(signal.SIGINT)
        server.until_logged("stopping in order")
        server.signal(signal.SIGINT)
        assert server.exit_code() == 0
        job = server.job(job_id)
        assert (job.state, job.attempts) == ("pending", 0)


def test_the_log_is_json_with_ids_and_without_prompts_or_tokens(tmp_path: Path) -> None:
    token = "a-token-that-nobody-shall-read"
    answers: list[tuple[int, Any]] = []
    plain = urllib.request.OpenerDirector()  # errors are answers too
    plain.add_handler(urllib.request.HTTPHandler())
    with serving(tmp_path, "--token", token, "--allowed-host", "studio.example") as server:
        headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "from-the-proxy", "Host": "studio.example"}
        fail = {"f": {"class_type": "ToyFail", "inputs": {"value": 1, "message": "private words"}}}
        fail["o"] = {"class_type": "ToyShow (any) [text]", "inputs": {"value": ["f", 0]}}
        for body in (fail, {"o": {"class_type": "private class", "inputs": {}}}):
            request = urllib.request.Request(
                f"http://{server.address}/prompt?note=private", json.dumps({"prompt": body}).encode(), headers
            )
            with plain.open(request, timeout=TIMEOUT_S) as answer:
                assert answer.headers["x-request-id"] == "from-the-proxy"
                answers.append((answer.status, json.load(answer)))
        assert [status for status, _ in answers] == [200, 400]
        job_id = answers[0][1]["prompt_id"]
        server.until_logged("job ended")
        server.signal(signal.SIGTERM)
        assert server.exit_code() == 0
        [accepted] = [line for line in server.log if line["message"] == "job accepted"]
        assert (accepted["request"], accepted["job"], accepted["level"]) == ("from-the-proxy", job_id, "info")
        [ended] = [line for line in server.log if line["message"] == "job ended"]
        assert (ended["job"], ended["state"]) == (job_id, "failed")
        answered = [line for line in server.log if line["message"] == "request ended"]
        assert {(line["method"], line["path"], line["status"]) for line in answered} == {
            ("POST", "/prompt", 200),
            ("POST", "/prompt", 400),
        }
        written = "".join(server.raw_log)
        assert "private" not in written
        assert token not in written
