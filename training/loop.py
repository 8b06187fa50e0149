"""The training loop that autoencoder and flow share: schedule, progress, log, and checkpoints to resume from."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor


class Stateful(Protocol):
    """What a checkpoint keeps: networks, optimizers, running averages."""

    # Any: state dicts of networks and optimizers are nested dicts of whatever they hold.
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: Any, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """Linear warm-up, then half a cosine down to zero."""

    steps: int
    warmup: int

    def factor(self, step: int) -> float:
        """The share of the peak learning rate at `step`."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (step - self.warmup) / max(1, self.steps - self.warmup)))


@dataclass(frozen=True, slots=True)
class Loop:
    """Runs `step(n)` for n up to the schedule's end, and goes on where an earlier run was cut off.

    state: what is saved. optimizers: their learning rates follow the schedule. on_sample(n): called at each save.
    """

    name: str
    folder: Path
    schedule: Schedule
    state: Mapping[str, Stateful]
    optimizers: Sequence[torch.optim.Optimizer]
    save_every: int

    def run(self, step: Callable[[int], Mapping[str, Tensor]], on_sample: Callable[[int], None]) -> None:
        """step(n) updates the weights and returns the losses to log."""
        start = self._restore()
        rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in self.optimizers]
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        losses: dict[str, float] = {}
        began = time.monotonic()
        with Progress(*columns, TextColumn("{task.fields[losses]}")) as progress:
            task = progress.add_task(self.name, total=self.schedule.steps, completed=start, losses="")
            for n in range(start, self.schedule.steps):
                for optimizer, peaks in zip(self.optimizers, rates, strict=True):
                    for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                        group["lr"] = peak * self.schedule.factor(n)
                for key, value in step(n).items():
                    losses[key] = 0.98 * losses.get(key, value.item()) + 0.02 * value.item()
                progress.update(task, advance=1, losses=" ".join(f"{k} {v:.4f}" for k, v in losses.items()))
                is_last = n + 1 == self.schedule.steps
                if (n + 1) % self.save_every == 0 or is_last:
                    self._log(n + 1, time.monotonic() - began, losses)
                    self._save(n + 1, rates)
                    on_sample(n + 1)

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.name}.pt"

    def _save(self, steps_done: int, rates: Sequence[Sequence[float]]) -> None:
        for optimizer, peaks in zip(self.optimizers, rates, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak
        unfinished = self._path.with_suffix(".partial")
        states = {name: part.state_dict() for name, part in self.state.items()}
        torch.save({"steps": steps_done, "state": states}, unfinished)
        os.replace(unfinished, self._path)

    def _restore(self) -> int:
        if not self._path.exists():
            return 0
        saved = torch.load(self._path, map_location="cpu", weights_only=True)
        for name, part in self.state.items():
            part.load_state_dict(saved["state"][name])
        return int(saved["steps"])

    def _log(self, step: int, seconds: float, losses: Mapping[str, float]) -> None:
        line = {"step": step, "seconds": round(seconds), **{key: round(value, 5) for key, value in losses.items()}}
        with (self.folder / f"{self.name}.log").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
