"""Frozen tensor values that travel on the edges of a graph.

Shape vocabulary: B batch, C latent channels, H W pixels, h w latent cells, L tokens, D context width, P pooled width.
Values are never changed in place: a cached output has to mean the same thing on its second use. Use
`dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor


def tensor_bytes(tensors: Iterable[Tensor | None]) -> int:
    """Memory held by `tensors`, in bytes; `None` counts nothing. A view holds all of what it is a view of."""
    return sum(t.untyped_storage().nbytes() for t in tensors if t is not None)


def _require(what: str, name: str, axes: str, tensor: object) -> None:
    """Raise unless `tensor` is one, with as many axes as `axes` names, and none of them empty."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{what} holds a tensor {axes}, but got a value of type {type(tensor).__name__}")
    shape = list(tensor.shape)
    if len(shape) != axes.count(",") + 1:
        raise ValueError(f"{what} holds a batch, {axes}, but got {name} of shape {shape}")
    if 0 in shape:
        raise ValueError(f"{what} holds at least one of everything, {axes}, but got {name} of shape {shape}")


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A batch of RGB pictures.

    pixels: [B, H, W, 3], float32, 0..1; other packs may add alpha as a fourth channel. Raises `TypeError` or
    `ValueError` for what is no batch, in the code that made it and not in a node far behind.
    """

    pixels: Tensor

    def __post_init__(self) -> None:
        _require("an Image", "pixels", "[B, H, W, 3]", self.pixels)
        if self.pixels.shape[-1] not in (3, 4):
            shape = list(self.pixels.shape)
            raise ValueError(f"an Image has 3 channels, or 4 with alpha, but got pixels of shape {shape}")

    @property
    def size_bytes(self) -> int:
        return tensor_bytes([self.pixels])


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A batch of masks, 1 where an operation applies.

    values: [B, H, W], float32, 0..1. Raises as `Image` does.
    """

    values: Tensor

    def __post_init__(self) -> None:
        _require("a Mask", "values", "[B, H, W]", self.values)

    @property
    def size_bytes(self) -> int:
        return tensor_bytes([self.values])


@dataclass(frozen=True, slots=True, eq=False)
class Latent:
    """A batch of latent pictures, in VAE space (not the scaled space the transformer sees).

    samples: [B, C, h, w], float32.
    noise_mask: [B or 1, H, W], 1 where the sampler may change the picture; None: everywhere.
    batch_index: which draw of the seed's noise sequence each row takes; None: one draw for the whole batch.
    Raises as `Image` does.
    """

    samples: Tensor
    noise_mask: Tensor | None = None
    batch_index: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        _require("a Latent", "samples", "[B, C, h, w]", self.samples)
        if self.noise_mask is not None:
            _require("the noise mask of a Latent", "values", "[B, H, W]", self.noise_mask)

    @property
    def size_bytes(self) -> int:
        return tensor_bytes([self.samples, self.noise_mask])


@dataclass(frozen=True, slots=True)
class PixelArea:
    """A rectangle in pixels: the part of the picture a conditioning entry describes."""

    width: int
    height: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class FractionArea:
    """A rectangle as fractions (0..1) of the latent's width and height."""

    width: float
    height: float
    x: float
    y: float


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """A hint picture that steers the model through a ControlNet, while the schedule is between two percents.

    net, vae: handles of the ControlNet and of the VAE that encodes the hint; sampling hands them on unread.
    hint: [B, H, W, 3], 0..1; cut about the centre and scaled to the latent's size. strength: of its effect.
    """

    net: object
    hint: Tensor
    vae: object | None
    strength: float = 1.0
    start_percent: float = 0.0
    end_percent: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class ConditioningEntry:
    """One encoded prompt and where, when and how strongly it applies.

    cond: [B, L, D]; pooled: [B, P].
    start_percent, end_percent: the part of the schedule (0 first, 1 last) in which the entry is active.
    strength: weight of its prediction in the average of all active entries.
    mask: [B or 1, H, W] or None; mask_bounds: confine the entry to the mask's bounding box.
    controls: what steers the model while it follows this entry; several add up.
    """

    cond: Tensor
    pooled: Tensor
    start_percent: float = 0.0
    end_percent: float = 1.0
    area: PixelArea | FractionArea | None = None
    strength: float = 1.0
    mask: Tensor | None = None
    mask_strength: float = 1.0
    mask_area: Literal["default", "mask bounds"] = "default"
    controls: tuple[Control, ...] = ()

    @property
    def size_bytes(self) -> int:
        return tensor_bytes([self.cond, self.pooled, self.mask, *(control.hint for control in self.controls)])


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """What the picture should show: one or more entries, averaged by the guidance."""

    entries: tuple[ConditioningEntry, ...]

    @property
    def size_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.entries)


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """How a flow-matching model maps schedule time to noise level (SD3 paper, arXiv 2403.03206, section 5.3.2).

    shift: s in sigma(u) = s*u / (1 + (s-1)*u).
    mode: "discrete" samples sigma from the table of `timesteps` values; "continuous" uses the formula at real u.
    multiplier: timestep fed to the network per unit of sigma.
    """

    shift: float = 3.0
    mode: Literal["discrete", "continuous"] = "discrete"
    timesteps: int = 1000
    multiplier: float = 1000.0


@dataclass(frozen=True, slots=True)
class SkipLayerGuidance:
    """Push away from what the network predicts with some blocks left out.

    layers: indices of these blocks. scale: weight of the difference.
    start_percent, end_percent: the part of schedule time in which it acts.
    rescale: how much of the growth in contrast is taken back, 0..1 (arXiv 2305.08891, section 3.4, on x0).
    """

    layers: frozenset[int]
    scale: float = 3.0
    start_percent: float = 0.01
    end_percent: float = 0.15
    rescale: float = 0.0


@dataclass(frozen=True, slots=True)
class GuidanceOptions:
    """How a model's predictions are combined, beyond cfg.

    start_percent, end_percent: the part of schedule time in which cfg acts; elsewhere the positive is followed alone
    (arXiv 2404.07724). rescale: how much of the growth in contrast is taken back, 0..1 (arXiv 2305.08891).
    skip_layers: each adds its own difference.
    """

    start_percent: float = 0.0
    end_percent: float = 1.0
    rescale: float = 0.0
    skip_layers: tuple[SkipLayerGuidance, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Guider:
    """What the picture should show and how strongly.

    negative: what it should not show; None for no guidance at all, in which case cfg has no effect.
    cfg: 1 follows the positive alone, and the negative is then not evaluated.
    middle: a second prompt between the two, or None: cfg then leads from it to the positive, and cfg_middle from the
    negative to it (arXiv 2211.09800, equation 3).
    """

    positive: Conditioning
    negative: Conditioning | None = None
    cfg: float = 1.0
    options: GuidanceOptions = GuidanceOptions()
    middle: Conditioning | None = None
    cfg_middle: float = 1.0

    @property
    def size_bytes(self) -> int:
        prompts = (self.positive, self.negative, self.middle)
        return sum(prompt.size_bytes for prompt in prompts if prompt is not None)


@dataclass(frozen=True, slots=True)
class Noise:
    """Where a run's noise comes from. seed: 0 .. 2^64 - 1, or None for a run that adds none at its start."""

    seed: int | None


@dataclass(frozen=True, slots=True)
class SamplerChoice:
    """A sampler by the name it has in the table of samplers."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class SigmaSchedule:
    """Noise levels in the order they are visited: [n + 1] for n steps, float32, normally falling to 0."""

    sigmas: Tensor

    @property
    def size_bytes(self) -> int:
        return tensor_bytes([self.sigmas])


LATENT_CHANNELS = 16
# Stability-AI/sd3.5 sd3_impls.py, SD3LatentFormat (MIT): the transformer sees (z - shift) * scale.
LATENT_SCALE = 1.5305
LATENT_SHIFT = 0.0609


def latent_to_model(samples: Tensor) -> Tensor:
    """Latents of the VAE, [B, 16, h, w], moved to the space the transformer works in."""
    return (samples - LATENT_SHIFT) * LATENT_SCALE


def model_to_latent(samples: Tensor) -> Tensor:
    """Latents of the transformer, [B, 16, h, w], moved back to the space of the VAE."""
    return samples / LATENT_SCALE + LATENT_SHIFT
