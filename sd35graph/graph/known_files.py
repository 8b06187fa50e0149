"""Where the published SD3 and SD3.5 files can be had: for fetching them, and for the messages about missing ones."""

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
    """A published file: its repository on Hugging Face and its path in there.

    size_gb: about its size, in units of 10^9 bytes. folder: where it belongs, below a folder of models.
    gated: its licence must be accepted.
    """

    repository: str
    path: str
    size_gb: float
    folder: str = "checkpoints"
    gated: bool = True

    @property
    def name(self) -> str:
        """What the file is called."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def pull_name(self) -> str:
        """What to fetch it by: a model by the set that brings all it needs to draw, others by the file's name."""
        led = (name for name, members in KNOWN_SETS.items() if members[0] == self.name)
        return next(led, self.name) if self.folder == "checkpoints" else self.name

    @property
    def command(self) -> str:
        """The command line that fetches it."""
        return f"sd35graph models pull {self.pull_name}"

    def how_to_get(self) -> str:
        """Half a sentence that says how to get the file."""
        gate = ", after accepting its licence there" if self.gated else ""
        return f"run `{self.command}`, or get {self.path} from {self.repository} on Hugging Face{gate}"


_ENCODERS, _CONTROLNET = "text_encoders", "controlnet"

_FILES = (
    KnownFile(_LARGE, "sd3.5_large.safetensors", 16.5),
    KnownFile(_TURBO, "sd3.5_large_turbo.safetensors", 16.5),
    KnownFile(_MEDIUM, "sd3.5_medium.safetensors", 5.1),
    KnownFile(_FP8, "sd3.5_large_fp8_scaled.safetensors", 14.9, gated=False),
    KnownFile(_FP8, "sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors", 11.6, gated=False),
    KnownFile(_SD3, "sd3_medium.safetensors", 4.3),
    KnownFile(_SD3, "sd3_medium_incl_clips.safetensors", 6.0),
    KnownFile(_SD3, "sd3_medium_incl_clips_t5xxlfp8.safetensors", 10.9),
    KnownFile(_SD3, "sd3_medium_incl_clips_t5xxlfp16.safetensors", 15.8),
    KnownFile(_LARGE, "text_encoders/clip_l.safetensors", 0.2, _ENCODERS),
    KnownFile(_LARGE, "text_encoders/clip_g.safetensors", 1.4, _ENCODERS),
    KnownFile(_LARGE, "text_encoders/t5xxl_fp16.safetensors", 9.8, _ENCODERS),
    KnownFile(_LARGE, "text_encoders/t5xxl_fp8_e4m3fn.safetensors", 4.9, _ENCODERS),
    KnownFile(_FP8, "text_encoders/t5xxl_fp8_e4m3fn_scaled.safetensors", 5.2, _ENCODERS, gated=False),
    KnownFile(_CONTROLNETS, "sd3.5_large_controlnet_blur.safetensors", 8.7, _CONTROLNET),
    KnownFile(_CONTROLNETS, "sd3.5_large_controlnet_canny.safetensors", 8.7, _CONTROLNET),
    KnownFile(_CONTROLNETS, "sd3.5_large_controlnet_depth.safetensors", 8.7, _CONTROLNET),
    KnownFile("openai/clip-vit-large-patch14", "vocab.json", 0.001, "tokenizers/clip", gated=False),
    KnownFile("openai/clip-vit-large-patch14", "merges.txt", 0.0005, "tokenizers/clip", gated=False),
    KnownFile("google/t5-v1_1-xxl", "spiece.model", 0.0008, "tokenizers/t5", gated=False),
)

KNOWN_FILES: Mapping[str, KnownFile] = {file.name: file for file in _FILES}
"""Published files by the name workflows use."""

_TOKENIZERS = ("vocab.json", "merges.txt", "spiece.model")
_TEXT = ("clip_l.safetensors", "clip_g.safetensors", "t5xxl_fp16.safetensors", *_TOKENIZERS)

KNOWN_SETS: Mapping[str, tuple[str, ...]] = {
    "sd3.5-large": ("sd3.5_large.safetensors", *_TEXT),
    "sd3.5-large-turbo": ("sd3.5_large_turbo.safetensors", *_TEXT),
    "sd3.5-medium": ("sd3.5_medium.safetensors", *_TEXT),
    "sd3-medium": ("sd3_medium.safetensors", *_TEXT),
    "sd3.5-large-fp8": ("sd3.5_large_fp8_scaled.safetensors", *_TOKENIZERS),
    "sd3.5-medium-fp8": ("sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors", *_TOKENIZERS),
    "text-encoders": _TEXT,
    "text-encoders-fp8": (
        "clip_l.safetensors",
        "clip_g.safetensors",
        "t5xxl_fp8_e4m3fn_scaled.safetensors",
        *_TOKENIZERS,
    ),
    "tokenizers": _TOKENIZERS,
    "sd3.5-large-controlnets": tuple(file.name for file in _FILES if file.folder == _CONTROLNET),
}
"""What belongs together, by the name it is fetched by: a model comes with all it needs to draw."""


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
