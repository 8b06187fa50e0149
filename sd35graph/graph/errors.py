"""Exceptions of the graph layer."""


class GraphError(Exception):
    """Base of everything the graph layer raises."""


class RegistrationError(GraphError):
    """A node pack declares something the registry cannot take; the message names pack, node, parameter and remedy."""


class DocumentError(GraphError):
    """A workflow document cannot be read as a graph at all."""


class InputNeeded(GraphError):
    """Raised inside a node that asked for lazy inputs which are not there yet.

    Not an error: the engine evaluates the inputs named and calls the node again.
    """

    def __init__(self, *names: str) -> None:
        super().__init__(f"inputs needed first: {', '.join(names)}")
        self.names = names


class Cancelled(GraphError):
    """The job was cancelled; raised at the next place where the node reports progress."""
