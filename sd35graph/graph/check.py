"""Checking a document in one call, for the command line and for scripts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from sd35graph.graph.formats.document import Document, read_document
from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.validate import Validation, validate


def check_document(
    document: object,
    schemas: Mapping[str, NodeSchema],
    choices: Callable[[str], Sequence[str]],
    targets: Collection[str] | None = None,
) -> tuple[Document, Validation]:
    """Read and validate a decoded JSON document. Raises `DocumentError` when it is no workflow at all."""
    read = read_document(document, schemas)
    return read, validate(read.graph, schemas, choices, targets, read.problems)
