"""A server that cannot write says so, leaves nothing half-written, and goes on by itself when it can."""

from __future__ import annotations

import json
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from uuid import uuid4

import psutil
import pytest
from test_crash import TIMEOUT_S, Victim

pytestmark = pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="needs limits on another process")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Victim]:
    server = Victim(tmp_path)
    server.start()
    yield server
    server.stop()


def submit(server: Victim, seconds: float = 0.0) -> str:
    job_id = str(uuid4())
    prompt = {"1": {"class_type": "Keep", "inputs": {"name": job_id, "seconds": seconds}}}
    server.ask("/prompt", {"prompt": prompt, "prompt_id": job_id})
    return job_id


def refused(server: Victim) -> dict[str, Any]:
    """The error with which a job is not accepted."""
    with pytest.raises(HTTPError) as caught:
        submit(server)
    with caught.value:
        assert caught.value.code == 503
        error: dict[str, Any] = json.load(caught.value)["error"]
    return error


def until(condition: Callable[[], Any]) -> Any:
    """The first true value of `condition()`; these are other processes, so there is no event to wait on."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return value


def ended(server: Victim, job_id: str) -> Any:
    return until(lambda: server.ask(f"/history/{job_id}").get(job_id))


def obstacle(server: Victim) -> Any:
    return server.ask("/system_stats")["obstacle"]


def limit_files(process: psutil.Process, size_bytes: int) -> None:
    """Let the process write no file beyond a size, as a disk that is full would."""
    process.rlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


def test_file_that_cannot_be_kept_fails_its_job_and_is_not_there_in_part(server: Victim, tmp_path: Path) -> None:
    ended(server, submit(server))
    [worker] = server.workers()
    limit_files(worker, 10_000)
    entry = ended(server, submit(server))
    assert entry["status"]["status_str"] == "error"
    message = entry["status"]["messages"][-1][1]["exception_message"]
    assert "the system allows this program no file of that size, so the file was not kept" in message
    assert str(tmp_path / "output") in message
    assert [path.name for path in (tmp_path / "output").iterdir()] == ["crash_00001_.bin"]
    limit_files(worker, resource.RLIM_INFINITY)
    assert ended(server, submit(server))["status"]["status_str"] == "success"


def test_queue_waits_while_nothing_can_be_saved_and_goes_on_by_itself(server: Victim, tmp_path: Path) -> None:
    ended(server, submit(server))
    (tmp_path / "output").rename(tmp_path / "away")
    (tmp_path / "output").write_text("no folder")
    until(lambda: server.ask("/system_stats")["obstacle"] or not submit(server))
    waiting = submit(server)
    assert obstacle(server).startswith(f"nothing can be saved in {tmp_path / 'output'}: ")
    assert waiting in [item[1] for item in server.ask("/queue")["queue_pending"]]
    (tmp_path / "output").unlink()
    (tmp_path / "away").rename(tmp_path / "output")
    assert ended(server, waiting)["status"]["status_str"] == "success"
    assert obstacle(server) is None


def test_store_on_a_full_disk_refuses_jobs_and_keeps_the_results_of_running_ones(server: Victim) -> None:
    ended(server, submit(server))
    running = submit(server, seconds=1.0)
    until(lambda: running in [item[1] for item in server.ask("/queue")["queue_running"]])
    limit_files(server.process(), 1000)
    error = refused(server)
    assert error["type"] == "store_unavailable"
    assert "check the disk's free space" in error["message"]
    until(lambda: obstacle(server))  # its end came, and could not be stored
    assert server.ask(f"/history/{running}") == {}
    limit_files(server.process(), resource.RLIM_INFINITY)
    assert ended(server, running)["status"]["status_str"] == "success"
    assert ended(server, submit(server))["status"]["status_str"] == "success"
    until(lambda: obstacle(server) is None)


def test_store_locked_by_another_program_is_said_and_waited_for(server: Victim, tmp_path: Path) -> None:
    ended(server, submit(server))
    running = submit(server, seconds=0.5)
    until(lambda: running in [item[1] for item in server.ask("/queue")["queue_running"]])
    with closing(sqlite3.connect(tmp_path / "sd35graph.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "another program keeps the file locked; end that program" in refused(server)["message"]
        assert running in [item[1] for item in server.ask("/queue")["queue_running"]]
        other.execute("ROLLBACK")
    assert ended(server, running)["status"]["status_str"] == "success"
