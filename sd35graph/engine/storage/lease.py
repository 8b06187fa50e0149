"""Which process holds a job: a name for this process, and whether the process behind a name still lives."""

from __future__ import annotations

import os
import socket
from uuid import uuid4

import psutil

# The start time is computed from the time of boot, which moves a little when the clock is set right.
_START_TOLERANCE_S = 1.0


def process_name() -> str:
    """A name for this process that no other one has, now or later: host, process id, its start time, a random part."""
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}/{uuid4().hex[:8]}"


def _started(process_id: int) -> str:
    return f"{psutil.Process(process_id).create_time():.2f}"


def is_alive(name: str) -> bool | None:
    """Whether the process of this name still lives; None when it ran on another host and cannot be asked."""
    host, process_id, started, _ = name.rsplit("/", 3)
    if host != socket.gethostname():
        return None
    if int(process_id) == os.getpid():
        return started == _started(os.getpid())  # a restarted container soon gives the same id again
    try:
        now_there = _started(int(process_id))
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return abs(float(now_there) - float(started)) < _START_TOLERANCE_S
