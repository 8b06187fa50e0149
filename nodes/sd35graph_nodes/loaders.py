"""Nodes that open model files. They read headers only; weights are loaded when a node first needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from sd35graph import Choices, Context, Input, node
from sd35graph.models.errors import ForeignModelError
from sd35graph.models.files.storage import Fp8Code
from sd35graph.models.handles import (
    ModelHandle,
    Placement,
    TextEncoderHandle,
    VaeHandle,
    open_checkpoint,
    open_diffusion_model,
    open_text_encoders,
    open_vae,
)

TextEncoderFile = Annotated[
    str, Choices("text_encoders"), Input(tooltip="A CLIP-L, CLIP-G or T5 file; which one it is stands in the file.")
]
Device = Annotated[
    Literal["default", "cpu"], Input(optional=True, advanced=True, tooltip="Where the text encoders compute.")
]

WeightDtype = Annotated[
    Literal["default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"],
    Input(
        tooltip="default: as in the file. The others keep the large weights in 8 bits, which takes half the memory of "
        "fp16 and costs some accuracy; fp8_e4m3fn is the more accurate. fp8_e4m3fn_fast is the same as fp8_e4m3fn here."
    ),
]
_STORAGE: dict[str, Fp8Code] = {"fp8_e4m3fn": "F8_E4M3", "fp8_e4m3fn_fast": "F8_E4M3", "fp8_e5m2": "F8_E5M2"}

_TYPE_INPUT = Input(tooltip="sd3: the only family of models here. The others are for workflows made elsewhere.")
SingleType = Annotated[
    Literal[
        "stable_diffusion", "stable_cascade", "sd3", "stable_audio", "mochi", "ltxv", "pixart", "cosmos", "lumina2",
        "wan", "hidream", "chroma", "ace", "omnigen2", "qwen_image", "hunyuan_image",
    ],
    _TYPE_INPUT,
]  # fmt: skip
DualType = Annotated[Literal["sdxl", "sd3", "flux", "hunyuan_video", "hidream", "hunyuan_image"], _TYPE_INPUT]


def _open_encoders(ctx: Context, names: Sequence[str], type: str, device: Placement = "default") -> TextEncoderHandle:
    if type != "sd3":
        raise ForeignModelError(
            f'The type "{type}" is for another family of models; only text encoders of SD3 and SD3.5 are read. '
            'Choose the type "sd3".'
        )
    return open_text_encoders([ctx.file("text_encoders", name) for name in names], device)


@node(
    "CheckpointLoaderSimple",
    title="Load checkpoint",
    category="loaders",
    output_tooltips=("Denoises latents.", "Encodes prompts.", "Turns pictures into latents and back."),
)
def checkpoint_loader_simple(
    ctx: Context,
    ckpt_name: Annotated[str, Choices("checkpoints"), Input(tooltip="A file in models/checkpoints.")],
) -> tuple[ModelHandle, TextEncoderHandle, VaeHandle]:
    """Open an all-in-one file: diffusion model, VAE and, if it holds them, text encoders."""
    return open_checkpoint(ctx.file("checkpoints", ckpt_name))


@node("UNETLoader", title="Load diffusion model", category="advanced/loaders")
def unet_loader(
    ctx: Context,
    unet_name: Annotated[str, Choices("diffusion_models"), Input(tooltip="A file in models/diffusion_models.")],
    weight_dtype: WeightDtype,
) -> ModelHandle:
    """Open a diffusion model that lies in a file of its own."""
    return open_diffusion_model(ctx.file("diffusion_models", unet_name), _STORAGE.get(weight_dtype))


@node("UnetLoaderGGUF", title="Load diffusion model (GGUF)", category="advanced/loaders")
def unet_loader_gguf(
    ctx: Context,
    unet_name: Annotated[str, Choices("diffusion_models"), Input(tooltip="A GGUF file in models/diffusion_models.")],
) -> ModelHandle:
    """Open a diffusion model in GGUF, whose weights stay in their few bits."""
    return open_diffusion_model(ctx.file("diffusion_models", unet_name))


@node("VAELoader", title="Load VAE", category="loaders")
def vae_loader(
    ctx: Context, vae_name: Annotated[str, Choices("vae"), Input(tooltip="A file in models/vae.")]
) -> VaeHandle:
    """Open a VAE that lies in a file of its own."""
    return open_vae(ctx.file("vae", vae_name))


@node("CLIPLoader", title="Load CLIP", category="advanced/loaders")
def clip_loader(
    ctx: Context, clip_name: TextEncoderFile, type: SingleType, device: Device = "default"
) -> TextEncoderHandle:
    """Open one text encoder of SD3: CLIP-L, CLIP-G or T5."""
    return _open_encoders(ctx, [clip_name], type, device)


@node("CLIPLoaderGGUF", title="Load CLIP (GGUF)", category="advanced/loaders")
def clip_loader_gguf(ctx: Context, clip_name: TextEncoderFile, type: SingleType = "sd3") -> TextEncoderHandle:
    """Open one text encoder of SD3, in GGUF or safetensors."""
    return _open_encoders(ctx, [clip_name], type)


@node("DualCLIPLoader", title="Load two CLIP", category="advanced/loaders")
def dual_clip_loader(
    ctx: Context,
    clip_name1: TextEncoderFile,
    clip_name2: TextEncoderFile,
    type: DualType,
    device: Device = "default",
) -> TextEncoderHandle:
    """Open two text encoders of SD3, in any order."""
    return _open_encoders(ctx, [clip_name1, clip_name2], type, device)


@node("DualCLIPLoaderGGUF", title="Load two CLIP (GGUF)", category="advanced/loaders")
def dual_clip_loader_gguf(
    ctx: Context, clip_name1: TextEncoderFile, clip_name2: TextEncoderFile, type: DualType = "sd3"
) -> TextEncoderHandle:
    """Open two text encoders of SD3, each in GGUF or safetensors."""
    return _open_encoders(ctx, [clip_name1, clip_name2], type)


@node("TripleCLIPLoader", title="Load three CLIP", category="advanced/loaders")
def triple_clip_loader(
    ctx: Context, clip_name1: TextEncoderFile, clip_name2: TextEncoderFile, clip_name3: TextEncoderFile
) -> TextEncoderHandle:
    """Open the three text encoders of SD3 and SD3.5, in any order."""
    return _open_encoders(ctx, [clip_name1, clip_name2, clip_name3], "sd3")


@node("TripleCLIPLoaderGGUF", title="Load three CLIP (GGUF)", category="advanced/loaders")
def triple_clip_loader_gguf(
    ctx: Context, clip_name1: TextEncoderFile, clip_name2: TextEncoderFile, clip_name3: TextEncoderFile
) -> TextEncoderHandle:
    """Open the three text encoders of SD3 and SD3.5, each in GGUF or safetensors."""
    return _open_encoders(ctx, [clip_name1, clip_name2, clip_name3], "sd3")


NODES = (
    checkpoint_loader_simple,
    unet_loader,
    unet_loader_gguf,
    vae_loader,
    clip_loader,
    clip_loader_gguf,
    dual_clip_loader,
    dual_clip_loader_gguf,
    triple_clip_loader,
    triple_clip_loader_gguf,
)
