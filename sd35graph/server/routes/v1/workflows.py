"""`/v1/workflows`: the workflows a user has saved, and the examples that come with the program.

Those of a user lie where editors save them too, in the folder `workflows` of the user's files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import JsonValue
from starlette.responses import Response

from sd35graph.engine.paths import UnsafePath, inside
from sd35graph.engine.user_files import UserFiles
from sd35graph.engine.workflow_folders import WORKFLOWS, workflow_path
from sd35graph.engine.workflow_versions import keep_version, version_content, versions
from sd35graph.server import resources
from sd35graph.server.body import parse_json
from sd35graph.server.encoding import Json
from sd35graph.server.errors import ApiError
from sd35graph.server.guards.roles import Caller
from sd35graph.server.openapi import ANY_OBJECT
from sd35graph.server.parts import Parts
from sd35graph.server.routes.userdata import in_thread

router = APIRouter(tags=["v1: workflows"])

WorkflowName = Annotated[str, Query(description="The workflow's name, with its folders.")]
SavedMs = Annotated[int, Path(ge=0, lt=10**16, description="Milliseconds since 1970, from the list.")]
IfMatch = Annotated[str | None, Header(description="The ETag of the content to replace; `*`: whatever is there.")]
IfNoneMatch = Annotated[str | None, Header(description="`*`: only if there is none of this name yet.")]


@router.get("/v1/workflows", response_model=list[resources.SavedWorkflow])
async def list_workflows(parts: Parts, user: Caller) -> Response:
    """One's own workflows and the examples, by name; one's own takes the place of an example of the same name."""

    def read() -> list[JsonValue]:
        examples = {
            path.stem: _shown(path.stem, path.read_bytes(), path, True) for path in parts.workflows.glob("*.json")
        }
        return list(dict(sorted({**examples, **_own(parts.user_files, user.name)}.items())).values())

    return Json(await in_thread(read))


@router.get("/v1/workflows/{name:path}", response_model=dict[str, object])
async def get_workflow(name: str, parts: Parts, user: Caller) -> Response:
    """A workflow as it was saved, or an example; its ETag is for `If-Match`."""
    try:
        content = await asyncio.to_thread(_content, name, parts, user.name)
    except UnsafePath as error:
        raise ApiError(400, "bad_file_name", str(error)) from error
    except OSError as error:
        raise ApiError(404, "not_found", f'there is no workflow "{name[:100]}"; /v1/workflows lists them') from error
    return Response(content, media_type="application/json", headers={"etag": _etag(content)})


@router.get("/v1/workflow_versions", response_model=list[resources.WorkflowVersion])
async def list_workflow_versions(name: WorkflowName, parts: Parts, user: Caller) -> Response:
    """Earlier contents of a workflow of one's own, newest first: what was there when it was replaced or removed."""
    found = await in_thread(versions, parts.user_files, user.name, _plain(name))
    return Json([{"saved_ms": each.saved_ms, "size_bytes": each.size_bytes} for each in found])


@router.get("/v1/workflow_versions/{saved_ms}/{name:path}", response_model=dict[str, object])
async def get_workflow_version(saved_ms: SavedMs, name: str, parts: Parts, user: Caller) -> Response:
    """A workflow as it was saved at that time."""
    content = await in_thread(version_content, parts.user_files, user.name, _plain(name), saved_ms)
    return Response(content, media_type="application/json")


@router.put(
    "/v1/workflows/{name:path}",
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
    keeping = _keeping(parts.user_files, user.name, name, check, content)
    await in_thread(parts.user_files.change, user.name, workflow_path(name), content, keeping)
    path = await in_thread(parts.user_files.path, user.name, workflow_path(name))
    answer = _shown(name.removesuffix(".json"), content, path, False)
    return Json(answer, 200 if check.had_one else 201, {"etag": _etag(content)})


@router.delete("/v1/workflows/{name:path}", status_code=204)
async def delete_workflow(name: str, parts: Parts, user: Caller, if_match: IfMatch = None) -> Response:
    """Remove a workflow of one's own. Say by `If-Match` which content you know. Examples stay."""
    check = _Precondition(name, if_match, None)
    keeping = _keeping(parts.user_files, user.name, name, check.of_existing, None)
    if not await in_thread(parts.user_files.change, user.name, workflow_path(name), None, keeping):
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
        return parts.user_files.read(user, workflow_path(name))
    except FileNotFoundError:
        return inside(parts.workflows, f"{name.removesuffix('.json')}.json").read_bytes()


def _own(files: UserFiles, user: str | None) -> dict[str, JsonValue]:
    try:
        entries = files.entries(user, WORKFLOWS, recurse=True)
    except FileNotFoundError:
        return {}
    paths = [entry.path for entry in entries if entry.path.endswith(".json") and not entry.is_folder]
    names = {path: path.removeprefix(f"{WORKFLOWS}/").removesuffix(".json") for path in paths}
    shown: dict[str, JsonValue] = {}
    for path, name in names.items():
        with suppress(FileNotFoundError):  # removed at this moment
            shown[name] = _shown(name, files.read(user, path), files.path(user, path), False)
    return shown


def _shown(name: str, content: bytes, path: FilePath, is_example: bool) -> JsonValue:
    title = _title(name) if is_example else name
    modified_ms = path.stat().st_mtime_ns // 1_000_000
    return {
        "name": name,
        "title": title,
        "is_example": is_example,
        "etag": _etag(content),
        "modified_ms": modified_ms,
    }


def _keeping(
    files: UserFiles, user: str | None, name: str, check: Callable[[bytes | None], bool], content: bytes | None
) -> Callable[[bytes | None], bool]:
    """The check, which also keeps what is there as an earlier version where it allows another content or none."""

    def allow(present: bytes | None) -> bool:
        is_allowed = check(present)
        if is_allowed and present is not None and present != content:
            saved_ms = files.path(user, workflow_path(name)).stat().st_mtime_ns // 1_000_000
            keep_version(files, user, _plain(name), present, saved_ms)
        return is_allowed

    return allow


def _plain(name: str) -> str:
    return name.removesuffix(".json")


def _etag(content: bytes) -> str:
    return f'"{sha256(content).hexdigest()}"'


_NAMES = {"sd35": "SD3.5", "controlnet": "ControlNet"}
"""Words that people write in a way of their own."""


def _title(name: str) -> str:
    """`sd35_large_turbo` as people read it: `SD3.5 Large Turbo`."""
    return " ".join(_NAMES.get(word, word.capitalize()) for word in name.split("_"))
