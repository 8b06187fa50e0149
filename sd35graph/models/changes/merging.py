"""Weighted sums of the weights of two models, one tensor at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from sd35graph.models.changes.tensors import NetworkTensors, check_same_shapes, open_tensors
from sd35graph.models.errors import WeightsMismatchError
from sd35graph.models.files.sections import TITLES
from sd35graph.models.handles import ModelHandle, TextEncoderHandle, WeightsRef

Shares = tuple[float, float]
"""The factors of the first and of the second model's weights."""


@dataclass(frozen=True, slots=True)
class MergePatch:
    """W = a * W + b * (the other network's W).

    shares: (start of a key, factors); the longest start that a key has decides, and a key that has none stays as it is.
    """

    other: NetworkTensors
    shares: tuple[tuple[str, Shares], ...]

    def changes(self, key: str) -> bool:
        return self._shares(key) != (1.0, 0.0)

    def apply(self, key: str, weight: Tensor) -> Tensor:
        own, others = self._shares(key)
        return weight * own + self.other.read(key, weight.device) * others

    def _shares(self, key: str) -> Shares:
        found = max((start for start, _ in self.shares if key.startswith(start)), key=len, default=None)
        return (1.0, 0.0) if found is None else dict(self.shares)[found]


def mixed(ratio: float) -> Shares:
    """`ratio` of the first model and the rest of the second."""
    return ratio, 1.0 - ratio


def merge_models(first: ModelHandle, second: ModelHandle, shares: Mapping[str, Shares]) -> ModelHandle:
    """The first model with weights of both; see `MergePatch`. Raises `WeightsMismatchError` for unlike models."""
    return replace(first, weights=_merge(first.weights, second.weights, shares))


def merge_encoders(first: TextEncoderHandle, second: TextEncoderHandle, shares: Shares) -> TextEncoderHandle:
    """The first text encoders with weights of both. Raises `WeightsMismatchError` unless both are of the same kinds."""
    others = {ref.section: ref for ref in second.require()}
    kinds = [ref.section for ref in first.require()]
    if set(kinds) != set(others):
        raise WeightsMismatchError(
            f"The text encoders to merge differ: the first are {', '.join(TITLES[kind] for kind in kinds)}, "
            f"the second {', '.join(TITLES[kind] for kind in others)}. Load the same kinds in both."
        )
    merged = tuple(_merge(ref, others[ref.section], {"": shares}) for ref in first.weights)
    return replace(first, weights=merged)


def _merge(first: WeightsRef, second: WeightsRef, shares: Mapping[str, Shares]) -> WeightsRef:
    other = open_tensors(second)
    check_same_shapes(open_tensors(first), other)
    return replace(first, patches=(*first.patches, MergePatch(other, tuple(shares.items()))))
