"""In which number format a network computes on a device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch

from sd35graph.models.files.header import TensorInfo
from sd35graph.models.files.storage import DTYPES

Precision = Literal["auto", "fp32", "bf16", "fp16"]

_DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def compute_dtype(precision: Precision, stored: torch.dtype, device: torch.device) -> torch.dtype:
    """The dtype to compute in. "auto" is the stored one where the device is good at it.

    Half precision on a CPU becomes bfloat16 if the CPU has instructions for it and float32 otherwise; bfloat16 on an
    old GPU becomes float16.
    """
    if precision != "auto":
        return _DTYPES[precision]
    if stored == torch.float32:
        return stored
    if device.type == "cpu":
        return torch.bfloat16 if _cpu_computes_bf16() else torch.float32
    if (
        device.type == "cuda"
        and stored == torch.bfloat16
        and not torch.cuda.is_bf16_supported(including_emulation=False)
    ):
        return torch.float16
    return stored


def stored_dtype(tensors: Iterable[TensorInfo]) -> torch.dtype:
    """The format most of the numbers are stored in; files sometimes keep norms in a wider one.

    Quantised numbers count as bfloat16, which is what they were made from and has the range they need.
    """
    counts: dict[str, int] = {}
    for info in tensors:
        size = 1
        for n in info.shape:
            size *= n
        counts[info.dtype] = counts.get(info.dtype, 0) + size
    return DTYPES.get(max(counts, key=lambda dtype: counts[dtype]), torch.bfloat16)


def forbid_tf32() -> None:
    """Make float32 mean float32 on NVIDIA GPUs, whose convolutions otherwise round to 10 bits of mantissa."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def _cpu_computes_bf16() -> bool:
    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))
