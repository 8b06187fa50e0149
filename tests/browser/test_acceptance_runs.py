"""Runs on the model that comes along: cancelled, cut off, on a phone, of a dropped picture, painted anew, packed.

The table of what is proved where stands in `test_acceptance.py`.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hands import (
    ROOT,
    RUN_TIMEOUT_MS,
    Wire,
    box_of,
    card,
    cards,
    choose,
    command,
    drop_file,
    exported,
    links,
    start_empty,
)
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Request, expect

TINY = {
    "sd3.5_large.safetensors": "sd35_tiny.safetensors",
    "clip_l.safetensors": "sd35_tiny_clip_l.safetensors",
    "clip_g.safetensors": "sd35_tiny_clip_g.safetensors",
    "t5xxl_fp16.safetensors": "sd35_tiny_t5xxl.safetensors",
}


@pytest.fixture
def cut_off(tiny_page: Page) -> Wire:
    """The connection of the page, which a test may cut."""
    wire = Wire(tiny_page)
    tiny_page.reload()
    expect(card(tiny_page, "KSampler")).to_be_visible(timeout=RUN_TIMEOUT_MS)
    return wire


def run(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()


def set_steps(page: Page, steps: int) -> None:
    field = card(page, "KSampler").get_by_label("steps", exact=True)
    field.fill(str(steps))
    field.press("Enter")


def picture_on(page: Page, title: str = "Save image") -> Locator:
    return card(page, title).get_by_role("img").first


def saved_picture(page: Page) -> bytes:
    """The file of the newest picture in the gallery."""
    command(page, "Show the gallery")
    page.get_by_role("list", name="Gallery").get_by_role("button", name=re.compile("^Picture")).first.click()
    with page.expect_download() as download:
        page.get_by_role("dialog", name=re.compile("^Picture")).get_by_role("link", name="Download").click()
    page.keyboard.press("Escape")
    return download.value.path().read_bytes()


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_cancelled_run_shows_nothing_as_done_and_the_next_one_runs(tiny_page: Page) -> None:
    set_steps(tiny_page, 900)
    run(tiny_page)
    sampler = card(tiny_page, "KSampler")
    expect(sampler).to_contain_text(re.compile(r"step \d+ of 900"), timeout=RUN_TIMEOUT_MS)
    tiny_page.get_by_role("button", name="Cancel", exact=True).click()
    expect(tiny_page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0, timeout=RUN_TIMEOUT_MS)
    expect(sampler).to_contain_text("not run yet")
    expect(card(tiny_page, "Decode")).to_contain_text("not run yet")
    expect(picture_on(tiny_page)).to_have_count(0)
    set_steps(tiny_page, 4)
    run(tiny_page)
    expect(picture_on(tiny_page)).to_be_visible(timeout=RUN_TIMEOUT_MS)


def test_run_that_ended_while_the_connection_was_lost_is_shown_only_after_it(
    tiny_page: Page, tiny_url: str, cut_off: Wire
) -> None:
    cut_off.cut_after("progress")
    with tiny_page.expect_response(re.compile("/prompt$")) as accepted:
        run(tiny_page)
    status = tiny_page.get_by_role("contentinfo", name="Status")
    expect(status).to_contain_text("reconnecting", timeout=RUN_TIMEOUT_MS)
    job = f"{tiny_url}/v1/jobs/{accepted.value.json()['prompt_id']}"
    while tiny_page.request.get(job).json()["state"] == "running":
        tiny_page.wait_for_timeout(100)
    expect(card(tiny_page, "KSampler")).to_contain_text("connection lost")
    expect(card(tiny_page, "Save image")).to_contain_text("connection lost")
    expect(picture_on(tiny_page)).to_have_count(0)
    cut_off.mend()
    expect(picture_on(tiny_page)).to_be_visible(timeout=RUN_TIMEOUT_MS)
    expect(status).to_contain_text(re.compile("^connected"))
    for title in ("KSampler", "Decode", "Save image"):
        expect(card(tiny_page, title)).to_contain_text(re.compile(r"\d (ms|s)$"))
    expect(tiny_page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)


def test_dropped_picture_brings_back_the_workflow_that_made_it(tiny_page: Page) -> None:
    choose(card(tiny_page, "KSampler").get_by_label("seed: after each run", exact=True), "fixed")
    prompt = card(tiny_page, "prompt").get_by_role("textbox", name="text")
    prompt.fill("a 3d blue umbrella")
    prompt.press("Tab")
    made_with = exported(tiny_page)
    run(tiny_page)
    expect(picture_on(tiny_page)).to_be_visible(timeout=RUN_TIMEOUT_MS)
    picture = saved_picture(tiny_page)
    start_empty(tiny_page)
    drop_file(tiny_page, "umbrella.png", picture, "image/png")
    expect(card(tiny_page, "prompt").get_by_role("textbox", name="text")).to_have_value("a 3d blue umbrella")
    assert json.loads(exported(tiny_page)) == json.loads(made_with)
    run(tiny_page)
    expect(picture_on(tiny_page)).to_be_visible(timeout=RUN_TIMEOUT_MS)
    assert (pixels(saved_picture(tiny_page)) == pixels(picture)).all()


def test_runs_in_quick_succession_have_seeds_of_their_own(tiny_page: Page) -> None:
    seeds: list[int] = []

    def is_third(request: Request) -> bool:
        if request.url.endswith("/prompt") and request.method == "POST":
            nodes = json.loads(request.post_data or "")["prompt"].values()
            seeds.extend(node["inputs"]["seed"] for node in nodes if node["class_type"] == "KSampler")
        return len(seeds) == 3

    set_steps(tiny_page, 2)
    with tiny_page.expect_request(is_third):
        for _ in range(3):
            tiny_page.keyboard.press("Control+Enter")
    assert len(set(seeds)) == 3


def inpainting() -> str:
    """The example that paints a part anew, on the embedded model and without its picture."""
    text = (ROOT / "workflows" / "sd35_large_inpaint.json").read_text(encoding="utf-8")
    for name, tiny in TINY.items():
        text = text.replace(f'"{name}"', f'"{tiny}"')
    return text.replace('"example.png"', '""')


def paint_middle(page: Page) -> None:
    """Paint a stroke over the middle of the picture."""
    page.get_by_role("button", name="Paint a mask").click()
    painter = page.get_by_role("dialog", name=re.compile("^Mask of"))
    box = box_of(painter.get_by_role("img", name=re.compile("^Mask")))
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.4 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=6)
    page.mouse.up()
    painter.get_by_role("button", name="Use this mask").click()
    expect(painter).to_have_count(0)


def test_only_what_was_painted_is_drawn_anew(tiny_page: Page, tmp_path: Path) -> None:
    page = tiny_page
    grey = tmp_path / "grey.png"
    Image.new("RGB", (64, 64), (120, 130, 140)).save(grey)
    drop_file(page, "inpaint.json", inpainting(), "application/json")
    grow = card(page, "A little over the edge").get_by_label("expand", exact=True)
    grow.fill("2")
    grow.press("Enter")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a picture").click()
    chooser.value.set_files(grey)
    expect(page.get_by_role("img", name=re.compile("grey"))).to_be_visible()
    paint_middle(page)
    run(page)
    expect(picture_on(page)).to_be_visible(timeout=RUN_TIMEOUT_MS)
    changed = (pixels(saved_picture(page)) != (120, 130, 140)).any(axis=2)
    # The stroke, six pixels wide from 40 % to 60 %, and what the mask grew by.
    assert changed[32, 26:38].mean() > 0.9
    assert not changed[:20].any()
    assert not changed[44:].any()
    assert not changed[:, :16].any()
    assert not changed[:, 48:].any()


def test_subgraph_is_made_opened_changed_run_and_taken_apart(tiny_page: Page) -> None:
    page = tiny_page
    before = (cards(page).count(), links(page).count())
    for at, title in enumerate(("Model sampling SD3", "KSampler", "Decode")):
        card(page, title).click(position={"x": 60, "y": 15}, modifiers=["Control"] if at else [])
    page.keyboard.press("Control+g")
    expect(cards(page)).to_have_count(before[0] - 2)
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Where you are")).to_be_visible()
    set_steps(page, 6)
    run(page)
    # Its progress is seen inside as well.
    expect(card(page, "Decode")).to_contain_text(re.compile(r"\d (ms|s)$"), timeout=RUN_TIMEOUT_MS)
    page.get_by_role("button", name="Back (Esc)").click()
    expect(picture_on(page)).to_be_visible(timeout=RUN_TIMEOUT_MS)
    expect(card(page, "Subgraph")).to_contain_text(re.compile(r"\d (ms|s)$"))
    # It is the same when it comes from a file.
    file = exported(page)
    start_empty(page)
    drop_file(page, "packed.json", file, "application/json")
    expect(card(page, "Subgraph")).to_be_visible()
    assert json.loads(exported(page)) == json.loads(file)
    card(page, "Subgraph").click(position={"x": 60, "y": 15})
    page.keyboard.press("Control+Shift+g")
    expect(cards(page)).to_have_count(before[0])
    expect(links(page)).to_have_count(before[1])
    expect(card(page, "KSampler").get_by_label("steps", exact=True)).to_have_value("6")
    run(page)
    expect(picture_on(page)).to_be_visible(timeout=RUN_TIMEOUT_MS)


def test_picture_is_made_on_a_phone(browser: Browser, tiny_url: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = context.new_page()
    page.goto(tiny_url)
    view = page.get_by_role("main", name="Simple view")
    prompt = view.get_by_role("textbox", name="text").first
    prompt.tap(timeout=RUN_TIMEOUT_MS)
    prompt.fill("a 3d red apple")
    page.get_by_role("button", name="Run", exact=True).tap()
    picture = view.get_by_role("button", name=re.compile("^Picture"))
    expect(picture).to_be_visible(timeout=RUN_TIMEOUT_MS)
    picture.tap()
    viewer = page.get_by_role("dialog", name=re.compile("^Picture"))
    expect(viewer.get_by_text("64 × 64")).to_be_visible()
    viewer.get_by_role("button", name="Close").tap()
    page.get_by_role("button", name="Graph", exact=True).tap()
    expect(card(page, "Save image").get_by_role("img").first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()
