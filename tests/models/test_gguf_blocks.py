"""Our dequantisation of GGUF's blocks against that of the `gguf` package."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch

from sd35graph.models.files.gguf_blocks import BLOCK_FORMS, block_bytes_shape, dequantize_blocks


def random_blocks(code: str, count: int) -> np.ndarray:
    """Blocks of random bits, whose float16 scales are finite: every pattern of quants and packed scales occurs."""
    generator = np.random.default_rng(7)
    blocks = generator.integers(0, 256, (count, BLOCK_FORMS[code].size_bytes), dtype=np.uint8)
    # Clear the exponent's top bit of whatever may be read as a float16 scale, so that none is infinite or NaN.
    starts = {"Q2_K": (80, 82), "Q3_K": (108,), "Q6_K": (208,)}.get(code, (0, 2))
    for start in starts:
        blocks[:, start + 1] &= 0xBF
    return blocks


@pytest.mark.parametrize("code", BLOCK_FORMS)
def test_every_form_equals_the_gguf_package_bit_for_bit(code: str) -> None:
    blocks = random_blocks(code, 96)
    expected = gguf.quants.dequantize(blocks.reshape(12, -1), gguf.GGMLQuantizationType[code])
    ours = dequantize_blocks(torch.from_numpy(blocks), code, expected.shape)
    assert ours.dtype == torch.float32
    assert np.isfinite(expected).all()
    assert ours.numpy().tobytes() == expected.tobytes()


@pytest.mark.parametrize("code", BLOCK_FORMS)
def test_block_sizes_are_those_of_the_format(code: str) -> None:
    form = BLOCK_FORMS[code]
    assert gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[code]] == (form.numbers, form.size_bytes)
    assert block_bytes_shape(code, (3, 512)) == gguf.quants.quant_shape_to_byte_shape(
        (3, 512), gguf.GGMLQuantizationType[code]
    )


def test_rows_that_are_no_whole_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="rows of 100 numbers are not made of Q4_K blocks of 256"):
        block_bytes_shape("Q4_K", (4, 100))
