"""Any accepted document to a graph: either form of workflow, bare or wrapped, as JSON text or inside a picture."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from pydantic import JsonValue

from sd35graph.graph.errors import DocumentError
from sd35graph.graph.formats.api import graph_from_api
from sd35graph.graph.formats.editor import api_from_editor
from sd35graph.graph.formats.editor_model import is_editor_form
from sd35graph.graph.formats.exif import exif_workflow_texts, is_exif_picture
from sd35graph.graph.formats.png import is_png, png_workflow_texts
from sd35graph.graph.literals import shown
from sd35graph.graph.problems import Problem
from sd35graph.graph.schema import NodeSchema
from sd35graph.graph.workflow import Graph

_MAX_DEPTH = 100
"""Deeper documents cannot be written again by every JSON library; workflows stay below ten."""
_MAX_INTEGER_BITS = 1024

JsonObject = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Document:
    """A workflow that was read.

    prompt: the API form: as it came, or converted from the editor form. graph: what runs. workflow: the editor form,
    if it came. problems: what was wrong with single nodes.
    """

    prompt: JsonObject
    graph: Graph
    workflow: JsonObject | None = None
    problems: list[Problem] = field(default_factory=list)


def read_bytes(content: bytes | str) -> object:
    """The JSON value of a file's content: JSON text, or a PNG, WebP or JPEG picture that carries a workflow.

    Raises `DocumentError` saying where the text stops being JSON.
    """
    if isinstance(content, bytes) and is_png(content):
        return {key: _json(text, f"the PNG file's text {key}") for key, text in png_workflow_texts(content).items()}
    if isinstance(content, bytes) and is_exif_picture(content):
        return {key: _json(text, f"the picture's EXIF {key}") for key, text in exif_workflow_texts(content).items()}
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"the file is neither JSON text in UTF-8 nor a PNG, WebP or JPEG picture: {error}"
        ) from error
    return _json(text, "the document")


def read_document(document: object, schemas: Mapping[str, NodeSchema]) -> Document:
    """Read a decoded JSON document: API form, editor form, or an object that wraps one as `prompt` or `workflow`.

    An editor form beside a prompt (in `workflow` or `extra_data.extra_pnginfo.workflow`) is kept with it.
    Raises `DocumentError` when it is none of these; what is wrong with single nodes is in `problems`.
    """
    checked = _checked(document)
    if not isinstance(checked, dict):
        raise DocumentError(f"a workflow is a JSON object, but this is {shown(checked)}")
    if is_editor_form(checked):
        return _from_editor(checked, schemas)
    wrapped = _wrapped(checked)
    if wrapped is not None:
        key, inner = wrapped
        if not isinstance(inner, dict):
            raise DocumentError(f'"{key}" should be a workflow, a JSON object, but is {shown(inner)}')
        if is_editor_form(inner):
            return _from_editor(inner, schemas)
        return _from_api(inner, schemas, _workflow_beside(checked))
    if any(_is_node(entry) for entry in checked.values()):
        return _from_api(checked, schemas, None)
    keys = ", ".join(f'"{key[:40]}"' for key in list(checked)[:8]) or "nothing"
    raise DocumentError(
        'this is no workflow: neither the API form (nodes by id, each with "class_type") nor the editor form '
        f'(with a list "nodes") nor an object with one as "prompt"; it has {keys}'
    )


def _from_api(prompt: JsonObject, schemas: Mapping[str, NodeSchema], workflow: JsonObject | None) -> Document:
    graph, problems = graph_from_api(prompt, schemas)
    return Document(prompt, graph, workflow, problems)


def _from_editor(workflow: JsonObject, schemas: Mapping[str, NodeSchema]) -> Document:
    prompt, cuts = api_from_editor(workflow, schemas)
    graph, problems = graph_from_api(prompt, schemas)
    return Document(prompt, graph, workflow, [*cuts, *problems])


def _is_node(entry: object) -> bool:
    return isinstance(entry, dict) and "class_type" in entry


def _wrapped(document: JsonObject) -> tuple[str, JsonValue] | None:
    """The wrapped workflow and its key; a node may well have the id "prompt"."""
    return next(
        ((key, document[key]) for key in ("prompt", "workflow") if key in document and not _is_node(document[key])),
        None,
    )


def _workflow_beside(document: JsonObject) -> JsonObject | None:
    extra_data = document.get("extra_data")
    pnginfo = extra_data.get("extra_pnginfo") if isinstance(extra_data, dict) else None
    for holder in (pnginfo, document):
        workflow = holder.get("workflow") if isinstance(holder, dict) else None
        if isinstance(workflow, dict):
            return workflow
    return None


def _json(text: str, what: str) -> object:
    try:
        value: object = json.loads(text)
    except RecursionError as error:
        raise DocumentError(f"{what} is nested too deep to be read") from error
    except ValueError as error:  # malformed, or an integer of thousands of digits
        raise DocumentError(f"{what} is not JSON: {error}") from error
    return value


def _checked(document: object) -> JsonValue:
    """The document, known to be JSON of bounded depth; NaN and infinities, which some programs write, become texts.

    Raises `DocumentError` naming the place.
    """
    clean = True
    stack: list[tuple[object, int]] = [(document, 1)]
    while stack:
        value, depth = stack.pop()
        if depth > _MAX_DEPTH:
            raise DocumentError(f"the document is nested more than {_MAX_DEPTH} deep")
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                raise DocumentError(f"keys of JSON objects are texts, but this document has {list(value)[:3]!r:.80}")
            stack.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            stack.extend((item, depth + 1) for item in value)
        elif isinstance(value, float):
            clean = clean and math.isfinite(value)
        elif isinstance(value, int):
            if value.bit_length() > _MAX_INTEGER_BITS:
                raise DocumentError(f"the document has an integer of more than {_MAX_INTEGER_BITS} bits")
        elif value is not None and not isinstance(value, str):
            raise DocumentError(f"the document holds a {type(value).__name__}, which is no JSON value")
    return cast(JsonValue, document if clean else _finite(document))  # checked just now


def _finite(document: object) -> object:
    """A copy with "NaN" and "Infinity" as texts, which any program can read and no number input takes."""
    holder: list[object] = [document]
    stack: list[list[object] | dict[str, object]] = [holder]
    while stack:
        container = stack.pop()
        items = list(container.items()) if isinstance(container, dict) else list(enumerate(container))
        for key, value in items:
            copy = _shallow(value)
            container[key] = copy  # type: ignore[index] # keys come from the container itself
            if isinstance(copy, list | dict):
                stack.append(copy)
    return holder[0]


def _shallow(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value
