"""Nodes that merge models, and that save them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, BinaryIO

from safetensors.torch import save
from torch import Tensor

from sd35graph import Context, ExtraPngInfo, Input, Prompt, node
from sd35graph.models.changes.extraction import LoraForm, extract_lora
from sd35graph.models.changes.merging import merge_encoders, merge_models, mixed
from sd35graph.models.changes.saving import write_networks
from sd35graph.models.changes.tensors import open_tensors
from sd35graph.models.files.sections import CHECKPOINT_PREFIXES, PART_METADATA, first_ten
from sd35graph.models.handles import ModelHandle, TextEncoderHandle, VaeHandle, WeightsRef
from sd35graph.models.loading.pool import ModelPool
from sd35graph_nodes.metadata import workflow_texts

Ratio = Annotated[float, Input(min=0.0, max=1.0, step=0.01, tooltip="1 is the first alone, 0 the second alone.")]
Multiplier = Annotated[float, Input(min=-10.0, max=10.0, step=0.01, tooltip="Of the difference.")]
Prefix = Annotated[str, Input(tooltip="Start of the file name in the output folder; may name a subfolder.")]


@node("ModelMergeSimple", title="Merge models", category="advanced/model_merging")
def model_merge_simple(model1: ModelHandle, model2: ModelHandle, ratio: Ratio = 1.0) -> ModelHandle:
    """Mix two models: ratio times the first plus the rest of the second."""
    return merge_models(model1, model2, {"": mixed(ratio)})


@node("ModelMergeAdd", title="Add models", category="advanced/model_merging")
def model_merge_add(model1: ModelHandle, model2: ModelHandle) -> ModelHandle:
    """Add two models; the second is usually a difference of two others."""
    return merge_models(model1, model2, {"": (1.0, 1.0)})


@node("ModelMergeSubtract", title="Subtract models", category="advanced/model_merging")
def model_merge_subtract(model1: ModelHandle, model2: ModelHandle, multiplier: Multiplier = 1.0) -> ModelHandle:
    """The difference of two models, times a multiplier: no model to draw with, but one to add to another."""
    return merge_models(model1, model2, {"": (multiplier, -multiplier)})


@node("CLIPMergeSimple", title="Merge CLIP", category="advanced/model_merging")
def clip_merge_simple(clip1: TextEncoderHandle, clip2: TextEncoderHandle, ratio: Ratio = 1.0) -> TextEncoderHandle:
    """Mix two sets of text encoders: ratio times the first plus the rest of the second."""
    return merge_encoders(clip1, clip2, mixed(ratio))


@node("CheckpointSave", title="Save checkpoint", category="advanced/model_merging", is_output=True)
def checkpoint_save(
    ctx: Context,
    model: ModelHandle,
    clip: TextEncoderHandle,
    vae: VaeHandle,
    filename_prefix: Prefix = "checkpoints/ComfyUI",
    prompt: Prompt = None,
    extra_pnginfo: ExtraPngInfo = None,
) -> None:
    """Save model, text encoders and VAE as one file, with all merges and LoRAs in it."""
    parts = [(CHECKPOINT_PREFIXES[ref.section], ref) for ref in (model.weights, *clip.require(), vae.require())]
    _save(ctx, filename_prefix, parts, dict(workflow_texts(prompt, extra_pnginfo)))


@node("ModelSave", title="Save model", category="advanced/model_merging", is_output=True)
def model_save(
    ctx: Context,
    model: ModelHandle,
    filename_prefix: Prefix = "diffusion_models/ComfyUI",
    prompt: Prompt = None,
    extra_pnginfo: ExtraPngInfo = None,
) -> None:
    """Save the diffusion model alone, with all merges and LoRAs in it."""
    parts = [(CHECKPOINT_PREFIXES["mmdit"], model.weights)]
    _save(ctx, filename_prefix, parts, dict(workflow_texts(prompt, extra_pnginfo)))


@node("CLIPSave", title="Save CLIP", category="advanced/model_merging", is_output=True)
def clip_save(
    ctx: Context,
    clip: TextEncoderHandle,
    filename_prefix: Prefix = "clip/ComfyUI",
    prompt: Prompt = None,
    extra_pnginfo: ExtraPngInfo = None,
) -> None:
    """Save each text encoder as a file of its own, with all merges and LoRAs in it."""
    for ref in clip.require():
        metadata = {**dict(workflow_texts(prompt, extra_pnginfo)), PART_METADATA: ref.section}
        _save(ctx, f"{filename_prefix}_{ref.section}", [("", ref)], metadata)


@node("VAESave", title="Save VAE", category="advanced/model_merging", is_output=True)
def vae_save(
    ctx: Context,
    vae: VaeHandle,
    filename_prefix: Prefix = "vae/ComfyUI_vae",
    prompt: Prompt = None,
    extra_pnginfo: ExtraPngInfo = None,
) -> None:
    """Save the VAE alone."""
    _save(ctx, filename_prefix, [("", vae.require())], dict(workflow_texts(prompt, extra_pnginfo)))


@node("LoraSave", title="Extract and save LoRA", category="advanced/model_merging", is_output=True)
def lora_save(
    ctx: Context,
    filename_prefix: Prefix = "loras/ComfyUI_extracted_lora",
    rank: Annotated[int, Input(min=1, max=4096, tooltip="Higher is nearer to the difference, and larger.")] = 8,
    lora_type: Annotated[
        LoraForm, Input(tooltip="standard: of low rank; full_diff: the whole difference.")
    ] = "standard",
    bias_diff: Annotated[bool, Input(tooltip="Also keep the differences of biases and norms, whole.")] = True,
    model_diff: Annotated[
        ModelHandle | None, Input(optional=True, tooltip="A difference, from ModelMergeSubtract.")
    ] = None,
    text_encoder_diff: Annotated[
        TextEncoderHandle | None, Input(optional=True, tooltip="A difference of text encoders.")
    ] = None,
) -> None:
    """Save a difference of models as a LoRA of the given rank."""
    refs = [model_diff.weights] if model_diff else []
    refs += text_encoder_diff.require() if text_encoder_diff else ()
    if not refs:
        raise ValueError('LoraSave has no difference to save: connect "model_diff", made with ModelMergeSubtract')
    tensors: dict[str, Tensor] = {}
    for ref in refs:
        found, left_out = extract_lora(
            open_tensors(ref), rank, lora_type, ctx.progress, ctx.resource(ModelPool).device, with_biases=bias_diff
        )
        tensors |= found
        if left_out:
            ctx.warn(f"A LoRA cannot hold the differences of: {first_ten(left_out)}. They are left out.")
    if not tensors:
        raise ValueError("The two models are equal, so there is no LoRA to save; subtract another model.")
    content = save(tensors)
    _show(ctx, filename_prefix, lambda file: file.write(content))


def _save(ctx: Context, prefix: str, parts: Sequence[tuple[str, WeightsRef]], metadata: Mapping[str, str]) -> None:
    networks = [(start, open_tensors(ref)) for start, ref in parts]
    device = ctx.resource(ModelPool).device
    _show(ctx, prefix, lambda file: write_networks(file, networks, metadata, ctx.progress, device))


def _show(ctx: Context, prefix: str, write: Callable[[BinaryIO], object]) -> None:
    """Save a file and say where it is."""
    saved = ctx.save("output", prefix, ".safetensors", write)
    ctx.show("text", [f"{saved.subfolder}/{saved.filename}".lstrip("/")])


NODES = (
    model_merge_simple,
    model_merge_add,
    model_merge_subtract,
    clip_merge_simple,
    checkpoint_save,
    model_save,
    clip_save,
    vae_save,
    lora_save,
)
