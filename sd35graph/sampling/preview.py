"""A rough RGB picture straight from a latent, cheap enough for every step."""

from __future__ import annotations

import torch
from torch import Tensor

# One row per latent channel: red, green, blue. Stability-AI/sd3.5 sd3_impls.py,
# SD3LatentFormat.decode_latent_to_preview (MIT). There is no bias.
RGB_FACTORS = (
    (-0.0645, 0.0177, 0.1052),
    (0.0028, 0.0312, 0.0650),
    (0.1848, 0.0762, 0.0360),
    (0.0944, 0.0360, 0.0889),
    (0.0897, 0.0506, -0.0364),
    (-0.0020, 0.1203, 0.0284),
    (0.0855, 0.0118, 0.0283),
    (-0.0539, 0.0658, 0.1047),
    (-0.0057, 0.0116, 0.0700),
    (-0.0412, 0.0281, -0.0039),
    (0.1106, 0.1171, 0.1220),
    (-0.0248, 0.0682, -0.0481),
    (0.0815, 0.0846, 0.1207),
    (-0.0120, -0.0055, -0.0867),
    (-0.0749, -0.0634, -0.0456),
    (-0.1418, -0.1457, -0.1259),
)


def latent_rgb_preview(x0: Tensor) -> Tensor:
    """The first picture of `x0` ([B, 16, h, w], model space) as RGB, uint8, [h, w, 3], on the CPU.

    One pixel per latent cell.
    """
    factors = torch.tensor(RGB_FACTORS, dtype=torch.float32, device=x0.device)
    rgb = torch.einsum("chw,cr->hwr", x0[0].to(torch.float32), factors)
    return ((rgb + 1.0) / 2.0).clamp(0.0, 1.0).mul(255.0).to(device="cpu", dtype=torch.uint8)
