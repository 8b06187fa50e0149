"""Prompts to sections of (token, weight): CLIP has windows of one length, T5 one section of at least some length.

A token is an id, or a learned vector where the prompt names an embedding.

The vocabularies come from `tokenizer_files`, a window's length from the encoder (77 in the released ones).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sd35graph.models.networks.textual_inversion import Vector
from sd35graph.models.text.prompt import split_embeddings, weighted_segments

Token = tuple[int | Vector, float]
Section = list[Token]
EncodeText = Callable[[str], list[int]]
FindVectors = Callable[[str], Sequence[Vector]]
"""The vectors that `embedding:name` stands for, none if it stands for nothing."""

T5_MIN_LENGTH = 77  # of a section, where the tokenizer's settings do not say
T5_TRAINED_LENGTH = 256  # of a section: the most SD3.5 saw in training (its model cards); more is taken, less well kept
LONG_SEGMENT = 8  # segments of this many tokens are cut at a section's end, shorter ones move to the next


def no_vectors(name: str) -> Sequence[Vector]:
    """Finds none."""
    return ()


class ClipTokenizer:
    """Text to CLIP sections. CLIP-L pads with its end token, CLIP-G with 0: see `sections`."""

    def __init__(self, encode: EncodeText, start_id: int, end_id: int) -> None:
        self._encode = encode
        self.start_id = start_id
        self.end_id = end_id

    def sections(self, text: str, pad_id: int, length: int, vectors: FindVectors = no_vectors) -> list[Section]:
        """The prompt in one or more sections of `length` tokens, at least 3: start, tokens, end, padding.

        Special tokens have weight 1.
        """
        return [self._frame(body, pad_id, length) for body in self.bodies(text, length, vectors)]

    def bodies(self, text: str, length: int, vectors: FindVectors = no_vectors) -> list[Section]:
        """The prompt's tokens as `sections` shares them out, without what stands around them."""
        room = length - 2
        bodies: list[Section] = [[]]
        for segment in _segments(text, self._encode, vectors):
            for part in _cut(segment, room - len(bodies[-1]), room):
                if len(bodies[-1]) + len(part) > room:
                    bodies.append([])
                bodies[-1].extend(part)
        return bodies

    def empty_section(self, pad_id: int, length: int) -> Section:
        """The section of an empty prompt."""
        return self._frame([], pad_id, length)

    def _frame(self, body: Section, pad_id: int, length: int) -> Section:
        framed = [(self.start_id, 1.0), *body, (self.end_id, 1.0)]
        return framed + [(pad_id, 1.0)] * (length - len(framed))


class T5Tokenizer:
    """Text to a single T5 section: the tokens, an end token, padding up to `min_length`; there is no maximum."""

    pad_id = 0

    def __init__(self, encode: EncodeText, end_id: int, min_length: int = T5_MIN_LENGTH) -> None:
        self._encode = encode
        self.end_id = end_id
        self.min_length = min_length

    def section(self, text: str, vectors: FindVectors = no_vectors, *, is_padded: bool = True) -> Section:
        """The prompt's tokens. Unpadded, an empty prompt is the end token alone."""
        tokens = [token for segment in _segments(text, self._encode, vectors) for token in segment]
        tokens.append((self.end_id, 1.0))
        return self._pad(tokens, self.min_length if is_padded else 0)

    def empty_section(self, length: int) -> Section:
        """The section of an empty prompt, padded to `length`."""
        return self._pad([(self.end_id, 1.0)], length)

    def _pad(self, tokens: Section, length: int) -> Section:
        return tokens + [(self.pad_id, 1.0)] * (length - len(tokens))


def _segments(text: str, encode: EncodeText, vectors: FindVectors) -> Iterator[Section]:
    """The tokens of each piece of equal weight. A piece is tokenised whole, not word by word."""
    for segment, weight in weighted_segments(text):
        for index, piece in enumerate(split_embeddings(segment)):
            tokens: Sequence[int | Vector] = vectors(piece) if index % 2 else encode(piece)
            yield [(token, weight) for token in tokens]


def _cut(segment: Section, free: int, room: int) -> Iterator[Section]:
    """A long segment in parts that fill what is free of this section and then whole ones; a short one as it is."""
    if len(segment) < min(LONG_SEGMENT, room + 1):
        yield segment
        return
    yield segment[:free]
    for start in range(free, len(segment), room):
        yield segment[start : start + room]
