"""Where the published SD3 and SD3.5 files can be had, for the messages about missing ones."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

_LARGE = "stabilityai/stable-diffusion-3.5-large"
_TURBO = "stabilityai/stable-diffusion-3.5-large-turbo"
_MEDIUM = "stabilityai/stable-diffusion-3.5-medium"
_SD3 = "stabilityai/stable-diffusion-3-medium"
_CONTROLNETS = "stabilityai/stable-diffusion-3.5-controlnets"
_FP8 = "Comfy-Org/stable-diffusion-3.5-fp8"


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A published file: its repository on Hugging Face and its path in there. gated: its licence must be accepted."""

    repository: str
    path: str
    gated: bool = True

    def how_to_get(self) -> str:
        """Half a sentence that says where the file is."""
        gate = ", after accepting its licence there" if self.gated else ""
        return f"get {self.path} from {self.repository} on Hugging Face{gate}"


KNOWN_FILES: Mapping[str, KnownFile] = {
    "sd3.5_large.safetensors": KnownFile(_LARGE, "sd3.5_large.safetensors"),
    "sd3.5_large_turbo.safetensors": KnownFile(_TURBO, "sd3.5_large_turbo.safetensors"),
    "sd3.5_medium.safetensors": KnownFile(_MEDIUM, "sd3.5_medium.safetensors"),
    "sd3.5_large_fp8_scaled.safetensors": KnownFile(_FP8, "sd3.5_large_fp8_scaled.safetensors", gated=False),
    "sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors": KnownFile(
        _FP8, "sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors", gated=False
    ),
    "sd3_medium.safetensors": KnownFile(_SD3, "sd3_medium.safetensors"),
    "sd3_medium_incl_clips.safetensors": KnownFile(_SD3, "sd3_medium_incl_clips.safetensors"),
    "sd3_medium_incl_clips_t5xxlfp8.safetensors": KnownFile(_SD3, "sd3_medium_incl_clips_t5xxlfp8.safetensors"),
    "sd3_medium_incl_clips_t5xxlfp16.safetensors": KnownFile(_SD3, "sd3_medium_incl_clips_t5xxlfp16.safetensors"),
    "clip_l.safetensors": KnownFile(_LARGE, "text_encoders/clip_l.safetensors"),
    "clip_g.safetensors": KnownFile(_LARGE, "text_encoders/clip_g.safetensors"),
    "t5xxl_fp16.safetensors": KnownFile(_LARGE, "text_encoders/t5xxl_fp16.safetensors"),
    "t5xxl_fp8_e4m3fn.safetensors": KnownFile(_LARGE, "text_encoders/t5xxl_fp8_e4m3fn.safetensors"),
    "t5xxl_fp8_e4m3fn_scaled.safetensors": KnownFile(
        _FP8, "text_encoders/t5xxl_fp8_e4m3fn_scaled.safetensors", gated=False
    ),
    "sd3.5_large_controlnet_blur.safetensors": KnownFile(_CONTROLNETS, "sd3.5_large_controlnet_blur.safetensors"),
    "sd3.5_large_controlnet_canny.safetensors": KnownFile(_CONTROLNETS, "sd3.5_large_controlnet_canny.safetensors"),
    "sd3.5_large_controlnet_depth.safetensors": KnownFile(_CONTROLNETS, "sd3.5_large_controlnet_depth.safetensors"),
}
"""Published files by the name workflows use."""


def known_file(name: str) -> KnownFile | None:
    """The published file a workflow means by `name`, whatever folder it puts in front and however it is cased."""
    return KNOWN_FILES.get(name.replace("\\", "/").rsplit("/", 1)[-1].lower())


def nearest(name: str, choices: list[str]) -> list[str]:
    """Up to three of `choices` that look like `name`: the same file in another folder, then the nearest."""
    wanted = name[:200].replace("\\", "/")
    base = wanted.rsplit("/", 1)[-1].lower()
    moved = [choice for choice in choices if choice.rsplit("/", 1)[-1].lower() == base]
    near = difflib.get_close_matches(wanted, choices, n=3, cutoff=0.6)
    return list(dict.fromkeys([*moved, *near]))[:3]
