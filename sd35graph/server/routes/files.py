"""`/view` and `/upload`: files of the input, output and temp folders."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from sd35graph.engine.folders import FILE_FOLDERS, FileFolder
from sd35graph.engine.paths import UnsafePath, safe_components
from sd35graph.server import wire
from sd35graph.server.body import as_model, parse_json
from sd35graph.server.encoding import Json
from sd35graph.server.errors import ApiError
from sd35graph.server.guards.roles import Caller, User
from sd35graph.server.openapi import UPLOAD_BODY
from sd35graph.server.pages import FILE_POLICY
from sd35graph.server.parts import Parts, ServerParts

router = APIRouter(tags=["files"])

_SHOWN = frozenset({"text/plain", "application/json"})
"""Types a browser may show beside pictures, sound and film. It runs scripts in others, any kind of XML among them, and
no result may act in the editor's name: those are given as downloads."""
FILE_HEADERS = {"content-security-policy": FILE_POLICY}


@router.get("/view", response_class=FileResponse, responses={200: {"content": {"image/*": {}}}})
async def view(
    parts: Parts,
    user: Caller,
    filename: Annotated[
        str, Query(description="The file's name; may end with its folder, as in `a.png [input]`.")
    ] = "",
    subfolder: Annotated[str, Query(description="Where it lies in that folder.")] = "",
    folder: Annotated[str, Query(alias="type", description="`output` (the default), `input` or `temp`.")] = "",
    preview: Annotated[str, Query(description="`webp;80` or `jpeg;90`: the picture in this format.")] = "",
    channel: Annotated[str, Query(description="`rgba`, `rgb` or `a`.")] = "rgba",
) -> Response:
    """A file of the output (or input, temp) folder; active content such as SVG as a download."""
    filename, folder = _annotated(filename, folder)
    path = await shown_path(user, parts, wire.FileName(filename=filename, subfolder=subfolder, type=folder))
    if preview or channel != "rgba":
        from sd35graph.server.pictures import converted  # Pillow is loaded only when it is needed

        content, media_type = await asyncio.to_thread(converted, path, preview, channel, parts.limits.max_pixels)
        return Response(content, media_type=media_type, headers=FILE_HEADERS)
    return file_answer(path)


def file_answer(path: Path, headers: Mapping[str, str] | None = None) -> FileResponse:
    """The file at `path`, shown where a browser may do that and else as a download; `Range` is honoured."""
    media_type = mimetypes.guess_type(path.name, strict=False)[0] or ""
    shown = _is_shown(media_type)
    return FileResponse(
        path,
        media_type=media_type if shown else "application/octet-stream",
        filename=path.name,
        content_disposition_type="inline" if shown else "attachment",
        headers={**FILE_HEADERS, **(headers or {})},
    )


@router.post("/upload/image", response_model=wire.UploadedFile, openapi_extra=UPLOAD_BODY)
async def upload_image(request: Request, parts: Parts, user: Caller) -> Response:
    """Keep a picture. A name that is taken by another content gets a number, unless an administrator says `overwrite`.

    Others upload into the input folder only, which all users share.
    """
    upload = await _read_upload(request, user)
    await asyncio.to_thread(_check_pixels, upload, parts.limits.max_pixels)
    return Json(await asyncio.to_thread(_keep, parts, upload, upload.content))


@router.post("/upload/mask", response_model=wire.UploadedFile, openapi_extra=UPLOAD_BODY)
async def upload_mask(request: Request, parts: Parts, user: Caller) -> Response:
    """Keep the picture `original_ref` (a file reference as JSON) with the alpha channel of the one sent."""
    from sd35graph.server.pictures import with_alpha_of

    upload = await _read_upload(request, user)
    path = await shown_path(user, parts, _original(upload.original_ref))

    def combine() -> dict[str, str]:
        return _keep(parts, upload, with_alpha_of(path, upload.content, parts.limits.max_pixels))

    return Json(await asyncio.to_thread(combine))


@dataclass(frozen=True, slots=True)
class _Upload:
    """A file that was sent, and where it should go."""

    name: str
    content: bytes
    folder: FileFolder
    subfolder: str
    overwrite: bool
    original_ref: str


async def _read_upload(request: Request, user: User) -> _Upload:
    upload = await _read_form(request)
    if user.only is None:
        return upload
    if upload.folder != "input":
        sentence = f'only an administrator may put files into "{upload.folder}"; leave type out, or give "input"'
        raise ApiError(403, "role_too_low", sentence)
    return replace(upload, overwrite=False)  # it may be somebody else's


async def _read_form(request: Request) -> _Upload:
    try:
        async with request.form(max_files=4, max_fields=32) as form:
            text = {name: value for name, value in form.items() if isinstance(value, str)}
            file = form.get("image")
            if not isinstance(file, UploadFile) or not file.filename:
                raise ApiError(400, "bad_request", 'the form has no file in its field "image"')
            return _Upload(
                name=file.filename,
                content=await file.read(),
                folder=_file_folder(text.get("type") or "input"),
                subfolder=text.get("subfolder", ""),
                overwrite=text.get("overwrite", "").lower() in ("true", "1"),
                original_ref=text.get("original_ref", ""),
            )
    except HTTPException as error:  # what the form parser makes of a malformed body
        raise ApiError(400, "bad_request", f"the upload cannot be read: {error.detail}") from error
    except OSError as error:  # large ones wait in the system's folder of temporary files
        sentence = f"the upload cannot be taken in: {error.strerror or error}; make room in {gettempdir()}"
        raise ApiError(507, "file_not_kept", sentence) from error


def _check_pixels(upload: _Upload, max_pixels: int) -> None:
    from sd35graph.server.pictures import check_pixels  # Pillow is loaded only when it is needed

    check_pixels(upload.name, upload.content, max_pixels)


def _original(reference: str) -> wire.FileName:
    """The picture a mask is for. Raises `ApiError`."""
    try:
        return as_model(parse_json(reference.encode()), wire.FileName)
    except ApiError as error:
        example = '{"filename": "a.png", "subfolder": "", "type": "input"}'
        message = f'the form field "original_ref" must name the picture the mask is for, as {example}'
        raise ApiError(400, "bad_request", message, details=error.details) from error


def _annotated(filename: str, folder: str) -> tuple[str, str]:
    """A name may say its folder itself, `a.png [input]`, where the request does not."""
    for name in FILE_FOLDERS:
        if not folder and filename.endswith(f" [{name}]"):
            return filename.removesuffix(f" [{name}]"), name
    return filename, folder or "output"


def _is_shown(media_type: str) -> bool:
    kind = media_type.partition("/")[0]
    return media_type in _SHOWN or (kind in ("image", "audio", "video") and not media_type.endswith("xml"))


def _file_folder(name: str) -> FileFolder:
    for folder in FILE_FOLDERS:
        if name == folder:
            return folder
    raise ApiError(400, "bad_request", f'there is no folder "{name}"; type is one of {", ".join(FILE_FOLDERS)}')


async def shown_path(user: User, parts: ServerParts, file: wire.FileName) -> Path:
    """The path of a file this user may see: of results, those of their own jobs. Raises `ApiError`."""
    folder = _file_folder(file.type)
    path = await asyncio.to_thread(_resolve, parts, folder, file.subfolder, file.filename)
    only = user.only
    if only is None or (folder == "input" and not _is_result(parts, path)):
        return path
    *folders, name = safe_components(file.subfolder) + safe_components(file.filename)
    if not await parts.supervisor.query(lambda store: store.has_shown(only, folder, "/".join(folders), name)):
        raise _no_such_file(folder, file.subfolder, file.filename)  # not even whether there is one
    return path


def _is_result(parts: ServerParts, path: Path) -> bool:
    """Whether a file lies where results are, even if that is a part of the input folder."""
    return any(path.is_relative_to(root.resolve()) for root in (parts.folders.output, parts.folders.temp))


def _no_such_file(folder: FileFolder, subfolder: str, filename: str) -> ApiError:
    return ApiError(404, "not_found", f'there is no file "{filename}" in {folder}/{subfolder}')


def _resolve(parts: ServerParts, folder: FileFolder, subfolder: str, filename: str) -> Path:
    if not filename:
        raise ApiError(404, "not_found", "no file is named; give filename, and subfolder and type where needed")
    try:
        return parts.artifacts.resolve(folder, subfolder, filename)
    except UnsafePath as error:
        raise ApiError(400, "bad_file_name", str(error)) from error
    except FileNotFoundError as error:
        raise _no_such_file(folder, subfolder, filename) from error


def _keep(parts: ServerParts, upload: _Upload, content: bytes) -> dict[str, str]:
    try:
        saved = parts.artifacts.save_upload(
            upload.folder, upload.subfolder, upload.name, content, overwrite=upload.overwrite
        )
    except UnsafePath as error:
        raise ApiError(400, "bad_file_name", str(error)) from error
    except OSError as error:
        raise ApiError(507, "file_not_kept", f'"{upload.name}" cannot be kept: {error.strerror or error}') from error
    return {"name": saved.filename, "subfolder": saved.subfolder, "type": saved.folder}
