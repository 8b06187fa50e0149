"""Which of several workers takes which job: one that has the job's models in memory, if there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sd35graph.engine.jobs import Job, JsonObject

_WEIGHTS = (".safetensors", ".sft", ".gguf", ".ckpt", ".pt", ".pth", ".bin")
_MAX_PASSED = 8
"""So often a job is passed over for later ones whose models are loaded; then it is its turn."""
_REMEMBERED = 12
"""So many files a worker is taken to hold at once; its pool may hold fewer, and then loads one again."""


class Placement:
    """Seats the workers of one process. wake: has all of them look for jobs."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._seats: list[Seat] = []
        self._passed: dict[str, int] = {}

    def seat(self) -> Seat:
        """A place for one more worker."""
        self._seats.append(Seat(self, self._wake))
        return self._seats[-1]

    @property
    def is_shared(self) -> bool:
        """Whether there is anything to decide."""
        return len(self._seats) > 1

    def choose(self, seat: Seat, jobs: Sequence[Job]) -> Job | None:
        """The job this worker takes now; None where others, idle too, will take all of them.

        The first one whose models it has, or that was passed over often enough; else the first that nobody has the
        models of; else the first. So no worker is idle while others are not and jobs wait.
        """
        models = {job.id: models_of(job.prompt) for job in jobs}
        others = [other for other in self._seats if other is not seat]

        def rank(job: Job) -> int:
            if self._passed.get(job.id, 0) >= _MAX_PASSED or seat.holds(models[job.id]):
                return 0
            return 2 if any(other.holds(models[job.id]) for other in others) else 1

        left = [job for job in jobs if rank(job) == 0 or not any(o.is_idle and o.holds(models[job.id]) for o in others)]
        if not left:
            return None
        chosen = min(left, key=rank)  # the first of the best
        before = jobs[: jobs.index(chosen)]
        self._passed = {job.id: self._passed.get(job.id, 0) + (job in before) for job in jobs if job is not chosen}
        seat.take(models[chosen.id])
        return chosen


class Seat:
    """What one worker is doing, as far as the choice of jobs goes."""

    def __init__(self, placement: Placement, wake: Callable[[], object]) -> None:
        self._placement = placement
        self._wake = wake
        self._held: dict[str, None] = {}  # the last ones used are last
        self.is_idle = False

    @property
    def choose(self) -> Callable[[Sequence[Job]], Job | None] | None:
        """Picks one of several jobs; None where the first is always the one."""
        placement = self._placement
        return (lambda jobs: placement.choose(self, jobs)) if placement.is_shared else None

    def holds(self, models: frozenset[str]) -> bool:
        """Whether all these files are in its memory, as far as is known."""
        return all(model in self._held for model in models)

    def take(self, models: frozenset[str]) -> None:
        """It runs a job that uses these files."""
        self.is_idle = False
        for model in sorted(models):
            self._held.pop(model, None)
            self._held[model] = None
        self._held = dict.fromkeys(list(self._held)[-_REMEMBERED:])

    def took(self) -> None:
        """It has got a job: what was left to it before may now be for others."""
        if self._placement.is_shared:
            self._wake()

    def forget(self) -> None:
        """It holds no models any more."""
        self._held = {}

    def leave(self) -> None:
        """Its process has ended."""
        self.is_idle = False
        self.forget()
        self.took()


def models_of(prompt: JsonObject) -> frozenset[str]:
    """The files of weights a graph in API form names."""
    return frozenset(
        value
        for node in prompt.values()
        if isinstance(node, Mapping) and isinstance(inputs := node.get("inputs"), Mapping)
        for value in inputs.values()
        if isinstance(value, str) and value.lower().endswith(_WEIGHTS)
    )
