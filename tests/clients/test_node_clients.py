"""Client libraries from npm, unmodified, in a folder made for the test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import NoReturn

import pytest
from PIL import Image
from small_graph import COLOUR, HEIGHT, WIDTH

pytestmark = pytest.mark.slow

INSTALL_TIMEOUT_S, RUN_TIMEOUT_S = 400, 120
PACKAGES = ("@saintno/comfyui-sdk", "@stable-canvas/comfyui-client", "comfy-ui-client", "ws")

STABLE_CANVAS = """
import { Client } from "@stable-canvas/comfyui-client";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import WebSocket from "ws";
const [url, workflow, out] = process.argv.slice(2);
const client = new Client({ api_host: url.replace("http://", ""), clientId: "stable-canvas", WebSocket });
await client.connect();
const result = await client.enqueue(JSON.parse(readFileSync(workflow, "utf8")), {});
mkdirSync(out);
const picture = await fetch(result.images[0].data);
writeFileSync(`${out}/picture.png`, Buffer.from(await picture.arrayBuffer()));
client.close();
process.exit(0);
"""
COMFY_UI_CLIENT = """
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
const { ComfyUIClient } = createRequire(import.meta.url)("comfy-ui-client");
const [url, workflow, out] = process.argv.slice(2);
const client = new ComfyUIClient(url.replace("http://", ""), "comfy-ui-client");
await client.connect();
const images = await client.getImages(JSON.parse(readFileSync(workflow, "utf8")));
mkdirSync(out);
await client.saveImages(images, out);
await client.disconnect();
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]) -> Path:
    """A folder with the libraries installed in it."""
    folder = tmp_path_factory.mktemp("npm")
    if which("npm") is None:
        unavailable("npm is not installed")
    command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, timeout=INSTALL_TIMEOUT_S)
    if done.returncode:
        unavailable(f"the packages cannot be installed: {done.stderr[-500:]}")
    return folder


def run(command: list[str], folder: Path) -> None:
    """Run a program there."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, timeout=RUN_TIMEOUT_S)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def assert_holds_the_picture(folder: Path) -> None:
    (path,) = folder.glob("*.png")
    picture = Image.open(path).convert("RGB")
    assert picture.size == (WIDTH, HEIGHT)
    assert picture.getpixel((0, 0)) == (COLOUR >> 16, COLOUR >> 8 & 255, COLOUR & 255)


def test_comfyui_sdk_runs_a_graph_and_gets_its_picture(
    url: str, workflow: Path, packages: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(["npx", "cfli", "-f", str(workflow), "-H", url, "--json", "-d", "-o", str(out)], packages)
    assert_holds_the_picture(out)


@pytest.mark.parametrize(
    "program", [STABLE_CANVAS, COMFY_UI_CLIENT], ids=["@stable-canvas/comfyui-client", "comfy-ui-client"]
)
def test_a_library_runs_a_graph_and_gets_its_picture(
    url: str, workflow: Path, packages: Path, tmp_path: Path, program: str
) -> None:
    (packages / "program.mjs").write_text(program)
    out = tmp_path / "out"
    run(["node", "program.mjs", url, str(workflow), str(out)], packages)
    assert_holds_the_picture(out)
