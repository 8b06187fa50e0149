"""Prompts to conditioning: emphasis on hidden states, and the combination of CLIP-L, CLIP-G and T5.

Any non-empty subset of the three encoders works; what is missing is filled with zeros (SD3 paper, arXiv 2403.03206,
section 4: the encoders are dropped out independently in training).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from sd35graph.models.errors import MissingPartError, ModelError, WeightsMismatchError
from sd35graph.models.files.sections import ENCODERS, TITLES, EncoderName
from sd35graph.models.networks.clip import CLIP_LAYER
from sd35graph.models.networks.textual_inversion import FindEmbedding, Row, no_embeddings
from sd35graph.models.networks.variants import ClipConfig, ClipName
from sd35graph.models.text.tokenizers import ClipTokenizer, FindVectors, Section, T5Tokenizer, no_vectors

EmptyPadding = Literal["none", "empty_prompt"]

CONTEXT_WIDTH = 4096  # contexts are padded to it, the width of the released transformers' text input
CLIP_L_WIDTH = 768  # of the released encoders; what an absent one takes up
CLIP_G_WIDTH = 1280

CLIP_G_PAD = 0  # CLIP-L pads with its end token


class ClipEncoder(Protocol):
    """What is needed of a CLIP encoder, see `ClipTextEncoder`: one that is loaded, or loaded when it is needed."""

    @property
    def config(self) -> ClipConfig: ...

    def encode_row(self, row: Row, end_id: int, layer: int = CLIP_LAYER) -> tuple[Tensor, Tensor]: ...


class T5Encoder(Protocol):
    """What is needed of a T5 encoder, see `T5TextEncoder`."""

    def encode_row(self, row: Row) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class ClipPart:
    """A CLIP encoder with its tokenizer, the id that fills its sections, and the layer, from the end, that is used."""

    encoder: ClipEncoder
    tokenizer: ClipTokenizer
    pad_id: int
    layer: int = CLIP_LAYER

    @property
    def section_length(self) -> int:
        """Tokens of a section: as many as the encoder has positions."""
        return self.encoder.config.positions

    def tokenize(self, text: str, vectors: FindVectors = no_vectors) -> list[Section]:
        return self.tokenizer.sections(text, self.pad_id, self.section_length, vectors)

    def empty_section(self) -> Section:
        """The section of an empty prompt."""
        return self.tokenizer.empty_section(self.pad_id, self.section_length)

    def encode(self, sections: Sequence[Section]) -> tuple[Tensor, Tensor]:
        """Weighted hidden states [1, L * sections, width] and the first section's pooled vector [1, width].

        Raises `ModelError` if the encoder has no such layer.
        """
        layers = self.encoder.config.layers
        if not 1 <= -self.layer <= layers:
            raise ModelError(
                f"The {TITLES[self.encoder.config.name]} has {layers} layers, and layer {self.layer} was asked for; "
                f"choose one from -1, the last, to -{layers}, the first."
            )
        rows = [self._encode_row(section) for section in sections]
        empty = self._encode_row(self.empty_section())[0] if _has_emphasis(sections) else None
        hidden = [_weigh(row, section, empty) for (row, _), section in zip(rows, sections, strict=True)]
        return torch.cat(hidden, dim=1), rows[0][1]

    def _encode_row(self, section: Section) -> tuple[Tensor, Tensor]:
        # Each row alone: in a batch, the last bits of a result would depend on its neighbours.
        return self.encoder.encode_row(_row(section), self.tokenizer.end_id, self.layer)


@dataclass(frozen=True, slots=True)
class T5Part:
    """The T5 encoder with its tokenizer."""

    encoder: T5Encoder
    tokenizer: T5Tokenizer

    def encode(self, section: Section) -> Tensor:
        """Weighted hidden states [1, L, width]."""
        empty = None
        if _has_emphasis([section]):
            empty = self.encoder.encode_row(_row(self.tokenizer.empty_section(len(section))))
        return _weigh(self.encoder.encode_row(_row(section)), section, empty)


@dataclass(frozen=True, slots=True)
class TextEncoders:
    """The text encoders of one model. Results are float32 on the CPU.

    In shapes, D is the widest part's width, or `CONTEXT_WIDTH` if that is more; P is the width of both CLIP encoders'
    pooled vectors. An absent encoder counts as wide as the released one. embeddings: finds what `embedding:name` in a
    prompt means. Raises `WeightsMismatchError` if the sections of the CLIP encoders, which stand side by side, differ
    in length.
    """

    clip_l: ClipPart | None = None
    clip_g: ClipPart | None = None
    t5xxl: T5Part | None = None
    embeddings: FindEmbedding = no_embeddings

    def __post_init__(self) -> None:
        lengths = [part.section_length for part in self._clips]
        if len(set(lengths)) > 1:
            raise WeightsMismatchError(
                f"The position tables of CLIP-L and CLIP-G have {lengths[0]} and {lengths[1]} entries; "
                "expected the same number. Load the two encoders of one model."
            )

    def encode(self, text: str) -> tuple[Tensor, Tensor]:
        """Conditioning [1, L, D] and pooled [1, P] of one prompt for all encoders."""
        return self.encode_sd3(text, text, text, empty_padding="empty_prompt")

    def encode_sd3(self, clip_l: str, clip_g: str, t5xxl: str, *, empty_padding: EmptyPadding) -> tuple[Tensor, Tensor]:
        """Conditioning [1, L, D] and pooled [1, P] of a prompt per encoder.

        empty_padding: "empty_prompt" encodes an empty prompt like any other; with "none" it contributes nothing if
        both CLIP prompts are empty, and only the end token if T5's is.
        """
        self._require_any()
        is_padded = empty_padding == "empty_prompt"
        uses_clip = is_padded or clip_l != "" or clip_g != ""
        context, pooled = self._encode_clip(clip_l, clip_g) if uses_clip else (None, None)
        t5 = None
        if self.t5xxl is not None:
            is_padded = is_padded or t5xxl != ""
            section = self.t5xxl.tokenizer.section(t5xxl, self._vectors("t5xxl"), is_padded=is_padded)
            t5 = self.t5xxl.encode(section)
        if pooled is None:
            pooled = torch.zeros(1, _pooled_width(self.clip_l, CLIP_L_WIDTH) + _pooled_width(self.clip_g, CLIP_G_WIDTH))
        parts = [part for part in (context, t5) if part is not None]
        if not parts:  # nothing was asked of any encoder: the network still needs a context, and zeros say nothing
            parts = [torch.zeros(1, self._clips[0].section_length, CONTEXT_WIDTH)]
        return _join(parts), pooled

    def encode_part(self, part: EncoderName, text: str) -> tuple[Tensor, Tensor | None]:
        """Hidden states [1, L, width] of one encoder, and its pooled vector (None for T5)."""
        self._require_any()
        if part == "t5xxl":
            if self.t5xxl is None:
                raise self._missing(part)
            return self.t5xxl.encode(self.t5xxl.tokenizer.section(text, self._vectors(part))), None
        clip = self._clip(part)
        if clip is None:
            raise self._missing(part)
        return clip.encode(clip.tokenize(text, self._vectors(part)))

    def _encode_clip(self, text_l: str, text_g: str) -> tuple[Tensor | None, Tensor | None]:
        """Both CLIP encoders side by side [1, L * sections, widths], and their pooled vectors one after the other."""
        rows_l = self.clip_l.tokenize(text_l, self._vectors("clip_l")) if self.clip_l is not None else []
        rows_g = self.clip_g.tokenize(text_g, self._vectors("clip_g")) if self.clip_g is not None else []
        count = max(len(rows_l), len(rows_g))
        if count == 0:
            return None, None
        hidden_l, pooled_l = self._encode_or_zero(self.clip_l, rows_l, count, CLIP_L_WIDTH)
        hidden_g, pooled_g = self._encode_or_zero(self.clip_g, rows_g, count, CLIP_G_WIDTH)
        return torch.cat([hidden_l, hidden_g], dim=-1), torch.cat([pooled_l, pooled_g], dim=-1)

    def _encode_or_zero(
        self, part: ClipPart | None, rows: list[Section], count: int, width: int
    ) -> tuple[Tensor, Tensor]:
        """Hidden states of `count` sections, the missing ones those of an empty prompt; zeros without an encoder."""
        if part is None:
            return torch.zeros(1, self._clips[0].section_length * count, width), torch.zeros(1, width)
        return part.encode(rows + [part.empty_section()] * (count - len(rows)))

    def _vectors(self, part: EncoderName) -> FindVectors:
        return lambda name: self.embeddings(name).get(part, ())

    @property
    def _clips(self) -> list[ClipPart]:
        return [part for part in (self.clip_l, self.clip_g) if part is not None]

    def _clip(self, name: ClipName) -> ClipPart | None:
        return self.clip_l if name == "clip_l" else self.clip_g

    def _require_any(self) -> None:
        if self.clip_l is None and self.clip_g is None and self.t5xxl is None:
            raise MissingPartError("No text encoder is loaded; at least one of CLIP-L, CLIP-G and T5-XXL is needed.")

    def _missing(self, part: EncoderName) -> MissingPartError:
        present = [name for name in ENCODERS if getattr(self, name) is not None]
        return MissingPartError(f"The encoder {part} is not loaded, only: {', '.join(present)}.")


def _pooled_width(part: ClipPart | None, absent: int) -> int:
    return absent if part is None else part.encoder.config.projection_width


def _join(parts: Sequence[Tensor]) -> Tensor:
    """Contexts one after the other, zero-padded on the right to one width."""
    width = max(CONTEXT_WIDTH, *(part.shape[-1] for part in parts))
    return torch.cat([F.pad(part, (0, width - part.shape[-1])) for part in parts], dim=1)


def _row(section: Section) -> Row:
    return tuple(token for token, _ in section)


def _has_emphasis(sections: Sequence[Section]) -> bool:
    return any(weight != 1.0 for section in sections for _, weight in section)


def _weigh(hidden: Tensor, section: Section, empty: Tensor | None) -> Tensor:
    """Move each weighted token away from, or towards, the same position of the empty prompt.

    hidden, empty: [1, L, D]; without the latter, all weights are 1. h' = e + weight * (h - e).
    """
    if empty is None:
        return hidden
    weights = torch.tensor([weight for _, weight in section]).unsqueeze(-1)  # [L, 1]
    return torch.where(weights == 1.0, hidden, empty + weights * (hidden - empty))
