"""Latents as files, in the format existing tools exchange: safetensors with the samples as `latent_tensor`.

An empty tensor `latent_format_version_0` marks samples in VAE space. Files without it are older: their samples are
multiplied by 0.18215, the factor of Stable Diffusion 1 (arXiv 2112.10752, appendix G), whatever model made them.
"""

from __future__ import annotations

from typing import Annotated

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from sd35graph import Choices, Context, ExtraPngInfo, Input, Latent, Prompt, node
from sd35graph_nodes.metadata import workflow_texts

_MARKER = "latent_format_version_0"
_OLD_FACTOR = 0.18215


@node("SaveLatent", title="Save latent", category="_for_testing", is_output=True)
def save_latent(
    ctx: Context,
    samples: Latent,
    filename_prefix: Annotated[str, Input(tooltip="Start of the file name; may name a subfolder.")] = "latents/ComfyUI",
    prompt: Prompt = None,
    extra_pnginfo: ExtraPngInfo = None,
) -> None:
    """Save a latent in the output folder, with the workflow that made it inside. Masks are not kept."""
    tensors = {"latent_tensor": samples.samples.cpu().contiguous(), _MARKER: torch.empty(0)}
    content = save(tensors, metadata=dict(workflow_texts(prompt, extra_pnginfo)))
    saved = ctx.save("output", filename_prefix, ".latent", lambda file: file.write(content))
    ctx.show("latents", [saved.reference()])


@node("LoadLatent", title="Load latent", category="_for_testing")
def load_latent(
    ctx: Context, latent: Annotated[str, Choices("input_latents"), Input(tooltip="A .latent file of the input folder.")]
) -> Latent:
    """A latent from a .latent file in the input folder."""
    path = ctx.file("input_latents", latent)
    try:
        tensors = load(path.read_bytes())  # not mapped: the latent outlives what becomes of the file
    except (SafetensorError, OSError) as error:
        raise ValueError(f'"{latent}" cannot be read as a latent: {error}; save it again with SaveLatent') from error
    if "latent_tensor" not in tensors:
        found = ", ".join(sorted(tensors)[:10]) or "nothing"
        raise ValueError(f'"{latent}" holds no latent: no tensor is called latent_tensor; it has {found}')
    samples = tensors["latent_tensor"].float()
    if samples.ndim != 4 or 0 in samples.shape:
        raise ValueError(f'"{latent}" should hold a latent [B, C, h, w], but has the shape {list(samples.shape)}')
    if not bool(samples.isfinite().all()):
        raise ValueError(f'"{latent}" holds numbers that are not finite; make the latent again and save that')
    return Latent(samples if _MARKER in tensors else samples / _OLD_FACTOR)


NODES = (save_latent, load_latent)
