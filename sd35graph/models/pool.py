"""What is loaded where. Handles go in, live networks come out; only the pool holds weights.

One pool per process and device. It loads on demand, keeps what fits its budget and drops the least recently used.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from sd35graph.models.build import Network, fill, linear_weights, skeleton
from sd35graph.models.checkpoint import Header, check_storage, check_unchanged, read_header
from sd35graph.models.clip import ClipTextEncoder
from sd35graph.models.controlnet import ControlNet
from sd35graph.models.errors import ModelMemoryError, WeightsChangedError
from sd35graph.models.handles import ControlNetHandle, ModelHandle, TextEncoderHandle, VaeHandle, WeightsRef
from sd35graph.models.mmdit import MMDiT
from sd35graph.models.precision import Precision, compute_dtype, default_budget_bytes, forbid_tf32, stored_dtype
from sd35graph.models.recipe import Recipe, load_weights
from sd35graph.models.sections import locate
from sd35graph.models.storage import Weight, size_bytes
from sd35graph.models.t5 import T5TextEncoder
from sd35graph.models.text_encoding import CLIP_G_PAD, ClipPart, T5Part, TextEncoders
from sd35graph.models.text_memo import RememberedClip, RememberedT5, TextMemo
from sd35graph.models.textual_inversion import FindEmbedding, no_embeddings
from sd35graph.models.tokenizer_files import TokenizerFiles
from sd35graph.models.vae import VAE

_log = logging.getLogger(__name__)

_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class _Key:
    ref: WeightsRef
    device: torch.device


@dataclass(frozen=True, slots=True)
class _Resident:
    network: Network
    size_bytes: int


class ModelPool:
    """Networks on one device, by handle.

    precision: what to compute in, see `precision.compute_dtype`; "fp32" is float32 throughout, without TF32.
    model_roots: folders whose `tokenizers/` is searched.
    budget_bytes: of weights to keep on the device; None is a share of its memory. What a handle asks to have on the CPU
    instead is kept within a share of the machine's memory.
    Methods raise the errors of `sd35graph.models.errors`; a load that fails leaves nothing behind.
    """

    def __init__(
        self,
        device: torch.device,
        precision: Precision,
        model_roots: Sequence[Path],
        budget_bytes: int | None = None,
    ) -> None:
        self.device = device
        self.precision: Precision = precision
        self._budgets = {_CPU: default_budget_bytes(_CPU)}
        self._budgets[device] = default_budget_bytes(device) if budget_bytes is None else budget_bytes
        self._resident: OrderedDict[_Key, _Resident] = OrderedDict()  # least recently used first
        self._tokenizers = TokenizerFiles(model_roots)
        self._texts = TextMemo()
        self._lock = threading.RLock()
        forbid_tf32()

    def mmdit(self, handle: ModelHandle) -> MMDiT:
        """The transformer, with the patches applied to its weights."""
        network = self._get(handle.weights, self.device)
        assert isinstance(network, MMDiT)  # a handle's section says which network it is
        return network

    def vae(self, handle: VaeHandle) -> VAE:
        """The autoencoder; raises `MissingPartError` if the checkpoint had none."""
        network = self._get(handle.require(), self.device)
        assert isinstance(network, VAE)
        return network

    def controlnet(self, handle: ControlNetHandle) -> ControlNet:
        """The ControlNet."""
        network = self._get(handle.weights, self.device)
        assert isinstance(network, ControlNet)
        return network

    def text_encoders(self, handle: TextEncoderHandle, embeddings: FindEmbedding = no_embeddings) -> TextEncoders:
        """The encoders with their tokenizers; raises `MissingPartError` if the checkpoint had none.

        Each is loaded when a text is to be encoded that it has not encoded before. embeddings: see `TextEncoders`.
        """
        refs = {ref.section: ref for ref in handle.require()}
        for ref in refs.values():
            check_unchanged(ref.path, ref.fingerprint)
        device = _CPU if handle.placement == "cpu" else self.device
        with self._lock:
            # Tokenizers first: if one is missing, that is known before gigabytes are read.
            t5xxl = self._t5_part(refs["t5xxl"], device) if "t5xxl" in refs else None
            clip_l = self._clip_part(refs["clip_l"], device, handle.clip_layer) if "clip_l" in refs else None
            clip_g = self._clip_part(refs["clip_g"], device, handle.clip_layer) if "clip_g" in refs else None
        return TextEncoders(clip_l, clip_g, t5xxl, embeddings)

    def release(self) -> None:
        """Drop everything that is loaded."""
        with self._lock:
            self._resident.clear()
            self._texts.clear()
            self._return_memory()

    @property
    def size_bytes(self) -> int:
        """Weights held now, on any device."""
        return sum(resident.size_bytes for resident in self._resident.values())

    def _clip_part(self, ref: WeightsRef, device: torch.device, layer: int) -> ClipPart:
        def load() -> ClipTextEncoder:
            network = self._get(ref, device)
            assert isinstance(network, ClipTextEncoder)
            return network

        tokenizer = self._tokenizers.clip(ref.path)
        encoder = RememberedClip(self._texts, (ref, device), load)
        return ClipPart(encoder, tokenizer, tokenizer.end_id if ref.section == "clip_l" else CLIP_G_PAD, layer)

    def _t5_part(self, ref: WeightsRef, device: torch.device) -> T5Part:
        def load() -> T5TextEncoder:
            network = self._get(ref, device)
            assert isinstance(network, T5TextEncoder)
            return network

        return T5Part(RememberedT5(self._texts, (ref, device), load), self._tokenizers.t5(ref.path))

    def _get(self, ref: WeightsRef, device: torch.device) -> Network:
        key = _Key(ref, device)
        with self._lock:
            check_unchanged(ref.path, ref.fingerprint)
            resident = self._resident.get(key)
            if resident is None:
                resident = self._load(key)
                self._resident[key] = resident
            self._resident.move_to_end(key)
            return resident.network

    def _load(self, key: _Key) -> _Resident:
        ref = key.ref
        header = read_header(ref.path)
        if header.fingerprint != ref.fingerprint:
            raise WeightsChangedError(f"{ref.path} changed on disk after it was chosen. Run the loader again.")
        prefix = locate(header)[ref.section]
        network = skeleton(ref.section, header.shapes(prefix), str(ref.path))
        names = {name: prefix + name for name in network.state_dict()}
        check_storage(header, names.values())
        infos = {name: header.tensors[key_in_file] for name, key_in_file in names.items()}
        dtype = compute_dtype(self.precision, stored_dtype(infos.values()), key.device)
        recipe = Recipe(dtype, linear_weights(network), ref.patches, ref.storage)
        needed = sum(recipe.size_bytes(name, info) for name, info in infos.items())
        self._drop_outdated(ref)
        self._make_room(needed, key.device)
        weights = self._read(header, names, key.device, recipe)
        fill(network, weights)
        _log.info("weights loaded", extra={**_described(ref), "dtype": str(dtype), "size_bytes": needed})
        return _Resident(network, sum(map(size_bytes, weights.values())))

    def _read(
        self, header: Header, names: Mapping[str, str], device: torch.device, recipe: Recipe
    ) -> dict[str, Weight]:
        """The weights; if the device has no room for them, once more with everything else dropped."""
        try:
            return load_weights(header, names, device, recipe)
        except torch.OutOfMemoryError:
            _log.warning("out of memory while loading, dropping all other models", extra={"path": str(header.path)})
        # Outside the handler, whose traceback keeps the tensors of the first attempt alive.
        self._resident.clear()
        self._return_memory()
        try:
            return load_weights(header, names, device, recipe)
        except torch.OutOfMemoryError as error:
            raise ModelMemoryError(
                f"{header.path} has no room on {device} as {str(recipe.dtype).removeprefix('torch.')}, even alone "
                f"(the file is {header.fingerprint.size_bytes / 2**30:.1f} GiB). "
                "Use a smaller model or a lower precision (--precision bf16)."
            ) from error

    def _make_room(self, needed: int, device: torch.device) -> None:
        """Drop the device's least recently used networks until `needed` bytes fit its budget, or none is left."""
        here = [key for key in self._resident if key.device == device]
        held = sum(self._resident[key].size_bytes for key in here)
        dropped = False
        for key in here:
            if held + needed <= self._budgets[device]:
                break
            held -= self._resident.pop(key).size_bytes
            dropped = True
            _log.info("weights dropped", extra=_described(key.ref))
        if dropped:
            self._return_memory()

    def _drop_outdated(self, ref: WeightsRef) -> None:
        """Drop what was loaded from an earlier state of the same file."""
        for key in list(self._resident):
            if key.ref.path == ref.path and key.ref.fingerprint != ref.fingerprint:
                del self._resident[key]

    def _return_memory(self) -> None:
        gc.collect()  # networks of the transformers library contain reference cycles
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _described(ref: WeightsRef) -> dict[str, str]:
    return {"path": str(ref.path), "section": ref.section}
