"""Emphasis in prompts: "a (red:1.3) cat" to text segments with weights.

`(x)` multiplies the weight by 1.1 and nests; `(x:1.3)` sets it, whatever stands around; `\\(` and `\\)` are literal;
parentheses that do not match are literal text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

EMPHASIS = 1.1

Segment = tuple[str, float]

_TOKENS = re.compile(r"\\[()]|[()]|[^()\\]+|\\")
_EMBEDDING = re.compile(r"(?:^|(?<= ))embedding:[^\s,]*")


def weighted_segments(text: str) -> list[Segment]:
    """The text without emphasis marks, in pieces of equal weight. Weights may be negative, zero, nan or infinite."""
    segments: list[Segment] = []
    todo = [(text, 1.0, True)]  # a stack instead of recursion: nesting has no limit
    while todo:
        piece, weight, is_open = todo.pop()
        if not is_open:
            segments.append((_unescape(piece), weight))
            continue
        runs = [(*_weigh(run, weight), True) if is_group else (run, weight, False) for run, is_group in _runs(piece)]
        todo.extend(reversed(runs))
    return segments


def without_embeddings(text: str) -> list[str]:
    """The pieces of `text` around `embedding:name` words, which name files that are not read here."""
    return _EMBEDDING.split(text)


def _weigh(group: str, weight: float) -> Segment:
    """The text inside "(…)", and its weight where the text around has `weight`."""
    inside = group[1:-1]
    body, _, number = inside.rpartition(":")
    explicit = _number(number) if body else None
    return (inside, weight * EMPHASIS) if explicit is None else (body, explicit)


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Cut `text` before each outermost opening parenthesis and after its partner; True marks such a pair's run.

    A closing parenthesis too many makes the depth negative and so all that follows literal, as does one too few.
    """
    run: list[str] = []
    depth = 0
    for token in _TOKENS.findall(text):
        if token == "(" and depth == 0 and run:
            yield "".join(run), False
            run = []
        run.append(token)
        depth += {"(": 1, ")": -1}.get(token, 0)
        if token == ")" and depth == 0:
            yield "".join(run), True
            run = []
    if run:
        yield "".join(run), False


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _unescape(text: str) -> str:
    return text.replace(r"\(", "(").replace(r"\)", ")")
