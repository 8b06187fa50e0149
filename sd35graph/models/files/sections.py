"""Where each network lies inside a weights file, and what a file holds if it is none of ours.

All-in-one checkpoints put a prefix before each network's keys; stand-alone files usually do not. The networks are
told apart by keys that only they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from sd35graph.models.errors import ForeignModelError, UnsupportedStorageError, WeightsMismatchError
from sd35graph.models.files.header import Header
from sd35graph.models.files.scaled_fp8 import MARK
from sd35graph.models.files.storage import Shape

EncoderName = Literal["clip_l", "clip_g", "t5xxl"]
Section = Literal["mmdit", "vae", "clip_l", "clip_g", "t5xxl", "controlnet"]

SECTIONS: tuple[Section, ...] = get_args(Section)
ENCODERS: tuple[EncoderName, ...] = get_args(EncoderName)

CHECKPOINT_PREFIXES: Mapping[Section, str] = {
    "mmdit": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "clip_l": "text_encoders.clip_l.transformer.",
    "clip_g": "text_encoders.clip_g.transformer.",
    "t5xxl": "text_encoders.t5xxl.transformer.",
}

TITLES: Mapping[Section, str] = {
    "mmdit": "diffusion model",
    "vae": "VAE",
    "clip_l": "CLIP-L text encoder",
    "clip_g": "CLIP-G text encoder",
    "t5xxl": "T5-XXL text encoder",
    "controlnet": "ControlNet",
}

# The metadata entry by which a stand-alone encoder file can name itself; needed where the width does not tell.
PART_METADATA = "sd35graph.part"

_CLIP_WIDTHS: Mapping[int, EncoderName] = {768: "clip_l", 1280: "clip_g"}

_CLIP_EMBEDDING = "text_model.embeddings.token_embedding.weight"

# A key starting like this is in every file with the network, and in no other network read here.
_SIGNATURES: Mapping[Section, str] = {
    "mmdit": "joint_blocks.",
    "vae": "decoder.mid.block_1.",
    "clip_l": "text_model.",
    "clip_g": "text_model.",
    "t5xxl": "encoder.block.",
    "controlnet": "pos_embed_input.",
}

# Parts of complete CLIP and T5 files that the text encoder does not use, and buffers some writers store.
_TOLERATED: Mapping[Section, tuple[str, ...]] = {
    "mmdit": (),
    "vae": (),
    "controlnet": ("control_type",),  # says what it was trained on; read by `open_controlnet`
    "clip_l": (
        "logit_scale",
        "text_projection.weight",
        "text_model.embeddings.position_ids",
        "vision_model.",
        "visual_projection.",
    ),
    "clip_g": ("logit_scale", "text_model.embeddings.position_ids", "vision_model.", "visual_projection."),
    "t5xxl": ("encoder.embed_tokens.weight", "decoder.", "lm_head.", "dec.", "output.weight"),
}

# What a file is if it has a key starting with the first string; the order decides between several.
_FOREIGN: tuple[tuple[str, str], ...] = (
    ("conditioner.embedders.", "a Stable Diffusion XL checkpoint"),
    ("cond_stage_model.model.", "a Stable Diffusion 2 checkpoint"),
    ("cond_stage_model.", "a Stable Diffusion 1 checkpoint"),
    ("model.diffusion_model.double_blocks.", "a Flux checkpoint"),
    ("double_blocks.", "a Flux diffusion model"),
    ("model.diffusion_model.input_blocks.", "a Stable Diffusion 1, 2 or XL diffusion model"),
    ("input_blocks.", "a Stable Diffusion 1, 2 or XL diffusion model"),
    ("model.diffusion_model.double_layers.", "an AuraFlow checkpoint"),
    ("controlnet_x_embedder.", "a ControlNet for Flux"),
    ("controlnet_blocks.", "a ControlNet for another model than SD3 and SD3.5"),
    ("control_model.", "a ControlNet for Stable Diffusion 1, 2 or XL"),
    ("input_hint_block.", "a ControlNet for Stable Diffusion 1, 2 or XL"),
    ("controlnet_cond_embedding.", "a ControlNet for Stable Diffusion 1, 2 or XL"),
    ("transformer_blocks.", "a diffusion transformer of another family in diffusers' key layout"),
    ("decoder.up_blocks.", "a VAE of another kind in diffusers' key layout"),
    ("down_blocks.", "a Stable Diffusion 1, 2 or XL diffusion model in diffusers' key layout"),
    ("transformer.resblocks.", "a CLIP text encoder in OpenCLIP's key layout (use the one in transformers' layout)"),
    ("model.layers.", "a large language model"),
)  # fmt: skip


def locate(header: Header) -> dict[Section, str]:
    """The networks in the file and the prefix of their keys.

    Raises `ForeignModelError` if there is none, `UnsupportedStorageError` for quantised files and
    `WeightsMismatchError` if keys are left that belong to none of the networks found.
    """
    _refuse_quantised(header)
    found = {name: prefix for name, prefix in CHECKPOINT_PREFIXES.items() if _has(header, prefix + _SIGNATURES[name])}
    if not found:
        found = _locate_standalone(header)
    stray = sorted(
        key for key in header.tensors if not key.startswith(tuple(found.values())) and not _is_logit_scale(key)
    )
    if not found or (stray and _foreign(header)):
        raise ForeignModelError(f"{header.path} holds {looks_like(header)}; expected a part of SD3 or SD3.5.")
    if stray:
        raise WeightsMismatchError(
            f"{header.path} holds {listed(found)}, and {len(stray)} keys that belong to none: {first_ten(stray)}."
        )
    return found


def looks_like(header: Header) -> str:
    """What the file seems to hold, in words, from its keys alone."""
    foreign = _foreign(header)
    if foreign:
        return foreign
    sample = ", ".join(sorted(header.tensors)[:3])
    return f"an unknown model with keys such as {sample}" if sample else "no tensors at all"


def check_keys(section: Section, expected: Mapping[str, Shape], found: Mapping[str, Shape], where: str) -> None:
    """Raise `WeightsMismatchError`, naming the first ten, unless `found` is `expected` plus tolerated keys."""
    missing = [key for key in expected if key not in found]
    tolerated = (MARK, *_TOLERATED[section])
    unexpected = [key for key in found if key not in expected and not key.startswith(tolerated)]
    shapes = [
        f"{key} {list(found[key])} instead of {list(shape)}"
        for key, shape in expected.items()
        if key in found and found[key] != shape
    ]
    defects = [
        f"{len(keys)} {kind}: {first_ten(keys)}"
        for kind, keys in (("missing", missing), ("unexpected", unexpected), ("of wrong shape", shapes))
        if keys
    ]
    if defects:
        raise WeightsMismatchError(f"{where}: the keys of the {TITLES[section]} do not fit. {'; '.join(defects)}.")


def first_ten(names: list[str]) -> str:
    """The first ten names, and how many follow."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def listed(sections: Iterable[Section]) -> str:
    """The networks, in words: "diffusion model, VAE"."""
    return ", ".join(TITLES[name] for name in sections)


def _has(header: Header, start: str) -> bool:
    return any(key.startswith(start) for key in header.tensors)


def _foreign(header: Header) -> str | None:
    """Which known kind of file other than ours this is."""
    if any("lora_" in key or ".lora" in key for key in header.tensors):
        return "a LoRA (it belongs in models/loras and is applied to a model)"
    return next((description for start, description in _FOREIGN if _has(header, start)), None)


def _locate_standalone(header: Header) -> dict[Section, str]:
    if _has(header, _SIGNATURES["mmdit"]):
        return {"mmdit": ""}
    if _has(header, _SIGNATURES["vae"]):
        return {"vae": ""}
    if _has(header, _SIGNATURES["controlnet"]):
        return {"controlnet": ""}
    if _has(header, _SIGNATURES["t5xxl"]):
        return {"t5xxl": ""}
    if _has(header, _SIGNATURES["clip_l"]):
        return {_clip_name(header): ""}
    return {}


def _clip_name(header: Header) -> EncoderName:
    named = header.metadata.get(PART_METADATA)
    for encoder in ENCODERS:
        if named == encoder:
            return encoder
    embedding = header.tensors.get(_CLIP_EMBEDDING)
    if embedding is None:
        raise WeightsMismatchError(
            f'{header.path} holds a CLIP text encoder, but its key "{_CLIP_EMBEDDING}" is missing.'
        )
    width = embedding.shape[-1] if embedding.shape else 0
    if width not in _CLIP_WIDTHS:
        raise ForeignModelError(
            f"{header.path} holds a CLIP text encoder of width {width}; expected 768 (CLIP-L) or 1280 (CLIP-G)."
        )
    return _CLIP_WIDTHS[width]


def _refuse_quantised(header: Header) -> None:
    for key in header.tensors:
        if ".quant_state." in key or key.endswith(".absmax"):
            raise UnsupportedStorageError(
                f'{header.path} is a bitsandbytes-quantised file (it has "{key}"), which is not supported. '
                "Use the fp16, bf16 or fp32 version of the model."
            )


def _is_logit_scale(key: str) -> bool:
    return key.startswith("text_encoders.") and key.endswith(".logit_scale")
