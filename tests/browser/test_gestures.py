"""Gestures that are interrupted: by keys, by undo, by another tab; and what they show before they end."""

from __future__ import annotations

import json

import pytest
from hands import add_node, box_of, card, drop_file, links, start_empty
from playwright.sync_api import FloatRect, Locator, Page, expect

PAIR = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "a"}},
}


def open_pair(page: Page) -> tuple[Locator, Locator]:
    """Empty image → save image, and room between them."""
    drop_file(page, "pair.json", json.dumps(PAIR), "application/json")
    empty, save = card(page, "Empty image"), card(page, "Save image")
    expect(links(page)).to_have_count(1)
    grab(page, save)
    page.mouse.move(1200, 200, steps=6)
    page.mouse.up()
    grab(page, empty)
    page.mouse.move(200, 500, steps=6)
    page.mouse.up()
    return empty, save


def grab(page: Page, thing: Locator) -> None:
    """Press on a card's header and begin to move."""
    box = box_of(thing)
    page.mouse.move(box["x"] + 60, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 40, steps=4)


def place_of(thing: Locator) -> str:
    style: str = thing.evaluate("(it) => it.style.transform")
    return style


def over_link(page: Page, held: FloatRect) -> tuple[float, float]:
    """Where the pointer has to be so that the middle of a card, held at its header, lies on the link."""
    box = box_of(links(page).first.locator("path").first)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return x - held["width"] / 2 + 60, y - held["height"] / 2 + 15


def test_link_a_card_would_go_into_is_marked_and_alt_leaves_it_alone(page: Page) -> None:
    open_pair(page)
    invert = add_node(page, "Invert image")
    size = box_of(invert)
    grab(page, invert)
    page.mouse.move(*over_link(page, size), steps=8)
    expect(page.locator(".link.under")).to_have_count(1)
    page.keyboard.down("Alt")
    page.mouse.move(*[value + 2 for value in over_link(page, size)], steps=2)
    expect(page.locator(".link.under")).to_have_count(0)
    page.mouse.up()
    page.keyboard.up("Alt")
    expect(links(page)).to_have_count(1)
    grab(page, invert)
    page.mouse.move(*over_link(page, size), steps=8)
    expect(page.locator(".link.under")).to_have_count(1)
    page.mouse.up()
    expect(links(page)).to_have_count(2)
    expect(page.locator(".link.under")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(links(page)).to_have_count(1)


def test_undo_and_escape_end_a_drag_that_the_pointer_goes_on_with(page: Page) -> None:
    _, save = open_pair(page)
    before = place_of(save)
    for key in ("Escape", "Control+z"):
        grab(page, save)
        assert place_of(save) != before
        page.keyboard.press(key)
        assert place_of(save) == before, key
        page.mouse.move(700, 600, steps=4)
        page.mouse.up()
        assert place_of(save) == before, key
    expect(page.get_by_role("button", name="Redo")).to_be_enabled()  # the drag that was undone


def test_another_tab_during_a_drag_keeps_its_cards_where_they_are(page: Page) -> None:
    drop_file(page, "first.json", json.dumps(PAIR), "application/json")
    expect(links(page)).to_have_count(1)
    card(page, "Empty image").get_by_role("spinbutton", name="width").fill("32")
    drop_file(page, "second.json", json.dumps(PAIR), "application/json")
    expect(page.get_by_role("button", name="second", exact=True)).to_be_visible()
    save = card(page, "Save image")
    place = place_of(save)
    grab(page, save)
    page.keyboard.press("Alt+1")
    expect(card(page, "Empty image").get_by_role("spinbutton", name="width")).to_have_value("32")
    page.mouse.move(300, 300, steps=4)
    page.mouse.up()
    assert place_of(save) == place


def test_escape_lets_go_of_a_link_that_is_drawn(page: Page) -> None:
    start_empty(page)
    add_node(page, "Empty image")
    port = box_of(page.get_by_label("output IMAGE of Empty image").first)
    page.mouse.move(port["x"] + 5, port["y"] + 5)
    page.mouse.down()
    page.mouse.move(port["x"] + 200, port["y"] + 150, steps=5)
    expect(page.locator(".react-flow__connection")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".react-flow__connection")).to_be_hidden()
    page.mouse.move(port["x"] + 260, port["y"] + 150, steps=5)
    page.mouse.up()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(links(page)).to_have_count(0)


def test_a_card_deleted_while_it_is_dragged_comes_back_by_one_undo(page: Page) -> None:
    _, save = open_pair(page)
    place = place_of(save)
    grab(page, save)
    page.keyboard.press("Delete")
    expect(save).to_have_count(0)
    page.mouse.move(700, 600, steps=4)
    page.mouse.up()
    page.keyboard.press("Control+z")
    expect(links(page)).to_have_count(1)
    assert place_of(save) == place


@pytest.mark.parametrize("steps_after", [0, 4])
def test_the_canvas_goes_on_after_a_card_was_deleted_in_the_hand(page: Page, steps_after: int) -> None:
    empty, save = open_pair(page)
    grab(page, save)
    page.keyboard.press("Delete")
    if steps_after:
        page.mouse.move(700, 600, steps=steps_after)
    page.mouse.up()
    expect(save).to_have_count(0)
    width = empty.get_by_role("spinbutton", name="width")
    width.click()
    width.fill("32")
    width.press("Tab")
    page.locator(".react-flow__pane").click(position={"x": 700, "y": 100})
    page.keyboard.press("Escape")
    expect(width).to_have_value("32")
    page.keyboard.press("Control+z")
    expect(width).to_have_value("64")
    expect(save).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(save).to_have_count(1)


def test_a_picture_whose_file_is_gone_is_told_in_words(page: Page) -> None:
    for address in ("**/v1/artifacts/**", "**/api/view?**"):
        page.route(address, lambda route: route.fulfill(body="gone", content_type="text/plain"))
    open_pair(page)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(card(page, "Save image")).to_contain_text("no longer there", timeout=120_000)
    page.get_by_role("button", name="Side panel").click()
    for tab in ("Queue", "Gallery"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel")).to_contain_text("no longer there")
