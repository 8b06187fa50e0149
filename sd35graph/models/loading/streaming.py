"""Networks whose blocks need not all be in memory: some stay, the others are brought in while their turn comes.

A thread brings the next absent block while one computes, so that two such blocks are in memory at a time. They are
filled with the numbers that they would hold all the time if there were room, and run the same code: the result is the
same bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import partial
from threading import RLock
from typing import Any

import torch
from torch import Tensor, nn

from sd35graph.interruption import stop_if_asked
from sd35graph.models.files.storage import QuantizedTensor, Weight, size_bytes
from sd35graph.models.loading.memory import is_out_of_memory
from sd35graph.models.networks.build import Network, fill

_SLOTS = 2  # absent blocks in memory: the one that computes and the next

Read = Callable[[Iterable[str]], dict[str, Weight]]
"""Reads weights of a network by name, as they are to be on the device."""


class BlockStream:
    """Puts weights into a network: all at once, or block by block as it runs. Blocks are its longest list of modules.

    network: a skeleton on the meta device. read: called from a thread of `reader` too. sizes: bytes of each weight on
    the device. What `read` raises comes out of the network's forward; after that the network can be called again.
    """

    def __init__(
        self, network: Network, read: Read, sizes: Mapping[str, int], device: torch.device, reader: Executor
    ) -> None:
        prefix, blocks = _longest_list(network)
        self._network = network
        self._read = read
        self.total_bytes = sum(sizes.values())  # on the device, with all blocks there
        self._reader = reader
        self._copies = _CudaCopies(device) if device.type == "cuda" else _NoCopies()
        self._blocks = [_Block(module, f"{prefix}.{index}.", sizes) for index, module in enumerate(blocks)]
        in_blocks = {name for block in self._blocks for name in block.names}
        self._fixed = [name for name in sizes if name not in in_blocks]
        self._fixed_bytes = sum(sizes[name] for name in self._fixed)
        self._largest = max(block.size_bytes for block in self._blocks)
        self._is_started = False
        self._kept: set[int] = set()
        self._ahead: tuple[int, Future[_Arrival]] | None = None
        self._lock = RLock()  # a block is neither taken away while it computes, nor brought in twice
        for index, module in enumerate(blocks):
            module.forward = partial(self._run, index)

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return len(self._blocks)

    @property
    def kept(self) -> int:
        """How many blocks stay in memory."""
        return len(self._kept)

    @property
    def size_bytes(self) -> int:
        """Device memory for what stays and for the blocks on their way."""
        if not self._is_started:
            return 0
        passing = 0 if self.kept == self.count else _SLOTS * self._largest
        return self._fixed_bytes + sum(self._blocks[index].size_bytes for index in self._kept) + passing

    def affordable(self, budget_bytes: int) -> int:
        """How many blocks may stay for the whole to take at most `budget_bytes`; 0 if even that is too much."""
        if self.total_bytes <= budget_bytes:
            return self.count
        room = (budget_bytes - self._fixed_bytes) // self._largest - _SLOTS
        return max(0, min(room, self.count - 1))

    def keep(self, count: int) -> None:
        """Have everything outside the blocks and `count` of them stay in memory, spread evenly over the network."""
        with self._lock:
            if not self._is_started:
                fill(self._network, self._read(self._fixed))
                self._is_started = True
            self.shrink(count)
            absent = [index for index in range(self.count) if index not in self._kept]
            for index in _spread(absent, count - self.kept):
                fill(self._network, self._read(self._blocks[index].names))
                self._kept.add(index)
                self._copies.forget(index)

    def shrink(self, count: int) -> None:
        """Let at most `count` blocks stay; needs no memory."""
        with self._lock:
            self._forget_ahead()
            kept = sorted(self._kept)
            for index in set(kept) - set(_spread(kept, count)):
                self._kept.remove(index)
                self._blocks[index].empty()

    def hold_on_host(self, budget_bytes: int) -> None:
        """Let absent blocks of a GPU's network wait in the machine's memory, up to `budget_bytes`."""
        self._copies.host_budget_bytes = budget_bytes

    @property
    def host_bytes(self) -> int:
        """The machine's memory that absent blocks take."""
        return self._copies.host_bytes

    def _run(self, index: int, *arguments: Any, **named: Any) -> Any:  # Any: each kind of block has its own signature
        stop_if_asked()
        block = self._blocks[index]
        with self._lock:
            if index in self._kept:
                return block.forward(*arguments, **named)
            weights = self._copies.receive(self._take(index))
            fill(self._network, weights)
            del weights  # so that the block alone holds them
            self._fetch(self._next_absent(index))
            try:
                return block.forward(*arguments, **named)
            finally:
                block.empty()
                self._copies.block_ran()

    def _take(self, index: int) -> _Arrival:
        """The weights of a block, brought ahead or now."""
        if self._ahead is None or self._ahead[0] != index:  # the first, or one whose predecessor was skipped
            self._forget_ahead()
            self._fetch(index)
        assert self._ahead is not None
        arriving, self._ahead = self._ahead[1], None
        return arriving.result()

    def _fetch(self, index: int) -> None:
        bring = partial(self._copies.bring, index, partial(self._read, self._blocks[index].names))
        self._ahead = (index, self._reader.submit(bring, self._copies.last_run))

    def _forget_ahead(self) -> None:
        """Wait for a block on its way and let go of it, so that there are never more than `_SLOTS`."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead[1], None
            if not ahead.cancel():
                ahead.exception()

    def _next_absent(self, index: int) -> int:
        """The next block that does not stay, from the first again after the last."""
        absent = set(range(self.count)) - self._kept
        return min(absent, key=lambda other: (other - index - 1) % self.count)


class _Block:
    """A block, the names of its weights in the network, and how it looks without them."""

    def __init__(self, module: nn.Module, prefix: str, sizes: Mapping[str, int]) -> None:
        self.names = [name for name in sizes if name.startswith(prefix)]
        self.size_bytes = sum(sizes[name] for name in self.names)
        self.forward = module.forward
        # Any: the three kinds of entries a module has; a layer is replaced where its weight is quantised.
        self._entries: list[tuple[dict[str, Any], dict[str, Any]]] = [
            (entries, dict(entries))
            for part in module.modules()
            for entries in (part._parameters, part._buffers, part._modules)
        ]

    def empty(self) -> None:
        """Let go of the weights."""
        for entries, without in self._entries:
            entries.clear()
            entries.update(without)


class _Arrival:
    """Weights on the device, to be used once `copied` has happened there (None: they are there)."""

    def __init__(self, weights: dict[str, Weight], copied: torch.cuda.Event | None = None) -> None:
        self.weights = weights
        self.copied = copied


class _NoCopies:
    """Weights that are there when they have been read."""

    last_run: torch.cuda.Event | None = None
    host_budget_bytes = 0
    host_bytes = 0

    def bring(self, index: int, read: Callable[[], dict[str, Weight]], last_run: torch.cuda.Event | None) -> _Arrival:
        return _Arrival(read())

    def receive(self, arrival: _Arrival) -> dict[str, Weight]:
        return arrival.weights

    def block_ran(self) -> None:
        """A block has been asked to compute and is not needed any more."""

    def forget(self, index: int) -> None:
        """A block stays on the device from now on."""


class _CudaCopies(_NoCopies):
    """Copies to a GPU beside its computing, on a stream of their own, from pinned memory where the budget allows."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch gives it no types
        self._host: dict[int, dict[str, Weight]] = {}

    def bring(self, index: int, read: Callable[[], dict[str, Weight]], last_run: torch.cuda.Event | None) -> _Arrival:
        if last_run is not None:
            last_run.synchronize()  # the computer thread runs ahead of the GPU: wait until a slot is free there
        with torch.cuda.stream(self._stream):
            if index in self._host:
                weights = {name: held.to(self._device, non_blocking=True) for name, held in self._host[index].items()}
            else:
                weights = read()
                self._hold(index, weights)
            return _Arrival(weights, self._stream.record_event())

    def receive(self, arrival: _Arrival) -> dict[str, Weight]:
        computing = torch.cuda.current_stream(self._device)
        assert arrival.copied is not None
        computing.wait_event(arrival.copied)
        for weight in arrival.weights.values():
            _tensor(weight).record_stream(computing)  # the memory is not given away before the block has computed
        return arrival.weights

    def block_ran(self) -> None:
        self.last_run = torch.cuda.current_stream(self._device).record_event()

    def forget(self, index: int) -> None:
        self.host_bytes -= sum(map(size_bytes, self._host.pop(index, {}).values()))

    def _hold(self, index: int, weights: Mapping[str, Weight]) -> None:
        size = sum(map(size_bytes, weights.values()))
        if self.host_bytes + size > self.host_budget_bytes:
            return
        try:
            self._host[index] = {name: _pinned(weight) for name, weight in weights.items()}
            self.host_bytes += size
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            self.host_budget_bytes = self.host_bytes  # systems limit pinned memory; the rest is read from the file


def _pinned(weight: Weight) -> Weight:
    """A copy in the machine's memory from which a GPU can copy while it computes."""
    if isinstance(weight, QuantizedTensor):
        return replace(weight, stored=weight.stored.cpu().pin_memory())
    return weight.cpu().pin_memory()


def _tensor(weight: Weight) -> Tensor:
    return weight.stored if isinstance(weight, QuantizedTensor) else weight


def _longest_list(network: nn.Module) -> tuple[str, nn.ModuleList]:
    """The list of modules with most numbers in it, and its name."""
    lists = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=lambda found: sum(tensor.numel() for tensor in found[1].state_dict().values()))


def _spread(indices: Sequence[int], count: int) -> list[int]:
    """`count` of the indices at even distances; all of them if there are fewer."""
    count = max(0, min(count, len(indices)))
    return [indices[position * len(indices) // count] for position in range(count)]
