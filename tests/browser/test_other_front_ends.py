"""Existing browser front ends, unmodified from the package index, at our server.

They are fetched for the test into a folder of its own and only run, as a user would; nothing of them stays.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

import httpx
import pytest
from hands import ROOT, RUN_TIMEOUT_MS
from PIL import Image
from playwright.sync_api import Browser, Page, Request, WebSocket

pytestmark = pytest.mark.slow

VERSIONS = ("1.27.10", "1.58.1")
STEPS_WIDGET = 2
CHOOSE_FILE = """() => {
    const node = window.LiteGraph.createNode("LoadImage");
    window.app.graph.add(node);
    node.widgets.find((widget) => widget.type === "button").callback();
}"""
"""Adds a node and presses its button; nodes are painted, so that there is nothing on the page to click on."""


@pytest.fixture(scope="module", params=VERSIONS)
def front_end(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]
) -> Path:
    """The folder of one version."""
    folder = tmp_path_factory.mktemp("front_end")
    package = f"comfyui-frontend-package=={request.param}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
    if subprocess.run(command, check=False, capture_output=True, timeout=300).returncode:
        unavailable(f"{package} cannot be fetched")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return next(folder.rglob("index.html")).parent


@dataclass
class Visit:
    """One visit to the page: what it asked the server, and what it was told over the socket."""

    page: Page
    url: str
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)

    def note_answer(self, request: Request) -> None:
        answer = request.response()
        if answer is not None and request.url.startswith(self.url):
            self.asked.append((request.method, request.url.removeprefix(self.url), answer.status))

    def note_frame(self, frame: str | bytes) -> None:
        binary = isinstance(frame, bytes)
        self.frames.append(f"binary {int.from_bytes(frame[:4], 'big')}" if binary else json.loads(frame)["type"])

    def note_socket(self, socket: WebSocket) -> None:
        socket.on("framereceived", self.note_frame)

    def wait(self, what: str, is_there: Callable[[], object], timeout_s: float = RUN_TIMEOUT_MS / 1000) -> None:
        """Wait until `is_there`; the page goes on meanwhile."""
        end = monotonic() + timeout_s
        while not is_there():
            assert monotonic() < end, f"no {what}; asked: {self.asked[-30:]}, told: {self.frames[-30:]}"
            self.page.wait_for_timeout(100)

    def has_asked(self, method: str, pattern: str, status: int = 200) -> bool:
        return any(
            (asked, answered) == (method, status) and re.fullmatch(pattern, address)
            for asked, address, answered in self.asked
        )

    def open_workflow(self, name: str) -> None:
        """Open a saved workflow from the sidebar."""
        self.page.keyboard.press("w")
        self.page.get_by_text(re.compile(rf"^{name}(\.json)?$")).first.click()
        self.wait("tab of the workflow", lambda: self.has_asked("GET", rf"/api/userdata/workflows%2F{name}\.json"))
        self.page.wait_for_timeout(1000)
        self.page.keyboard.press("w")

    def run(self) -> None:
        self.frames.clear()
        self.page.get_by_role("button", name="Run", exact=True).first.click()


@contextmanager
def visiting(browser: Browser, url: str) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    visit = Visit(context.new_page(), url)
    visit.page.on("requestfinished", visit.note_answer)
    visit.page.on("websocket", visit.note_socket)
    visit.page.goto(url)
    visit.wait("list of jobs", lambda: visit.has_asked("GET", "/api/(queue|jobs).*"))
    visit.page.wait_for_timeout(2000)
    yield visit
    context.close()


def small_workflow(**changes: Any) -> bytes:
    """The example for the embedded model, its sampler's values changed."""
    document = json.loads((ROOT / "workflows" / "sd35_tiny.json").read_text())
    sampler = next(node for node in document["nodes"] if node["type"] == "KSampler")
    sampler["widgets_values"][STEPS_WIDGET] = changes.get("steps", 4)
    return json.dumps(document).encode()


@pytest.fixture
def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 20, 20)).save(content, "PNG")
    return content.getvalue()


def test_a_front_end_runs_cancels_uploads_saves_and_lists(
    browser: Browser,
    serve: Callable[..., AbstractContextManager[str]],
    front_end: Path,
    picture: bytes,
    embedded_model: Path,
    tmp_path: Path,
) -> None:
    with serve(tmp_path, "--front-end", str(front_end)) as url, httpx.Client(base_url=url, timeout=60) as http:
        http.post("/api/settings", json={"Comfy.TutorialCompleted": True})
        http.post("/api/upload/image", files={"image": ("first.png", picture, "image/png")})
        for name, steps in (("short", 4), ("long", 9000)):
            http.post(f"/api/userdata/workflows%2F{name}.json", content=small_workflow(steps=steps))
        with visiting(browser, url) as visit:
            assert visit.has_asked("GET", "/api/userdata.dir=workflows.*")
            visit.open_workflow("short")
            visit.run()
            visit.wait("success", lambda: "execution_success" in visit.frames)
            assert {"progress", "progress_state", "executing", "executed", "binary 4"} <= set(visit.frames)
            visit.wait("picture", lambda: visit.has_asked("GET", "/api/view.filename=sd35_tiny.*"))
            visit.asked.clear()
            visit.page.keyboard.press("Control+s")
            visit.wait("saving", lambda: visit.has_asked("POST", r"/api/userdata/workflows%2Fshort\.json.*"))
            saved = json.loads((tmp_path / "user" / "default" / "files" / "workflows" / "short.json").read_bytes())
            assert len(saved["nodes"]) == 9

            visit.open_workflow("long")
            visit.run()
            visit.wait("progress", lambda: "progress" in visit.frames)
            visit.page.get_by_role("button", name=re.compile("^(cancel|interrupt)", re.IGNORECASE)).first.click()
            visit.wait("interruption", lambda: "execution_interrupted" in visit.frames)

            with visit.page.expect_file_chooser() as chooser:
                visit.page.evaluate(CHOOSE_FILE)
            chooser.value.set_files({"name": "chosen.png", "mimeType": "image/png", "buffer": picture})
            visit.wait("upload", lambda: visit.has_asked("POST", "/api/upload/image"))
            visit.wait("uploaded picture", lambda: visit.has_asked("GET", "/api/view.*filename=chosen.png.*"))
            visit.page.screenshot(path=tmp_path / "front_end.png")
            bad = [asked for asked in visit.asked if asked[2] >= 400 and not _is_tolerated(asked)]
            assert bad == []
        assert len(http.get("/history").json()) == 2


def _is_tolerated(asked: tuple[str, str, int]) -> bool:
    """What front ends ask for without needing it, and get 404 from the servers they were made for too."""
    _, address, status = asked
    names = r"/(templates/|user\.css|api/(userdata|global_subgraphs|workflow_templates/.*\.jpg|jobs/.*/assets)).*"
    return status == 404 and re.match(names, address) is not None
