"""Serves the built editor, or a page that says how to build it."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.types import Receive, Scope, Send

from sd35graph.server.errors import ApiError
from sd35graph.server.pages import FRONT_END_POLICY, page

_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>sd35graph</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
 body { margin: 0; min-height: 100vh; display: grid; place-items: center;
        background: #111317; color: #e7eaf0; font: 15px/1.6 system-ui, sans-serif }
 main { max-width: 36rem; padding: 2rem } code { background: #1d2128; padding: .15em .4em; border-radius: 5px }
 a { color: #4c8dff }
</style>
<main><h1>The server runs; the editor is not built yet</h1>
<p>In the checkout, <code>make run</code> builds the editor and starts the server. The API works without it:
its routes are described at <a href="docs">/docs</a>.</p></main></html>
"""


def other_front_end(folder: Path) -> Editor:
    """Another browser front end, in `folder` or in the `static` folder there. Raises `FileNotFoundError`."""
    for place in (folder, folder / "static"):
        if (place / "index.html").is_file():
            return Editor(place, FRONT_END_POLICY)
    raise FileNotFoundError(f"{folder} holds no index.html; --front-end takes the folder of a built front end")


class Editor:
    """ASGI application for everything that is no route: the files in `folder`, `index.html` at `/`.

    policy: the Content-Security-Policy of its files; None: that of the server's own pages.
    """

    def __init__(self, folder: Path, policy: str | None = None) -> None:
        self._folder = folder
        self._policy = policy
        self._files = StaticFiles(directory=folder, html=True, check_dir=False)

    @property
    def is_other(self) -> bool:
        """Whether it is another front end than ours."""
        return self._policy is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": WS_1008_POLICY_VIOLATION, "reason": "the socket is at /ws"})
            return
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405)
        path = self._files.get_path(scope)
        if not (self._folder / "index.html").is_file():
            if path == ".":
                return page(_NOT_BUILT)
            raise ApiError(404, "not_found", f"there is nothing at {scope['path']}; the routes are listed at /docs")
        answer = await self._files.get_response(path, scope)
        if self._policy is not None:
            answer.headers["content-security-policy"] = self._policy
        # Names of built files carry a hash of their content; the page that names them must always be asked for.
        is_hashed = path.startswith("assets/") and answer.status_code == 200
        answer.headers["cache-control"] = "public, max-age=31536000, immutable" if is_hashed else "no-cache"
        return answer
