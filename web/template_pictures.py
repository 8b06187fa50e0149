"""Draws the pictures of the templates: each example's graph as the editor shows it, small, in `public/templates`.

Run it after a change of `workflows/`, with a server that runs: `python web/template_pictures.py http://127.0.0.1:8188`.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from shutil import which

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
SIZE = (480, 300)
MOST_BYTES = 15_000
CLEAR = """document.querySelectorAll('.canvas-tools, .overview, .react-flow__minimap').forEach((it) => it.remove())"""


def draw(url: str) -> None:
    folder = ROOT / "web" / "public" / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        for workflow in sorted((ROOT / "workflows").glob("*.json")):
            page = browser.new_page(viewport={"width": 1200, "height": 826}, color_scheme="dark")
            page.goto(f"{url}/#workflow={workflow.stem}")
            page.wait_for_selector(".react-flow__node")
            page.wait_for_timeout(1500)
            page.evaluate(CLEAR)
            shot = page.locator(".canvas").screenshot()
            page.close()
            picture = Image.open(BytesIO(shot)).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
            path = folder / f"{workflow.stem}.webp"
            for quality in range(80, 10, -10):
                picture.save(path, "WEBP", quality=quality, method=6)
                if path.stat().st_size < MOST_BYTES:
                    break
        browser.close()


if __name__ == "__main__":
    draw(sys.argv[1])
