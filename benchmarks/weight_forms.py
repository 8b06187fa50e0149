"""Writes the weights of a transformer in each form that is read, as its publishers do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

Weights = dict[str, Tensor]
Write = Callable[[Weights, Path], None]

_GROUPS, _GROUP = 8, 32  # of a Q4_K block


def is_layer(key: str, tensor: Tensor) -> bool:
    """Whether it is the weight of a linear layer: what is quantised. Everything else is kept in 16 bits."""
    return key.endswith(".weight") and tensor.ndim == 2


def write_float(dtype: torch.dtype, weights: Weights, path: Path) -> None:
    """All tensors in one of the safetensors format's floats."""
    save_file({key: tensor.to(dtype) for key, tensor in weights.items()}, path)


def write_fp8(dtype: torch.dtype, weights: Weights, path: Path) -> None:
    """Layers in plain fp8."""
    save_file({k: t.to(dtype) if is_layer(k, t) else t.half() for k, t in weights.items()}, path)


def write_scaled_fp8(weights: Weights, path: Path) -> None:
    """Layers in fp8 e4m3, each with the scale that makes its largest number the form's largest."""
    largest = torch.finfo(torch.float8_e4m3fn).max
    stored: Weights = {"scaled_fp8": torch.empty(0, dtype=torch.float8_e4m3fn)}
    for key, tensor in weights.items():
        stored[key] = tensor.half()
        if is_layer(key, tensor):
            scale = tensor.float().abs().max() / largest
            stored[key] = (tensor.float() / scale).to(torch.float8_e4m3fn)
            stored[key.removesuffix("weight") + "scale_weight"] = scale
    save_file(stored, path)


def write_gguf(form: str, weights: Weights, path: Path) -> None:
    """Layers in blocks; where rows are not made of whole Q4_K blocks, in Q5_0 instead, as llama.cpp does."""
    writer = gguf.GGUFWriter(path, "sd3")
    for key, tensor in weights.items():
        kind, numbers = gguf.GGMLQuantizationType.F16, tensor.float().numpy()
        if is_layer(key, tensor):
            kind = gguf.GGMLQuantizationType[form]
            if tensor.shape[1] % gguf.GGML_QUANT_SIZES[kind][0]:
                kind = gguf.GGMLQuantizationType.Q5_0
        is_q4_k = kind is gguf.GGMLQuantizationType.Q4_K
        stored = quantize_q4_k(numbers) if is_q4_k else gguf.quants.quantize(numbers, kind)
        writer.add_tensor(key, stored, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def quantize_q4_k(numbers: np.ndarray) -> np.ndarray:
    """Bytes [rows, bytes] of Q4_K blocks, which the `gguf` package reads but does not write.

    Each group spans its numbers and 0 by 16 steps; ggml's own search for better steps is left out, so that published
    files are somewhat closer than these.
    """
    groups = numbers.astype(np.float32).reshape(-1, _GROUPS, _GROUP)
    low = np.minimum(groups.min(-1), 0)  # [n, 8]
    step = (groups.max(-1) - low) / 15
    d, dmin = (np.float16(part.max(1, keepdims=True) / 63) for part in (step, -low))
    scales, minima = (
        np.divide(part, unit, out=np.zeros_like(part), where=unit > 0).round().clip(0, 63).astype(np.uint8)
        for part, unit in ((step, d.astype(np.float32)), (-low, dmin.astype(np.float32)))
    )
    steps = (d.astype(np.float32) * scales)[..., None]
    above = groups + (dmin.astype(np.float32) * minima)[..., None]
    quants = np.divide(above, steps, out=np.zeros_like(above), where=steps > 0).round().clip(0, 15).astype(np.uint8)
    packed = np.concatenate(
        [
            scales[:, :4] | (scales[:, 4:] >> 4 << 6),
            minima[:, :4] | (minima[:, 4:] >> 4 << 6),
            (scales[:, 4:] & 15) | ((minima[:, 4:] & 15) << 4),
        ],
        axis=1,
    )  # [n, 12]
    nibbles = (quants[:, ::2] | (quants[:, 1::2] << 4)).reshape(len(quants), -1)  # [n, 128]
    blocks = np.concatenate([d.view(np.uint8), dmin.view(np.uint8), packed, nibbles], axis=1)
    return blocks.reshape(len(numbers), -1)


FORMS: Mapping[str, tuple[str, Write]] = {
    "fp16": ("safetensors", partial(write_float, torch.float16)),
    "bf16": ("safetensors", partial(write_float, torch.bfloat16)),
    "fp8 e4m3": ("safetensors", partial(write_fp8, torch.float8_e4m3fn)),
    "fp8 e5m2": ("safetensors", partial(write_fp8, torch.float8_e5m2)),
    "scaled fp8": ("safetensors", write_scaled_fp8),
    **{form: ("gguf", partial(write_gguf, form)) for form in ("Q8_0", "Q5_0", "Q4_0", "Q4_K")},
}
"""By name: the suffix of the file, and what writes it."""
