"""The editor in real Chromium against a real server: build, run, refuse, undo, cancel."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hands import (
    RUN_TIMEOUT_MS,
    add_node,
    drag,
    drop_file,
    label,
    links,
    move_card,
    open_large,
    small_workflow,
    start_empty,
)
from playwright.sync_api import Browser, Page, expect


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
    assert count == 10
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
    open_large(page)
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
    # What an earlier test left running on the shared server has to end first.
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0, timeout=RUN_TIMEOUT_MS)
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
