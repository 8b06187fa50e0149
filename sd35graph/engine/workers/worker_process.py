"""A worker process as the API process sees it: started, spoken to, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Event as Flag
from threading import Thread

from sd35graph.engine.workers.outbox import Outbox
from sd35graph.engine.workers.protocol import Decoder, Frame, ProtocolError, encode
from sd35graph.settings import PREFIX

_READ_BYTES = 1 << 20
_DRAIN_S = 1.0
_EXIT_AFTER_EOF_S = 2.0


class WorkerProcess:
    """One running worker. Its frames come to `on_frames`, its end to `on_exit`, each from a thread of this object.

    `on_frames` may wait: then the worker's messages wait too. `on_exit` gets the exit code, negative for a signal,
    after the last frame. Start it from a thread that lives as long as the worker shall: the worker ends with it.
    """

    def __init__(
        self, command: Sequence[str], on_frames: Callable[[list[Frame]], None], on_exit: Callable[[int], None]
    ) -> None:
        self._on_frames = on_frames
        self._on_exit = on_exit
        self._exited = Flag()
        environment = {name: value for name, value in os.environ.items() if name != f"{PREFIX}TOKEN"}  # not for nodes
        # A session of its own: Ctrl+C in the terminal reaches only the server, which decides what becomes of workers.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            env=environment,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._outbox = Outbox(self._input.fileno())
        self._reader = Thread(target=self._read, name="worker-reader", daemon=True)
        self._reader.start()
        Thread(target=self._wait, name="worker-waiter", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def send(self, message: Mapping[str, object]) -> bool:
        """Send a message without waiting; False when the worker does not read or is gone."""
        return self._outbox.offer(encode(message))

    def kill(self) -> None:
        """End the process and what it started, at once."""
        if not self._exited.is_set():
            self._kill_group()

    def _kill_group(self) -> None:
        if sys.platform == "win32":
            self._process.kill()
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _read(self) -> None:
        decoder = Decoder()
        try:
            while received := os.read(self._output.fileno(), _READ_BYTES):
                frames = decoder.feed(received)
                if frames:
                    self._on_frames(frames)
        except ProtocolError as error:
            self._on_frames([Frame({"kind": "fatal", "message": f"the worker's messages make no sense: {error}"})])
        if not self._exited.wait(_EXIT_AFTER_EOF_S):
            self.kill()  # it cannot be heard any more

    def _wait(self) -> None:
        exit_code = self._process.wait()
        self._exited.set()
        self._kill_group()  # what it started and left behind, which may hold the pipe open
        self._outbox.close()
        self._reader.join(_DRAIN_S)
        self._on_exit(exit_code)
        self._input.close()
        if not self._reader.is_alive():
            self._output.close()


def describe_exit(exit_code: int) -> str:
    """How a process ended, in words: `was ended by SIGKILL`, `ended with code 3`."""
    if exit_code >= 0:
        return f"ended with code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was ended by signal {-exit_code}"
