"""How much memory there is, how much of it weights may take, and whether an error says that there was not enough."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
import torch

from sd35graph.models.errors import ModelMemoryError

T = TypeVar("T")

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),  # version 1
)

# Weights may take this share of a budget; the rest is for activations. At 1024 x 1024 with guidance, in 16 bits, these
# take about 1.5 GB in SD3.5 Large and 3 GB in the VAE, which is what remains of 10 GB; what needs more runs into the
# end of the memory, where `ModelPool` gives up weights.
_WEIGHTS_SHARE = 0.7

# What PyTorch's allocators, and the libraries it calls, say in plain RuntimeErrors.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")


def weights_share(budget_bytes: int) -> int:
    """How much of a budget of memory may be weights; the rest is for activations."""
    return int(budget_bytes * _WEIGHTS_SHARE)


def available_bytes(device: torch.device) -> int:
    """Memory for this process: on a GPU what is free or its own already, elsewhere what machine and limits give it."""
    if device.type != "cuda":
        return _physical_bytes()
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device)


def limit_gpu_memory(device: torch.device, budget_bytes: int) -> None:
    """Have this process run out of the GPU's memory beyond `budget_bytes`, rather than take what others need."""
    _, total = torch.cuda.mem_get_info(device)
    torch.cuda.set_per_process_memory_fraction(min(1.0, budget_bytes / total), device)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory could not be had."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


def retry_with_less(
    action: Callable[[], T], give_up_some: Callable[[], bool], failure: Callable[[], ModelMemoryError]
) -> T:
    """What `action` returns, asked again each time memory ran out and `give_up_some` freed something.

    Raises `failure()` when that returns False: nothing is left to free.
    """
    while True:
        try:
            return action()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = error.with_traceback(None)  # its frames hold the tensors of the failed attempt
        if not give_up_some():
            raise failure() from reason


def in_gib(size_bytes: int) -> str:
    """A size for people: "4.7 GiB"."""
    return f"{size_bytes / 2**30:.1f} GiB"


def _physical_bytes() -> int:
    total = int(psutil.virtual_memory().total)
    return min([total, *(limit for path in _CGROUP_LIMITS if (limit := _read_limit(path)) is not None)])


def _read_limit(path: Path) -> int | None:
    try:
        limit = path.read_text().strip()
    except OSError:  # not Linux, or no control group of this version
        return None
    return int(limit) if limit.isdigit() else None  # "max": none
