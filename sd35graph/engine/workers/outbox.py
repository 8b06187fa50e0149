"""Frames on their way into a pipe, without anybody waiting for a slow reader."""

from __future__ import annotations

import os
import select
import sys
from threading import Condition, Thread, current_thread

_CLOSE_TIMEOUT_S = 1.0


class Outbox:
    """Writes frames to a pipe at once, and what does not fit, later, by a thread.

    A frame the pipe has room for is in it when `put` returns, so that it arrives even if the process dies of what it
    does next. The pipe is made non-blocking, where the system can do that.
    max_bytes: with more than this waiting, `put` waits and `offer` refuses.
    """

    def __init__(self, pipe: int, *, max_bytes: int = 64 * 2**20) -> None:
        self._pipe = pipe
        self._max_bytes = max_bytes
        self._frames: list[list[bytes]] = []  # lists of one frame, so that a newer one can take its place
        self._newest: dict[object, list[bytes]] = {}
        self._waiting_bytes = 0
        self._writing = False
        self._closed = False
        self._change = Condition()
        if sys.platform != "win32":
            os.set_blocking(pipe, False)
        self._thread = Thread(target=self._write_waiting, name="outbox", daemon=True)
        self._thread.start()

    def put(self, frame: bytes, newest_of: object = None) -> None:
        """Send a frame, waiting while too many are on their way.

        newest_of: of frames with an equal value here (not None), only the newest that has not left yet is sent.
        """
        with self._change:
            self._change.wait_for(lambda: self._closed or self._waiting_bytes <= self._max_bytes)
            self._send(frame, newest_of)

    def offer(self, frame: bytes) -> bool:
        """Send a frame unless too many are on their way or the reader is gone; gives whether it was taken."""
        with self._change:
            if self._closed or self._waiting_bytes > self._max_bytes:
                return False
            self._send(frame, None)
            return not self._closed

    def flush(self, timeout_s: float) -> bool:
        """Wait until all is written; False when time was out before."""
        with self._change:
            return self._change.wait_for(lambda: self._closed or not (self._frames or self._writing), timeout_s)

    def close(self) -> None:
        """Drop what has not left and end the thread. Whoever opened the pipe closes it."""
        with self._change:
            self._closed = True
            self._frames.clear()
            self._change.notify_all()
        if current_thread() is not self._thread:
            self._thread.join(_CLOSE_TIMEOUT_S)

    def _send(self, frame: bytes, newest_of: object) -> None:
        if self._closed:
            return
        if not self._frames and not self._writing:
            rest = self._write_now(frame)
            if not rest:
                return
            newest_of = None if len(rest) < len(frame) else newest_of  # what has begun must be finished
            frame = rest
        waiting = self._newest.get(newest_of) if newest_of is not None else None
        if waiting is not None:
            self._waiting_bytes += len(frame) - len(waiting[0])
            waiting[0] = frame
            return
        slot = [frame]
        self._frames.append(slot)
        self._waiting_bytes += len(frame)
        if newest_of is not None:
            self._newest[newest_of] = slot
        self._change.notify_all()

    def _write_now(self, frame: bytes) -> bytes:
        """Write what the pipe has room for; gives the rest."""
        if sys.platform == "win32":
            return frame  # its pipes would make us wait
        try:
            return frame[os.write(self._pipe, frame) :]
        except BlockingIOError:
            return frame
        except OSError:  # the reader is gone; whoever watches the other process notices
            self._closed = True
            self._change.notify_all()
            return b""

    def _take(self) -> bytes:
        """All that waits, in one piece; empty when closed."""
        with self._change:
            self._writing = False
            self._change.notify_all()
            self._change.wait_for(lambda: self._closed or self._frames)
            taken = b"".join(slot[0] for slot in self._frames)
            self._frames.clear()
            self._newest.clear()
            self._waiting_bytes = 0
            self._writing = not self._closed
            self._change.notify_all()
            return b"" if self._closed else taken

    def _write_waiting(self) -> None:
        while taken := self._take():
            remaining = memoryview(taken)
            try:
                while remaining:
                    self._wait_for_room()
                    try:
                        remaining = remaining[os.write(self._pipe, remaining) :]
                    except BlockingIOError:
                        continue
            except OSError:
                self.close()
                return

    def _wait_for_room(self) -> None:
        if sys.platform != "win32":
            poll = select.poll()  # not select(), which knows no descriptor above 1023
            poll.register(self._pipe, select.POLLOUT)
            poll.poll()
