"""Transformers and autoencoders in diffusers' layout: their tensors under the released names.

Nothing is read or copied for it: a joined tensor of queries, keys and values is noted as its three pieces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import count

from sd35graph.models.errors import WeightsMismatchError
from sd35graph.models.files.diffusers_names import Place, mmdit_places, tensor_place, vae_places
from sd35graph.models.files.header import Header, TensorInfo

# Keys that tell the two from other networks; ControlNets have the transformer's too.
_MMDIT = ("pos_embed.proj.weight", "transformer_blocks.0.attn.add_q_proj.weight")
_CONTROLNET = "controlnet_blocks."
_VAE = "decoder.up_blocks.0.resnets.0.conv1.weight"


def to_released_names(header: Header) -> Header:
    """The header with the released names, if it has diffusers'.

    Tensors that diffusers does not have keep their names, and are reported as unexpected later. Raises
    `WeightsMismatchError` if one of queries, keys and values is missing, or has another shape.
    """
    keys = header.tensors.keys()
    if all(key in keys for key in _MMDIT) and not any(key.startswith(_CONTROLNET) for key in keys):
        return replace(header, tensors=_moved(header.tensors, mmdit_places(_count(header, "transformer_blocks."))))
    if _VAE in keys:
        return replace(header, tensors=_moved(header.tensors, vae_places(_count(header, "decoder.up_blocks."))))
    return header


def _moved(tensors: Mapping[str, TensorInfo], places: Mapping[str, Place]) -> dict[str, TensorInfo]:
    moved: dict[str, TensorInfo] = {}
    thirds: dict[str, dict[int, str]] = defaultdict(dict)
    for key, info in tensors.items():
        place = tensor_place(key, places)
        if place is None:
            moved[key] = info
        elif place.third is None:
            moved[place.name] = replace(info, shape=_shape(place.name, info), is_swapped=place.is_swapped)
        else:
            thirds[place.name][place.third] = key
    return moved | {name: _joined(name, tensors, keys) for name, keys in thirds.items()}


def _joined(name: str, tensors: Mapping[str, TensorInfo], thirds: Mapping[int, str]) -> TensorInfo:
    infos = [tensors[key] for _, key in sorted(thirds.items())]
    shapes = {info.shape for info in infos}
    if len(infos) != 3 or len(shapes) != 1 or () in shapes:
        found = ", ".join(f"{key} {list(tensors[key].shape)}" for key in thirds.values())
        raise WeightsMismatchError(
            f'{infos[0].pieces[0].path}: "{name}" is made of queries, keys and values of one shape, but found: {found}.'
        )
    rows, *rest = infos[0].shape
    pieces = tuple(piece for info in infos for piece in info.pieces)
    return TensorInfo(infos[0].dtype, (len(infos) * rows, *rest), pieces)


def _shape(name: str, info: TensorInfo) -> tuple[int, ...]:
    """The projections of the autoencoder's attention are 1x1 convolutions in the released files."""
    is_projection = ".mid.attn_1." in name and len(info.shape) == 2
    return (*info.shape, 1, 1) if is_projection else info.shape


def _count(header: Header, start: str) -> int:
    """How many modules are numbered behind `start`, from 0 without a gap; those beyond one are reported later."""
    numbers = {key.removeprefix(start).partition(".")[0] for key in header.tensors if key.startswith(start)}
    return next(number for number in count() if str(number) not in numbers)
