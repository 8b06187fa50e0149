"""Editing by mouse and keyboard: gestures, files, folding, undo, drafts."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hands import (
    add_node,
    box_of,
    card,
    cards,
    drag,
    drop_file,
    label,
    links,
    move_card,
    small_workflow,
    start_empty,
    undo_steps,
)
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Page, expect


def png(colour: str, workflow: dict[str, Any] | None = None) -> bytes:
    """A small picture of one colour, with a workflow inside if there is one."""
    info = PngInfo()
    if workflow is not None:
        info.add_text("workflow", json.dumps(workflow))
    data = BytesIO()
    Image.new("RGB", (8, 8), colour).save(data, "PNG", pnginfo=info)
    return data.getvalue()


def paint(page: Page, x: float, y: float, to_x: float, to_y: float) -> None:
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move((x + to_x) / 2, (y + to_y) / 2, steps=4)
    page.mouse.move(to_x, to_y, steps=6)
    page.mouse.up()


def test_picture_is_uploaded_by_button_and_by_dropping_it_on_the_card(page: Page, tmp_path: Path) -> None:
    start_empty(page)
    loader = add_node(page, "Load image")
    file = tmp_path / "by_button.png"
    file.write_bytes(png("red"))
    with page.expect_file_chooser() as chooser:
        loader.get_by_role("button", name="Upload a picture").click()
    chooser.value.set_files(file)
    expect(loader.get_by_role("combobox", name="image")).to_have_value(re.compile(r"by_button.*\.png"))
    expect(loader.get_by_role("img", name=re.compile("by_button"))).to_be_visible()
    drop_file(page, "by_drop.png", png("blue"), "image/png", loader)
    expect(loader.get_by_role("combobox", name="image")).to_have_value(re.compile(r"by_drop.*\.png"))
    expect(cards(page)).to_have_count(1)


def test_dropped_picture_opens_its_workflow_and_without_one_becomes_a_card(page: Page) -> None:
    drop_file(page, "with.png", png("green", small_workflow(steps=3)), "image/png")
    expect(card(page, "KSampler").get_by_label("steps", exact=True)).to_have_value("3")
    count = cards(page).count()
    drop_file(page, "without.png", png("green"), "image/png")
    expect(cards(page)).to_have_count(count + 1)
    expect(card(page, "Load image").get_by_role("combobox", name="image")).to_have_value(re.compile("without"))


@pytest.mark.parametrize(
    ("name", "content", "kind", "words"),
    [
        (
            "cut.json",
            '{"nodes": [{"id": 1, "ty',
            "application/json",
            r"“cut\.json” cannot be opened.*not valid JSON.*cut off",
        ),
        ("empty.json", "", "application/json", "The file is empty"),
        ("list.json", "[1, 2]", "application/json", "not a workflow"),
        (
            "links.json",
            '{"nodes": [], "links": [[1, 7, 0, 99999999999999999999, 0, "X"]]}',
            "application/json",
            "link 1 leads to or from a socket that is not there",
        ),
        ("broken.png", png("red")[:8], "image/png", "not a picture that can be read"),
    ],
)
def test_file_that_is_no_workflow_says_what_is_wrong(
    page: Page, name: str, content: str | bytes, kind: str, words: str
) -> None:
    drop_file(page, name, content, kind)
    expect(page.get_by_role("log")).to_contain_text(re.compile(words))


def test_file_with_odd_places_and_numbers_opens(page: Page) -> None:
    def node(at: int, **fields: object) -> dict[str, object]:
        return {
            "id": at,
            "type": "KSampler",
            "widgets_values": [2**64 - 1, "fixed", 20, 8, "euler", "simple", 1],
            **fields,
        }

    nodes = [node(1), node(2, pos=[1e300, -1e300], size=[1e300, 1e300]), node(3, pos="here", size=None)]
    drop_file(page, "odd.json", json.dumps({"nodes": nodes, "links": None}), "application/json")
    expect(page.get_by_role("status").first).to_contain_text("connected")
    page.get_by_role("button", name="Tidy").click()
    expect(cards(page)).to_have_count(3)
    expect(cards(page).first.get_by_label("seed", exact=True)).to_have_value("18446744073709551615")


def test_area_select_takes_cards_and_delete_is_one_step(page: Page) -> None:
    all_cards = cards(page).count()
    page.keyboard.down("Shift")
    paint(page, 70, 120, 760, 760)
    page.keyboard.up("Shift")
    chosen = page.locator(".react-flow__node.selected").count()
    assert 3 <= chosen < all_cards
    page.keyboard.press("Delete")
    expect(cards(page)).to_have_count(all_cards - chosen)
    assert undo_steps(page) == 1
    expect(cards(page)).to_have_count(all_cards)


def test_moving_resizing_and_dragging_a_number_are_one_step_each(page: Page) -> None:
    start_empty(page)
    decode = add_node(page, "Empty image")
    move_card(page, decode, 300, 200)
    before = box_of(decode)
    corner = (before["x"] + before["width"] - 5, before["y"] + before["height"] - 5)
    paint(page, *corner, corner[0] + 120, corner[1] + 30)
    assert box_of(decode)["width"] == pytest.approx(before["width"] + 120, abs=8)
    width = decode.get_by_label("width", exact=True)
    value = int(width.input_value())
    middle = box_of(width)
    x, y = middle["x"] + middle["width"] / 2, middle["y"] + middle["height"] / 2
    paint(page, x, y, x + 60, y)
    assert int(width.input_value()) > value
    # Add, move, resize, drag.
    assert undo_steps(page) == 4


def test_typing_a_prompt_is_one_step(page: Page) -> None:
    prompt = card(page, "prompt").get_by_role("textbox")
    before = prompt.input_value()
    prompt.fill("a heron")
    prompt.press_sequentially(" at dawn")
    page.locator(".react-flow__pane").click(position={"x": 20, "y": 20})
    expect(prompt).to_have_value("a heron at dawn")
    assert undo_steps(page) == 1
    expect(prompt).to_have_value(before)


def test_double_click_opens_the_palette_and_the_card_stands_there(page: Page) -> None:
    start_empty(page)
    page.mouse.dblclick(700, 300)
    page.get_by_role("combobox", name="Search nodes").press_sequentially("invert image")
    page.keyboard.press("Enter")
    box = box_of(card(page, "Invert image"))
    assert box["x"] == pytest.approx(700, abs=2)
    assert box["y"] == pytest.approx(300, abs=2)


def test_link_dropped_on_empty_space_offers_what_fits_and_links_it(page: Page) -> None:
    start_empty(page)
    empty = add_node(page, "Empty image")
    move_card(page, empty, 120, 200)
    socket = box_of(page.get_by_label(f"output IMAGE of {label(empty)}", exact=True))
    paint(page, socket["x"] + 5, socket["y"] + 5, 700, 300)
    search = page.get_by_role("combobox", name="Search nodes")
    expect(search).to_be_focused()
    expect(page.get_by_role("option", name="KSampler", exact=True)).to_have_count(0)
    page.get_by_role("option", name="Invert image", exact=True).click()
    expect(links(page)).to_have_count(1)
    expect(card(page, "Invert image")).to_be_visible()


def test_link_pulled_off_its_input_is_gone_and_comes_back(page: Page) -> None:
    count = links(page).count()
    name = re.compile(r"^input samples of Decode")
    socket = box_of(page.get_by_label(name))
    paint(page, socket["x"] + 4, socket["y"] + 4, socket["x"] - 10, socket["y"] + 420)
    expect(links(page)).to_have_count(count - 1)
    page.keyboard.press("Control+z")
    expect(links(page)).to_have_count(count)


def test_copy_paste_and_duplicate(page: Page) -> None:
    start_empty(page)
    empty = add_node(page, "Empty image")
    invert = add_node(page, "Invert image")
    drag(
        page,
        page.get_by_label(f"output IMAGE of {label(empty)}", exact=True),
        page.get_by_label(f"input image of {label(invert)}", exact=True),
    )
    expect(links(page)).to_have_count(1)
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    page.keyboard.press("Control+v")
    expect(cards(page)).to_have_count(4)
    expect(links(page)).to_have_count(2)
    page.keyboard.press("Control+d")
    expect(cards(page)).to_have_count(6)
    expect(links(page)).to_have_count(3)


def test_rarely_needed_inputs_unfold_push_others_down_and_fold_again(page: Page) -> None:
    sampling = card(page, "Model sampling SD3")
    expect(sampling.get_by_label("timesteps", exact=True)).to_have_count(0)
    below = box_of(card(page, "prompt"))["y"]
    more = sampling.get_by_role("button", name="3 more")
    expect(more).to_have_attribute("aria-expanded", "false")
    more.click()
    timesteps = sampling.get_by_label("timesteps", exact=True)
    expect(timesteps).to_be_visible()
    assert box_of(card(page, "prompt"))["y"] > below
    timesteps.fill("900")
    timesteps.press("Enter")
    sampling.get_by_role("button", name="Fewer").click()
    # What was changed stays in sight.
    expect(timesteps).to_have_value("900")
    expect(sampling.get_by_role("button", name="2 more")).to_be_visible()
    expect(sampling.get_by_label("multiplier", exact=True)).to_have_count(0)


def test_reload_brings_unsaved_changes_back(page: Page) -> None:
    card(page, "prompt").get_by_role("textbox").fill("unsaved words")
    page.reload()
    expect(card(page, "prompt").get_by_role("textbox")).to_have_value("unsaved words")
    expect(page.get_by_role("contentinfo")).to_contain_text("unsaved changes")


def test_two_windows_keep_their_own_changes_and_a_closed_one_leaves_them(page: Page, url: str) -> None:
    card(page, "prompt").get_by_role("textbox").fill("of the first window")
    page.wait_for_timeout(1000)
    second = page.context.new_page()
    second.goto(url)
    # The first is open and goes on: its draft is not taken.
    expect(card(second, "prompt").get_by_role("textbox")).not_to_have_value("of the first window")
    card(second, "prompt").get_by_role("textbox").fill("of the second window")
    second.wait_for_timeout(1000)
    page.reload()
    expect(card(page, "prompt").get_by_role("textbox")).to_have_value("of the first window")
    second.close()
    third = page.context.new_page()
    third.goto(url)
    expect(card(third, "prompt").get_by_role("textbox")).to_have_value("of the second window")
    third.close()


def test_editor_says_that_the_server_starts_and_goes_on_by_itself(page: Page, url: str) -> None:
    tab = page.context.new_page()
    held: list[Any] = []
    tab.route("**/api/object_info", lambda route: held.append(route))
    tab.goto(url)
    expect(tab.get_by_text("The server is starting…")).to_be_visible()
    expect(tab.get_by_role("button", name=re.compile("^Run"))).to_be_disabled()
    held.pop().continue_()
    expect(card(tab, "KSampler")).to_be_visible()
    expect(tab.get_by_text("The server is starting…")).to_have_count(0)
    tab.close()


def test_server_that_cannot_tell_its_nodes_is_asked_again(page: Page, url: str) -> None:
    tab = page.context.new_page()
    answer = json.dumps({"error": {"message": "No worker starts.", "details": "The pack x failed."}})
    tab.route(
        "**/api/object_info", lambda route: route.fulfill(status=503, body=answer, content_type="application/json")
    )
    tab.goto(url)
    expect(tab.get_by_role("log")).to_contain_text("No worker starts. The pack x failed.")
    tab.unroute("**/api/object_info")
    tab.get_by_role("button", name="Ask again").click()
    expect(card(tab, "KSampler")).to_be_visible()
    tab.close()


def test_long_titles_and_prompts_stay_within_their_cards(page: Page) -> None:
    title = "A very long title " * 30
    workflow = small_workflow(steps=2)
    for node in workflow["nodes"]:
        node["title"] = title
        if node["type"] == "CLIPTextEncode":
            node["widgets_values"] = ["word " * 20_000]
    workflow["extra"]["sd35graph"]["name"] = title
    drop_file(page, "long.json", json.dumps(workflow), "application/json")
    expect(card(page, title.strip()).first).to_be_attached()
    for header in page.locator(".card-header").all():
        assert header.evaluate("(it) => it.scrollWidth <= it.clientWidth + 1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.get_by_role("button", name=re.compile("^Run"))).to_be_in_viewport(ratio=1)
