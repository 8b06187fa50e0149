"""LoRA files: small changes to a network's weights, applied one tensor at a time while it is loaded.

LoRA: arXiv 2106.09685; LoHa: arXiv 2108.06098; LoKr: arXiv 2309.14859, section 3. The file formats of the last two are
those of LyCORIS (Apache-2.0), `modules/loha.py` and `modules/lokr.py`, and so are whole differences (`full.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from sd35graph.models.changes.lora_names import home, places
from sd35graph.models.errors import ForeignModelError, UnsupportedStorageError, WeightsMismatchError
from sd35graph.models.files.checkpoint import (
    Fingerprint,
    Header,
    Shape,
    check_number,
    check_storage,
    check_unchanged,
    load_tensors,
    read_header,
)
from sd35graph.models.files.diffusers_names import Place
from sd35graph.models.files.sections import TITLES, Section, first_ten

_FACTOR = re.compile(
    r"(?P<module>.+?)(\.processor)?"
    r"([._]lora(_linear_layer)?[._](?P<side>down|up|A|B)(\.default)?\.weight|\.(?P<other>alpha|hada_w[12]_[ab]|lokr_w[12](_[ab])?|diff|diff_b))"
)
"""A tensor's key: the module it changes, and which factor of the change it is."""

_SIDES: Mapping[str, str] = {"down": "down", "A": "down", "up": "up", "B": "up"}

_UNSUPPORTED: Mapping[str, str] = {
    r"\.(dora_scale|lora_magnitude_vector)\b": "DoRA",
    r"\.oft_\w+$": "OFT",
    r"\.lora_mid\b|\.(hada|lokr)_t\d$": "Tucker-decomposed",
    r"\.lora_B\.bias$": "LoRA-with-biases",
}
"""What a key matches -> the format that has such keys."""

_FOREIGN: Mapping[str, str] = {
    r"single_(transformer_)?blocks|double_blocks": "Flux",
    r"down_blocks|up_blocks|input_blocks|output_blocks": "Stable Diffusion 1, 2 or XL",
}

_BLOCK = re.compile(r"(?:joint|transformer)_blocks_(\d+)_")
_ATTENTION = re.compile(r"attn2?_(qkv|to_[qkv]|add_[qkv]_proj)_weight$")


@dataclass(frozen=True, slots=True)
class Module:
    """What the file holds for the weight, or the bias, of one module.

    names: what the network may call it, see `lora_names.home`. factors: name of the factor -> key in the file.
    """

    name: str
    section: Section
    names: tuple[str, ...]
    factors: Mapping[str, str]


Changes = Mapping[str, tuple[tuple[Place, Module], ...]]


@dataclass(frozen=True, slots=True)
class LoraPatch:
    """A LoRA's changes to one network: W + strength * change. Reads the file whenever it is applied."""

    path: Path
    fingerprint: Fingerprint
    section: Section
    strength: float
    header: Header = field(compare=False, repr=False)
    changed: Changes = field(compare=False, repr=False)

    def changes(self, key: str) -> bool:
        return key in self.changed

    def apply(self, key: str, weight: Tensor) -> Tensor:
        check_unchanged(self.path, self.fingerprint)
        result = weight.clone()
        for place, module in self.changed[key]:
            factors = load_tensors(self.header, module.factors, weight.device, torch.float32)
            change = _product(factors) * (self.strength * _scale(factors))
            if place.is_swapped:
                change = torch.cat(change.chunk(2)[::-1])
            rows = _rows(result, place)
            rows += change.reshape(rows.shape)
        return result


@dataclass(frozen=True, slots=True)
class Lora:
    """An opened LoRA file. strange: keys that are no complete change of any known format."""

    header: Header
    modules: tuple[Module, ...]
    strange: tuple[str, ...]

    def patch(self, section: Section, shapes: Mapping[str, Shape], strength: float) -> LoraPatch | None:
        """The changes to a network with tensors of `shapes`; None if there are none.

        Raises `WeightsMismatchError` if changes are of another shape than the weights.
        """
        known = places(section, shapes)
        changed: dict[str, tuple[tuple[Place, Module], ...]] = {}
        misfits = []
        for module in self.modules:
            place = _place(module, section, known)
            if place is None:
                continue
            changed[place.name] = (*changed.get(place.name, ()), (place, module))
            if not self._fits(module, place, shapes[place.name]):
                misfits.append(module.name)
        if misfits:
            raise WeightsMismatchError(
                f"{self.header.path} does not fit the {TITLES[section]}{_size(section, shapes)}: {len(misfits)} of its "
                f"changes have another shape ({first_ten(misfits)}).{self._made_for(section)}"
            )
        if not changed:
            return None
        return LoraPatch(self.header.path, self.header.fingerprint, section, strength, self.header, changed)

    def unknown(self, networks: Mapping[Section, Mapping[str, Shape]]) -> list[str]:
        """What of the file none of `networks` has a place for; modules of other networks are left out."""
        known = {section: places(section, shapes) for section, shapes in networks.items()}
        modules = [
            module.name
            for module in self.modules
            if module.section in known and _place(module, module.section, known[module.section]) is None
        ]
        return [*modules, *self.strange]

    def no_effect(self, networks: Mapping[Section, Mapping[str, Shape]]) -> ForeignModelError:
        """The error for a file of which nothing fits."""
        if not self.modules:
            keys = f"its {len(self.strange)} keys ({first_ten(list(self.strange))})" if self.strange else "it is empty"
            return ForeignModelError(
                f"{self.header.path} holds no complete LoRA, LoHa or LoKr: {keys}. "
                "Half of a change is missing, or it is another kind of file; download it again."
            )
        names = [module.name for module in self.modules]
        sizes = "".join(_size(section, shapes) for section, shapes in networks.items())
        return ForeignModelError(
            f"{self.header.path} changes nothing in the {', '.join(TITLES[section] for section in networks)}{sizes}: "
            f"its {len(names)} modules are not found there ({first_ten(names)}).{self._made_for('mmdit')}"
        )

    def _fits(self, module: Module, place: Place, shape: Shape) -> bool:
        meta = {
            name: torch.empty(self.header.tensors[key].shape, device="meta") for name, key in module.factors.items()
        }
        try:
            change = _product(meta)
        except (RuntimeError, IndexError):  # the factors do not fit each other
            return False
        rows = _rows(torch.empty(shape, device="meta"), place)
        return change.shape[:1] == rows.shape[:1] and change.numel() == rows.numel()

    def _made_for(self, section: Section) -> str:
        """A sentence on the model the file seems to be made for, as far as its names and shapes tell."""
        names = [name for module in self.modules for name in module.names]
        for pattern, title in _FOREIGN.items():
            if any(re.search(pattern, name) for name in names):
                return f" It seems to be made for {title}."
        if section != "mmdit":
            return ""
        blocks = [int(found[1]) + 1 for name in names if (found := _BLOCK.match(name))]
        widths = {
            shape[-1]
            for module in self.modules
            if "down" in module.factors and _ATTENTION.search(module.names[-1])
            if (shape := self.header.tensors[module.factors["down"]].shape)
        }
        if not blocks or len(widths) != 1:
            return ""
        return f" It seems to be made for one {widths.pop()} wide with {max(blocks)} or more blocks."


def open_lora(path: Path) -> Lora:
    """Read which changes the file holds.

    Raises `UnsupportedStorageError` for a format that is not read, `WeightsMismatchError` for an empty change.
    """
    header = read_header(path)
    found: dict[tuple[str, str], dict[str, str]] = {}
    strange = []
    for key in header.tensors:
        for pattern, title in _UNSUPPORTED.items():
            if re.search(pattern, key):
                raise UnsupportedStorageError(
                    f'{path} is a {title} file (it has "{key}"), which is not supported; '
                    "expected LoRA, LoHa or LoKr. Use a version of it in one of these formats."
                )
        if match := _FACTOR.fullmatch(key):
            factor = match["other"] or _SIDES[match["side"]]
            tensor = "bias" if factor == "diff_b" else "weight"
            found.setdefault((match["module"], tensor), {})[factor.removesuffix("_b" if tensor == "bias" else "")] = key
        else:
            strange.append(key)
    modules = []
    for (name, tensor), factors in found.items():
        if _is_complete(factors):
            _check_factors(header, factors)
            modules.append(Module(name, *home(f"{name}.{tensor}"), factors))
        else:
            strange += factors.values()
    return Lora(header, tuple(modules), tuple(strange))


def _check_factors(header: Header, factors: Mapping[str, str]) -> None:
    check_storage(header, (key for factor, key in factors.items() if factor != "alpha"))
    if "alpha" in factors:
        check_number(header, factors["alpha"])
    for key in factors.values():
        if 0 in header.tensors[key].shape:
            raise WeightsMismatchError(
                f'{header.path}: "{key}" of shape {list(header.tensors[key].shape)} holds no numbers. '
                "The LoRA was not saved whole; download it again."
            )


def _is_complete(factors: Mapping[str, str]) -> bool:
    names = factors.keys()
    return (
        "diff" in names
        or names >= {"down", "up"}
        or names >= {"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"}
        or all(w in names or names >= {f"{w}_a", f"{w}_b"} for w in ("lokr_w1", "lokr_w2"))
    )


def _place(module: Module, section: Section, known: Mapping[str, Place]) -> Place | None:
    if module.section != section:
        return None
    return next((known[name] for name in module.names if name in known), None)


def _rows(weight: Tensor, place: Place) -> Tensor:
    """The rows of `weight` that a module is; a view."""
    return weight if place.third is None else weight.chunk(3)[place.third]


def _product(factors: Mapping[str, Tensor]) -> Tensor:
    """The change before scaling, [out, in]; kernels of convolutions are flattened into `in`. A difference as it is."""
    if "diff" in factors:
        return factors["diff"]
    if "up" in factors:
        return factors["up"].flatten(1) @ factors["down"].flatten(1)
    if "hada_w1_a" in factors:
        return (factors["hada_w1_a"] @ factors["hada_w1_b"]) * (factors["hada_w2_a"] @ factors["hada_w2_b"])
    first, second = (
        factors[w] if w in factors else factors[f"{w}_a"] @ factors[f"{w}_b"].flatten(1) for w in ("lokr_w1", "lokr_w2")
    )
    return torch.kron(first, second.flatten(1))


def _scale(factors: Mapping[str, Tensor]) -> float:
    """alpha / rank; 1 for a file without alpha, and for a LoKr of two whole factors, which has no rank."""
    ranked = next((factors[n] for n in ("down", "hada_w1_b", "lokr_w1_b", "lokr_w2_b") if n in factors), None)
    return float(factors["alpha"]) / ranked.shape[0] if "alpha" in factors and ranked is not None else 1.0


def _size(section: Section, shapes: Mapping[str, Shape]) -> str:
    """Width and depth of the transformer, in brackets; nothing for other networks."""
    if section != "mmdit":
        return ""
    depth = sum(key.endswith(".x_block.attn.qkv.weight") for key in shapes)
    return f" ({shapes['pos_embed'][-1]} wide, {depth} blocks)"
