"""Frozen descriptions of models: which weights, and how they are used. Nothing here holds a tensor.

The `open_…` functions read headers only. They find every defect of a file that can be known without reading its
tensors, so that a wrong file is refused by the loader node and not in the middle of a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from sd35graph.models.errors import ForeignModelError, MissingPartError, ModelError
from sd35graph.models.files.checkpoint import Fingerprint, check_number, load_tensors, read_header
from sd35graph.models.files.sections import ENCODERS, TITLES, Section, listed, locate
from sd35graph.models.files.storage import Fp8Code
from sd35graph.models.networks.build import check_section
from sd35graph.models.networks.clip import CLIP_LAYER
from sd35graph.values import FlowSettings, GuidanceOptions, Guider

Placement = Literal["default", "cpu"]

_REF_BYTES = 512  # a handle is a few short strings; the cache needs a number, not the exact one


@runtime_checkable
class WeightPatch(Protocol):
    """A change to a network's weights, such as a LoRA. Frozen and hashable: it is part of the pool's key.

    It works on one tensor at a time, so that networks can be loaded in parts. Keys are those of the network, without
    a checkpoint's prefix.
    """

    def changes(self, key: str) -> bool:
        """Whether the tensor under `key` is changed."""
        ...

    def apply(self, key: str, weight: Tensor) -> Tensor:
        """The changed tensor, float32, of the float32 `weight`, which must not be written to (it may map the file)."""
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class WeightsRef:
    """One network inside one file, as it was when inspected, and the changes to make to its weights, in order.

    storage: the fp8 form to round the weights of linear layers to in memory; None keeps what the file has.
    """

    path: Path
    fingerprint: Fingerprint
    section: Section
    patches: tuple[WeightPatch, ...] = ()
    storage: Fp8Code | None = None


@dataclass(frozen=True, slots=True)
class ModelHandle:
    """A diffusion transformer, the flow it was trained on, and how its predictions are combined."""

    weights: WeightsRef
    flow: FlowSettings = field(default_factory=FlowSettings)
    guidance: GuidanceOptions = field(default_factory=GuidanceOptions)

    @property
    def size_bytes(self) -> int:
        return _REF_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class GuidedModel:
    """A model and the prompts it is to follow."""

    model: ModelHandle
    guider: Guider

    @property
    def size_bytes(self) -> int:
        return self.model.size_bytes + self.guider.size_bytes


@dataclass(frozen=True, slots=True)
class TextEncoderHandle:
    """Up to three text encoders. Empty, with the checkpoint's path, if that file holds none: using it is the error.

    placement: "cpu" keeps them off the GPU, "default" puts them where the pool computes.
    clip_layer: the CLIP layer whose hidden states are used, counted from the end, -1 the last.
    """

    weights: tuple[WeightsRef, ...]
    checkpoint: Path | None = None
    placement: Placement = "default"
    clip_layer: int = CLIP_LAYER

    @property
    def size_bytes(self) -> int:
        return _REF_BYTES * max(1, len(self.weights))

    def require(self) -> tuple[WeightsRef, ...]:
        """The encoders; raises `MissingPartError` if there is none."""
        if not self.weights:
            raise MissingPartError(
                f"{self.checkpoint} holds no text encoders. Load them from their own files "
                "(TripleCLIPLoader, DualCLIPLoader or CLIPLoader), or use a checkpoint that includes them."
            )
        return self.weights


@dataclass(frozen=True, slots=True)
class VaeHandle:
    """An autoencoder. Without weights, but with the checkpoint's path, if that file holds none."""

    weights: WeightsRef | None
    checkpoint: Path | None = None

    @property
    def size_bytes(self) -> int:
        return _REF_BYTES

    def require(self) -> WeightsRef:
        """The autoencoder; raises `MissingPartError` if there is none."""
        if self.weights is None:
            raise MissingPartError(
                f"{self.checkpoint} holds no VAE. Load one from its own file (VAELoader), "
                "or use a checkpoint that includes it."
            )
        return self.weights


ControlKind = Literal["blur", "canny", "depth"]


@dataclass(frozen=True, slots=True)
class ControlNetHandle:
    """A ControlNet. kind: of SD3.5 Large's, the one whose hints have to be prepared in its way."""

    weights: WeightsRef
    kind: ControlKind = "blur"

    @property
    def size_bytes(self) -> int:
        return _REF_BYTES


def open_checkpoint(path: Path) -> tuple[ModelHandle, TextEncoderHandle, VaeHandle]:
    """The diffusion model, text encoders and VAE of an all-in-one file; the latter two may be absent from it."""
    refs = _inspect(path)
    if "mmdit" not in refs:
        raise MissingPartError(f"{path} holds no diffusion model, only: {listed(refs)}. {_home(refs)}")
    encoders = tuple(refs[name] for name in ENCODERS if name in refs)
    return ModelHandle(refs["mmdit"]), TextEncoderHandle(encoders, path), VaeHandle(refs.get("vae"), path)


def open_diffusion_model(path: Path, storage: Fp8Code | None = None) -> ModelHandle:
    """The transformer in a file of its own, with or without the all-in-one prefix, or in an all-in-one file.

    storage: the fp8 form to keep large weights in; None keeps what the file has.
    """
    return ModelHandle(replace(_only(path, "mmdit"), storage=storage))


def open_vae(path: Path) -> VaeHandle:
    """The autoencoder in a file of its own, with or without the all-in-one prefix, or in an all-in-one file."""
    return VaeHandle(_only(path, "vae"), path)


def open_text_encoders(paths: Sequence[Path], placement: Placement = "default") -> TextEncoderHandle:
    """The text encoders in `paths`, in any order; each file says which it is. At most one of each kind.

    placement: "cpu" computes them on the CPU whatever the pool's device, which leaves the GPU to the diffusion model.
    """
    if not paths:
        raise ModelError("At least one text encoder file is needed, none was given.")
    found: dict[Section, WeightsRef] = {}
    for path in paths:
        refs = _inspect(path)
        encoders = {name: refs[name] for name in ENCODERS if name in refs}
        if not encoders:
            raise ForeignModelError(f"{path} holds no text encoder, only: {listed(refs)}. {_home(refs)}")
        for name, ref in encoders.items():
            if name in found:
                raise ModelError(f"{found[name].path} and {path} are both a {TITLES[name]}; give one of each kind.")
            found[name] = ref
    return TextEncoderHandle(tuple(found[name] for name in ENCODERS if name in found), placement=placement)


_CONTROL_KINDS: tuple[ControlKind, ...] = ("blur", "canny", "depth")  # by the number in the file


def open_controlnet(path: Path) -> ControlNetHandle:
    """A ControlNet of SD3 or SD3.5; see `sd35graph.models.networks.controlnet` for the key layouts read."""
    weights = _only(path, "controlnet")
    header = read_header(path)
    kind = 0.0
    if (key := "control_type") in header.tensors:
        check_number(header, key)
        kind = float(load_tensors(header, {key: key}, torch.device("cpu"), torch.float64)[key])
    if kind not in range(len(_CONTROL_KINDS)):
        raise ForeignModelError(f"{path} is a ControlNet of type {kind:g}; expected 0 (blur), 1 (canny) or 2 (depth).")
    return ControlNetHandle(weights, _CONTROL_KINDS[int(kind)])


def _only(path: Path, section: Section) -> WeightsRef:
    refs = _inspect(path)
    if section not in refs:
        raise ForeignModelError(f"{path} holds no {TITLES[section]}, only: {listed(refs)}. {_home(refs)}")
    return refs[section]


def _inspect(path: Path) -> dict[Section, WeightsRef]:
    """Check all networks in the file against its header."""
    header = read_header(path)
    sections = locate(header)
    for section, prefix in sections.items():
        check_section(header, section, prefix)
    return {section: WeightsRef(path, header.fingerprint, section) for section in sections}


def _home(sections: Mapping[Section, WeightsRef]) -> str:
    """Where a file with these networks belongs."""
    if "mmdit" in sections:
        return "It belongs in models/checkpoints or models/diffusion_models."
    if "vae" in sections:
        return "It belongs in models/vae and is loaded with VAELoader."
    if "controlnet" in sections:
        return "It belongs in models/controlnet and is loaded with ControlNetLoader."
    return "It belongs in models/text_encoders and is loaded with TripleCLIPLoader, DualCLIPLoader or CLIPLoader."
