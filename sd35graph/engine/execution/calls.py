"""List mapping: the calls a node makes, one per item of its inputs, and what keeps a call from being made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sd35graph.engine.execution.kinds import Kind
from sd35graph.engine.execution.trace import NO_TRACE, Trace
from sd35graph.graph.errors import GraphError
from sd35graph.graph.node import Blocked, Lazy
from sd35graph.graph.steps import Step

Items = Sequence[object]
SILENT = Blocked()


class WrongRequest(GraphError):
    """A node asked for a lazy input it has been given or does not have."""


class Returned(NamedTuple):
    """What one call came to: its value, or `SILENT` when it was blocked; and what it left behind."""

    value: object
    trace: Trace = NO_TRACE


class Calls:
    """The calls of one node in one run. Made in rounds: when lazy inputs arrive, unfinished ones are repeated.

    returned: finished calls by number, blocked ones included.
    """

    __slots__ = ("_asked", "_kind", "_step", "returned")

    def __init__(self, kind: Kind, step: Step) -> None:
        self._kind = kind
        self._step = step
        self._asked: dict[int, set[str]] = {}
        self.returned: dict[int, Returned] = {}

    def due(self, linked: Mapping[str, Items]) -> list[tuple[int, dict[str, object]]]:
        """(number, arguments) of the calls to make now, given the items of the linked inputs that are there.

        Inputs are mapped: call i gets item i of each, shorter inputs repeat their last item, no item at all means no
        call. Inputs that collect get the whole list in every call. A call with a `Blocked` item is not made.
        """
        kind, step, returned = self._kind, self._step, self.returned
        count = 1
        mapped = [(name, items) for name, items in linked.items() if name not in kind.collects]
        if mapped:
            lengths = [len(items) for _, items in mapped]
            count = max(lengths) if min(lengths) else 0
        if not count:  # a lazy input that came has no items: what earlier rounds did is void
            returned.clear()
            self._asked.clear()
        due: list[tuple[int, dict[str, object]]] = []
        for index in range(count):
            if index in returned:
                continue
            arguments = step.values.copy()
            for name, items in mapped:
                arguments[name] = items[index] if index < len(items) else items[-1]
            for name in kind.collects:
                items_or_none = linked.get(name, step.values.get(name))
                # A copy: the node may change its list, but not everybody's.
                arguments[name] = list(items_or_none) if isinstance(items_or_none, Sequence) else items_or_none
            if kind.lazy:
                self._wrap_lazy(index, arguments, linked)
            if (mapped or kind.collects or step.has_objects) and (block := self._block(arguments)) is not None:
                returned[index] = Returned(SILENT, Trace(blocked=(block.message,)) if block.message else NO_TRACE)
            else:
                due.append((index, arguments))
        return due

    def ask(self, index: int, names: Sequence[str]) -> None:
        """Note that call `index` stopped to ask for lazy inputs. Raises `WrongRequest`."""
        asked = self._asked.setdefault(index, set())
        unknown = [name for name in names if name not in self._kind.lazy]
        if unknown:
            raise WrongRequest(f'asked for "{unknown[0]}", which is none of its lazy inputs')
        if asked.issuperset(names):
            raise WrongRequest(f"asked for {', '.join(names) or 'nothing'} again, though it was given")
        asked.update(names)

    def asked(self) -> set[str]:
        """The lazy inputs that some call has asked for."""
        return {name for names in self._asked.values() for name in names}

    @property
    def is_waiting(self) -> bool:
        """Whether some call has asked for lazy inputs and has not been made again since."""
        return any(index not in self.returned for index in self._asked)

    def _wrap_lazy(self, index: int, arguments: dict[str, object], linked: Mapping[str, Items]) -> None:
        """Put each lazy input into a `Lazy`, empty while it is not there.

        A block behind a lazy input stops only the calls that ask for it: until then the input looks absent.
        """
        asked = self._asked.get(index, ())
        links = {name for name, _ in self._step.lazy_links}
        for name in self._kind.lazy:
            if name in links and name not in linked:
                arguments[name] = Lazy(name)
                continue
            value = arguments[name]
            if self._block_in(name, value) is None:
                arguments[name] = Lazy(name, value)
            elif name not in asked:
                arguments[name] = Lazy(name)

    def _block(self, arguments: Mapping[str, object]) -> Blocked | None:
        """The block among the arguments, one with a message first."""
        found = None
        for name, value in arguments.items():
            block = self._block_in(name, value)
            if block is not None and (found is None or found.message is None):
                found = block
        return found

    def _block_in(self, name: str, value: object) -> Blocked | None:
        """The block an argument is, or, where the input collects, the first one in its list."""
        if type(value) is Blocked:
            return value
        if type(value) is list and name in self._kind.collects:
            return next((item for item in value if type(item) is Blocked), None)
        return None
