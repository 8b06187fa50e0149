"""From stored tensors to the weights a network computes with: converted, patched, or kept in their few bits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sd35graph.models.files.checkpoint import as_tensor, read_weights
from sd35graph.models.files.header import Header, TensorInfo
from sd35graph.models.files.storage import DTYPES, Fp8Code, QuantizedTensor, Weight, quantize_fp8, stored_bytes
from sd35graph.models.handles import WeightPatch


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the stored tensors of one network become its weights.

    dtype: what is computed in. linear: names of the weights that may stay quantised (`build.linear_weights`).
    patches: changes, in order; what they change is no longer quantised. storage: what linear weights are rounded to.
    """

    dtype: torch.dtype
    linear: frozenset[str]
    patches: Sequence[WeightPatch] = ()
    storage: Fp8Code | None = None

    def size_bytes(self, name: str, info: TensorInfo) -> int:
        """What the weight `name` takes in memory, known from the header."""
        if name in self.linear and self.storage:
            return math.prod(info.shape)
        if self._stays_quantized(name) and info.dtype not in DTYPES and info.is_uniform:
            return sum(stored_bytes(piece.dtype, piece.shape) for piece in info.pieces)
        return math.prod(info.shape) * self.dtype.itemsize

    def weight(self, name: str, stored: Weight, device: torch.device) -> Weight:
        """The weight `name` on `device`, made of its stored form."""
        if isinstance(stored, QuantizedTensor) and self._stays_quantized(name):
            return replace(stored.to(device), dtype=self.dtype)
        is_rounded = name in self.linear and self.storage is not None
        tensor = as_tensor(stored, device, torch.float32 if is_rounded or self._changes(name) else self.dtype)
        tensor = self._patched(name, tensor)
        if is_rounded and self.storage:
            return quantize_fp8(tensor, self.storage, self.dtype)
        return tensor.to(self.dtype)

    def _stays_quantized(self, name: str) -> bool:
        return name in self.linear and self.storage is None and not self._changes(name)

    def _changes(self, name: str) -> bool:
        return any(patch.changes(name) for patch in self.patches)

    def _patched(self, name: str, weight: Tensor) -> Tensor:
        for patch in self.patches:
            if patch.changes(name):
                weight = patch.apply(name, weight)
        return weight


def load_weights(header: Header, keys: Mapping[str, str], device: torch.device, recipe: Recipe) -> dict[str, Weight]:
    """Read weights, one tensor at a time, as `device` tensors or in their stored form, as the recipe says.

    keys: name in the network -> key in the file. Raises as `load_tensors`, and `UnsupportedStorageError` for fp8 on a
    device without it.
    """
    return {name: recipe.weight(name, stored, device) for name, stored in read_weights(header, keys)}
