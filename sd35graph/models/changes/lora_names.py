"""What the modules of a LoRA file are called, and which weights of our networks they stand for.

Names are compared with underscores for dots, as kohya's trainer writes them; no two names differ in that alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sd35graph.models.files.diffusers_names import Place, mmdit_places
from sd35graph.models.files.sections import Section

PREFIXES: Mapping[Section, tuple[str, ...]] = {
    "t5xxl": ("lora_te3_", "text_encoders_t5xxl_transformer_", "t5xxl_transformer_", "text_encoder_3_"),
    "clip_g": ("lora_te2_", "text_encoders_clip_g_transformer_", "clip_g_transformer_", "text_encoder_2_"),
    "clip_l": ("lora_te1_", "lora_te_", "text_encoders_clip_l_transformer_", "clip_l_transformer_", "text_encoder_"),
    "mmdit": (
        "model_diffusion_model_",
        "diffusion_model_",
        "lora_unet_",
        "lora_transformer_",
        "lycoris_",
        "base_model_model_",
        "transformer_",
        "",
    ),
}
"""What stands before a network's own name for a module, in the order to try them in: any name fits the last."""


def flat(name: str) -> str:
    """`name` in the form that names are compared in."""
    return name.replace(".", "_")


def home(tensor: str) -> tuple[Section, tuple[str, ...]]:
    """The network a tensor belongs to by its prefix, and what it may be called there, flat."""
    name = flat(tensor)
    for section, prefixes in PREFIXES.items():
        names = tuple(name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix))
        if names:
            return section, names
    raise AssertionError("every name starts with the empty prefix")


def places(section: Section, keys: Iterable[str]) -> dict[str, Place]:
    """Name of a tensor, flat and without prefix -> its place, for a network whose state dict has `keys`."""
    named = {key: Place(key) for key in keys}
    if section == "mmdit":
        depth = sum(key.endswith(".x_block.attn.qkv.weight") for key in named)
        for theirs, place in mmdit_places(depth).items():
            for ending in (".weight", ".bias"):
                if (key := place.name + ending) in named:
                    named[theirs + ending] = replace(place, name=key)
    return {flat(name): place for name, place in named.items()}
