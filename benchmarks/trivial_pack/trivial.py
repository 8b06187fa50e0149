"""Nodes that do nothing worth measuring, so that what is measured is the engine and the server."""

from __future__ import annotations

import time

from sd35graph import Context, Pack, node


@node("TrivialSource", category="benchmark")
def trivial_source(value: int = 0) -> int:
    """A number."""
    return value


@node("TrivialStep", category="benchmark")
def trivial_step(value: int) -> int:
    """The next number."""
    return value + 1


@node("TrivialSink", category="benchmark", is_output=True)
def trivial_sink(value: int, ctx: Context) -> None:
    """Shows a number."""
    ctx.show("text", [str(value)])


@node("TrivialTicker", category="benchmark", is_output=True)
def trivial_ticker(ctx: Context, times: int, pause_s: float) -> None:
    """Says what time it is, again and again."""
    for _ in range(times):
        ctx.warn(f"{time.time():.6f}")
        time.sleep(pause_s)


pack = Pack(name="trivial", nodes=[trivial_source, trivial_step, trivial_sink, trivial_ticker])
