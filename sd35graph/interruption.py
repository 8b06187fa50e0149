"""How long computations learn that nobody waits for them any more: they ask here, between pieces of a moment each.

Whoever runs them says what to ask, for the code it calls in the same thread; nobody need hand a token down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_asked: ContextVar[Callable[[], object] | None] = ContextVar("sd35graph_interruption", default=None)


def stop_if_asked() -> None:
    """Raise what the caller wants raised if the computation is to stop; nothing outside of `interruptible`."""
    ask = _asked.get()
    if ask is not None:
        ask()


@contextmanager
def interruptible(ask: Callable[[], object]) -> Iterator[None]:
    """Have `stop_if_asked` call `ask`, which raises when the code in this block is to stop."""
    mark = _asked.set(ask)
    try:
        yield
    finally:
        _asked.reset(mark)
