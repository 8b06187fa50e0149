"""Files in fp8 with a scale for each tensor ("scaled fp8"): the scales are put to the tensors they belong to.

Beside a layer's fp8 `weight` lies a scalar `scale_weight` (or `weight_scale`) to multiply it by. Scales of the layer's
input serve fp8 matrix products and are left out, as the layers compute in 16 or 32 bits here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from sd35graph.models.errors import UnsupportedStorageError, WeightsMismatchError
from sd35graph.models.files.header import Header, TensorInfo
from sd35graph.models.files.storage import DTYPES, FP8_DTYPES

_WEIGHT_SCALES = ("scale_weight", "weight_scale")
_LEFT_OUT = (*_WEIGHT_SCALES, "scale_input", "input_scale", "comfy_quant")

MARK = "scaled_fp8"  # the key of an empty tensor that says a network is stored so


def fold_scales(header: Header) -> Header:
    """The header with each scale at the tensor it belongs to, and not among the tensors.

    Raises `UnsupportedStorageError` for scales per row or block, `WeightsMismatchError` for one without its tensor.
    """
    if not any(_last(key) in _LEFT_OUT for key in header.tensors):
        return header
    tensors = {key: info for key, info in header.tensors.items() if _last(key) not in _LEFT_OUT}
    for key, scale in header.tensors.items():
        if _last(key) in _WEIGHT_SCALES:
            weight = f"{key.rpartition('.')[0]}.weight"
            tensors[weight] = _scaled(header, key, scale, tensors.get(weight))
    return replace(header, tensors=tensors)


def check_scales(header: Header, prefix: str, linear: Iterable[str]) -> None:
    """Raise `WeightsMismatchError` if the network under `prefix` is scaled, but not all its fp8 weights have a scale.

    linear: keys of the weights of linear layers, without the prefix.
    """
    infos = {key: header.tensors[key] for key in (prefix + name for name in linear)}
    lacking = [key for key, info in infos.items() if info.dtype in FP8_DTYPES and not _is_scaled(info)]
    is_scaled = prefix + MARK in header.tensors or any(_is_scaled(info) for info in infos.values())
    if is_scaled and lacking:
        layer = lacking[0].removesuffix("weight")
        raise WeightsMismatchError(
            f'{header.path} is a "scaled fp8" file, but the scales of {len(lacking)} weights are missing, such as '
            f'"{layer}scale_weight" (or "{layer}weight_scale"). Download it again, or use another version of the model.'
        )


def _is_scaled(info: TensorInfo) -> bool:
    return all(piece.scale is not None for piece in info.pieces)


def _scaled(header: Header, key: str, scale: TensorInfo, weight: TensorInfo | None) -> TensorInfo:
    if weight is None:
        raise WeightsMismatchError(f'{header.path} has the scale "{key}", but not the weight it belongs to.')
    if scale.dtype not in DTYPES or math.prod(scale.shape) != 1:
        raise UnsupportedStorageError(
            f'{header.path}: "{key}" is {scale.dtype} of shape {list(scale.shape)}; expected a single F32, F16 or BF16 '
            "number. Use the fp16, bf16 or plain fp8 version of the model."
        )
    if weight.dtype not in FP8_DTYPES:
        raise UnsupportedStorageError(
            f'{header.path}: "{key}" scales a weight stored as {weight.dtype}; expected F8_E4M3 or F8_E5M2. '
            "Use the fp16, bf16 or fp8 version of the model."
        )
    return replace(weight, pieces=tuple(replace(piece, scale=scale.pieces[0]) for piece in weight.pieces))


def _last(key: str) -> str:
    return key.rpartition(".")[2]
