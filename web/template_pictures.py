"""Draws the pictures of templates, small, in `public/templates`: what they make, where their models are at hand.

The page draws the graph of the others itself; which have a picture stands in `PICTURED` (`src/state/templates.ts`).
Run it after a change of `workflows/`, with a server that runs: `python web/template_pictures.py http://127.0.0.1:8188`.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from shutil import which
from urllib.parse import urljoin

from PIL import Image, ImageFilter
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
SIZE = (480, 300)
FINE = Image.Resampling.LANCZOS
MOST_BYTES = 15_000


def result_of(page: Page) -> Image.Image | None:
    """The picture the workflow makes; None where one of its files is not at hand."""
    if "⚠" in page.locator(".canvas").inner_text() or page.locator(".canvas [aria-invalid=true]").count() > 0:
        return None
    page.keyboard.press("Control+Enter")
    made = page.locator("img[src*='/api/view']").first
    made.wait_for(timeout=60_000)
    picture = page.request.get(urljoin(page.url, made.get_attribute("src") or ""))
    return Image.open(BytesIO(picture.body())).convert("RGB")


def framed(result: Image.Image) -> Image.Image:
    """The picture in full before a blurred enlargement of itself."""
    frame = result.resize((SIZE[0], SIZE[0])).crop((0, 90, SIZE[0], 390)).filter(ImageFilter.GaussianBlur(24))
    side = SIZE[1] - 32
    frame.paste(result.resize((side, side), FINE), ((SIZE[0] - side) // 2, 16))
    return frame


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
            result = result_of(page)
            page.close()
            if result is None:
                continue
            picture = framed(result)
            path = folder / f"{workflow.stem}.webp"
            for quality in range(80, 10, -10):
                picture.save(path, "WEBP", quality=quality, method=6)
                if path.stat().st_size < MOST_BYTES:
                    break
        browser.close()


if __name__ == "__main__":
    draw(sys.argv[1])
