"""Which networks a pack keeps in memory: what an editor shows beside the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

LoadedModel = Mapping[str, str | int]
"""One network of a file, in a worker's memory, as JSON tells of it.

file: its name without folders. part: such as `mmdit`. device: such as `cuda:0`. size_bytes: of its weights that are on
the device now. total_bytes: of all its weights; where they are more, the others are brought in by turns.
"""


@runtime_checkable
class HoldsModels(Protocol):
    """A pack's resource with this method is asked what it holds, also while a job runs, from another thread."""

    def loaded_models(self) -> Sequence[LoadedModel]:
        """What is in memory. It answers at once, if need be with what was there a moment ago."""
        ...
