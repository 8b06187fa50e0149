"""Input kinds that several nodes share."""

from __future__ import annotations

from typing import Annotated, Literal

from sd35graph import Input

BatchSize = Annotated[int, Input(min=1, max=4096, tooltip="How many pictures at once.")]
Fraction = Annotated[float, Input(min=0.0, max=1.0, step=0.001)]
ImagePixels = Annotated[int, Input(min=1, max=16384, step=1)]
Seed = Annotated[
    int,
    Input(
        min=0,
        max=2**64 - 1,
        control_after_generate=True,
        tooltip="Starting point of the noise; the same seed gives the same picture.",
    ),
]
FlipMethod = Literal["x-axis: vertically", "y-axis: horizontally"]
Rotation = Literal["none", "90 degrees", "180 degrees", "270 degrees"]


def quarter_turns(rotation: Rotation) -> int:
    """How many times 90 degrees."""
    return ("none", "90 degrees", "180 degrees", "270 degrees").index(rotation)
