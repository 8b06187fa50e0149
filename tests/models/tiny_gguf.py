"""GGUF files of tiny networks, written and quantised by the `gguf` package."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import torch
from tiny_networks import Weights

LLAMA_CPP = {
    "shared": "token_embd",
    "encoder.final_layer_norm": "enc.output_norm",
    "layer.0.SelfAttention.relative_attention_bias": "attn_rel_b",
    "layer.0.SelfAttention.": "attn_",
    "layer.0.layer_norm": "attn_norm",
    "layer.1.layer_norm": "ffn_norm",
    "layer.1.DenseReluDense.wi_0": "ffn_gate",
    "layer.1.DenseReluDense.wi_1": "ffn_up",
    "layer.1.DenseReluDense.wo": "ffn_down",
    "encoder.block": "enc.blk",
}


def write_gguf(path: Path, weights: Weights, form: str = "Q8_0", architecture: str | None = "sd3") -> Weights:
    """Write `weights`, matrices in `form` where their rows allow it, the rest in F32; returns what they then are.

    T5's names become llama.cpp's.
    """
    writer = gguf.GGUFWriter(path, architecture or "")  # which it writes down if it is not empty
    meant = {}
    for key, tensor in weights.items():
        kind = gguf.GGMLQuantizationType[form]
        numbers = tensor.float().numpy()
        if tensor.ndim != 2 or tensor.shape[1] % gguf.GGML_QUANT_SIZES[kind][0]:
            kind = gguf.GGMLQuantizationType.F32
        stored = gguf.quants.quantize(numbers, kind)
        meant[key] = torch.from_numpy(np.array(gguf.quants.dequantize(stored, kind)))
        writer.add_tensor(_name(key, architecture), stored, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return meant


def _name(key: str, architecture: str | None) -> str:
    if architecture in ("t5", "t5encoder"):
        for theirs, ours in LLAMA_CPP.items():
            key = key.replace(theirs, ours)
    return key
