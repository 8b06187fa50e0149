"""Nodes that apply LoRAs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from sd35graph import Choices, Context, Input, node
from sd35graph.models.changes.lora import Lora, open_lora
from sd35graph.models.changes.tensors import network_shapes
from sd35graph.models.files.sections import TITLES, first_ten
from sd35graph.models.handles import ModelHandle, TextEncoderHandle, WeightsRef

LoraFile = Annotated[str, Choices("loras"), Input(tooltip="A file in models/loras.")]
Strength = Annotated[
    float, Input(min=-100.0, max=100.0, step=0.01, tooltip="1 as trained; 0 not at all; negative the opposite.")
]


@node(
    "LoraLoader",
    title="Load LoRA",
    category="loaders",
    output_tooltips=("The diffusion model with the LoRA.", "The text encoders with the LoRA."),
)
def lora_loader(
    ctx: Context,
    model: Annotated[ModelHandle, Input(tooltip="The diffusion model to change.")],
    clip: Annotated[TextEncoderHandle, Input(tooltip="The text encoders to change.")],
    lora_name: LoraFile,
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
) -> tuple[ModelHandle, TextEncoderHandle]:
    """Add a LoRA to the diffusion model and the text encoders; several can follow each other."""
    if strength_model == 0.0 and strength_clip == 0.0:
        return model, clip
    lora = open_lora(ctx.file("loras", lora_name))
    changed, *encoders = _apply(
        ctx, lora, [(model.weights, strength_model), *((ref, strength_clip) for ref in clip.weights)]
    )
    return replace(model, weights=changed), replace(clip, weights=tuple(encoders))


@node(
    "LoraLoaderModelOnly",
    title="Load LoRA (model only)",
    category="loaders",
    output_tooltips=("The diffusion model with the LoRA.",),
)
def lora_loader_model_only(
    ctx: Context, model: ModelHandle, lora_name: LoraFile, strength_model: Strength = 1.0
) -> ModelHandle:
    """Add a LoRA to the diffusion model alone; what it holds for text encoders is left out."""
    if strength_model == 0.0:
        return model
    lora = open_lora(ctx.file("loras", lora_name))
    (changed,) = _apply(ctx, lora, [(model.weights, strength_model)])
    return replace(model, weights=changed)


def _apply(ctx: Context, lora: Lora, networks: list[tuple[WeightsRef, float]]) -> list[WeightsRef]:
    """The networks with the LoRA's patches. Says what of the file has no place; raises if nothing has one."""
    shapes = {ref.section: network_shapes(ref) for ref, _ in networks}
    patches = [(ref, lora.patch(ref.section, shapes[ref.section], strength)) for ref, strength in networks]
    if all(patch is None for _, patch in patches):
        raise lora.no_effect(shapes)
    if unknown := lora.unknown(shapes):
        ctx.warn(f"{lora.header.path.name}: {len(unknown)} keys have no place in this model: {first_ten(unknown)}.")
    absent = {module.section for module in lora.modules} - shapes.keys()
    if len(networks) > 1 and absent:
        titles = ", ".join(TITLES[section] for section in sorted(absent))
        ctx.warn(f"{lora.header.path.name} also changes the {titles}, which is not loaded.")
    return [
        ref if patch is None or patch.strength == 0.0 else replace(ref, patches=(*ref.patches, patch))
        for ref, patch in patches
    ]


NODES = (lora_loader, lora_loader_model_only)
