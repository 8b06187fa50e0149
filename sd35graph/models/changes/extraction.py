"""A LoRA out of the difference of two models: the best approximation of each matrix by one of low rank.

Eckart and Young, "The approximation of one matrix by another of lower rank" (1936): the largest singular values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from sd35graph.models.changes.saving import OnTensor
from sd35graph.models.changes.tensors import CPU, NetworkTensors
from sd35graph.models.files.sections import CHECKPOINT_PREFIXES, Section

LoraForm = Literal["standard", "full_diff"]

_PREFIXES: Mapping[Section, str] = {**CHECKPOINT_PREFIXES, "mmdit": "diffusion_model."}


def extract_lora(
    difference: NetworkTensors,
    rank: int,
    form: LoraForm,
    on_tensor: OnTensor,
    device: torch.device = CPU,
    *,
    with_biases: bool,
) -> tuple[dict[str, Tensor], list[str]]:
    """Tensors of a LoRA file for the network whose weights are a difference, float32, and the keys left out.

    form: "standard" is `up` [out, rank] and `down` [rank, in] for each matrix, "full_diff" the whole matrix.
    with_biases: also the whole of biases and of vectors, such as norms. Left out is what is no weight or bias of a
    module, such as a position grid, if it differs. Where nothing differs, nothing is written.
    """
    tensors: dict[str, Tensor] = {}
    left_out = []
    prefix = _PREFIXES[difference.ref.section]
    for index, key in enumerate(difference.shapes):
        change = difference.read(key, device)
        module, _, kind = key.rpartition(".")
        if change.any():
            if kind not in ("weight", "bias"):
                left_out.append(key)
            elif kind == "weight" and change.ndim > 1 and form == "standard":
                up, down = factorize(change.flatten(1), rank)
                tensors |= {f"{prefix}{module}.lora_up.weight": up, f"{prefix}{module}.lora_down.weight": down}
            elif kind == "weight" and (change.ndim > 1 or with_biases):
                tensors[f"{prefix}{module}.diff"] = change.cpu()
            elif kind == "bias" and with_biases:
                tensors[f"{prefix}{module}.diff_b"] = change.cpu()
        on_tensor(index + 1, len(difference.shapes))
    return tensors, left_out


def factorize(matrix: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """`up` [out, rank] and `down` [rank, in] whose product is nearest to `matrix`, on the CPU.

    The singular values are shared evenly between both. A rank beyond the matrix's sides is cut to them.
    """
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    count = min(rank, len(values))
    root = values[:count].sqrt()
    return (left[:, :count] * root).contiguous().cpu(), (root[:, None] * right[:count]).contiguous().cpu()
