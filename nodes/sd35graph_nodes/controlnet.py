"""Nodes that steer the model with hint pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, NamedTuple

from sd35graph import Choices, Conditioning, Context, Image, Input, node
from sd35graph.models.handles import ControlNetHandle, VaeHandle, open_controlnet
from sd35graph.values import Control
from sd35graph_nodes.kinds import Fraction

ControlStrength = Annotated[
    float, Input(min=0.0, max=10.0, step=0.01, tooltip="How strongly the hint steers; 0 not at all.")
]


class Steered(NamedTuple):
    positive: Conditioning
    negative: Conditioning


@node("ControlNetLoader", title="Load ControlNet model", category="loaders")
def controlnet_loader(
    ctx: Context,
    control_net_name: Annotated[str, Choices("controlnet"), Input(tooltip="A file in models/controlnet.")],
) -> ControlNetHandle:
    """Open a ControlNet of SD3.5 Large (blur, canny, depth), or one of SD3 and SD3.5 in diffusers' form."""
    return open_controlnet(ctx.file("controlnet", control_net_name))


@node(
    "ControlNetApplySD3",
    title="Apply ControlNet with VAE",
    category="conditioning/controlnet",
    output_tooltips=("The positive with the hint.", "The negative with the hint."),
)
def controlnet_apply_sd3(
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNetHandle,
    vae: VaeHandle,
    image: Image,
    strength: ControlStrength = 1.0,
    start_percent: Fraction = 0.0,
    end_percent: Fraction = 1.0,
) -> Steered:
    """Let a hint picture steer the model in a part of the schedule; several can follow each other."""
    return _apply(positive, negative, Control(control_net, image.pixels, vae, strength, start_percent, end_percent))


@node("ControlNetApplyAdvanced", title="Apply ControlNet", category="conditioning/controlnet")
def controlnet_apply_advanced(
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNetHandle,
    image: Image,
    strength: ControlStrength = 1.0,
    start_percent: Fraction = 0.0,
    end_percent: Fraction = 1.0,
    vae: Annotated[VaeHandle | None, Input(optional=True, tooltip="Needed for the ControlNets of SD3.")] = None,
) -> Steered:
    """Let a hint picture steer the model in a part of the schedule; several can follow each other."""
    if vae is None and strength != 0.0:
        raise ValueError(
            f"{control_net.weights.path.name} reads its hint through a VAE, but none is connected. "
            'Connect the "vae" input to the VAE of the model.'
        )
    return _apply(positive, negative, Control(control_net, image.pixels, vae, strength, start_percent, end_percent))


def _apply(positive: Conditioning, negative: Conditioning, control: Control) -> Steered:
    if control.strength == 0.0:
        return Steered(positive, negative)
    # One control in both, so that both can share the calls of the network.
    return Steered(*(_with(conditioning, control) for conditioning in (positive, negative)))


def _with(conditioning: Conditioning, control: Control) -> Conditioning:
    return Conditioning(tuple(replace(entry, controls=(*entry.controls, control)) for entry in conditioning.entries))


NODES = (controlnet_loader, controlnet_apply_sd3, controlnet_apply_advanced)
