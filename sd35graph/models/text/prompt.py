"""Emphasis in prompts: "a (red:1.3) cat" to text segments with weights.

`(x)` multiplies the weight by 1.1 and nests; `(x:1.3)` sets it, whatever stands around; `\\(` and `\\)` are literal;
parentheses that do not match are literal text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

EMPHASIS = 1.1

Segment = tuple[str, float]

_TOKENS = re.compile(r"\\[()]|[()]|[^()\\]+|\\")
_EMBEDDING = re.compile(r"(?:^|(?<= ))embedding:([^\s,]*)")


def weighted_segments(text: str) -> list[Segment]:
    """The text without emphasis marks, in pieces of equal weight. Weights may be negative, zero, nan or infinite."""
    tokens: list[str] = _TOKENS.findall(text)
    partners, breaks = _pair(tokens)
    closing = set(partners.values())
    segments: list[Segment] = []
    run: list[str] = []
    weights = [1.0]  # of the groups open at this token, innermost last
    for index, token in enumerate(tokens):
        if index in breaks or index in closing:
            segments += _segment(run, weights[-1])
            run = []
        if index in partners:
            last = partners[index] - 1
            tokens[last], weight = _take_weight(tokens[last], weights[-1], is_whole=last == index + 1)
            weights.append(weight)
        elif index in closing:
            weights.pop()
        else:
            run.append(token)
    return segments + _segment(run, weights[-1])


def split_embeddings(text: str) -> list[str]:
    """Text and the names in `embedding:name` words by turns, beginning and ending with text, which may be empty.

    The word counts at the start and behind a space. The name ends at a space or comma.
    """
    return _EMBEDDING.split(text)


def _pair(tokens: Sequence[str]) -> tuple[dict[int, int], set[int]]:
    """Which opening parenthesis belongs to which closing one, and where a new piece begins.

    Parentheses are counted from the start. One that closes nothing makes the count negative, and those that follow are
    literal until it is back at zero; one that opens at zero and is never closed makes the rest literal.
    """
    partners: dict[int, int] = {}
    breaks: set[int] = set()
    pending: dict[int, int] = {}  # pairs inside an outermost parenthesis that is still open
    opened: list[int] = []
    surplus = 0
    for index, token in enumerate(tokens):
        if token == "(" and surplus:
            surplus -= 1
        elif token == "(":
            if not opened:
                breaks.add(index)
            opened.append(index)
        elif token == ")" and not opened:
            surplus += 1
        elif token == ")":
            pending[opened.pop()] = index
            if not opened:
                partners |= pending
                pending = {}
    return partners, breaks | partners.keys()


def _take_weight(token: str, outer: float, *, is_whole: bool) -> Segment:
    """The last token of a group without its ":number", and the group's weight.

    outer: the weight around the group. is_whole: the token is all there is; then something must stand before the colon.
    """
    body, colon, number = token.rpartition(":")
    explicit = _number(number) if colon and (body or not is_whole) else None
    return (token, outer * EMPHASIS) if explicit is None else (body, explicit)


def _segment(run: Sequence[str], weight: float) -> list[Segment]:
    text = "".join(run)
    return [(_unescape(text), weight)] if text else []


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _unescape(text: str) -> str:
    return text.replace(r"\(", "(").replace(r"\)", ")")
