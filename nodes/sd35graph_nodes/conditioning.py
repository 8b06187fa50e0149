"""Nodes that turn prompts into conditioning and say where and when it applies."""

from __future__ import annotations

from typing import Annotated

from sd35graph import Conditioning, ConditioningEntry, Context, Input, node
from sd35graph.models.handles import TextEncoderHandle
from sd35graph.models.pool import ModelPool
from sd35graph.sampling.conditioning import combine, set_timestep_range, zero_out
from sd35graph_nodes.kinds import Fraction


@node(
    "CLIPTextEncode",
    title="CLIP Text Encode (Prompt)",
    category="conditioning",
    output_tooltips=("What the picture should show, as the sampler understands it.",),
)
def clip_text_encode(
    ctx: Context,
    text: Annotated[
        str, Input(multiline=True, dynamic_prompts=True, tooltip="The prompt. (word:1.2) stresses, (word:0.8) calms.")
    ],
    clip: Annotated[TextEncoderHandle, Input(tooltip="The text encoders.")],
) -> Conditioning:
    """Encode a prompt with all text encoders that are there."""
    ctx.check_cancelled()
    cond, pooled = ctx.resource(ModelPool).text_encoders(clip).encode(text)
    return Conditioning((ConditioningEntry(cond, pooled),))


@node("ConditioningCombine", title="Conditioning (Combine)", category="conditioning")
def conditioning_combine(conditioning_1: Conditioning, conditioning_2: Conditioning) -> Conditioning:
    """Both conditionings; where both apply, their predictions are averaged."""
    return combine(conditioning_1, conditioning_2)


@node("ConditioningZeroOut", category="advanced/conditioning")
def conditioning_zero_out(conditioning: Conditioning) -> Conditioning:
    """The same shape with all numbers zero: guidance away from "anything at all"."""
    return zero_out(conditioning)


@node("ConditioningSetTimestepRange", category="advanced/conditioning")
def conditioning_set_timestep_range(
    conditioning: Conditioning, start: Fraction = 0.0, end: Fraction = 1.0
) -> Conditioning:
    """Let a conditioning apply only to a part of the schedule, from 0 (noise) to 1 (picture)."""
    return set_timestep_range(conditioning, start, end)


NODES = (
    clip_text_encode,
    conditioning_combine,
    conditioning_zero_out,
    conditioning_set_timestep_range,
)
