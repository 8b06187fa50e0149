"""Plain values as nodes, and a look at any value."""

from __future__ import annotations

from typing import Annotated

from sd35graph import Context, Input, node

_INT64 = 2**63 - 1


@node("PrimitiveInt", title="Int", category="utils/primitive")
def primitive_int(value: Annotated[int, Input(min=-_INT64, max=_INT64, control_after_generate=True)]) -> int:
    """A whole number to share between nodes."""
    return value


@node("PreviewAny", title="Preview Any", category="utils", is_output=True)
def preview_any(ctx: Context, source: object) -> None:
    """Show any value as text."""
    ctx.show("text", [source if isinstance(source, str) else str(source)])


NODES = (
    primitive_int,
    preview_any,
)
