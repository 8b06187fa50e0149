"""Models in diffusers' form: a folder with a part in each subfolder, or the folder of one part.

The parts are put together as in an all-in-one file. Weights may be cut into shards, which an index file lists.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sd35graph.models.errors import FileFormatError, ForeignModelError
from sd35graph.models.files.diffusers_layout import to_released_names
from sd35graph.models.files.header import FileState, Fingerprint, Header, TensorInfo, file_state
from sd35graph.models.files.safetensors_file import read_safetensors_header
from sd35graph.models.files.scaled_fp8 import fold_scales
from sd35graph.models.files.sections import CHECKPOINT_PREFIXES, Section

INDEX = "model_index.json"

_PARTS: Mapping[str, Section] = {
    "transformer": "mmdit",
    "vae": "vae",
    "text_encoder": "clip_l",
    "text_encoder_2": "clip_g",
    "text_encoder_3": "t5xxl",
}
_PIPELINE = "StableDiffusion3"

_STEMS = ("diffusion_pytorch_model", "model")
_VARIANTS = ("", ".fp16", ".bf16", ".fp32")  # in order of preference; the first is what its publisher calls the model


def read_folder_header(path: Path) -> Header:
    """The header of the model in the folder `path`.

    Raises `FileFormatError` for a folder that is no model or not whole, `ForeignModelError` for another pipeline.
    """
    index = path / INDEX
    if not index.is_file():
        return replace(_part(path), path=path)
    state = file_state(index)
    parts = _pipeline(index)
    tensors = {prefix + key: info for prefix, part in parts.items() for key, info in part.tensors.items()}
    return Header(path, _fingerprint(state, parts.values()), tensors, {})


def _fingerprint(index: FileState, headers: Iterable[Header]) -> Fingerprint:
    """That of an index and of what it names."""
    found = [header.fingerprint for header in headers]
    files = (index, *(file for fingerprint in found for file in fingerprint.files))
    hashes = "".join(fingerprint.header for fingerprint in found)
    return Fingerprint(files, hashlib.sha256(hashes.encode()).hexdigest())


def _pipeline(path: Path) -> dict[str, Header]:
    """The parts that the index of a whole model names, by the prefix they have in an all-in-one file."""
    index, folder = _json(path), path.parent
    kind = str(index.get("_class_name"))
    if not kind.startswith(_PIPELINE):
        raise ForeignModelError(f"{folder} holds a {kind} in diffusers' form; expected a {_PIPELINE}Pipeline.")
    parts = {}
    for name, section in _PARTS.items():
        part = index.get(name) or []
        if not isinstance(part, list):
            raise FileFormatError(
                f'{path} is damaged: expected a list such as ["diffusers", "AutoencoderKL"] for "{name}", '
                f"found {type(part).__name__}. Download it again."
            )
        if not any(part):  # [null, null]: left out on purpose
            continue
        if not (folder / name).is_dir():
            raise FileFormatError(
                f'{path} names the part "{name}", but there is no folder of that name. Download it, or write '
                f'"{name}": [null, null] to do without.'
            )
        parts[CHECKPOINT_PREFIXES[section]] = _part(folder / name)
    return parts


def _part(folder: Path) -> Header:
    """The header of one part, all its shards taken together, with the released names."""
    for stem in _STEMS:
        for variant in _VARIANTS:
            index, single = folder / f"{stem}.safetensors.index{variant}.json", folder / f"{stem}{variant}.safetensors"
            if index.is_file():
                return to_released_names(_sharded(index))
            if single.is_file():
                return to_released_names(fold_scales(read_safetensors_header(single)))
    pickled = any(folder.glob("*.bin"))
    raise FileFormatError(
        f"{folder} holds no weights: expected {' or '.join(f'{stem}.safetensors' for stem in _STEMS)}, or their index "
        f"(.safetensors.index.json), or {INDEX} and the folders of a whole model. "
        + ("Its .bin files are pickles, which are never read; get" if pickled else "Get")
        + " the safetensors version."
    )


def _sharded(index: Path) -> Header:
    state = file_state(index)
    weight_map = _json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise FileFormatError(f'{index} is damaged: expected an object "weight_map" in it. Download it again.')
    shards = {name: _shard(index, name) for name in sorted({str(name) for name in weight_map.values()})}
    tensors: dict[str, TensorInfo] = {}
    for shard in shards.values():
        tensors |= shard.tensors
    lost = [key for key, name in weight_map.items() if key not in shards[str(name)].tensors]
    if lost:
        raise FileFormatError(
            f'{index} says that "{lost[0]}" is in {weight_map[lost[0]]}, but it is not there '
            f"({len(lost)} such tensors). Download the folder again."
        )
    return fold_scales(Header(index, _fingerprint(state, shards.values()), tensors, {}))


def _shard(index: Path, name: str) -> Header:
    path = index.parent / name
    if Path(name).name != name or not path.is_file():
        raise FileFormatError(f'{index} names the shard "{name}", which is not beside it. Download it as well.')
    return read_safetensors_header(path)


def _json(path: Path) -> dict[str, Any]:  # Any: JSON not yet checked
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path} is damaged: {error}. Download it again.") from error
    if not isinstance(content, dict):
        raise FileFormatError(f"{path} is damaged: expected an object, found {type(content).__name__}.")
    return content
