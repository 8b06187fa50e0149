"""GGUF's quantised blocks, and the numbers they stand for, in torch on any device.

Each block holds some numbers of one row: 32 with a scale ("Q8_0"), or 256 in groups with scales of their own ("Q4_K").
Layouts after ggml (MIT), `ggml-quants.h` and `ggml-quants.c`, and the `gguf` package's `quants.py` (MIT), whose
results these equal bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Blocks = Tensor  # [n, bytes per block], uint8


@dataclass(frozen=True, slots=True)
class BlockForm:
    """How many numbers a block holds, its bytes, and the numbers, [n, numbers] in float32, of blocks."""

    numbers: int
    size_bytes: int
    dequantize: Callable[[Blocks], Tensor]


def dequantize_blocks(stored: Tensor, code: str, shape: tuple[int, ...]) -> Tensor:
    """The numbers, float32, of `shape`, of the bytes of a tensor stored in the form `code`."""
    form = BLOCK_FORMS[code]
    return form.dequantize(stored.reshape(-1, form.size_bytes)).reshape(shape)


def block_bytes_shape(code: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the bytes of a tensor of `shape`. Raises `ValueError` if its rows are not made of whole blocks."""
    form = BLOCK_FORMS[code]
    row = shape[-1] if shape else 1
    if row % form.numbers:
        raise ValueError(f"rows of {row} numbers are not made of {code} blocks of {form.numbers}")
    return (*shape[:-1], row // form.numbers * form.size_bytes)


def _q4_0(blocks: Blocks) -> Tensor:
    return _half(blocks, 0) * (_nibbles(blocks[:, 2:], 16).float() - 8)


def _q4_1(blocks: Blocks) -> Tensor:
    return _half(blocks, 0) * _nibbles(blocks[:, 4:], 16).float() + _half(blocks, 2)


def _q5_0(blocks: Blocks) -> Tensor:
    return _half(blocks, 0) * (_five_bits(blocks[:, 2:]).float() - 16)


def _q5_1(blocks: Blocks) -> Tensor:
    return _half(blocks, 0) * _five_bits(blocks[:, 4:]).float() + _half(blocks, 2)


def _q8_0(blocks: Blocks) -> Tensor:
    return _signed(blocks[:, 2:]) * _half(blocks, 0)


def _q2_k(blocks: Blocks) -> Tensor:
    """16 groups of 16: two bits, a 4-bit scale and a 4-bit minimum each."""
    scales, quants = blocks[:, :16], blocks[:, 16:80]
    scale = _half(blocks, 80) * (scales & 15).float()
    minimum = _half(blocks, 82) * (scales >> 4).float()
    return _per_group(_crumbs(quants).float(), scale, minimum)


def _q3_k(blocks: Blocks) -> Tensor:
    """16 groups of 16: two bits and, apart, a third one that is inverted; 6-bit scales about 32."""
    high = _bit_planes(blocks[:, :32]) ^ 1
    quants = _crumbs(blocks[:, 32:96]).float() - (high << 2).float()
    low = _nibbles(blocks[:, 96:104], 8)
    top = _shifted(blocks[:, 104:108], 4, (0, 2, 4, 6)) & 3
    scales = (low | (top << 4)).float() - 32
    return _per_group(quants, _half(blocks, 108) * scales)


def _q4_k(blocks: Blocks) -> Tensor:
    """8 groups of 32: four bits, a 6-bit scale and a 6-bit minimum each."""
    return _per_group(_nibbles(blocks[:, 16:], 32).float(), *_scales_and_minima(blocks))


def _q5_k(blocks: Blocks) -> Tensor:
    """As Q4_K, with a fifth bit apart."""
    quants = _nibbles(blocks[:, 48:], 32) | (_bit_planes(blocks[:, 16:48]) << 4)
    return _per_group(quants.float(), *_scales_and_minima(blocks))


def _q6_k(blocks: Blocks) -> Tensor:
    """16 groups of 16: four bits and, apart, two more; 8-bit signed scales."""
    low = _nibbles(blocks[:, :128], 64)
    quants = (low | (_crumbs(blocks[:, 128:192]) << 4)).float() - 32
    return _per_group(quants, _half(blocks, 208) * _signed(blocks[:, 192:208]))


def _half(blocks: Blocks, start: int) -> Tensor:
    """The float16 at byte `start` of each block, [n, 1] in float32."""
    return blocks[:, start : start + 2].contiguous().view(torch.float16).float()


def _signed(octets: Tensor) -> Tensor:
    return octets.contiguous().view(torch.int8).float()


def _shifted(octets: Tensor, run: int, shifts: tuple[int, ...]) -> Tensor:
    """Runs of bytes, each given once for every shift: [n, bytes * shifts]. What is above is not masked out."""
    runs = octets.reshape(len(octets), -1, 1, run)
    by = torch.tensor(shifts, dtype=torch.uint8, device=octets.device).view(-1, 1)
    return (runs >> by).flatten(1)


def _nibbles(octets: Tensor, run: int) -> Tensor:
    """Numbers of 4 bits: the lower halves of a run of bytes, then the upper ones."""
    return _shifted(octets, run, (0, 4)) & 15


def _crumbs(octets: Tensor) -> Tensor:
    """Numbers of 2 bits, from each run of 32 bytes four times 32."""
    return _shifted(octets, 32, (0, 2, 4, 6)) & 3


def _bit_planes(octets: Tensor) -> Tensor:
    """Single bits of 32 bytes: the lowest of each, then the next."""
    return _shifted(octets, 32, tuple(range(8))) & 1


def _five_bits(octets: Tensor) -> Tensor:
    """Numbers of 5 bits: 32 upper bits in 4 bytes, bit by bit, then the lower ones."""
    high = (octets[:, :4, None] >> torch.arange(8, dtype=torch.uint8, device=octets.device)).flatten(1) & 1
    return _nibbles(octets[:, 4:], 16) | (high << 4)


def _scales_and_minima(blocks: Blocks) -> tuple[Tensor, Tensor]:
    """[n, 8] each, of the 12 bytes at 4 that hold 6 bits of each; the last four of both are split in 4 and 2 bits."""
    scale, minimum, rest = blocks[:, 4:16].reshape(-1, 3, 4).unbind(1)  # [n, 4] each
    scales = torch.cat([scale & 63, (rest & 15) | ((scale >> 2) & 48)], dim=1)
    minima = torch.cat([minimum & 63, (rest >> 4) | ((minimum >> 2) & 48)], dim=1)
    return _half(blocks, 0) * scales.float(), _half(blocks, 2) * minima.float()


def _per_group(quants: Tensor, scales: Tensor, minima: Tensor | None = None) -> Tensor:
    """Each group of `quants`, [n, 256], times its scale, [n, groups], less its minimum."""
    grouped = torch.unflatten(quants, 1, (scales.shape[1], -1)) * scales.unsqueeze(2)
    return (grouped if minima is None else grouped - minima.unsqueeze(2)).flatten(1)


_SMALL, _LARGE = 32, 256

BLOCK_FORMS: Mapping[str, BlockForm] = {
    "Q4_0": BlockForm(_SMALL, 18, _q4_0),
    "Q4_1": BlockForm(_SMALL, 20, _q4_1),
    "Q5_0": BlockForm(_SMALL, 22, _q5_0),
    "Q5_1": BlockForm(_SMALL, 24, _q5_1),
    "Q8_0": BlockForm(_SMALL, 34, _q8_0),
    "Q2_K": BlockForm(_LARGE, 84, _q2_k),
    "Q3_K": BlockForm(_LARGE, 110, _q3_k),
    "Q4_K": BlockForm(_LARGE, 144, _q4_k),
    "Q5_K": BlockForm(_LARGE, 176, _q5_k),
    "Q6_K": BlockForm(_LARGE, 210, _q6_k),
}
