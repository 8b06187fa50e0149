"""What a training run is: sizes of the networks and of the work, read from a TOML file in `training/configs`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from training.scenes import Kind


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class VaeTraining(_Strict):
    """widths: channels from full to latent resolution, multiples of 32."""

    widths: list[int]
    encoder_blocks: int
    decoder_blocks: int
    steps: int
    batch: int
    learning_rate: float
    save_every: int


class TextSizes(_Strict):
    """positions: of the CLIP tables. minimum: length of T5's section. vocabulary: of each tokenizer, at most."""

    positions: int
    minimum: int
    vocabulary: int
    clip_l_width: int
    clip_g_width: int
    t5_width: int
    layers: int


class Course(_Strict):
    """A part of the training. shares: of the kinds of scenes. scenes: drawn and encoded before it begins."""

    steps: int
    scenes: int
    shares: dict[Kind, float]


class FlowTraining(_Strict):
    """depth: of the transformer, which is 64 times as wide. grid: side of its position grid, in patches.

    courses: one after the other. dropout: share of captions left empty for classifier-free guidance.
    """

    depth: int
    grid: int
    courses: list[Course]
    batch: int
    learning_rate: float
    matrix_learning_rate: float
    dropout: float
    average: float
    save_every: int

    @property
    def steps(self) -> int:
        """Of all courses together."""
        return sum(course.steps for course in self.courses)


class Config(_Strict):
    """size: of the pictures in pixels. wide: all listed concepts, not the core only. compile: needs a C++ compiler."""

    seed: int
    size: int
    wide: bool
    compile: bool
    vae: VaeTraining
    text: TextSizes
    flow: FlowTraining


def load_config(path: Path) -> Config:
    """The configuration in a TOML file."""
    return Config.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
