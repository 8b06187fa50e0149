"""Node types made ready to run: which arguments need care, and how returned values become outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sd35graph.graph.errors import GraphError
from sd35graph.graph.node import Blocked
from sd35graph.graph.ports import Port, Ports, size_of
from sd35graph.graph.registry import NodeType
from sd35graph.graph.schema import HiddenInput, OutputSchema


class WrongReturn(GraphError):
    """A node returned something other than its outputs; the message names the output, what it is and what came."""


class Kind:
    """A node type made ready to run, once per type.

    function, is_async, is_output, context_parameter, hidden: as in `NodeType` and its schema.
    collects, lazy: names of the inputs that take the whole list, and of those evaluated only when asked for.
    """

    __slots__ = (
        "_outputs",
        "collects",
        "context_parameter",
        "function",
        "hidden",
        "is_async",
        "is_output",
        "lazy",
        "schema",
    )

    def __init__(self, node_type: NodeType, ports: Ports) -> None:
        schema = node_type.schema
        self.schema = schema
        self.function: Callable[..., Any] = node_type.function
        self.is_async = node_type.is_async
        self.is_output = schema.is_output
        self.context_parameter = node_type.context_parameter
        self.hidden: tuple[tuple[str, HiddenInput], ...] = schema.hidden
        self.collects = frozenset(spec.name for spec in schema.inputs if spec.collects)
        self.lazy = tuple(spec.name for spec in schema.inputs if spec.lazy)
        self._outputs = tuple(_Output(index, output, ports) for index, output in enumerate(schema.outputs))

    def new_columns(self) -> list[list[object]]:
        """One empty list of items per output."""
        return [[] for _ in self._outputs]

    def add(self, returned: object, columns: Sequence[list[object]]) -> None:
        """Put what one call returned into `columns`. Raises `WrongReturn`."""
        outputs = self._outputs
        if type(returned) is Blocked:
            for column in columns:
                column.append(returned)
        elif len(outputs) == 1:
            output = outputs[0]
            if type(returned) is not output.exact or output.is_list:
                returned = output.unwrapped(returned)
                output.check(returned)
            output.add(returned, columns[0])
        else:
            self._check_count(returned)
            for output, value, column in zip(outputs, returned or (), columns, strict=True):  # type: ignore[call-overload] # counted above
                output.check(value)
                output.add(value, column)

    def add_output(self, index: int, value: object, column: list[object]) -> None:
        """Put the value of one output into `column`. Raises `WrongReturn`."""
        self._outputs[index].check(value)
        self._outputs[index].add(value, column)

    def check_items(self, index: int, items: Sequence[object]) -> None:
        """Check items that another node made for output `index`. Raises `WrongReturn`."""
        for item in items:
            self._outputs[index].check_item(item)

    def size_bytes(self, columns: Sequence[Sequence[object]]) -> int:
        """Memory held by all items."""
        return sum(output.size_bytes(column) for output, column in zip(self._outputs, columns, strict=True))

    def check_output_count(self, count: int) -> None:
        """Check how many outputs an expansion gives. Raises `WrongReturn`."""
        if count != len(self._outputs):
            raise WrongReturn(f"expected an expansion with {self._expected()}, got {count}")

    def _check_count(self, returned: object) -> None:
        if not self._outputs:
            if returned is not None:
                raise WrongReturn(f"expected no outputs, so None, got {_kind_of(returned)}")
        elif not isinstance(returned, tuple):
            raise WrongReturn(f"expected a tuple with {self._expected()}, got {_kind_of(returned)}")
        elif len(returned) != len(self._outputs):
            raise WrongReturn(f"expected a tuple with {self._expected()}, got one of {len(returned)}")

    def _expected(self) -> str:
        names = ", ".join(output.name for output in self._outputs)
        return f"{len(self._outputs)} outputs ({names})" if len(self._outputs) != 1 else f"1 output ({names})"


class _Output:
    """One output: its checks unpacked, since they run for every value.

    exact: the one Python type whose values need no further look; None where there is no such type.
    """

    __slots__ = ("_index", "_ports", "_schema", "_size", "exact", "is_list", "name")

    def __init__(self, index: int, schema: OutputSchema, ports: Ports) -> None:
        self._index = index
        self._schema = schema
        self.name = schema.name
        self.is_list = schema.is_list
        named = [ports.named(name.strip()) for name in schema.type.split(",")]
        # A type no pack declared as a port says nothing about its Python type.
        self._ports: tuple[Port, ...] = tuple(port for port in named if port) if all(named) else ()
        self.exact: type | None = self._ports[0].type if self._ports else None
        self._size: Callable[[object], int] = self._ports[0].size_bytes if len(self._ports) == 1 else size_of

    def accepts(self, item: object) -> bool:
        return not self._ports or any(port.accepts(item) for port in self._ports)

    def unwrapped(self, returned: object) -> object:
        """The value in a tuple of one: a NamedTuple with one field is the other way to return a single output."""
        if isinstance(returned, tuple) and len(returned) == 1:
            only: object = returned[0]
            if isinstance(only, list) if self.is_list else not self.accepts(returned):
                return only
        return returned

    def check(self, value: object) -> None:
        """Check what a node returned for this output. Raises `WrongReturn`."""
        if type(value) is Blocked:
            return
        if not self.is_list:
            self.check_item(value)
            return
        if not isinstance(value, list | tuple):
            raise WrongReturn(f"{self._where()} must be a list of {self._schema.type}, got {_kind_of(value)}")
        for item in value:
            self.check_item(item)

    def check_item(self, item: object) -> None:
        if type(item) is not self.exact and type(item) is not Blocked and not self.accepts(item):
            wanted = " or ".join(port.type.__name__ for port in self._ports)
            raise WrongReturn(f"{self._where()} must be {self._schema.type} ({wanted}), got {_kind_of(item)}")

    def add(self, value: object, column: list[object]) -> None:
        if self.is_list and type(value) is not Blocked:
            column.extend(value)  # type: ignore[arg-type]  # `check` has seen that it is a list
        else:
            column.append(value)

    def size_bytes(self, column: Sequence[object]) -> int:
        return sum(map(self._size, column))

    def _where(self) -> str:
        return f'output {self._index} "{self.name}"'


def _kind_of(value: object) -> str:
    if value is None:
        return "None"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"a value of type {type(value).__name__}"


Kinds = Mapping[str, Kind]
