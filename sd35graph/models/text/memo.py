"""What encoders made of rows of tokens, kept so that no text is encoded, and no encoder loaded for it, twice."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from torch import Tensor

from sd35graph.models.networks.clip import CLIP_LAYER, ClipTextEncoder
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.textual_inversion import Row
from sd35graph.models.networks.variants import ClipConfig
from sd35graph.values import tensor_bytes

TEXT_MEMO_BYTES = 128 * 2**20  # a row takes 0.6 MiB for both CLIP encoders together, 1.2 MiB or more for T5


class TextMemo:
    """Encoded rows, the least recently used dropped beyond `limit_bytes`. Keys say all that a result depends on."""

    def __init__(self, limit_bytes: int = TEXT_MEMO_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._rows: OrderedDict[Hashable, tuple[Tensor, ...]] = OrderedDict()  # least recently used first
        self._configs: dict[Hashable, ClipConfig] = {}
        self._lock = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """Memory that the rows take."""
        with self._lock:
            return sum(tensor_bytes(tensors) for tensors in self._rows.values())

    def row(self, key: Hashable, make: Callable[[], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """The tensors under `key`, made now if they are not there. They are shared: not to be written to."""
        with self._lock:
            if key in self._rows:
                self._rows.move_to_end(key)
                return self._rows[key]
        made = make()
        with self._lock:
            self._rows[key] = made
            held = sum(tensor_bytes(tensors) for tensors in self._rows.values())
            while held > self._limit_bytes:
                held -= tensor_bytes(self._rows.popitem(last=False)[1])
        return made

    def config(self, encoder: Hashable, read: Callable[[], ClipConfig]) -> ClipConfig:
        """The dimensions of a CLIP encoder, without which its rows cannot be laid out. They stay when rows go."""
        if encoder not in self._configs:
            self._configs[encoder] = read()
        return self._configs[encoder]

    def clear(self) -> None:
        """Drop all rows."""
        with self._lock:
            self._rows.clear()


@dataclass(frozen=True, slots=True)
class RememberedClip:
    """A CLIP encoder that is loaded when a row is not in the memo. key: says which encoder it is, and where."""

    memo: TextMemo
    key: Hashable
    load: Callable[[], ClipTextEncoder]

    @property
    def config(self) -> ClipConfig:
        return self.memo.config(self.key, lambda: self.load().config)

    def encode_row(self, row: Row, end_id: int, layer: int = CLIP_LAYER) -> tuple[Tensor, Tensor]:
        """As `ClipTextEncoder.encode_row`."""
        key = (self.key, row, end_id, layer)
        hidden, pooled = self.memo.row(key, lambda: self.load().encode_row(row, end_id, layer))
        return hidden, pooled


@dataclass(frozen=True, slots=True)
class RememberedT5:
    """The T5 encoder, loaded when a row is not in the memo. key: says which encoder it is, and where."""

    memo: TextMemo
    key: Hashable
    load: Callable[[], T5TextEncoder]

    def encode_row(self, row: Row) -> Tensor:
        """As `T5TextEncoder.encode_row`."""
        (hidden,) = self.memo.row((self.key, row), lambda: (self.load().encode_row(row),))
        return hidden
