"""Annotated input kinds of the nodes that sample and that make schedules."""

from __future__ import annotations

from typing import Annotated

from sd35graph import Conditioning, Input, Latent
from sd35graph.models.handles import ModelHandle
from sd35graph.sampling.samplers import SAMPLERS
from sd35graph.sampling.schedulers import SCHEDULERS

Model = Annotated[ModelHandle, Input(tooltip="The model that denoises.")]
Positive = Annotated[Conditioning, Input(tooltip="What the picture should show.")]
Negative = Annotated[Conditioning, Input(tooltip="What it should not show.")]
StartLatent = Annotated[Latent, Input(tooltip="The latent to start from.")]
SamplerName = Annotated[str, Input(choices=tuple(SAMPLERS), tooltip="How each step is computed.")]
SchedulerName = Annotated[str, Input(choices=tuple(SCHEDULERS), tooltip="How the noise levels are spaced.")]
Steps = Annotated[int, Input(min=1, max=10_000, tooltip="More steps: finer, and slower.")]
Denoise = Annotated[
    float, Input(min=0.0, max=1.0, step=0.01, tooltip="1 starts from pure noise; less keeps more of the latent.")
]
Cfg = Annotated[
    float,
    Input(
        min=0.0,
        max=100.0,
        step=0.1,
        round=0.01,
        tooltip="How closely to follow the prompts; at 1 the negative plays no part.",
    ),
]
