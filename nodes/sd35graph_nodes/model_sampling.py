"""Nodes that change how a model's noise schedule is laid out."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from sd35graph import Input, node
from sd35graph.models.handles import ModelHandle
from sd35graph.values import FlowSettings


@node("ModelSamplingSD3", title="Model sampling SD3", category="advanced/model")
def model_sampling_sd3(
    model: ModelHandle,
    shift: Annotated[
        float,
        Input(min=0.0, max=100.0, step=0.01, tooltip="Moves steps towards high noise; larger pictures want more."),
    ] = 3.0,
    sampling: Annotated[
        Literal["discrete", "continuous"],
        Input(
            optional=True,
            advanced=True,
            tooltip="discrete: noise levels from a table; continuous: the same formula at any time.",
        ),
    ] = "discrete",
    timesteps: Annotated[
        int, Input(min=2, max=100_000, optional=True, advanced=True, tooltip="How many noise levels the table has.")
    ] = 1000,
    multiplier: Annotated[
        float,
        Input(
            min=0.001,
            max=1_000_000.0,
            step=0.001,
            optional=True,
            advanced=True,
            tooltip="Timestep shown to the model at full noise.",
        ),
    ] = 1000.0,
) -> ModelHandle:
    """Set the shift of the noise schedule (arXiv 2403.03206, equation 23). SD3 and SD3.5 use 3."""
    return replace(model, flow=FlowSettings(shift=shift, mode=sampling, timesteps=timesteps, multiplier=multiplier))


NODES = (model_sampling_sd3,)
