"""Ports: the kinds of value that links carry, each a name and the Python type of its values."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sd35graph.graph.errors import RegistrationError

ANY = "*"
"""Name of the port that takes and gives every value."""


def size_of(value: object) -> int:
    """Memory a value holds, in bytes: its own `size_bytes` if it says so, else the interpreter's shallow size."""
    size = getattr(value, "size_bytes", None)
    return size if isinstance(size, int) else sys.getsizeof(value)


@dataclass(frozen=True, slots=True)
class Port:
    """A kind of value: the name documents use (`IMAGE`) and the Python type every value of it has."""

    name: str
    type: type
    size_bytes: Callable[[object], int] = size_of

    def accepts(self, value: object) -> bool:
        """Whether `value` may travel on this port. A bool is no number; an int is a valid FLOAT."""
        if self.type in (int, float):
            return isinstance(value, int | self.type) and not isinstance(value, bool)
        return isinstance(value, self.type)


SCALARS = (Port("INT", int), Port("FLOAT", float), Port("STRING", str), Port("BOOLEAN", bool))
"""Ports whose literals have a widget."""

COMBO = Port("COMBO", str)
"""A string out of a list of choices; links as a STRING does."""


def compatible(given: str, wanted: str) -> bool:
    """Whether an output of type `given` may feed an input of type `wanted`.

    Types are port names, several joined by commas; they fit when they share one. `*` fits everything, and a COMBO
    is a STRING.
    """
    if given == wanted:
        return True
    given_names, wanted_names = _members(given), _members(wanted)
    return ANY in given_names or ANY in wanted_names or not given_names.isdisjoint(wanted_names)


def _members(types: str) -> set[str]:
    names = {name.strip() for name in types.split(",")}
    return names | {"STRING"} if "COMBO" in names else names


class Ports:
    """The ports a registry knows, by name and by Python type."""

    def __init__(self, ports: Iterable[Port] = ()) -> None:
        self._by_name: dict[str, Port] = {}
        self._by_type: dict[type, Port] = {}
        for port in (*SCALARS, Port(ANY, object), *ports):
            self.add(port)
        self._by_name[COMBO.name] = COMBO

    def add(self, port: Port) -> None:
        """Make a port known. Raises `RegistrationError` when its name or type is already another port's."""
        for known in (self._by_name.get(port.name), self._by_type.get(port.type)):
            if known is not None and known != port:
                raise RegistrationError(
                    f"port {port.name} ({port.type.__name__}) clashes with port {known.name} ({known.type.__name__}); "
                    "give it another name, or its values a type of their own"
                )
        self._by_name[port.name] = port
        self._by_type[port.type] = port

    def named(self, name: str) -> Port | None:
        """The port with this name."""
        return self._by_name.get(name)

    def of_type(self, python_type: object) -> Port | None:
        """The port whose values have this Python type."""
        return self._by_type.get(python_type) if isinstance(python_type, type) else None

    def names(self) -> list[str]:
        """All port names, sorted."""
        return sorted(self._by_name)
