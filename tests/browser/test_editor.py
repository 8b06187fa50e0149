"""The editor in real Chromium against a real server: what a person does with mouse and keyboard."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SMALL = {
    "sd3.5_large.safetensors": "tiny_sd35.safetensors",
    "clip_l.safetensors": "tiny_clip_l.safetensors",
    "clip_g.safetensors": "tiny_clip_g.safetensors",
    "t5xxl_fp16.safetensors": "tiny_t5xxl.safetensors",
}
RUN_TIMEOUT_MS = 120_000


@pytest.fixture(scope="module")
def browser(require: None) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def require(unavailable: Callable[[str], NoReturn]) -> None:
    if which("chromium") is None:
        unavailable("Chromium is not installed; `apt-get install chromium` brings it")
    if not (ROOT / "sd35graph" / "server" / "static" / "index.html").is_file():
        unavailable("the editor is not built; `make web` builds it")


@pytest.fixture(scope="module")
def url(require: None, synthetic_base: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "sd35graph", "serve", "--precision", "fp32", "--port", "0"]
    with subprocess.Popen(
        [*command, "--base", str(synthetic_base)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield found[0]
                break
        else:
            pytest.fail("the server ended before it listened")
        server.terminate()
        server.wait(30)


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The editor as opened for the first time. What the page complains about in its console fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(url)
    expect(page.get_by_role("group", name=re.compile("KSampler"))).to_be_visible()
    yield page
    context.close()
    # Replies that refuse a workflow are part of the tests; the browser logs their status by itself.
    assert [text for text in complaints if "status of 400" not in text] == []


def start_empty(page: Page) -> None:
    page.get_by_role("button", name="New", exact=True).click()
    expect(page.get_by_role("group", name=re.compile("KSampler"))).to_have_count(0)


def add_node(page: Page, name: str) -> Locator:
    """Add a node through the palette; returns its card."""
    before = page.get_by_role("group", name=re.compile(r"\(node \d+\)")).count()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search nodes").fill(name)
    page.get_by_role("option", name=name, exact=True).first.click()
    cards = page.get_by_role("group", name=re.compile(r"\(node \d+\)"))
    expect(cards).to_have_count(before + 1)
    return page.get_by_role("group", name=re.compile(rf"^{re.escape(name)} \(node \d+\)")).last


def label(card: Locator) -> str:
    return card.get_attribute("aria-label") or ""


def drag(page: Page, start: Locator, end: Locator) -> None:
    """Press on the middle of one, move to the middle of the other in steps, let go."""
    a, b = start.bounding_box(), end.bounding_box()
    assert a is not None
    assert b is not None
    page.mouse.move(a["x"] + a["width"] / 2, a["y"] + a["height"] / 2)
    page.mouse.down()
    page.mouse.move((a["x"] + b["x"]) / 2, (a["y"] + b["y"]) / 2, steps=5)
    page.mouse.move(b["x"] + b["width"] / 2, b["y"] + b["height"] / 2, steps=8)
    page.mouse.up()


def move_card(page: Page, card: Locator, x: float, y: float) -> None:
    """Drag a card by its header so that its corner comes to (x, y)."""
    box = card.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(x + 40, y + 12, steps=8)
    page.mouse.up()


def links(page: Page) -> Locator:
    return page.locator(".react-flow__edge")


def test_graph_is_built_by_dragging_runs_and_shows_its_picture(page: Page) -> None:
    start_empty(page)
    empty = add_node(page, "Empty image")
    move_card(page, empty, 90, 150)
    invert = add_node(page, "Invert image")
    move_card(page, invert, 480, 150)
    save = add_node(page, "Save image")
    move_card(page, save, 800, 150)
    for source, target, port in ((empty, invert, "image"), (invert, save, "images")):
        drag(
            page,
            page.get_by_label(f"output IMAGE of {label(source)}", exact=True),
            page.get_by_label(f"input {port} of {label(target)}", exact=True),
        )
    expect(links(page)).to_have_count(2)
    page.get_by_role("button", name=re.compile("^Run")).click()
    picture = save.get_by_role("img").first
    expect(picture).to_be_visible(timeout=RUN_TIMEOUT_MS)
    # The inverse of black: every pixel of the loaded picture is white.
    colour = picture.evaluate(
        """async (image) => {
            await image.decode();
            const canvas = new OffscreenCanvas(1, 1), context = canvas.getContext("2d");
            context.drawImage(image, 0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data];
        }"""
    )
    assert colour == [255, 255, 255, 255]


def test_link_between_types_that_do_not_fit_is_refused_while_dragging(page: Page) -> None:
    start_empty(page)
    empty = add_node(page, "Empty image")
    move_card(page, empty, 90, 150)
    decode = add_node(page, "Decode")
    move_card(page, decode, 500, 150)
    drag(
        page,
        page.get_by_label(f"output IMAGE of {label(empty)}", exact=True),
        page.get_by_label(f"input samples of {label(decode)}", exact=True),
    )
    expect(links(page)).to_have_count(0)


def test_delete_undo_and_redo_bring_links_back(page: Page) -> None:
    count = links(page).count()
    assert count > 10
    page.get_by_role("group", name=re.compile("KSampler")).click(position={"x": 60, "y": 10})
    page.keyboard.press("Delete")
    expect(page.get_by_role("group", name=re.compile("KSampler"))).to_have_count(0)
    assert links(page).count() < count
    page.keyboard.press("Control+z")
    expect(page.get_by_role("group", name=re.compile("KSampler"))).to_have_count(1)
    expect(links(page)).to_have_count(count)
    page.keyboard.press("Control+Shift+z")
    expect(page.get_by_role("group", name=re.compile("KSampler"))).to_have_count(0)


def test_missing_models_stand_on_their_cards_and_in_problems(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Run")).click()
    page.get_by_role("tab", name=re.compile("Problems")).click()
    problems = page.get_by_role("tabpanel")
    expect(problems).to_contain_text("sd3.5_large.safetensors")
    expect(problems).to_contain_text("models/text_encoders")
    loader = page.get_by_role("group", name=re.compile("Load checkpoint"))
    expect(loader).to_contain_text("sd3.5_large.safetensors")


def test_dropped_example_runs_with_progress_and_preview_and_its_picture_opens_again(page: Page, tmp_path: Path) -> None:
    workflow = small_workflow(steps=6)
    drop_file(page, "small.json", json.dumps(workflow), "application/json")
    loader = page.get_by_role("group", name=re.compile("Load checkpoint"))
    expect(loader.get_by_role("combobox")).to_have_value("tiny_sd35.safetensors")
    page.get_by_role("button", name=re.compile("^Run")).click()
    sampler = page.get_by_role("group", name=re.compile("KSampler"))
    expect(sampler).to_contain_text(re.compile(r"step \d of 6"), timeout=RUN_TIMEOUT_MS)
    expect(sampler.get_by_role("img").first).to_be_visible()
    save = page.get_by_role("group", name=re.compile("Save image"))
    expect(save.get_by_role("img").first).to_be_visible(timeout=RUN_TIMEOUT_MS)
    page.get_by_role("button", name=re.compile("^Run")).click()
    expect(page.get_by_role("group", name=re.compile("Load three"))).to_contain_text("cached", timeout=RUN_TIMEOUT_MS)


def test_cancel_is_there_only_while_something_runs(page: Page) -> None:
    workflow = small_workflow(steps=500)
    drop_file(page, "long.json", json.dumps(workflow), "application/json")
    loader = page.get_by_role("group", name=re.compile("Load checkpoint"))
    expect(loader.get_by_role("combobox")).to_have_value("tiny_sd35.safetensors")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    page.get_by_role("button", name=re.compile("^Run")).click()
    sampler = page.get_by_role("group", name=re.compile("KSampler"))
    expect(sampler).to_contain_text(re.compile(r"step \d+ of 500"), timeout=RUN_TIMEOUT_MS)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0, timeout=RUN_TIMEOUT_MS)


def test_phone_size_shows_the_graph_and_can_run(browser: Browser, url: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("button", name=re.compile("^Run"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= 390")
    context.close()


def small_workflow(steps: int) -> dict[str, Any]:
    """The SD3.5 Large example on the small models, at 128 pixels."""
    text = (ROOT / "workflows" / "sd35_large.json").read_text(encoding="utf-8")
    for name, small in SMALL.items():
        text = text.replace(f'"{name}"', f'"{small}"')
    workflow: dict[str, Any] = json.loads(text)
    for node in workflow["nodes"]:
        if node["type"] == "EmptySD3LatentImage":
            node["widgets_values"] = [128, 128, 1]
        if node["type"] == "KSampler":
            node["widgets_values"][2] = steps
    return workflow


def drop_file(page: Page, name: str, content: str, kind: str) -> None:
    """Drop a file on the canvas, as from the desktop."""
    transfer = page.evaluate_handle(
        """([name, content, kind]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([content], name, { type: kind }));
            return transfer;
        }""",
        [name, content, kind],
    )
    target = page.locator(".react-flow__pane")
    for event in ("dragenter", "dragover", "drop"):
        target.dispatch_event(event, {"dataTransfer": transfer})
