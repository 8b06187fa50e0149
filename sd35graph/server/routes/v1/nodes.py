"""`/v1/nodes`, `/v1/models` and `/v1/prompt_length`: what workflows are made of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import JsonValue
from starlette.responses import Response

from sd35graph.engine.folders import Folders
from sd35graph.engine.paths import UnsafePath
from sd35graph.engine.workers.slot import WorkerUnavailable
from sd35graph.graph.prompt_length import PromptLength, Unavailable, UnavailableCode
from sd35graph.graph.schema import NodeSchema
from sd35graph.server import resources
from sd35graph.server.body import as_model, parse_json
from sd35graph.server.encoding import Json, dumps
from sd35graph.server.errors import ApiError
from sd35graph.server.openapi import body_of
from sd35graph.server.parts import Parts, ServerParts

router = APIRouter(prefix="/v1", tags=["v1: nodes and models"])


@router.get("/nodes", response_model=list[NodeSchema])
async def list_node_types(
    parts: Parts,
    search: Annotated[str, Query(max_length=200, description="Words in type, title, category or description.")] = "",
) -> Response:
    """The node types with their inputs and outputs; drop-downs hold the files that are there now."""
    words = search.lower().split()
    found = [schema for schema in (await parts.schemas()).values() if _matches(schema, words)]
    return await _answer(found, parts.folders)


@router.get("/nodes/{node_type:path}", response_model=NodeSchema)
async def get_node_type(node_type: str, parts: Parts) -> Response:
    """One node type."""
    schema = (await parts.schemas()).get(node_type)
    if schema is None:
        raise ApiError(404, "not_found", f'there is no node type "{node_type[:100]}"; /v1/nodes lists them')
    return Json(await asyncio.to_thread(_filled, schema, parts.folders))


@router.get("/models", response_model=list[resources.ModelKind])
async def list_models(parts: Parts) -> Response:
    """All kinds of model with their files."""

    def read() -> list[dict[str, object]]:
        return [{"kind": kind, "files": parts.folders.choices(kind)} for kind in parts.folders.model_sources()]

    return Json(await asyncio.to_thread(read))


@router.get("/models/{kind}", response_model=resources.ModelKind)
async def get_models(kind: str, parts: Parts) -> Response:
    """The files of one kind of model."""
    try:
        if await asyncio.to_thread(parts.folders.is_model_source, kind):
            return Json({"kind": kind, "files": await asyncio.to_thread(parts.folders.choices, kind)})
    except UnsafePath as error:
        raise ApiError(400, "bad_file_name", str(error)) from error
    raise ApiError(404, "not_found", f'there is no kind of model "{kind[:100]}"; /v1/models lists them')


@router.post("/prompt_length", response_model=PromptLength, openapi_extra=body_of(resources.PromptLengthRequest))
async def measure_prompt(request: Request, parts: Parts) -> Response:
    """How many tokens a prompt has for each text encoder that a node loads, as those encoders' tokenizers count.

    CLIP encodes what is longer than `limit` in several `sections`; T5 takes all, but was trained with `limit` at most.
    `problems` says of which encoders it cannot be told, and why. Where it can be told of none, `unavailable` says why:
    a workflow whose files are not here yet is no mistake of who asks.
    """
    asked = as_model(parse_json(await request.body()), resources.PromptLengthRequest)
    return Json(asdict(await _measured(asked.text, asked.loader, parts)))


async def _measured(text: str, loader: resources.LoaderNode, parts: ServerParts) -> PromptLength:
    schema = (await parts.schemas()).get(loader.class_type)
    if schema is None:
        return _untold("unknown_node", f'there is no node type "{loader.class_type}"; /v1/nodes lists them')
    files = await asyncio.to_thread(_chosen, schema, loader.inputs, parts.folders)
    if isinstance(files, PromptLength):
        return files
    try:
        return await parts.supervisor.measure(text, files)
    except (WorkerUnavailable, TimeoutError):
        return _untold("worker_not_ready", "no worker answers just now; try again in a moment")


def _untold(code: UnavailableCode, detail: str) -> PromptLength:
    return PromptLength((), unavailable=Unavailable(code, detail))


def _chosen(schema: NodeSchema, values: Mapping[str, JsonValue], folders: Folders) -> list[Path] | PromptLength:
    """The model files chosen in a node's drop-downs, or why they cannot be asked. Raises `ApiError`."""
    sources = {spec.name: spec.source for spec in schema.inputs if spec.source and folders.is_model_source(spec.source)}
    paths: list[Path] = []
    for name, source in sources.items():
        try:
            if isinstance(file := values.get(name), str):
                paths.append(folders.file(source, file))
        except UnsafePath as error:
            raise ApiError(400, "bad_file_name", str(error)) from error
        except FileNotFoundError as error:
            return _untold("missing_file", str(error))
    if not paths:
        listed = ", ".join(sources) or "none of its inputs names any"
        return _untold("no_file", f"{schema.type} was given no model files; expected in: {listed}")
    return paths


def _matches(schema: NodeSchema, words: Sequence[str]) -> bool:
    text = f"{schema.type} {schema.title} {schema.category} {schema.description}".lower()
    return all(word in text for word in words)


async def _answer(schemas: Sequence[NodeSchema], folders: Folders) -> Response:
    body = await asyncio.to_thread(lambda: dumps([_filled(schema, folders) for schema in schemas]))
    return Response(body, media_type="application/json")


def _filled(schema: NodeSchema, folders: Folders) -> NodeSchema:
    """The schema with the files its drop-downs offer."""
    inputs = (
        spec if spec.source is None else replace(spec, choices=tuple(folders.choices(spec.source)))
        for spec in schema.inputs
    )
    return replace(schema, inputs=tuple(inputs))
