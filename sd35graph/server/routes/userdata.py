"""`/users`, `/settings` and `/userdata`: what users of an editor keep on the server, each their own.

A file's name may come as several segments of the path, or as one in which the slashes are percent-encoded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated, TypeVar
from urllib.parse import quote, unquote_to_bytes

from fastapi import APIRouter, Query, Request
from pydantic import JsonValue
from starlette.responses import Response

from sd35graph.engine.paths import UnsafePath
from sd35graph.engine.user_files import NameTaken, UserEntry, UserFileError
from sd35graph.server import wire
from sd35graph.server.body import read_json
from sd35graph.server.encoding import Json
from sd35graph.server.errors import ApiError
from sd35graph.server.guards.roles import Caller
from sd35graph.server.openapi import ANY_BYTES, ANY_JSON, ANY_OBJECT
from sd35graph.server.pages import FILE_POLICY
from sd35graph.server.parts import Parts

router = APIRouter(tags=["users"])

T = TypeVar("T")

_SHOWN = {".json": "application/json", ".css": "text/css", ".txt": "text/plain"}
"""Types a browser is told; other files are downloads, so that nothing in them acts in the editor's name."""

Overwrite = Annotated[bool, Query(description="Whether a file of this name may be replaced.")]
FullInfo = Annotated[bool, Query(description="Answer with size and time, not with the path alone.")]


@router.get("/users", response_model=wire.Users)
async def users() -> Response:
    """Where settings and files are kept: on the server."""
    return Json({"storage": "server", "migrated": True})


@router.get("/settings", response_model=dict[str, JsonValue])
async def get_settings(parts: Parts, user: Caller) -> Response:
    """All settings of the editor that this user has changed."""
    return Json(await in_thread(parts.user_files.settings, user.name))


@router.post("/settings", response_model=wire.Done, openapi_extra=ANY_OBJECT)
async def change_settings(request: Request, parts: Parts, user: Caller) -> Response:
    """Keep some settings; the others stay."""
    changes = await read_json(request)
    if not isinstance(changes, dict):
        raise ApiError(400, "bad_request", 'the request body must be an object of settings, {"name": value}')
    await in_thread(parts.user_files.change_settings, user.name, changes)
    return Json({})


@router.get("/settings/{name}", response_model=JsonValue)
async def get_setting(name: str, parts: Parts, user: Caller) -> Response:
    """One setting; null when it was never changed."""
    return Json((await in_thread(parts.user_files.settings, user.name)).get(name))


@router.post("/settings/{name}", response_model=wire.Done, openapi_extra=ANY_JSON)
async def change_setting(name: str, request: Request, parts: Parts, user: Caller) -> Response:
    """Keep one setting."""
    await in_thread(parts.user_files.change_settings, user.name, {name: await read_json(request)})
    return Json({})


@router.get("/userdata", response_model=list[str | list[str] | wire.UserFile])
async def list_files(
    parts: Parts,
    user: Caller,
    folder: Annotated[str, Query(alias="dir", description="The folder whose files to list.")],
    recurse: Annotated[bool, Query(description="Files of the folders in it too.")] = False,
    split: Annotated[bool, Query(description="Give each path whole and in its parts.")] = False,
    full_info: FullInfo = False,
) -> Response:
    """Files of a folder, with paths relative to it."""

    def read() -> list[JsonValue]:
        entries = parts.user_files.entries(user.name, folder, recurse=recurse)
        files = [entry for entry in entries if not entry.is_folder]
        prefix = "".join(f"{part}/" for part in folder.split("/") if part not in ("", "."))
        return [_listed(entry, entry.path.removeprefix(prefix), split, full_info) for entry in files]

    return Json(await in_thread(read))


@router.get("/v2/userdata", response_model=list[wire.UserEntry])
async def list_entries(
    parts: Parts, user: Caller, path: Annotated[str, Query(description="The folder; empty: all of the user's.")] = ""
) -> Response:
    """Files and folders of a folder and all below it, with paths relative to the user's own."""

    def read() -> list[JsonValue]:
        return [_described(entry) for entry in parts.user_files.entries(user.name, path, recurse=True)]

    return Json(await in_thread(read))


@router.get("/userdata/{file:path}", response_class=Response, responses={200: {"content": {"*/*": {}}}})
async def get_file(file: str, parts: Parts, user: Caller) -> Response:
    """A file as it was kept."""
    return _file_response(file, await in_thread(parts.user_files.read, user.name, file))


@router.post("/userdata/{file:path}/move/{dest:path}", response_model=str | wire.UserFile)
async def move_file(
    file: str,
    dest: str,
    request: Request,
    parts: Parts,
    user: Caller,
    overwrite: Overwrite = True,
    full_info: FullInfo = False,
) -> Response:
    """Give a file another name."""
    names = _around_move(request)
    if names is None:  # "move" is a folder in the name of a file to keep
        return await save_file(f"{file}/move/{dest}", request, parts, user, overwrite, full_info)

    def move() -> UserEntry:
        return parts.user_files.move(user.name, *names, overwrite=overwrite)

    return Json(_named(await in_thread(move), full_info))


@router.post("/userdata/{file:path}", response_model=str | wire.UserFile, openapi_extra=ANY_BYTES)
async def save_file(
    file: str, request: Request, parts: Parts, user: Caller, overwrite: Overwrite = True, full_info: FullInfo = False
) -> Response:
    """Keep the request's body as a file. Answers 409 where it exists and must not be replaced."""
    content = await request.body()

    def write() -> UserEntry:
        return parts.user_files.write(user.name, file, content, overwrite=overwrite)

    return Json(_named(await in_thread(write), full_info))


@router.delete("/userdata/{file:path}", status_code=204)
async def delete_file(file: str, parts: Parts, user: Caller) -> Response:
    """Remove a file."""
    await in_thread(parts.user_files.delete, user.name, file)
    return Response(status_code=204)


async def in_thread(ask: Callable[..., T], *arguments: object) -> T:
    """What `ask` gives, in a thread; its errors as answers."""
    try:
        return await asyncio.to_thread(ask, *arguments)
    except UnsafePath as error:
        raise ApiError(400, "bad_file_name", str(error)) from error
    except NameTaken as error:
        raise ApiError(409, "name_taken", str(error)) from error
    except FileNotFoundError as error:
        raise ApiError(404, "not_found", str(error)) from error
    except UserFileError as error:
        raise ApiError(409, "user_file_refused", str(error)) from error
    except OSError as error:
        raise ApiError(507, "file_not_kept", f"the file cannot be kept: {error.strerror or error}") from error


def _around_move(request: Request) -> tuple[str, str] | None:
    """(name, new name) when `move` is a segment of its own in the address; None when it is part of an encoded name."""
    address: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    segments = address.removeprefix(b"/api").removeprefix(b"/userdata/").split(b"/")
    if b"move" not in segments[1:-1]:
        return None
    middle = segments.index(b"move", 1)
    try:
        name, new_name = (
            unquote_to_bytes(b"/".join(part)).decode() for part in (segments[:middle], segments[middle + 1 :])
        )
    except UnicodeDecodeError as error:
        raise ApiError(400, "bad_file_name", "the name of the file is no UTF-8 text") from error
    return name, new_name


def _file_response(name: str, content: bytes) -> Response:
    path = PurePosixPath(name)
    media_type = _SHOWN.get(path.suffix.lower())
    kind = "attachment" if media_type is None else "inline"
    headers = {
        "content-security-policy": FILE_POLICY,
        "cache-control": "no-cache",
        "content-disposition": f"{kind}; filename*=UTF-8''{quote(path.name, safe='')}",
    }
    return Response(content, media_type=media_type or "application/octet-stream", headers=headers)


def _listed(entry: UserEntry, path: str, split: bool, full_info: bool) -> JsonValue:
    if full_info:
        return {**_sizes(entry), "path": path}
    return [path, *path.split("/")] if split else path


def _named(entry: UserEntry, full_info: bool) -> JsonValue:
    return {**_sizes(entry), "path": entry.path} if full_info else entry.path


def _sizes(entry: UserEntry) -> dict[str, JsonValue]:
    return {"size": entry.size_bytes, "modified": entry.modified_ms, "created": entry.created_ms}


def _described(entry: UserEntry) -> JsonValue:
    named: dict[str, JsonValue] = {"name": entry.path.rpartition("/")[2], "path": entry.path}
    return {**named, "type": "directory"} if entry.is_folder else {**named, "type": "file", **_sizes(entry)}
