"""UniPC: unified predictor-corrector (arXiv 2302.04867, algorithms 5 and 6; wl-zhao/UniPC, Apache-2.0).

Data prediction with lambda = -log sigma. The paper's alpha = 1 / sqrt(1 + sigma^2) cancels when the update is written
for x in our scale, so it does not appear.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from sd35graph.sampling.state import Denoiser, SamplerState, Sigmas
from sd35graph.values import FlowSettings

MAX_ORDER = 3
LAST_SIGMA = 0.001
# The reference takes sigma back from alpha as sqrt(1 - alpha^2) / alpha in float32, where 0.001 becomes 2^-10. The
# difference is visible (4e-4) in a last step that is short in log sigma.
LAST_SIGMA_IN_SOLVER = 2.0**-10


def without_zero(sigmas: Sigmas, flow: FlowSettings) -> Sigmas:
    """The schedule with a final 0 replaced by 0.001, since log 0 has no place in the formula."""
    return (*sigmas[:-1], LAST_SIGMA) if sigmas and sigmas[-1] == 0 else sigmas


def uni_pc(
    state: SamplerState, denoise: Denoiser, sigmas: Sigmas, *, variant: Literal["bh1", "bh2"] = "bh1"
) -> SamplerState:
    """Evaluate at the predicted x, correct it with what was found, predict the next.

    One evaluation per step; the very last prediction is not corrected. state.history: the corrected x of the last
    step, then predictions, newest first.
    """
    x0 = denoise(state.x, sigmas[state.step]).x0
    x, outputs = state.x, state.history[1:]
    if state.step > 0:
        x = _update(state.history[0], outputs, sigmas, state.step, variant, corrected_by=x0)
    outputs = (x0, *outputs[: MAX_ORDER - 1])
    predicted = _update(x, outputs, sigmas, state.step + 1, variant)
    return state.after(predicted, x0, (x, *outputs))


def _order(target: int, steps: int) -> int:
    """Order of the update that arrives at sigmas[target]: rises from 1, and falls to 1 again at the end."""
    return max(1, min(target, MAX_ORDER, steps - 1, steps + 1 - target))


def _update(
    x: Tensor,
    outputs: Sequence[Tensor],
    sigmas: Sigmas,
    target: int,
    variant: Literal["bh1", "bh2"],
    corrected_by: Tensor | None = None,
) -> Tensor:
    """x at sigmas[target] from x and the outputs (newest first) up to sigmas[target - 1].

    corrected_by: the prediction at sigmas[target], if it is known already.
    """
    order = _order(target, len(sigmas) - 1)
    start, end = sigmas[target - 1], sigmas[target]
    if end == LAST_SIGMA:
        end = LAST_SIGMA_IN_SOLVER
    h = math.log(start / end)
    ratios = [math.log(start / sigmas[target - 1 - age]) / h for age in range(1, order)]
    differences = [(outputs[age] - outputs[0]) / ratio for age, ratio in enumerate(ratios, start=1)]
    if corrected_by is not None:
        ratios.append(1.0)
        differences.append(corrected_by - outputs[0])
    shrink = math.expm1(-h)
    x = x * (end / start) - outputs[0] * shrink
    scale = -h if variant == "bh1" else shrink
    for weight, difference in zip(_weights(ratios, h, scale), differences, strict=True):
        x = x - difference * (scale * weight)
    return x


def _weights(ratios: Sequence[float], h: float, scale: float) -> list[float]:
    """Solve R(h) a = b(h) of theorem 3.1 for the weights of the differences at these ratios of the step."""
    count = len(ratios)
    if count <= 1:
        return [0.5] * count  # the paper's choice, which keeps the order and needs no system
    rows, rights = [], []
    phi = math.expm1(-h) / -h - 1
    for power in range(count):
        rows.append([ratio**power for ratio in ratios])
        rights.append(phi * math.factorial(power + 1) / scale)
        phi = phi / -h - 1 / math.factorial(power + 2)
    solution = torch.linalg.solve(torch.tensor(rows, dtype=torch.float64), torch.tensor(rights, dtype=torch.float64))
    return [float(value) for value in solution]
