"""What is loaded where. Handles go in, live networks come out; only the pool holds weights.

One pool per process and device. It loads on demand, keeps what fits its budget and drops the least recently used.
"""

from __future__ import annotations

import gc
import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sd35graph.models.build import Network, fill, skeleton
from sd35graph.models.checkpoint import Header, check_storage, check_unchanged, load_tensors, read_header
from sd35graph.models.clip import ClipTextEncoder
from sd35graph.models.errors import ModelMemoryError, WeightsChangedError
from sd35graph.models.handles import ModelHandle, TextEncoderHandle, VaeHandle, WeightPatch, WeightsRef
from sd35graph.models.mmdit import MMDiT
from sd35graph.models.precision import Precision, compute_dtype, default_budget_bytes, forbid_tf32, stored_dtype
from sd35graph.models.sections import locate
from sd35graph.models.t5 import T5TextEncoder
from sd35graph.models.text_encoding import CLIP_G_PAD, ClipPart, T5Part, TextEncoders
from sd35graph.models.tokenizers import (
    ClipTokenizer,
    T5Tokenizer,
    find_tokenizer,
    load_clip_tokenizer,
    load_t5_tokenizer,
)
from sd35graph.models.vae import VAE
from sd35graph.values import tensor_bytes

_log = logging.getLogger(__name__)

_Key = tuple[WeightsRef, tuple[WeightPatch, ...]]


@dataclass(frozen=True, slots=True)
class _Resident:
    network: Network
    size_bytes: int


class ModelPool:
    """Networks on one device, by handle.

    precision: what to compute in, see `precision.compute_dtype`; "fp32" is float32 throughout, without TF32.
    model_roots: folders whose `tokenizers/` is searched. budget_bytes: of weights to keep; None is a share of memory.
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
        self.budget_bytes = default_budget_bytes(device) if budget_bytes is None else budget_bytes
        self._model_roots = tuple(model_roots)
        self._resident: OrderedDict[_Key, _Resident] = OrderedDict()  # least recently used first
        self._clip_tokenizers: dict[Path, ClipTokenizer] = {}
        self._t5_tokenizers: dict[Path, T5Tokenizer] = {}
        self._lock = threading.RLock()
        forbid_tf32()

    def mmdit(self, handle: ModelHandle) -> MMDiT:
        """The transformer, with the handle's patches applied to its weights."""
        network = self._get(handle.weights, handle.patches)
        assert isinstance(network, MMDiT)  # a handle's section says which network it is
        return network

    def vae(self, handle: VaeHandle) -> VAE:
        """The autoencoder; raises `MissingPartError` if the checkpoint had none."""
        network = self._get(handle.require())
        assert isinstance(network, VAE)
        return network

    def text_encoders(self, handle: TextEncoderHandle) -> TextEncoders:
        """The encoders with their tokenizers; raises `MissingPartError` if the checkpoint had none."""
        with self._lock:
            refs = {ref.section: ref for ref in handle.require()}
            # Tokenizers first: if one is missing, that is known before gigabytes are read.
            for ref in refs.values():
                self._t5_tokenizer(ref) if ref.section == "t5xxl" else self._clip_tokenizer(ref)
            return TextEncoders(
                clip_l=self._clip_part(refs["clip_l"]) if "clip_l" in refs else None,
                clip_g=self._clip_part(refs["clip_g"]) if "clip_g" in refs else None,
                t5xxl=self._t5_part(refs["t5xxl"]) if "t5xxl" in refs else None,
            )

    def release(self) -> None:
        """Drop everything that is loaded."""
        with self._lock:
            self._resident.clear()
            self._clip_tokenizers.clear()
            self._t5_tokenizers.clear()
            self._return_memory()

    @property
    def size_bytes(self) -> int:
        """Weights held now."""
        return sum(resident.size_bytes for resident in self._resident.values())

    def _clip_part(self, ref: WeightsRef) -> ClipPart:
        tokenizer = self._clip_tokenizer(ref)
        network = self._get(ref)
        assert isinstance(network, ClipTextEncoder)
        return ClipPart(network, tokenizer, tokenizer.end_id if ref.section == "clip_l" else CLIP_G_PAD)

    def _t5_part(self, ref: WeightsRef) -> T5Part:
        tokenizer = self._t5_tokenizer(ref)
        network = self._get(ref)
        assert isinstance(network, T5TextEncoder)
        return T5Part(network, tokenizer)

    def _clip_tokenizer(self, ref: WeightsRef) -> ClipTokenizer:
        folder = find_tokenizer("clip", ref.path, self._model_roots)
        if folder not in self._clip_tokenizers:
            self._clip_tokenizers[folder] = load_clip_tokenizer(folder)
        return self._clip_tokenizers[folder]

    def _t5_tokenizer(self, ref: WeightsRef) -> T5Tokenizer:
        folder = find_tokenizer("t5", ref.path, self._model_roots)
        if folder not in self._t5_tokenizers:
            self._t5_tokenizers[folder] = load_t5_tokenizer(folder)
        return self._t5_tokenizers[folder]

    def _get(self, ref: WeightsRef, patches: tuple[WeightPatch, ...] = ()) -> Network:
        key = (ref, patches)
        with self._lock:
            check_unchanged(ref.path, ref.fingerprint)
            resident = self._resident.get(key)
            if resident is None:
                resident = self._load(ref, patches)
                self._resident[key] = resident
            self._resident.move_to_end(key)
            return resident.network

    def _load(self, ref: WeightsRef, patches: tuple[WeightPatch, ...]) -> _Resident:
        header = read_header(ref.path)
        if header.fingerprint != ref.fingerprint:
            raise WeightsChangedError(
                f"{ref.path} changed on disk after it was chosen. Run the loader again to use the new file."
            )
        prefix = locate(header)[ref.section]
        network = skeleton(ref.section, header.shapes(prefix), str(ref.path))
        keys = {key: prefix + key for key in network.state_dict()}
        check_storage(header, keys.values())
        infos = [header.tensors[key] for key in keys.values()]
        dtype = compute_dtype(self.precision, stored_dtype(infos), self.device)
        needed = sum(math.prod(info.shape) for info in infos) * dtype.itemsize
        self._drop_outdated(ref)
        self._make_room(needed)
        weights = self._read(header, keys, dtype, needed)
        for patch in patches:
            weights |= patch.apply(weights)
        fill(network, weights)
        _log.info(
            "weights loaded",
            extra={"path": str(ref.path), "section": ref.section, "dtype": str(dtype), "size_bytes": needed},
        )
        return _Resident(network, tensor_bytes(weights.values()))

    def _read(self, header: Header, keys: dict[str, str], dtype: torch.dtype, needed: int) -> dict[str, Tensor]:
        """The weights; if the device has no room for them, once more with everything else dropped."""
        try:
            return load_tensors(header, keys, self.device, dtype)
        except torch.OutOfMemoryError:
            _log.warning("out of memory while loading, dropping all other models", extra={"path": str(header.path)})
        # Outside the handler, whose traceback keeps the tensors of the first attempt alive.
        self._resident.clear()
        self._return_memory()
        try:
            return load_tensors(header, keys, self.device, dtype)
        except torch.OutOfMemoryError as error:
            raise ModelMemoryError(
                f"{header.path} needs {needed / 2**30:.1f} GiB as {str(dtype).removeprefix('torch.')}, "
                f"which {self.device} has no room for.  Use a smaller model or a lower precision (--precision bf16)."
            ) from error

    def _make_room(self, needed: int) -> None:
        """Drop the least recently used networks until `needed` bytes fit the budget, or nothing is left."""
        dropped = False
        while self._resident and self.size_bytes + needed > self.budget_bytes:
            (ref, _), resident = self._resident.popitem(last=False)
            dropped = True
            _log.info(
                "weights dropped",
                extra={"path": str(ref.path), "section": ref.section, "size_bytes": resident.size_bytes},
            )
            del resident
        if dropped:
            self._return_memory()

    def _drop_outdated(self, ref: WeightsRef) -> None:
        """Drop what was loaded from an earlier state of the same file."""
        for key in [key for key in self._resident if key[0].path == ref.path and key[0].fingerprint != ref.fingerprint]:
            del self._resident[key]

    def _return_memory(self) -> None:
        gc.collect()  # networks of the transformers library contain reference cycles
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
