"""Pictures of floats as 8-bit numbers and back, for Pillow, OpenCV and files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]


def to_uint8(pixels: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Pixels [H, W, C], 0..1, as 8-bit numbers: 255 * x, clipped and truncated. Raises `ValueError` for NaN."""
    if bool(pixels.isnan().any()):
        raise ValueError(
            "the picture has pixels that are not numbers (NaN): a model's arithmetic overflowed on the way; "
            "run the server with --precision fp32 or bf16, or use another VAE"
        )
    return (pixels * 255).clamp(0, 255).to(torch.uint8).cpu().numpy()


def to_pillow(pixels: Tensor) -> Pillow.Image:
    """A Pillow picture of pixels [H, W, 3 or 4], 0..1."""
    return Pillow.fromarray(to_uint8(pixels))


def from_pillow(picture: Pillow.Image) -> Tensor:
    """Pixels [H, W, bands], 0..1, of an 8-bit Pillow picture."""
    return torch.from_numpy(np.array(picture, dtype=np.float32) / 255)


def each_picture(change: Callable[[Array], Array], pixels: Tensor) -> Tensor:
    """`change` applied to every picture of a batch, as float32 arrays without the batch's axis."""
    return torch.stack([torch.from_numpy(change(picture.cpu().numpy())) for picture in pixels]).to(pixels)
