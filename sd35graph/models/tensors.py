"""A network's weights one at a time, without building the network: what patches and writers read."""

from __future__ import annotations

from sd35graph.models.build import skeleton
from sd35graph.models.checkpoint import Shape, read_header
from sd35graph.models.handles import WeightsRef
from sd35graph.models.sections import locate


def network_shapes(ref: WeightsRef) -> dict[str, Shape]:
    """Shapes of the network's tensors, keyed without prefix. Reads the header only."""
    header = read_header(ref.path)
    prefix = locate(header)[ref.section]
    network = skeleton(ref.section, header.shapes(prefix), str(ref.path))
    return {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
