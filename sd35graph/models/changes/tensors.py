"""A network's weights one at a time, without building the network: what merging and saving read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sd35graph.models.errors import WeightsChangedError, WeightsMismatchError
from sd35graph.models.files.checkpoint import DTYPES, Header, Shape, check_storage, load_tensors, read_header
from sd35graph.models.files.sections import TITLES, locate
from sd35graph.models.handles import WeightsRef
from sd35graph.models.networks.build import skeleton

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class NetworkTensors:
    """The tensors of one network, by key without prefix, with the reference's patches. Equal if the reference is.

    shapes: of all tensors the network needs.
    """

    ref: WeightsRef
    header: Header = field(compare=False, repr=False)
    prefix: str = field(compare=False, repr=False)
    shapes: Mapping[str, Shape] = field(compare=False, repr=False)

    def read(self, key: str, device: torch.device = CPU) -> Tensor:
        """The tensor, float32, on `device`. Raises `WeightsChangedError` if the file is not the one inspected."""
        (weight,) = load_tensors(self.header, {key: self.prefix + key}, device, torch.float32).values()
        for patch in self.ref.patches:
            if patch.changes(key):
                weight = patch.apply(key, weight)
        return weight

    def saved_dtype(self, key: str) -> str:
        """The code of the form the tensor is saved in: its own, or BF16 if that is one of few bits."""
        code = self.header.tensors[self.prefix + key].dtype
        return code if code in DTYPES else "BF16"


def open_tensors(ref: WeightsRef) -> NetworkTensors:
    """The tensors of a network. Reads the header only."""
    header = read_header(ref.path)
    if header.fingerprint != ref.fingerprint:
        raise WeightsChangedError(f"{ref.path} changed on disk after it was chosen. Run the loader again.")
    prefix = locate(header)[ref.section]
    network = skeleton(ref.section, header.shapes(prefix), str(ref.path))
    shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    check_storage(header, (prefix + key for key in shapes))
    return NetworkTensors(ref, header, prefix, shapes)


def network_shapes(ref: WeightsRef) -> Mapping[str, Shape]:
    """Shapes of the network's tensors, keyed without prefix. Reads the header only."""
    return open_tensors(ref).shapes


def check_same_shapes(first: NetworkTensors, second: NetworkTensors) -> None:
    """Raise `WeightsMismatchError`, naming the first tensor that differs, unless both networks have the same shapes."""
    for key in (*first.shapes, *second.shapes):
        one, other = first.shapes.get(key), second.shapes.get(key)
        if one != other:
            raise WeightsMismatchError(
                f"{first.ref.path} and {second.ref.path} do not hold the same {TITLES[first.ref.section]}: "
                f'"{key}" {_has(one)} in the first and {_has(other)} in the second. Merge models of one kind.'
            )


def _has(shape: Shape | None) -> str:
    return "is missing" if shape is None else f"has shape {list(shape)}"
