"""What is loaded where. Handles go in, live networks come out; only the pool holds weights.

One pool per process and device. It knows from the headers what networks take, loads on demand, and keeps what fits its
budget: when room is needed, blocks of the least recently used networks are dropped, and of one that is too large itself
as many blocks stay as fit, while the others are brought in whenever they compute (`streaming`).
"""

from __future__ import annotations

import gc
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sd35graph.models.errors import ModelMemoryError, WeightsChangedError
from sd35graph.models.files.checkpoint import check_storage, check_unchanged, read_header
from sd35graph.models.files.sections import TITLES, locate
from sd35graph.models.files.storage import Weight
from sd35graph.models.handles import ControlNetHandle, ModelHandle, TextEncoderHandle, VaeHandle, WeightsRef
from sd35graph.models.loading.memory import available_bytes, in_gib, retry_with_less, weights_share
from sd35graph.models.loading.precision import Precision, compute_dtype, forbid_tf32, stored_dtype
from sd35graph.models.loading.recipe import Recipe, load_weights
from sd35graph.models.loading.streaming import BlockStream
from sd35graph.models.networks.build import Network, linear_weights, skeleton
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.controlnet import ControlNet
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.textual_inversion import FindEmbedding, no_embeddings
from sd35graph.models.networks.vae import VAE
from sd35graph.models.text.encoding import CLIP_G_PAD, ClipPart, T5Part, TextEncoders
from sd35graph.models.text.memo import RememberedClip, RememberedT5, TextMemo
from sd35graph.models.text.tokenizer_files import FetchTokenizer, TokenizerFiles

_log = logging.getLogger(__name__)

_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class _Key:
    ref: WeightsRef
    device: torch.device


@dataclass(slots=True)
class _Resident:
    """A network and its weights. most_kept: of its blocks; lowered when memory ran out, until it is next asked for."""

    network: Network
    stream: BlockStream
    dtype: torch.dtype
    most_kept: int


class ModelPool:
    """Networks on one device, by handle.

    precision: what to compute in, see `precision.compute_dtype`; "fp32" is float32 throughout, without TF32.
    model_roots: folders whose `tokenizers/` is searched.
    budget_bytes: of weights on the device; None is a share of what is available there when a network is asked for.
    host_budget_bytes: of weights in the machine's memory, those that wait there for a GPU included.
    fetch_tokenizer: brings a tokenizer that is found nowhere, see `TokenizerFiles`; None: that is an error.
    Methods raise the errors of `sd35graph.models.errors`; a load that fails leaves nothing behind. Networks compute
    again with fewer weights in memory when it runs out, and raise `ModelMemoryError` when none is left to give up.
    """

    def __init__(
        self,
        device: torch.device,
        precision: Precision,
        model_roots: Sequence[Path],
        budget_bytes: int | None = None,
        host_budget_bytes: int | None = None,
        fetch_tokenizer: FetchTokenizer | None = None,
    ) -> None:
        self.device = device
        self.precision: Precision = precision
        self._budgets = {_CPU: host_budget_bytes} | {device: budget_bytes}
        self._resident: OrderedDict[_Key, _Resident] = OrderedDict()  # least recently used first
        self._tokenizers = TokenizerFiles(model_roots, fetch_tokenizer)
        self._texts = TextMemo()
        self._lock = threading.RLock()
        self._told: list[dict[str, str | int]] = []
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="weights")
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
        return sum(resident.stream.size_bytes for resident in self._resident.values())

    def loaded_models(self) -> list[dict[str, str | int]]:
        """The networks in memory, the least recently used first; while one is being loaded, what was there before.

        Each as the JSON that `/system_stats` shows.
        """
        if self._lock.acquire(blocking=False):
            try:
                self._told = [_as_loaded(key, resident.stream) for key, resident in self._resident.items()]
            finally:
                self._lock.release()
        return self._told

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
            if key not in self._resident:
                self._drop_outdated(ref)
                self._resident[key] = self._open(key)
            self._resident.move_to_end(key)
            resident = self._resident[key]
            resident.most_kept = resident.stream.count  # what ran out of memory last time need not be this time's
            try:
                self._fit(key)
            except BaseException:
                self._drop(key)
                raise
            return resident.network

    def _open(self, key: _Key) -> _Resident:
        """The network, which is ready to run once its stream was told how much to keep."""
        ref = key.ref
        header = read_header(ref.path)
        if header.fingerprint != ref.fingerprint:
            raise WeightsChangedError(f"{ref.path} changed on disk after it was chosen. Run the loader again.")
        prefix = locate(header)[ref.section]
        network = skeleton(ref.section, header.shapes(prefix), str(ref.path))
        infos = {name: header.tensors[prefix + name] for name in network.state_dict()}
        check_storage(header, (prefix + name for name in infos))
        dtype = compute_dtype(self.precision, stored_dtype(infos.values()), key.device)
        recipe = Recipe(dtype, linear_weights(network), ref.patches, ref.storage)

        def read(names: Iterable[str]) -> dict[str, Weight]:
            return load_weights(header, {name: prefix + name for name in names}, key.device, recipe)

        sizes = {name: recipe.size_bytes(name, info) for name, info in infos.items()}
        stream = BlockStream(network, read, sizes, key.device, self._reader)
        resident = _Resident(network, stream, dtype, stream.count)
        for part in _parts_run(network):
            self._guard(part, key, resident)
        return resident

    def _fit(self, key: _Key) -> None:
        """Have as much of the network in memory as the budget allows, at the expense of others."""
        resident = self._resident[key]
        stream = resident.stream
        self._make_room(stream.total_bytes, key)
        if key.device != _CPU:
            stream.hold_on_host(self._room(_CPU) + stream.host_bytes)
        count = min(resident.most_kept, stream.affordable(self._room(key.device, beside=key)))
        if stream.size_bytes and count == stream.kept:
            return
        retry_with_less(
            lambda: stream.keep(min(count, resident.most_kept)),
            lambda: self._give_up_some(key, resident),
            lambda: _no_room(key, resident, "its weights"),
        )
        size = {"size_bytes": stream.size_bytes, "blocks": f"{stream.kept}/{stream.count}"}
        _log.info("weights loaded", extra={**_described(key.ref), "dtype": str(resident.dtype), **size})

    def _guard(self, module: nn.Module, key: _Key, resident: _Resident) -> None:
        """Have `module`, a part of the network that is run as one, compute again when memory ran out and was freed."""
        forward = module.forward

        def guarded(*arguments: Any, **named: Any) -> Any:  # Any: each kind of network has its own signature
            shape = next((list(value.shape) for value in arguments if isinstance(value, Tensor)), [])
            return retry_with_less(
                partial(forward, *arguments, **named),
                lambda: self._give_up_some(key, resident),
                lambda: _no_room(key, resident, f"computing on an input of shape {shape}"),
            )

        module.forward = guarded

    def _give_up_some(self, key: _Key, resident: _Resident) -> bool:
        """Drop what else is on the device; if nothing is, half of the network's own blocks, and then all.

        False if there was nothing to give up any more.
        """
        with self._lock:
            stream = resident.stream
            others = [other for other in self._resident if other.device == key.device and other != key]
            if not others and resident.most_kept == 0:
                return False
            if not others:
                resident.most_kept = stream.kept // 2 if resident.most_kept == stream.count else 0
                stream.shrink(resident.most_kept)
            for other in others:
                self._drop(other)
            self._return_memory()
            given_up = {"others": len(others), "blocks": f"{stream.kept}/{stream.count}"}
            _log.warning("out of memory, weights given up", extra={**_described(key.ref), **given_up})
            return True

    def _make_room(self, needed: int, key: _Key) -> None:
        """Drop blocks, then all, of the device's least recently used networks until `needed` bytes fit its budget."""
        is_changed = False
        for other in [other for other in self._resident if other.device == key.device and other != key]:
            lacking = needed - self._room(key.device, beside=key)
            if lacking <= 0:
                break
            stream, is_changed = self._resident[other].stream, True
            stream.shrink(stream.affordable(stream.size_bytes - lacking))
            if needed > self._room(key.device, beside=key):
                self._drop(other)
        if is_changed:
            self._return_memory()

    def _room(self, device: torch.device, beside: _Key | None = None) -> int:
        """What the budget leaves for more weights, or for one network beside all others."""
        budget = self._budgets[device]
        total = weights_share(available_bytes(device)) if budget is None else budget
        held = sum(
            resident.stream.size_bytes
            for key, resident in self._resident.items()
            if device == key.device and key != beside
        )
        if device == _CPU:
            held += sum(resident.stream.host_bytes for resident in self._resident.values())
        return total - held

    def _drop(self, key: _Key) -> None:
        """Forget a network. If something still holds and runs it, its blocks are brought in one by one."""
        self._resident.pop(key).stream.shrink(0)
        _log.info("weights dropped", extra=_described(key.ref))

    def _drop_outdated(self, ref: WeightsRef) -> None:
        """Drop what was loaded from an earlier state of the same file."""
        outdated = [k for k in self._resident if k.ref.path == ref.path and k.ref.fingerprint != ref.fingerprint]
        for key in outdated:
            self._drop(key)
        if outdated:
            self._return_memory()

    def _return_memory(self) -> None:
        gc.collect()  # networks of the transformers library contain reference cycles
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _parts_run(network: Network) -> tuple[nn.Module, ...]:
    """The modules whose call holds all blocks that one use of the network runs."""
    match network:
        case VAE():
            return network.encoder, network.decoder
        case ClipTextEncoder():
            return (network.text_model,)
        case T5TextEncoder():
            return (network.encoder,)
        case _:
            return (network,)


def _as_loaded(key: _Key, stream: BlockStream) -> dict[str, str | int]:
    sizes = {"size_bytes": stream.size_bytes, "total_bytes": stream.total_bytes}
    return {"file": key.ref.path.name, "part": key.ref.section, "device": str(key.device), **sizes}


def _described(ref: WeightsRef) -> dict[str, str]:
    return {"path": str(ref.path), "section": ref.section}


def _no_room(key: _Key, resident: _Resident, purpose: str) -> ModelMemoryError:
    ref = key.ref
    dtype = str(resident.dtype).removeprefix("torch.")
    return ModelMemoryError(
        f"{ref.path}: the {TITLES[ref.section]} ({in_gib(resident.stream.total_bytes)} as {dtype}) has no room on "
        f"{key.device} for {purpose}, even alone and with its blocks brought in one by one; "
        f"{in_gib(available_bytes(key.device))} are there for this process. Use a smaller picture or batch, a "
        "lower precision (--precision bf16), an fp8 or GGUF version of the model, or give it more memory "
        "(--vram, --ram)."
    )
