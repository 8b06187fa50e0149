"""Nodes that change how a model is guided. They change its handle; the sampler does the work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from sd35graph import Context, Input, node
from sd35graph.models.handles import ModelHandle
from sd35graph.values import SkipLayerGuidance
from sd35graph_nodes.kinds import Fraction

_CATEGORY = "advanced/guidance"

Layers = Annotated[str, Input(tooltip="Numbers of the blocks to leave out, from 0; SD3.5 Medium: 7, 8, 9.")]
Scale = Annotated[float, Input(min=0.0, max=10.0, step=0.1, tooltip="How strongly; SD3.5 Medium: 2.5.")]
Start = Annotated[float, Input(min=0.0, max=1.0, step=0.001, tooltip="Acts from this part of the schedule on.")]
End = Annotated[float, Input(min=0.0, max=1.0, step=0.001, tooltip="Acts up to this part of the schedule.")]


def parse_layers(text: str) -> frozenset[int]:
    """The numbers in a text such as "7, 8, 9"; ValueError for anything that is not a whole number from 0 up."""
    words = [word for word in re.split(r"[,;\s]+", text) if word]
    wrong = [word for word in words if not re.fullmatch(r"[0-9]+", word)]
    if wrong:
        raise ValueError(f"layers must be whole numbers separated by commas, such as 7, 8, 9; got {wrong[0]!r}")
    return frozenset(int(word) for word in words)


def _window_problem(start_percent: float | None, end_percent: float | None) -> str | None:
    if start_percent is None or end_percent is None or start_percent <= end_percent:
        return None
    return f"start_percent must not be greater than end_percent, got {start_percent} and {end_percent}"


def _check(layers: str | None, start_percent: float | None, end_percent: float | None) -> Iterator[str]:
    try:
        parse_layers(layers or "")
    except ValueError as error:
        yield str(error)
    if problem := _window_problem(start_percent, end_percent):
        yield problem


def _check_dit(double_layers: str | None, start_percent: float | None, end_percent: float | None) -> Iterator[str]:
    yield from _check(double_layers, start_percent, end_percent)


def _with_skip(model: ModelHandle, skip: SkipLayerGuidance) -> ModelHandle:
    guidance = replace(model.guidance, skip_layers=(*model.guidance.skip_layers, skip))
    return replace(model, guidance=guidance)


@node("SkipLayerGuidanceSD3", title="Skip layer guidance SD3", category=_CATEGORY, validate=_check, experimental=True)
def skip_layer_guidance_sd3(
    model: ModelHandle,
    layers: Layers = "7, 8, 9",
    scale: Scale = 3.0,
    start_percent: Start = 0.01,
    end_percent: End = 0.15,
) -> ModelHandle:
    """Push away from what the model draws without some of its blocks: better anatomy with SD3.5 Medium."""
    return _with_skip(model, SkipLayerGuidance(parse_layers(layers), scale, start_percent, end_percent))


@node(
    "SkipLayerGuidanceDiT", title="Skip layer guidance DiT", category=_CATEGORY, validate=_check_dit, experimental=True
)
def skip_layer_guidance_dit(
    ctx: Context,
    model: ModelHandle,
    double_layers: Layers = "7, 8, 9",
    single_layers: Annotated[
        str, Input(tooltip="Blocks of other models that see one stream; SD3 models have none, so this does nothing.")
    ] = "7, 8, 9",
    scale: Scale = 3.0,
    start_percent: Start = 0.01,
    end_percent: End = 0.15,
    rescaling_scale: Annotated[
        float, Input(min=0.0, max=10.0, step=0.01, tooltip="How much of the growth in contrast to take back.")
    ] = 0.0,
) -> ModelHandle:
    """Skip-layer guidance for any transformer; of SD3 models, all blocks are double ones."""
    layers = parse_layers(double_layers)
    if not layers and single_layers.strip():
        ctx.warn("SD3 models have no single_layers, so this guidance does nothing; name blocks in double_layers.")
    return _with_skip(model, SkipLayerGuidance(layers, scale, start_percent, end_percent, rescaling_scale))


@node("RescaleCFG", title="Rescale CFG", category="advanced/model")
def rescale_cfg(
    model: ModelHandle,
    multiplier: Annotated[
        float, Input(min=0.0, max=1.0, step=0.01, tooltip="How much of the growth in contrast to take back.")
    ] = 0.7,
) -> ModelHandle:
    """Keep a high cfg from making pictures harsh (arXiv 2305.08891)."""
    return replace(model, guidance=replace(model.guidance, rescale=multiplier))


@node("GuidanceInterval", title="Guidance interval", category=_CATEGORY, validate=_window_problem)
def guidance_interval(model: ModelHandle, start_percent: Fraction = 0.0, end_percent: Fraction = 1.0) -> ModelHandle:
    """Use cfg only in a part of the schedule, and the positive alone elsewhere, which is faster (arXiv 2404.07724)."""
    guidance = replace(model.guidance, start_percent=start_percent, end_percent=end_percent)
    return replace(model, guidance=guidance)


NODES = (
    skip_layer_guidance_sd3,
    skip_layer_guidance_dit,
    rescale_cfg,
    guidance_interval,
)
