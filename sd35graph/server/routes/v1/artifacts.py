"""`/v1/artifacts`: the files jobs made and clients sent, by their place."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import FileResponse, Response

from sd35graph.engine.folders import FileFolder
from sd35graph.server import wire
from sd35graph.server.errors import ApiError
from sd35graph.server.guards.roles import Caller
from sd35graph.server.parts import Parts
from sd35graph.server.routes.files import FILE_HEADERS, file_answer, shown_path

router = APIRouter(prefix="/v1/artifacts", tags=["v1: artifacts"])

MIN_THUMBNAIL_PX, MAX_THUMBNAIL_PX = 16, 1024


@router.get(
    "/{folder}/{name:path}",
    response_class=FileResponse,
    responses={
        200: {"content": {"*/*": {}}, "description": "The file. Its ETag is the SHA-256 of the content."},
        206: {"content": {"*/*": {}}, "description": "The part of the file that `Range` asked for."},
        304: {"description": "The client has this content already."},
    },
)
async def get_artifact(
    folder: FileFolder,
    name: str,
    parts: Parts,
    user: Caller,
    thumbnail: Annotated[
        int | None,
        Query(ge=MIN_THUMBNAIL_PX, le=MAX_THUMBNAIL_PX, description="A WebP no larger than this, in pixels."),
    ] = None,
    if_none_match: Annotated[str, Header(description="ETags of contents the client has.")] = "",
) -> Response:
    """A file of the output, temp or input folder, whole, in part (`Range`), or as a small picture."""
    subfolder, _, filename = name.rpartition("/")
    path = await shown_path(user, parts, wire.FileName(filename=filename, subfolder=subfolder, type=folder))
    try:
        digest = await asyncio.to_thread(parts.hashes.of, path)
    except OSError as error:
        raise ApiError(404, "not_found", f'"{name}" cannot be read: {error.strerror or error}') from error
    etag = f'"{digest}"' if thumbnail is None else f'"{digest}-{thumbnail}"'
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    if _has(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    if thumbnail is None:
        return file_answer(path, headers)
    from sd35graph.server.pictures import small  # Pillow is loaded only when it is needed

    content = await asyncio.to_thread(small, path, thumbnail, parts.limits.max_pixels)
    return Response(content, media_type="image/webp", headers={**FILE_HEADERS, **headers})


def _has(if_none_match: str, etag: str) -> bool:
    """Whether a client names this content among those it has (RFC 9110, section 13.1.2)."""
    named = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag in named or named == ["*"]
