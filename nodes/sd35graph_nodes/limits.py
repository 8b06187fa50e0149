"""How large pictures and latents may become; asked before memory is taken, so that a slip of the hand is an error."""

from __future__ import annotations

MAX_SIDE = 16384
MAX_PIXELS = 2**28
"""So many pixels one batch of pictures may have; as float32 they take 3 GiB."""
MAX_CELLS = 2**25
"""So many cells one batch of latents may have; with 16 channels they take 2 GiB."""


def check_picture_size(batch: int, height: int, width: int) -> None:
    """Raise `ValueError` unless so many pictures of this size, in pixels, can be made."""
    _check(batch, height, width, MAX_SIDE, MAX_PIXELS, "pixels")


def check_latent_size(batch: int, height: int, width: int) -> None:
    """Raise `ValueError` unless so many latents of this size, in cells of 8 pixels, can be made."""
    _check(batch, height, width, MAX_SIDE // 8, MAX_CELLS, "latent cells")


def _check(batch: int, height: int, width: int, side: int, area: int, unit: str) -> None:
    size = f"{batch} x {width}x{height} {unit}"
    if min(height, width) < 1:
        raise ValueError(f"the result would have {size}, which is nothing; choose a larger size or scale")
    if max(height, width) > side:
        raise ValueError(f"the result would have {size}; a side may have at most {side}; choose a smaller size")
    if batch * height * width > area:
        raise ValueError(f"the result would have {size}, together more than {area:,}; make it smaller, or the batch")
