"""Writing networks as safetensors files, one tensor at a time, so that memory holds one tensor and not the model.

Format: huggingface/safetensors, README.md, section "Format".
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

import torch
from torch import Tensor

from sd35graph.models.changes.tensors import CPU, NetworkTensors
from sd35graph.models.files.checkpoint import DTYPES

OnTensor = Callable[[int, int], object]
"""Called after each tensor with how many are done and how many there are; what it raises ends the writing."""

_ALIGNMENT = 8  # bytes; the tensors begin at a multiple of it


def write_networks(
    file: BinaryIO,
    networks: Sequence[tuple[str, NetworkTensors]],
    metadata: Mapping[str, str],
    on_tensor: OnTensor,
    device: torch.device = CPU,
) -> None:
    """Write networks, each with a prefix before its keys, into one file.

    Patches are applied in float32 on `device`, and each tensor is rounded to the form it was stored in; those of few
    bits (fp8, GGUF) become bfloat16.
    """
    entries = [(prefix + key, network, key) for prefix, network in networks for key in network.shapes]
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    for name, network, key in entries:
        code, shape = network.saved_dtype(key), network.shapes[key]
        end = position + math.prod(shape) * DTYPES[code].itemsize
        header[name] = {"dtype": code, "shape": shape, "data_offsets": [position, end]}
        position = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    file.write(len(text).to_bytes(8, "little") + text)
    for index, (_, network, key) in enumerate(entries):
        tensor = network.read(key, device).to(CPU, DTYPES[network.saved_dtype(key)])
        file.write(_bytes(tensor))
        on_tensor(index + 1, len(entries))


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.contiguous().view(-1).view(torch.uint8).numpy().data
