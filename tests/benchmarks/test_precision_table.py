"""What the forms of weights cost in accuracy stays what it is."""

from __future__ import annotations

import math
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from benchmarks.precision_table import psnr, relative_error, synthetic_weights, velocity_errors
from benchmarks.weight_forms import FORMS, quantize_q4_k

# Relative error of the velocity of `tiny_sd3` (random weights), in per cent, as measured on the CPU; the test allows a
# factor of 1.5 to both sides. Reasons for their order: each bit of a float's mantissa halves it (fp16 has 11, bf16 8,
# e4m3 4, e5m2 3 bits); blocks of 32 with steps of 1/127, 1/16 and 1/8 of their largest number differ as 1 : 8 : 16;
# Q4_K fits 16 steps to the span of each group, here by its ends alone. Computing in fp16 or bf16 rounds every
# intermediate result as well, which is 2.5 times as much as the weights alone.
MEASURED = {
    "fp16": 0.0397,
    "fp16, computed in fp16": 0.100,
    "bf16": 0.307,
    "bf16, computed in bf16": 0.798,
    "fp8 e4m3": 4.55,
    "fp8 e5m2": 8.66,
    "scaled fp8": 4.09,
    "Q8_0": 0.839,
    "Q5_0": 6.31,
    "Q4_0": 14.0,
    "Q4_K": 12.4,
}


@pytest.fixture(scope="module")
def errors(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    return velocity_errors(synthetic_weights(shared, "tiny_sd3"), tmp_path_factory.mktemp("forms"))


def test_every_form_is_measured(errors: dict[str, float]) -> None:
    assert errors.keys() == MEASURED.keys()
    assert errors.keys() >= FORMS.keys()


@pytest.mark.parametrize("form", MEASURED)
def test_the_error_of_each_form_is_as_measured(errors: dict[str, float], form: str) -> None:
    assert MEASURED[form] / 1.5 < 100 * errors[form] < MEASURED[form] * 1.5


def test_our_q4_k_is_within_a_step_of_the_numbers() -> None:
    numbers = np.random.default_rng(2).standard_normal((8, 512)).astype(np.float32)
    read = gguf.quants.dequantize(quantize_q4_k(numbers), gguf.GGMLQuantizationType.Q4_K)
    groups = numbers.reshape(-1, 32)
    step = (groups.max(1) - np.minimum(groups.min(1), 0)) / 15
    # half a step by the numbers' rounding, the rest by that of steps and minima to 6 bits of the block's largest
    assert (np.abs(read.reshape(-1, 32) - groups).max(1) < step).all()
    zeros = np.zeros((1, 256), np.float32)
    assert not gguf.quants.dequantize(quantize_q4_k(zeros), gguf.GGMLQuantizationType.Q4_K).any()


def test_measures_of_error() -> None:
    ones = torch.ones(4)
    assert relative_error(ones * 1.1, ones) == pytest.approx(0.1)
    assert psnr(ones * 0.9, ones) == pytest.approx(20, abs=1e-4)
    assert math.isfinite(psnr(ones, ones))
