"""`/v1/workflows`: the workflows a user has saved, and the examples that come with the program.

Those of a user lie where editors save them too, in the folder `workflows` of the user's files.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Header, Request
from pydantic import JsonValue
from starlette.responses import Response

from sd35graph.engine.paths import UnsafePath, inside
from sd35graph.engine.user_files import UserFiles
from sd35graph.server import resources
from sd35graph.server.body import parse_json
from sd35graph.server.encoding import Json
from sd35graph.server.errors import ApiError
from sd35graph.server.guards.roles import Caller
from sd35graph.server.openapi import ANY_OBJECT
from sd35graph.server.parts import Parts
from sd35graph.server.routes.userdata import in_thread

router = APIRouter(prefix="/v1/workflows", tags=["v1: workflows"])

_FOLDER = "workflows"
IfMatch = Annotated[str | None, Header(description="The ETag of the content to replace; `*`: whatever is there.")]
IfNoneMatch = Annotated[str | None, Header(description="`*`: only if there is none of this name yet.")]


@router.get("", response_model=list[resources.SavedWorkflow])
async def list_workflows(parts: Parts, user: Caller) -> Response:
    """One's own workflows and the examples, by name; one's own takes the place of an example of the same name."""

    def read() -> list[JsonValue]:
        examples = {path.stem: _shown(path.stem, path.read_bytes(), True) for path in parts.workflows.glob("*.json")}
        return list(dict(sorted({**examples, **_own(parts.user_files, user.name)}.items())).values())

    return Json(await in_thread(read))


@router.get("/{name:path}", response_model=dict[str, object])
async def get_workflow(name: str, parts: Parts, user: Caller) -> Response:
    """A workflow as it was saved, or an example; its ETag is for `If-Match`."""
    try:
        content = await asyncio.to_thread(_content, name, parts, user.name)
    except UnsafePath as error:
        raise ApiError(400, "bad_file_name", str(error)) from error
    except OSError as error:
        raise ApiError(404, "not_found", f'there is no workflow "{name[:100]}"; /v1/workflows lists them') from error
    return Response(content, media_type="application/json", headers={"etag": _etag(content)})


@router.put(
    "/{name:path}",
    response_model=resources.SavedWorkflow,
    responses={201: {"model": resources.SavedWorkflow, "description": "There was none of this name."}},
    openapi_extra=ANY_OBJECT,
)
async def put_workflow(
    request: Request,
    name: str,
    parts: Parts,
    user: Caller,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Save a workflow of either form. To replace one, say by `If-Match` which content you know."""
    content = await request.body()
    if not isinstance(parse_json(content), dict):
        raise ApiError(400, "bad_request", "a workflow is a JSON object")
    check = _Precondition(name, if_match, if_none_match)
    await in_thread(parts.user_files.change, user.name, _path(name), content, check)
    answer = _shown(name.removesuffix(".json"), content, False)
    return Json(answer, 200 if check.had_one else 201, {"etag": _etag(content)})


@router.delete("/{name:path}", status_code=204)
async def delete_workflow(name: str, parts: Parts, user: Caller, if_match: IfMatch = None) -> Response:
    """Remove a workflow of one's own. Say by `If-Match` which content you know. Examples stay."""
    check = _Precondition(name, if_match, None)
    if not await in_thread(parts.user_files.change, user.name, _path(name), None, check.of_existing):
        raise ApiError(404, "not_found", f'you have saved no workflow "{name[:100]}"')
    return Response(status_code=204)


class _Precondition:
    """Whether a file may be changed, as the headers say (RFC 9110, section 13). Raises `ApiError` where it may not."""

    def __init__(self, name: str, if_match: str | None, if_none_match: str | None) -> None:
        self._name = name
        self._if_match = if_match
        self._if_none_match = if_none_match
        self.had_one = False

    def __call__(self, present: bytes | None) -> bool:
        self.had_one = present is not None
        if present is None and self._if_match is None:
            return True
        if present is not None and self._if_match is None and self._if_none_match is None:
            sentence = f'there is a workflow "{self._name}" already; send its ETag as If-Match to replace it'
            raise ApiError(428, "precondition_required", sentence)
        named = [each.strip() for each in (self._if_match or "").split(",")]
        if present is not None and (named == ["*"] or _etag(present) in named):
            return True
        sentence = f'the workflow "{self._name}" has changed, or is not there; get it again before you change it'
        raise ApiError(
            412, "precondition_failed", sentence, extra_info={"etag": None if present is None else _etag(present)}
        )

    def of_existing(self, present: bytes | None) -> bool:
        """The same, for a file that must be there; False when it is not."""
        return present is not None and self(present)


def _content(name: str, parts: Parts, user: str | None) -> bytes:
    try:
        return parts.user_files.read(user, _path(name))
    except FileNotFoundError:
        return inside(parts.workflows, f"{name.removesuffix('.json')}.json").read_bytes()


def _own(files: UserFiles, user: str | None) -> dict[str, JsonValue]:
    try:
        entries = files.entries(user, _FOLDER, recurse=True)
    except FileNotFoundError:
        return {}
    paths = [entry.path for entry in entries if entry.path.endswith(".json") and not entry.is_folder]
    names = {path: path.removeprefix(f"{_FOLDER}/").removesuffix(".json") for path in paths}
    shown: dict[str, JsonValue] = {}
    for path, name in names.items():
        with suppress(FileNotFoundError):  # removed at this moment
            shown[name] = _shown(name, files.read(user, path), False)
    return shown


def _shown(name: str, content: bytes, is_example: bool) -> JsonValue:
    title = _title(name) if is_example else name
    return {"name": name, "title": title, "is_example": is_example, "etag": _etag(content)}


def _path(name: str) -> str:
    """Where a workflow lies among the user's files."""
    return f"{_FOLDER}/{name.removesuffix('.json')}.json"


def _etag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()}"'


def _title(name: str) -> str:
    """`sd35_large_turbo` as people read it: `SD3.5 Large Turbo`."""
    words = name.split("_")
    return " ".join("SD3.5" if word == "sd35" else word.capitalize() for word in words)
