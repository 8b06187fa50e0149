"""The worker process itself, spoken to over its pipes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sd35graph.engine.folders import Folders
from sd35graph.engine.workers.protocol import Decoder, Frame, Message, WorkerConfig, encode
from sd35graph.engine.workers.supervisor import worker_command

TOY_PACK = Path(__file__).with_name("toy_pack.py")
TIMEOUT_S = 60


class SpokenTo:
    """A worker process and what it said so far."""

    def __init__(self, config: WorkerConfig) -> None:
        self.process = subprocess.Popen(
            worker_command(config), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        self._decoder = Decoder()
        self._waiting: list[Frame] = []

    def send(self, **message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(encode(message))

    def next(self, kind: str) -> Message:
        assert self.process.stdout is not None
        while True:
            for index, frame in enumerate(self._waiting):
                if frame.message["kind"] == kind:
                    return self._waiting.pop(index).message
            received = os.read(self.process.stdout.fileno(), 65536)
            assert received, f"the worker ended before it said {kind}"
            self._waiting += self._decoder.feed(received)

    def run(self, job_id: str, *nodes: dict[str, Any]) -> None:
        prompt = {str(number): node for number, node in enumerate(nodes, 1)}
        self.send(kind="run", job_id=job_id, prompt=prompt, targets=list(prompt), extra_pnginfo=None)

    def events_of(self, job_id: str) -> list[Message]:
        events: list[Message] = []
        while not events or events[-1]["type"] not in ("succeeded", "failed", "cancelled"):
            event = self.next("event")
            if event["job_id"] == job_id:
                events.append(event)
        return events

    def end(self) -> str:
        """What it wrote to standard error, after its end."""
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        self.process.stdin.close()
        errors = self.process.stderr.read().decode()
        self.process.wait(TIMEOUT_S)
        self.close()
        return errors

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


def call(node_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": node_type, "inputs": inputs}


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    folders = Folders.under(tmp_path / "base")
    folders.create()
    return folders


@pytest.fixture
def worker(folders: Folders) -> Iterator[SpokenTo]:
    worker = SpokenTo(WorkerConfig(folders=folders, packs=(TOY_PACK,), builtin=False))
    yield worker
    worker.close()


def test_hello_tells_schemas_system_and_failures(folders: Folders, tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    packs.mkdir()
    (packs / "broken-pack.py").write_text("import nothing_of_this_name\n")
    (packs / "exits.py").write_text("raise SystemExit(1)\n")
    worker = SpokenTo(WorkerConfig(folders=folders, packs=(TOY_PACK, packs), builtin=False))
    hello = worker.next("hello")
    assert {"Echo", "Picture"} <= hello["schemas"].keys()
    assert hello["schemas"]["Echo"]["has_validator"]
    assert hello["system"]["devices"]
    assert sorted(failure["pack"] for failure in hello["failures"]) == ["broken-pack", "exits"]
    assert "nothing_of_this_name" in str(hello["failures"])
    worker.end()
    assert worker.process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' C libraries give freed memory back by themselves")
def test_memory_a_job_freed_goes_back_to_the_system(worker: SpokenTo) -> None:
    worker.next("hello")
    process = psutil.Process(worker.process.pid)
    before = process.memory_info().rss
    worker.run("holes", call("LeaveHoles"))
    assert worker.events_of("holes")[-1]["type"] == "succeeded"
    worker.run("next", call("Echo", text="a"))  # begins after all of the first job is done
    worker.events_of("next")
    assert process.memory_info().rss < before + 64 * 2**20


def test_job_sends_its_events_and_prints_go_to_standard_error(worker: SpokenTo, folders: Folders) -> None:
    worker.next("hello")
    worker.run("j", call("Echo", text="hi"), call("Picture", prefix="sub/p"))
    events = worker.events_of("j")
    assert events[-1]["type"] == "succeeded"
    shown = {event["data"]["node"]: event["data"]["output"] for event in events if event["type"] == "shown"}
    assert shown["1"] == {"text": ["hi"]}
    assert shown["2"] == {"images": [{"filename": "p_00001_.txt", "subfolder": "sub", "type": "output"}]}
    assert "class_type" in (folders.output / "sub" / "p_00001_.txt").read_text()
    errors = worker.end()
    assert "a node prints hi" in errors
    assert "and writes to descriptor 1" in errors


def test_literals_are_converted_as_clients_send_them(worker: SpokenTo) -> None:
    worker.next("hello")
    worker.run("j", call("Steps", count="2"))
    progress = [event["data"]["value"] for event in worker.events_of("j") if event["type"] == "progress"]
    assert progress[-1] == 2


def test_cancel_stops_a_running_job_and_one_that_waits_behind_it(worker: SpokenTo, tmp_path: Path) -> None:
    worker.next("hello")
    worker.run("first", call("WaitForCancel", mark=str(tmp_path / "mark")))
    worker.run("second", call("WaitForCancel", mark=str(tmp_path / "second")))
    while worker.next("event")["type"] != "node_started":
        pass
    worker.send(kind="cancel", job_id="second")
    worker.send(kind="cancel", job_id="unknown")
    worker.send(kind="cancel", job_id="first")
    assert worker.events_of("first")[-1]["type"] == "cancelled"
    assert worker.events_of("second")[-1]["type"] == "cancelled"
    assert not (tmp_path / "second").exists()


def test_validators_and_system_info_answer_while_a_job_runs(worker: SpokenTo, tmp_path: Path) -> None:
    worker.next("hello")
    worker.run("j", call("Hang", mark=str(tmp_path / "mark")))
    calls = [
        {"node_id": "1", "type": "Echo", "inputs": {"text": "bad"}, "input_types": {}},
        {"node_id": "2", "type": "Echo", "inputs": {"text": "good"}, "input_types": {}},
    ]
    worker.send(kind="validate", id=7, calls=calls)
    reply = worker.next("answer")
    assert (reply["id"], reply["error"]) == (7, None)
    assert [(problem["code"], problem["node_id"]) for problem in reply["result"]] == [("invalid_value", "1")]
    worker.send(kind="info", id=8)
    assert worker.next("answer")["result"]["devices"]
    worker.send(kind="validate", id=9, calls=[{"nonsense": 1}])
    assert "ValidationError" in worker.next("answer")["error"]


def test_info_tells_what_resources_hold_once_they_are_made(worker: SpokenTo) -> None:
    worker.next("hello")
    worker.send(kind="info", id=1)
    assert worker.next("answer")["result"]["loaded"] == []
    worker.run("j", call("Use"))
    assert worker.events_of("j")[-1]["type"] == "succeeded"
    worker.send(kind="info", id=2)
    [loaded] = worker.next("answer")["result"]["loaded"]
    assert loaded == {"file": "toy.safetensors", "part": "vae", "device": "cpu", "size_bytes": 1, "total_bytes": 2}


def test_node_that_exits_by_exception_or_shows_no_json_fails_its_job_only(worker: SpokenTo) -> None:
    worker.next("hello")
    for job_id, node, reason in (("a", "SysExit", "SystemExit"), ("b", "ShowNan", "")):
        worker.run(job_id, call(node))
        failed = worker.events_of(job_id)[-1]
        assert failed["type"] == "failed"
        assert reason in failed["data"]["error"]["type"]
    worker.run("c", call("Echo", text="on it goes"))
    assert worker.events_of("c")[-1]["type"] == "succeeded"


def test_free_releases_resources_and_clears_the_cache(worker: SpokenTo, folders: Folders) -> None:
    worker.next("hello")
    worker.run("a", call("Use"), call("Echo", text="x"))
    worker.events_of("a")
    worker.run("b", call("Use"), call("Echo", text="x"))
    assert sorted(worker.events_of("b")[0]["data"]["nodes"]) == ["1", "2"]
    worker.send(kind="free", unload_models=True, free_memory=True)
    worker.run("c", call("Use"), call("Echo", text="x"))
    assert worker.events_of("c")[0]["data"]["nodes"] == []
    assert (folders.base / "released").read_text() == "released\n"


def test_changed_input_file_is_not_taken_from_the_cache(worker: SpokenTo, folders: Folders) -> None:
    worker.next("hello")
    sizes: list[Any] = []
    for content in (b"a", b"a", b"bbb"):
        if not (folders.input / "a.png").exists() or content != b"a":
            (folders.input / "a.png").write_bytes(content)
        worker.run(f"job {len(sizes)}", call("File", name="a.png"))
        events = worker.events_of(f"job {len(sizes)}")
        [shown] = [event["data"]["output"]["size"] for event in events if event["type"] == "shown"]
        sizes.append((events[0]["data"]["nodes"], shown))
    assert sizes == [([], [1]), (["1"], [1]), ([], [3])]


def test_worker_ends_when_its_input_ends_even_while_a_node_runs(worker: SpokenTo, tmp_path: Path) -> None:
    worker.next("hello")
    worker.run("j", call("Hang", mark=str(tmp_path / "mark")))
    while worker.next("event")["type"] != "node_started":
        pass
    worker.end()
    assert worker.process.returncode == 0


def test_worker_ends_when_its_input_ends_while_packs_are_imported(folders: Folders, tmp_path: Path) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(600)\n")
    worker = SpokenTo(WorkerConfig(folders=folders, packs=(slow,), builtin=False))
    worker.end()
    assert worker.process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_worker_is_killed_with_its_parent_even_if_the_pipe_stays_open(folders: Folders, tmp_path: Path) -> None:
    config = WorkerConfig(folders=folders, packs=(TOY_PACK,), builtin=False)
    inherited, ours = os.pipe()
    parent_code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen({worker_command(config)!r}, stdin={inherited}, stdout=sys.stdout)\n"
        "child.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE, pass_fds=[inherited]) as parent:
        assert parent.stdout is not None
        assert parent.stdout.read(8), "the hello came"
        parent.kill()
        parent.stdout.read()  # returns at the end of the last process that can write to it
    os.close(inherited)
    os.close(ours)


def test_interrupts_for_the_whole_terminal_leave_the_worker_alone(worker: SpokenTo) -> None:
    worker.next("hello")
    for number in (signal.SIGINT, signal.SIGTERM):
        worker.process.send_signal(number)
    worker.run("j", call("Echo", text="still there"))
    assert worker.events_of("j")[-1]["type"] == "succeeded"


def test_stop_ends_the_process_and_nonsense_on_the_pipe_too(worker: SpokenTo) -> None:
    worker.next("hello")
    assert worker.process.stdin is not None
    worker.process.stdin.write(b"nonsense that is no frame")
    assert worker.process.wait(TIMEOUT_S) == 1


def test_bad_configuration_is_told_before_the_end() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sd35graph.engine.workers.worker", "{}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()  # to its end, with our side of its input still open
    [frame] = Decoder().feed(output)
    assert frame.message["kind"] == "fatal"
    assert "the worker cannot start: ValidationError" in frame.message["message"]
    assert process.returncode == 1


def test_a_worker_that_is_still_starting_stops_when_it_is_told_to(folders: Folders) -> None:
    worker = SpokenTo(WorkerConfig(folders=folders, packs=(TOY_PACK,)))
    worker.send(kind="stop")
    worker.process.wait(TIMEOUT_S)
    assert (worker.process.returncode, worker.end()) == (0, "")
