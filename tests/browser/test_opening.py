"""Opening what comes from outside: dropped anywhere, pasted, many at once, broken in every way."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from hands import add_node, card, cards, drop, drop_file, small_workflow, start_empty
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Locator, Page, expect

API_FORM = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
}


def tabs(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Open workflows").get_by_role("listitem")


def log(page: Page) -> Locator:
    return page.get_by_role("log")


def drop_files(
    page: Page, files: list[tuple[str, bytes]], target: str = ".rail", events: str = "dragenter dragover drop"
) -> None:
    """Drop several files on a part of the page, as from the desktop."""
    page.evaluate(
        """([files, target, events]) => {
            const transfer = new DataTransfer();
            for (const [name, content] of files) {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type: name.endsWith('.json') ? 'application/json' : '' }));
            }
            const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
            const element = document.querySelector(target);
            for (const type of events.split(' ')) element.dispatchEvent(new DragEvent(type, options));
        }""",
        [[(name, base64.b64encode(content).decode()) for name, content in files], target, events],
    )


def paste_text(page: Page, text: str) -> None:
    page.evaluate(
        """(text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData('text/plain', text);
            const event = new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData });
            document.body.dispatchEvent(event);
        }""",
        text,
    )


@pytest.mark.parametrize("target", [".rail", ".top", ".status", ".canvas"])
def test_workflow_dropped_anywhere_in_the_window_is_opened(page: Page, target: str) -> None:
    drop_files(page, [("apart.json", json.dumps(API_FORM).encode())], target)
    expect(card(page, "Empty image")).to_be_visible()
    expect(page.get_by_role("navigation", name="Open workflows")).to_contain_text("apart")


def test_real_folder_that_is_dropped_is_refused_in_words(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "drawings"
    folder.mkdir()
    file = tmp_path / "apart.json"
    for path in (file, folder / "inside.json"):
        path.write_text(json.dumps(API_FORM), encoding="utf-8")
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(folder), str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 700, "y": 400, "data": data})
    expect(log(page)).to_contain_text("“drawings” cannot be opened. The browser cannot read it: it may be a folder")
    # What else was dropped is opened all the same.
    expect(page.get_by_role("navigation", name="Open workflows")).to_contain_text("apart")


def test_files_over_the_page_are_awaited_visibly(page: Page) -> None:
    hint = page.get_by_text("Drop it to open it")
    drop_files(page, [("a.json", b"{}")], events="dragenter dragover")
    expect(hint).to_be_visible()
    drop_files(page, [("a.json", b"{}")], events="dragleave")
    expect(hint).to_have_count(0)


def test_a_question_that_waits_keeps_files_away(page: Page) -> None:
    page.keyboard.press("Control+Shift+s")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    count = tabs(page).count()
    drop_files(page, [("a.json", json.dumps(API_FORM).encode())], "dialog")
    page.keyboard.press("Escape")
    expect(tabs(page)).to_have_count(count)
    expect(card(page, "KSampler")).to_be_visible()


def test_pasted_workflow_is_offered_and_opened_in_a_tab(page: Page) -> None:
    add_node(page, "Empty image")
    paste_text(page, json.dumps(small_workflow(2)))
    question = page.get_by_role("alertdialog", name="A workflow is on the clipboard")
    question.get_by_role("button", name="Open it in a tab").click()
    expect(tabs(page)).to_have_count(2)
    expect(card(page, "Range: first 10 %")).to_be_attached()


def test_pasted_workflow_can_be_added_to_the_graph_as_one_step(page: Page) -> None:
    count = cards(page).count()
    paste_text(page, json.dumps(API_FORM))
    page.get_by_role("alertdialog").get_by_role("button", name="Add its nodes here").click()
    expect(cards(page)).to_have_count(count + 2)
    page.get_by_role("button", name="Undo").click()
    expect(cards(page)).to_have_count(count)


def test_on_an_empty_canvas_a_pasted_workflow_opens_without_a_question(page: Page) -> None:
    start_empty(page)
    paste_text(page, json.dumps(API_FORM))
    expect(cards(page)).to_have_count(2)
    paste_text(page, "no workflow at all")
    paste_text(page, '{"json": "but no workflow"}')
    expect(cards(page)).to_have_count(2)


def test_of_very_many_files_only_the_wanted_are_opened(page: Page) -> None:
    files = [(f"w{at}.json", json.dumps(API_FORM).encode()) for at in range(100)]
    drop_files(page, files)
    question = page.get_by_role("alertdialog", name="Open 100 files?")
    question.get_by_role("button", name="Only the first 10").click()
    expect(page.get_by_role("navigation", name="Open workflows")).to_contain_text("w9")
    expect(tabs(page)).to_have_count(10)


LOOP = {
    "1": {"class_type": "ImageInvert", "inputs": {"image": ["2", 0]}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
}
TWICE = {"nodes": [{"id": 1, "type": "EmptyImage"}, {"id": 1, "type": "PreviewImage"}], "links": []}
PNG = bytes([137, 80, 78, 71, 13, 10, 26, 10])
TEXT_CHUNK = PNG + (60_000).to_bytes(4) + b"tEXtworkflow\0{" + b" " * 40


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("loop.json", json.dumps(LOOP).encode(), "Opened “loop”"),
        ("twice.json", json.dumps(TWICE).encode(), "another node has this id already"),
        ("nan.json", b'{"1": {"class_type": "EmptyImage", "inputs": {"width": NaN}}}', "NaN or Infinity"),
        ("deep.json", b"[" * 100_000 + b"]" * 100_000, "nested more than 500 levels"),
        ("mark.json", "\ufeff".encode() + json.dumps(API_FORM).encode(), "Opened “mark”"),
        ("wide.json", json.dumps(API_FORM).encode("utf-16"), "Opened “wide”"),
        ("empty.json", b"", "The file is empty"),
        ("binary.safetensors", bytes(range(256)) * 40, "not valid JSON"),
        ("cut.png", TEXT_CHUNK, "not a picture that can be read"),
    ],
)
def test_broken_file_says_what_is_wrong_and_stops_nothing(page: Page, name: str, content: bytes, words: str) -> None:
    add_node(page, "Empty image")
    before = tabs(page).count()
    drop_file(page, name, content, "")
    expect(log(page)).to_contain_text(re.compile(words))
    assert tabs(page).count() in (before, before + 1)
    page.keyboard.press("Alt+1")
    expect(card(page, "Empty image")).to_be_attached()


def test_file_larger_than_any_workflow_is_not_read(page: Page) -> None:
    transfer = page.evaluate_handle("""() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File(['{"nodes": [', ' '.repeat(33 * 2 ** 20), ']}'], 'large.json'));
        return transfer;
    }""")
    drop(page, transfer)
    expect(log(page)).to_contain_text("larger than any workflow: more than 32 MB")


def picture(texts: dict[str, str], *, zipped: bool = False) -> bytes:
    """A small PNG that carries texts."""
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name, text, zip=zipped)
    data = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(data, "PNG", pnginfo=info)
    return data.getvalue()


PARAMETERS = """a lighthouse at dusk, <lora:old_masters:0.7>
Negative prompt: blurry
Steps: 25, Sampler: PLMS, CFG scale: 6.5, Seed: 3912873495, Size: 512x768, Model: dreamlike, Version: v1.10.1"""


def test_picture_of_another_tool_becomes_a_workflow_with_a_report(page: Page, axe: Callable[[Page], list[str]]) -> None:
    drop_file(page, "lighthouse.png", picture({"parameters": PARAMETERS}), "image/png")
    expect(card(page, "prompt").get_by_role("textbox")).to_have_value("a lighthouse at dusk,")
    expect(card(page, "negative prompt").get_by_role("textbox")).to_have_value("blurry")
    sampler = card(page, "KSampler")
    expect(sampler.get_by_label("steps", exact=True)).to_have_value("25")
    expect(sampler.get_by_label("seed", exact=True)).to_have_value("3912873495")
    report = page.get_by_role("region", name="About the file")
    expect(report).to_contain_text("“lighthouse” was made by AUTOMATIC1111")
    expect(report.get_by_role("region", name="LoRAs")).to_contain_text("old_masters (0.7)")
    expect(report.get_by_role("region", name="Another sampler or schedule")).to_contain_text("PLMS → ")
    expect(log(page)).to_contain_text("AUTOMATIC1111")
    assert axe(page) == []


def test_compressed_recipe_of_a_picture_is_read(page: Page) -> None:
    drop_file(page, "packed.png", picture({"parameters": PARAMETERS}, zipped=True), "image/png")
    expect(card(page, "prompt").get_by_role("textbox")).to_have_value("a lighthouse at dusk,")
    drop_file(page, "own.png", picture({"workflow": json.dumps(small_workflow(2))}, zipped=True), "image/png")
    expect(card(page, "Range: first 10 %")).to_be_attached()


def test_nodes_that_are_not_there_are_listed_and_replaced_in_one_step(page: Page) -> None:
    nodes = [
        {"id": 1, "type": "EmptyImages", "pos": [0, 0], "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}]},
        {"id": 2, "type": "PreviewImage", "pos": [400, 0], "inputs": [{"name": "images", "type": "IMAGE", "link": 1}]},
    ]
    workflow = {"nodes": nodes, "links": [[1, 1, 0, 2, 0, "IMAGE"], [9, 7, 0, 2, 0, "IMAGE"]]}
    drop_file(page, "old.json", json.dumps(workflow), "application/json")
    report = page.get_by_role("region", name="About the file")
    expect(report.get_by_role("region", name="Links that lead nowhere")).to_contain_text("Link 9 leads")
    unknown = report.get_by_role("region", name="Nodes that this server does not have")
    unknown.get_by_role("button", name="Use “Empty image” instead").click()
    expect(card(page, "Empty image")).to_be_visible()
    expect(page.locator(".link")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(card(page, "Empty image")).to_have_count(0)


def test_report_is_there_again_after_a_reload_and_by_the_palette(page: Page) -> None:
    drop_file(page, "twice.json", json.dumps(TWICE), "application/json")
    report = page.get_by_role("region", name="About the file")
    expect(report).to_contain_text("What of “twice” was not understood")
    page.wait_for_timeout(1000)
    page.reload()
    expect(card(page, "Empty image")).to_be_visible()
    expect(report).to_have_count(0)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search nodes, commands and workflows").fill("not understood")
    page.get_by_role("option", name="Show what of the file was not understood").click()
    expect(report).to_contain_text("Nodes with the same id")


def test_gallery_tells_what_each_template_does_and_lacks(page: Page, axe: Callable[[Page], list[str]]) -> None:
    start_empty(page)
    page.get_by_role("region", name="An empty canvas").get_by_role("button", name=re.compile("^Templates")).click()
    gallery = page.get_by_role("dialog", name="Templates")
    gallery.get_by_role("searchbox", name="Search templates").fill("turbo")
    expect(gallery.get_by_role("button", name=re.compile("^Open "))).to_have_count(1)
    expect(gallery).to_contain_text("in four steps")
    gallery.get_by_text("4 of 4 model files missing").click()
    missing = gallery.get_by_role("list", name="Model files of SD3.5 Large Turbo")
    expect(missing).to_contain_text("belongs in models/text_encoders")
    page_of_model = missing.get_by_role("link", name="Download page: sd3.5_large_turbo.safetensors")
    expect(page_of_model).to_have_attribute("href", re.compile("stable-diffusion-3.5-large-turbo$"))
    assert axe(page) == []
    gallery.get_by_role("button", name="Open SD3.5 Large Turbo").click()
    expect(gallery).to_have_count(0)
    expect(page.get_by_role("navigation", name="Open workflows")).to_contain_text("SD3.5 Large Turbo")
