"""In which forms numbers are stored, and weights that keep such a form in memory until they are used.

A form is named by its code: the safetensors format's for floats ("BF16", "F8_E4M3"), GGUF's for blocks ("Q8_0").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sd35graph.models.errors import UnsupportedStorageError
from sd35graph.models.files.gguf_blocks import BLOCK_FORMS, block_bytes_shape, dequantize_blocks

Shape = tuple[int, ...]
Fp8Code = Literal["F8_E4M3", "F8_E5M2"]

DTYPES: Mapping[str, torch.dtype] = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
FP8_DTYPES: Mapping[str, torch.dtype] = {"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2}
# Forms that are no weights', but in which single numbers lie beside them.
NUMBER_DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
}
READABLE = (*DTYPES, *FP8_DTYPES, *BLOCK_FORMS)


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedTensor:
    """A tensor in the few bits it is stored with.

    stored: fp8 numbers of `shape`, or bytes of GGUF's blocks. code: names the form. dtype: what is computed in.
    scale: what all fp8 numbers are multiplied by ("scaled fp8").
    """

    stored: Tensor
    code: str
    shape: Shape
    dtype: torch.dtype
    scale: float = 1.0

    @property
    def device(self) -> torch.device:
        return self.stored.device

    @property
    def size_bytes(self) -> int:
        return self.stored.nbytes

    def to(self, device: torch.device, *, non_blocking: bool = False) -> QuantizedTensor:
        """The same on `device`. Raises `UnsupportedStorageError` for fp8 on a device without it."""
        if self.code in FP8_DTYPES:
            require_fp8(device)
        return replace(self, stored=self.stored.to(device, non_blocking=non_blocking))

    def dequantize(self, dtype: torch.dtype | None = None) -> Tensor:
        """The numbers, of `shape`, as `dtype` or as what they are computed in."""
        dtype = dtype or self.dtype
        if self.code in BLOCK_FORMS:
            return dequantize_blocks(self.stored, self.code, self.shape).to(dtype)
        values = self.stored.to(dtype)  # exact: each dtype holds every fp8 number
        return values if self.scale == 1.0 else values * self.scale


Weight = Tensor | QuantizedTensor


class QuantizedLinear(nn.Module):
    """A linear layer whose weight, [out, in], is dequantised each time it is used.

    The weight is no parameter: `state_dict()` and `Module.to()` leave it out.
    """

    def __init__(self, weight: QuantizedTensor, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.weight = weight
        self.bias = bias

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.dequantize(x.dtype), self.bias)


def quantize_fp8(tensor: Tensor, code: Fp8Code, dtype: torch.dtype) -> QuantizedTensor:
    """`tensor` rounded to an fp8 form, for computing in `dtype`; what is beyond the range becomes the largest number.

    Raises `UnsupportedStorageError` on a device without fp8.
    """
    require_fp8(tensor.device)
    stored = FP8_DTYPES[code]
    largest = torch.finfo(stored).max
    return QuantizedTensor(tensor.clamp(-largest, largest).to(stored), code, tuple(tensor.shape), dtype)


def require_fp8(device: torch.device) -> None:
    """Raise `UnsupportedStorageError` for a device without fp8 numbers."""
    if device.type == "mps":
        raise UnsupportedStorageError(
            f"The device {device} has no fp8 numbers. Use the fp16 or GGUF version of the model, or --device cpu."
        )


def element_dtype(code: str) -> torch.dtype | None:
    """The dtype of the elements that a form is stored in; None if the form is not read."""
    return torch.uint8 if code in BLOCK_FORMS else DTYPES.get(code) or FP8_DTYPES.get(code)


def stored_shape(code: str, shape: Shape) -> Shape:
    """The shape, in such elements, in which numbers of `shape` are stored."""
    return block_bytes_shape(code, shape) if code in BLOCK_FORMS else shape


def stored_bytes(code: str, shape: Shape) -> int:
    """Bytes that numbers of `shape` take in a form that is read."""
    dtype = element_dtype(code)
    assert dtype is not None, code  # `check_storage` refuses what cannot be read
    return math.prod(stored_shape(code, shape)) * dtype.itemsize


def size_bytes(weight: Weight) -> int:
    """Memory that a weight takes."""
    return weight.size_bytes if isinstance(weight, QuantizedTensor) else weight.nbytes
