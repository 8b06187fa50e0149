"""Plain values as nodes, and a look at any value."""

from __future__ import annotations

from typing import Annotated

from sd35graph import Context, Input, node

_INT64 = 2**63 - 1


@node("PrimitiveInt", title="Int", category="utils/primitive")
def primitive_int(value: Annotated[int, Input(min=-_INT64, max=_INT64, control_after_generate=True)]) -> int:
    """A whole number to share between nodes."""
    return value


@node("PrimitiveFloat", title="Float", category="utils/primitive")
def primitive_float(value: Annotated[float, Input(min=-_INT64, max=_INT64)]) -> float:
    """A number to share between nodes."""
    return value


@node("PrimitiveBoolean", title="Boolean", category="utils/primitive")
def primitive_boolean(value: bool) -> bool:
    """Yes or no, to share between nodes."""
    return value


@node("PrimitiveString", title="String", category="utils/primitive")
def primitive_string(value: str) -> str:
    """A line of text to share between nodes."""
    return value


@node("PrimitiveStringMultiline", title="String (multiline)", category="utils/primitive")
def primitive_string_multiline(value: Annotated[str, Input(multiline=True)]) -> str:
    """A longer text to share between nodes."""
    return value


@node("PreviewAny", title="Preview any", category="utils", is_output=True)
def preview_any(ctx: Context, source: object) -> None:
    """Show any value as text."""
    ctx.show("text", [source if isinstance(source, str) else str(source)])


NODES = (
    primitive_int,
    primitive_float,
    primitive_boolean,
    primitive_string,
    primitive_string_multiline,
    preview_any,
)
