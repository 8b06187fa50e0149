"""Nodes that turn prompts into conditioning and say where and when it applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

from sd35graph import Conditioning, ConditioningEntry, Context, Input, Mask, node
from sd35graph.models.handles import TextEncoderHandle
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.textual_inversion import FindEmbedding
from sd35graph.sampling.conditioning import (
    average,
    combine,
    concat,
    set_area,
    set_area_percentage,
    set_area_strength,
    set_mask,
    set_timestep_range,
    zero_out,
)
from sd35graph.values import FractionArea, PixelArea
from sd35graph_nodes.embeddings import embeddings_of
from sd35graph_nodes.kinds import Fraction

AreaPixels = Annotated[
    int, Input(min=64, max=16384, step=8, tooltip="In pixels, rounded down to a multiple of 8, cut off at the border.")
]
AreaStart = Annotated[
    int, Input(min=0, max=16384, step=8, tooltip="Of the top left corner, in pixels, rounded down to a multiple of 8.")
]
AreaFraction = Annotated[
    float, Input(min=0.0, max=1.0, step=0.01, tooltip="As a fraction of the picture, cut off at its border.")
]
Strength = Annotated[
    float, Input(min=0.0, max=10.0, step=0.01, tooltip="Weight of this text where it overlaps with others.")
]


def _embeddings(ctx: Context) -> FindEmbedding:
    return embeddings_of(ctx.file, ctx.warn)


def _change_of_embeddings(texts: tuple[str | None, ...], folder_fingerprint: Callable[[str], str]) -> str | None:
    """Changes with the files that the texts may name; a text that comes from another node may name any."""
    is_open = any(text is None or "embedding:" in text for text in texts)
    return folder_fingerprint("embeddings") if is_open else None


def _text_fingerprint(text: str | None, folder_fingerprint: Callable[[str], str]) -> str | None:
    return _change_of_embeddings((text,), folder_fingerprint)


def _texts_fingerprint(
    clip_l: str | None, clip_g: str | None, t5xxl: str | None, folder_fingerprint: Callable[[str], str]
) -> str | None:
    return _change_of_embeddings((clip_l, clip_g, t5xxl), folder_fingerprint)


@node(
    "CLIPTextEncode",
    title="CLIP text encode (prompt)",
    category="conditioning",
    fingerprint=_text_fingerprint,
    output_tooltips=("What the picture should show, as the sampler understands it.",),
)
def clip_text_encode(
    ctx: Context,
    text: Annotated[
        str,
        Input(
            multiline=True,
            dynamic_prompts=True,
            tooltip="The prompt. (word:1.2) stresses, (word:0.8) calms; embedding:name uses models/embeddings/name.",
        ),
    ],
    clip: Annotated[TextEncoderHandle, Input(tooltip="The text encoders.")],
) -> Conditioning:
    """Encode a prompt with all text encoders that are there."""
    ctx.check_cancelled()
    cond, pooled = ctx.resource(ModelPool).text_encoders(clip, _embeddings(ctx)).encode(text)
    return Conditioning((ConditioningEntry(cond, pooled),))


@node(
    "CLIPTextEncodeSD3",
    title="CLIP text encode SD3",
    category="advanced/conditioning",
    fingerprint=_texts_fingerprint,
    output_tooltips=("What the picture should show, as the sampler understands it.",),
)
def clip_text_encode_sd3(
    ctx: Context,
    clip: Annotated[TextEncoderHandle, Input(tooltip="The text encoders.")],
    clip_l: Annotated[str, Input(multiline=True, dynamic_prompts=True, tooltip="The prompt for CLIP-L.")],
    clip_g: Annotated[str, Input(multiline=True, dynamic_prompts=True, tooltip="The prompt for CLIP-G.")],
    t5xxl: Annotated[str, Input(multiline=True, dynamic_prompts=True, tooltip="The prompt for T5.")],
    empty_padding: Annotated[
        Literal["none", "empty_prompt"],
        Input(tooltip="Whether an encoder without a prompt gives nothing, or what it makes of an empty prompt."),
    ],
) -> Conditioning:
    """Encode a prompt for each text encoder; prompts for encoders that are not loaded are not used."""
    ctx.check_cancelled()
    encoders = ctx.resource(ModelPool).text_encoders(clip, _embeddings(ctx))
    cond, pooled = encoders.encode_sd3(clip_l, clip_g, t5xxl, empty_padding=empty_padding)
    return Conditioning((ConditioningEntry(cond, pooled),))


@node("CLIPSetLastLayer", title="CLIP set last layer", category="conditioning")
def clip_set_last_layer(
    ctx: Context,
    clip: TextEncoderHandle,
    stop_at_clip_layer: Annotated[
        int,
        Input(min=-24, max=-1, step=1, tooltip="Counted from the end: -1 is the last layer; SD3 was trained with -2."),
    ] = -1,
) -> TextEncoderHandle:
    """Take the text features from another layer of CLIP-L and CLIP-G. T5 and the pooled vector stay as they are."""
    if all(ref.section == "t5xxl" for ref in clip.require()):
        ctx.warn(
            "CLIPSetLastLayer changes nothing here, as only T5 is loaded; load CLIP-L or CLIP-G, or remove the node."
        )
    return replace(clip, clip_layer=stop_at_clip_layer)


@node("ConditioningCombine", title="Conditioning (combine)", category="conditioning")
def conditioning_combine(conditioning_1: Conditioning, conditioning_2: Conditioning) -> Conditioning:
    """Both conditionings; where both apply, their predictions are averaged."""
    return combine(conditioning_1, conditioning_2)


@node("ConditioningZeroOut", title="Conditioning (zero out)", category="advanced/conditioning")
def conditioning_zero_out(conditioning: Conditioning) -> Conditioning:
    """The same shape with all numbers zero: guidance away from "anything at all"."""
    return zero_out(conditioning)


@node("ConditioningSetTimestepRange", title="Conditioning (set timestep range)", category="advanced/conditioning")
def conditioning_set_timestep_range(
    conditioning: Conditioning, start: Fraction = 0.0, end: Fraction = 1.0
) -> Conditioning:
    """Let a conditioning apply only to a part of the schedule, from 0 (noise) to 1 (picture)."""
    return set_timestep_range(conditioning, start, end)


@node("ConditioningAverage", title="Conditioning (average)", category="conditioning")
def conditioning_average(
    conditioning_to: Conditioning,
    conditioning_from: Conditioning,
    conditioning_to_strength: Annotated[
        float, Input(min=0.0, max=1.0, step=0.01, tooltip="1 is all of conditioning_to, 0 all of conditioning_from.")
    ] = 1.0,
) -> Conditioning:
    """Something between two texts. Of conditioning_from, only the first entry counts, cut or filled to the length."""
    return average(conditioning_to, conditioning_from, conditioning_to_strength)


@node("ConditioningConcat", title="Conditioning (concat)", category="conditioning")
def conditioning_concat(conditioning_to: Conditioning, conditioning_from: Conditioning) -> Conditioning:
    """One longer text: the tokens of conditioning_from's first entry after those of conditioning_to."""
    return concat(conditioning_to, conditioning_from)


@node("ConditioningSetArea", title="Conditioning (set area)", category="conditioning")
def conditioning_set_area(
    conditioning: Conditioning,
    width: AreaPixels = 64,
    height: AreaPixels = 64,
    x: AreaStart = 0,
    y: AreaStart = 0,
    strength: Strength = 1.0,
) -> Conditioning:
    """Let a text apply only inside a rectangle. One that lies outside the picture takes no part."""
    return set_area(conditioning, PixelArea(width, height, x, y), strength)


@node("ConditioningSetAreaPercentage", title="Conditioning (set area with percentage)", category="conditioning")
def conditioning_set_area_percentage(
    conditioning: Conditioning,
    width: AreaFraction = 1.0,
    height: AreaFraction = 1.0,
    x: AreaFraction = 0.0,
    y: AreaFraction = 0.0,
    strength: Strength = 1.0,
) -> Conditioning:
    """Let a text apply only inside a rectangle, given in fractions: at least 8 pixels, none if it starts at 1."""
    return set_area_percentage(conditioning, FractionArea(width, height, x, y), strength)


@node("ConditioningSetAreaStrength", title="Conditioning (set area strength)", category="conditioning")
def conditioning_set_area_strength(conditioning: Conditioning, strength: Strength = 1.0) -> Conditioning:
    """Set how much a text counts where it overlaps with others."""
    return set_area_strength(conditioning, strength)


@node("ConditioningSetMask", title="Conditioning (set mask)", category="conditioning")
def conditioning_set_mask(
    conditioning: Conditioning,
    mask: Annotated[Mask, Input(tooltip="Where the text applies; of any size, it is stretched to the picture.")],
    strength: Strength = 1.0,
    set_cond_area: Annotated[
        Literal["default", "mask bounds"],
        Input(tooltip="mask bounds: the model sees only the rectangle around the mask, at least 64 x 64 pixels."),
    ] = "default",
) -> Conditioning:
    """Let a text apply where the mask is white, and half where it is grey."""
    return set_mask(conditioning, mask.values, strength, set_cond_area)


NODES = (
    clip_text_encode,
    clip_text_encode_sd3,
    clip_set_last_layer,
    conditioning_average,
    conditioning_combine,
    conditioning_concat,
    conditioning_set_area,
    conditioning_set_area_percentage,
    conditioning_set_area_strength,
    conditioning_set_mask,
    conditioning_zero_out,
    conditioning_set_timestep_range,
)
