"""Takes the pictures of the editor in docs/screenshots/: `python docs/screenshots.py [scene …]`.

A server of its own draws with the model in the package, from fixed seeds; scenes wait for states, never for times. What
runs is shown by keeping back the server's messages from a certain step on.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from PIL import Image as Pillow
from playwright.sync_api import Browser, Locator, Page, ViewportSize, WebSocketRoute, expect, sync_playwright

ROOT = Path(__file__).parents[1]
SHOWN = ROOT / "docs" / "screenshots"
DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
TIMEOUT_MS = 60_000
HELD_STEP = 14
"""The step of the sampler at which a running workflow is shown."""
DRAWN = (
    "a 3d octopus", "cat face", "a flat rocket", "pizza", "a 3d owl on a blue background", "rainbow", "a 3d strawberry",
    "umbrella", "two cherries", "a 3d pumpkin", "hot air balloon", "a classic fox",
)  # fmt: skip
"""Prompts of the pictures in the gallery."""


@dataclass(frozen=True)
class Scene:
    """One picture: what is done before it is taken, and on which screen."""

    act: Callable[[Page], None]
    viewport: ViewportSize
    held: bool = False


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("group", name=re.compile(rf"^{re.escape(title)} \(node ", re.IGNORECASE))


def run(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Run")).first.click()


def run_to_end(page: Page) -> None:
    run(page)
    expect(card(page, "Save image").get_by_role("img").first).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)


def fit(page: Page) -> None:
    """Show the whole graph, where it is shown."""
    if page.get_by_role("main", name="Graph").is_visible():
        page.get_by_role("button", name="Fit", exact=True).click()


def show_tab(page: Page, name: str) -> None:
    if page.get_by_role("tablist", name="Side panel").count() == 0:
        page.get_by_role("button", name="Side panel").locator("visible=true").click()
    page.get_by_role("tab", name=re.compile(name)).click()


def open_template(page: Page, name: str) -> None:
    page.get_by_role("button", name="Workflows", exact=True).click()
    page.get_by_role("complementary", name="Workflows").get_by_role("button", name=re.compile(name)).first.click()


def empty(page: Page) -> None:
    page.get_by_role("button", name="New", exact=True).click()
    expect(page.get_by_role("region", name="An empty canvas")).to_be_visible()


def example(page: Page) -> None:
    expect(card(page, "KSampler")).to_be_visible()


def running(page: Page) -> None:
    show_tab(page, "Queue")
    fit(page)
    run(page)
    expect(card(page, "KSampler")).to_contain_text(f"step {HELD_STEP}", timeout=TIMEOUT_MS)
    expect(card(page, "KSampler").get_by_role("img").first).to_be_visible()


def finished(page: Page) -> None:
    run_to_end(page)
    show_tab(page, "Queue")
    fit(page)


def error(page: Page) -> None:
    open_template(page, "Large")
    expect(page.get_by_role("button", name="Close SD3.5 Large")).to_be_visible()
    drawer = page.get_by_role("complementary", name="Workflows")
    if drawer.is_visible():
        drawer.get_by_role("button", name="Close").click()
    run(page)
    expect(page.get_by_role("list", name="Problems").get_by_role("listitem").first).to_be_visible()
    fit(page)


def inspector(page: Page) -> None:
    run_to_end(page)
    card(page, "KSampler").focus()
    page.keyboard.press("Space")
    show_tab(page, "Inspector")
    fit(page)


def templates(page: Page) -> None:
    page.get_by_role("button", name="Workflows", exact=True).click()
    page.get_by_role("button", name="All templates…").click()
    shown = page.get_by_role("dialog", name="Templates")
    shown.get_by_text("4 of 4 model files missing").first.click()
    expect(shown.locator("svg").nth(4)).to_be_visible()


def fault(page: Page) -> None:
    """A part of the page that fails while it is drawn, after a change that is kept."""
    card(page, "prompt").get_by_role("textbox").fill("a paper kite")
    expect(page.get_by_role("contentinfo")).to_contain_text("kept in this browser")
    page.evaluate("() => { HTMLDialogElement.prototype.showModal = () => { throw new Error('no dialogs today') } }")
    page.keyboard.press("Control+,")
    expect(page.get_by_role("alert")).to_be_visible()


def palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search nodes").fill("lat")
    expect(page.get_by_role("dialog").get_by_role("option").first).to_be_visible()


def gallery(page: Page) -> None:
    show_tab(page, "Gallery")
    fit(page)
    expect(page.get_by_role("list", name="Gallery").get_by_role("img").first).to_be_visible()


def viewer(page: Page) -> None:
    gallery(page)
    page.get_by_role("list", name="Gallery").get_by_role("button", name=re.compile("^Picture")).nth(7).click()
    expect(page.get_by_role("dialog").get_by_role("img").first).to_be_visible()


def simple(page: Page) -> None:
    page.get_by_role("button", name="Simple view", exact=True).locator("visible=true").click()
    draw_simple(page)


def draw_simple(page: Page) -> None:
    run(page)
    result = page.get_by_role("region", name="Picture")
    expect(result.get_by_role("button", name=re.compile("^Picture"))).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)


def phone_graph(page: Page) -> None:
    page.get_by_role("button", name="Graph", exact=True).click()
    expect(card(page, "KSampler")).to_be_visible()


SCENES: dict[str, Scene] = {
    "empty": Scene(empty, DESK),
    "example": Scene(example, DESK),
    "running": Scene(running, DESK, held=True),
    "finished": Scene(finished, DESK),
    "inspector": Scene(inspector, DESK),
    "error": Scene(error, DESK),
    "fault": Scene(fault, DESK),
    "palette": Scene(palette, DESK),
    "templates": Scene(templates, DESK),
    "gallery": Scene(gallery, DESK),
    "viewer": Scene(viewer, DESK),
    "simple": Scene(simple, DESK),
    "phone": Scene(draw_simple, PHONE),
    "phone-graph": Scene(phone_graph, PHONE),
    "phone-gallery": Scene(gallery, PHONE),
    "phone-error": Scene(error, PHONE),
}


def hold_back(socket: WebSocketRoute) -> None:
    """Pass on the server's messages until the sampler has done some steps; none after that."""
    server = socket.connect_to_server()
    stopped = False

    def pass_on(message: str | bytes) -> None:
        nonlocal stopped
        if stopped:
            return
        socket.send(message)
        told = json.loads(message) if isinstance(message, str) else {}
        stopped = told.get("type") == "progress" and told["data"]["value"] >= HELD_STEP

    server.on_message(pass_on)


@contextmanager
def served(base: Path) -> Iterator[str]:
    """The address of a server on this folder."""
    command = [sys.executable, "-m", "sd35graph", "serve", "--port", "0", "--base", str(base)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        try:
            yield next(found[0] for line in server.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        finally:  # or leaving the block would wait for ever
            server.terminate()


def draw_pictures(url: str) -> None:
    """Fill the gallery: one picture for each prompt."""
    text = (ROOT / "workflows" / "sd35_tiny.json").read_text(encoding="utf-8")
    for seed, prompt in enumerate(DRAWN):
        body = text.replace("a 3d red apple", prompt).replace("20250321", str(seed + 1)).encode()
        request = urllib.request.Request(f"{url}/prompt", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request).close()
    while json.load(urllib.request.urlopen(f"{url}/prompt"))["exec_info"]["queue_remaining"] > 0:
        time.sleep(0.2)


def at_rest(page: Page) -> bytes:
    """A picture of the page once its notes have gone and nothing changes any more."""
    expect(page.locator(".toast")).to_have_count(0, timeout=TIMEOUT_MS)
    before, now = b"", page.screenshot()
    while before != now:
        page.evaluate("Promise.all([...document.images].map((image) => image.decode().catch(() => null)))")
        before, now = now, page.screenshot()
    return now


def take(browser: Browser, url: str, name: str, theme: str) -> None:
    """Act a scene in a fresh window and keep its picture."""
    scene = SCENES[name]
    is_phone = scene.viewport is PHONE
    context = browser.new_context(
        viewport=scene.viewport, color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce",
        locale="en-GB", has_touch=is_phone, is_mobile=is_phone, device_scale_factor=2 if is_phone else 1,
    )  # fmt: skip
    page = context.new_page()
    if scene.held:
        page.route_web_socket(re.compile("/ws"), hold_back)
    page.goto(url)
    ready = (
        page.get_by_role("region", name="Inputs").get_by_label("seed", exact=True)
        if is_phone
        else card(page, "KSampler")
    )
    expect(ready).to_be_visible(timeout=TIMEOUT_MS)
    scene.act(page)
    page.mouse.move(0, 0)
    with Pillow.open(io.BytesIO(at_rest(page))) as picture:
        picture.convert("RGB").save(SHOWN / f"{name}-{theme}.webp", quality=80, method=6)
    context.close()


def main(names: list[str]) -> None:
    """Take the named scenes, or all; each theme with a server of its own, so that nothing is cached from the other."""
    SHOWN.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        for theme in ("dark", "light"):
            with TemporaryDirectory() as base, served(Path(base)) as url:
                draw_pictures(url)
                for name in names or SCENES:
                    print(name, theme, flush=True)
                    take(browser, url, name, theme)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
