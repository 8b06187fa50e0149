"""Client libraries from PyPI, unmodified, each in an environment of its own, made for the test."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
from PIL import Image
from small_graph import COLOUR, HEIGHT, WIDTH

pytestmark = pytest.mark.slow

INSTALL_TIMEOUT_S, RUN_TIMEOUT_S = 400, 120

SIMPLIFIED = """
import sys
from pathlib import Path
from comfy_api_simplified import ComfyApiWrapper, ComfyWorkflowWrapper
url, workflow, out = sys.argv[1:]
api = ComfyApiWrapper(url + "/")
graph = ComfyWorkflowWrapper(workflow)
graph.set_node_param("Save Image", "filename_prefix", "simplified")
for content in api.queue_and_wait_images(graph, "Save Image").values():
    Path(out).write_bytes(content)
"""
SCRIPT = """
import sys
from comfy_script.runtime import *
url, workflow, out = sys.argv[1:]
load(url + "/")
from comfy_script.runtime.nodes import *
with Workflow(wait=True):
    image = EmptyImage(WIDTH, HEIGHT, 1, COLOUR)
    images = util.get_images(image, save=True)
images[0].save(out)
"""
KIT = """
import asyncio, sys, urllib.request
from comfykit import ComfyKit
url, workflow, out = sys.argv[1:]
result = asyncio.run(ComfyKit(comfyui_url=url).execute(workflow, {}))
assert result.status == "completed", result
urllib.request.urlretrieve(result.images[0], out)
"""
UTILS = """
import asyncio, json, sys
from pathlib import Path
from comfyui_utils import comfy
url, workflow, out = sys.argv[1:]
finished = []
class Callbacks(comfy.Callbacks):
    async def queue_position(self, position): pass
    async def in_progress(self, node_id, progress, total): pass
    async def completed(self, outputs, cached): finished.append((outputs, cached))
async def main():
    api = comfy.ComfyAPI(url.removeprefix("http://"))
    await api.submit(json.loads(Path(workflow).read_text()), Callbacks())
    outputs, _ = finished[0]
    async def keep(content):
        Path(out).write_bytes(content.read())
    await api.fetch(outputs["images"][0] if "images" in outputs else outputs, keep)
asyncio.run(main())
"""


@pytest.fixture
def installed(tmp_path: Path, unavailable: Callable[[str], NoReturn]) -> Callable[[str], Path]:
    """Makes an environment with packages, separated by spaces; gives its folder of programs."""

    def install(packages: str) -> Path:
        programs = tmp_path / "environment" / "bin"
        pip = [
            str(programs / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *packages.split(),
        ]
        for command in ([sys.executable, "-m", "venv", str(programs.parent)], pip):
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
            if done.returncode:
                unavailable(f"{packages} cannot be installed: {done.stderr[-500:]}")
        return programs

    return install


def run(command: list[str], folder: Path) -> str:
    """Run a program on its own, without our packages; gives what it printed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"HOME": str(folder)}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def assert_is_the_picture(content: bytes) -> None:
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    assert picture.size == (WIDTH, HEIGHT)
    assert picture.getpixel((0, 0)) == (COLOUR >> 16, COLOUR >> 8 & 255, COLOUR & 255)


@pytest.mark.parametrize(
    ("package", "program"),
    [
        ("comfy-api-simplified", SIMPLIFIED),
        ("comfy-script[client] tqdm", SCRIPT),
        ("comfykit", KIT),
        ("comfyui-utils", UTILS),
    ],
    ids=["comfy-api-simplified", "comfy-script", "comfykit", "comfyui-utils"],
)
def test_a_library_runs_a_graph_and_gets_its_picture(
    url: str, workflow: Path, tmp_path: Path, installed: Callable[[str], Path], package: str, program: str
) -> None:
    programs = installed(package)
    script, out = tmp_path / "program.py", tmp_path / "picture.png"
    for name, value in (("WIDTH", WIDTH), ("HEIGHT", HEIGHT), ("COLOUR", COLOUR)):
        program = program.replace(name, str(value))
    script.write_text(program)
    run([str(programs / "python"), str(script), url, str(workflow), str(out)], tmp_path)
    assert_is_the_picture(out.read_bytes())


@pytest.mark.parametrize("form", ["api", "editor"])
def test_comfy_cli_runs_a_workflow_of_either_form(
    url: str, workflow: Path, tmp_path: Path, installed: Callable[[str], Path], form: str
) -> None:
    programs = installed("comfy-cli")
    if form == "editor":
        workflow.write_text(EDITOR_FORM)
    before = httpx.get(f"{url}/history", timeout=60).json()
    host, port = url.removeprefix("http://").split(":")
    options = ["--host", host, "--port", port, "--wait", "--timeout", "60"]
    run(
        [
            str(programs / "comfy"),
            "--skip-prompt",
            "--no-enable-telemetry",
            "run",
            "--workflow",
            str(workflow),
            *options,
        ],
        tmp_path,
    )
    after = httpx.get(f"{url}/history", timeout=60).json()
    (new,) = after.keys() - before.keys()
    assert after[new]["status"]["status_str"] == "success"
    (reference,) = after[new]["outputs"]["2"]["images"]
    assert_is_the_picture(httpx.get(f"{url}/view", params=reference, timeout=60).content)


EDITOR_FORM = """{
 "last_node_id": 2, "last_link_id": 1, "version": 0.4, "groups": [], "config": {}, "extra": {},
 "nodes": [
  {"id": 1, "type": "EmptyImage", "pos": [0, 0], "size": [200, 100], "flags": {}, "order": 0, "mode": 0, "inputs": [],
   "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}], "properties": {},
   "widgets_values": [24, 16, 1, 16744448]},
  {"id": 2, "type": "SaveImage", "pos": [300, 0], "size": [200, 100], "flags": {}, "order": 1, "mode": 0,
   "inputs": [{"name": "images", "type": "IMAGE", "link": 1}], "outputs": [], "properties": {},
   "widgets_values": ["editor_form"]}
 ],
 "links": [[1, 1, 0, 2, 0, "IMAGE"]]
}"""
