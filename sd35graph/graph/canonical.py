"""One text per value, so that equal texts mean equal values of equal type."""

from __future__ import annotations

_PLAIN = frozenset({str, int, bool, bytes, type(None)})
_MAX_DEPTH = 64


def canonical(value: object) -> str | None:
    """The text of a JSON-like value, or None when it has none: other objects, NaN, nesting beyond 64 levels.

    The text tells 1 from 1.0 and from True, so nodes that treat them differently never share a result; the order of
    a mapping's keys does not matter. It holds no line break.
    """
    kind = type(value)
    if kind in _PLAIN:
        return repr(value)
    if kind is float:
        return repr(value) if value == value else None  # NaN equals nothing, itself included
    return _container(value, 0)


def _container(value: object, depth: int) -> str | None:
    if depth > _MAX_DEPTH:
        return None  # also ends a list that holds itself
    if isinstance(value, dict) and type(value) is dict:
        if not all(type(key) is str for key in value):
            return None
        members = [(repr(key), _text(value[key], depth)) for key in sorted(value)]
        return _joined("{}", [None if text is None else f"{key}:{text}" for key, text in members])
    if isinstance(value, list) and type(value) is list:
        return _joined("[]", [_text(item, depth) for item in value])
    if isinstance(value, tuple) and type(value) is tuple:
        return _joined("()", [_text(item, depth) for item in value])
    return None


def _text(value: object, depth: int) -> str | None:
    kind = type(value)
    if kind in _PLAIN or kind is float:
        return canonical(value)
    return _container(value, depth + 1)


def _joined(brackets: str, texts: list[str | None]) -> str | None:
    known = [text for text in texts if text is not None]
    return brackets[0] + ",".join(known) + brackets[1] if len(known) == len(texts) else None
