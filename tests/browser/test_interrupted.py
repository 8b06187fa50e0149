"""Gestures that something else comes into: keys, another tab, another window, another size of this one."""

from __future__ import annotations

import json
import re

import pytest
from hands import box_of, card, cards, drop_file, links
from playwright.sync_api import Locator, Page, expect

PAIR = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "a"}},
}
# A mouse button that is let go where no page hears of it.
DEAF = """() => ['mouseup', 'pointerup'].forEach((type) => window.addEventListener(type, (event) => {
    if (event.isTrusted && window.deaf) event.stopImmediatePropagation();
}, true))"""


def open_pair(page: Page, name: str = "pair") -> Locator:
    """Empty image → save image; the first of them."""
    drop_file(page, f"{name}.json", json.dumps(PAIR), "application/json")
    expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    expect(links(page)).to_have_count(1)
    return card(page, "Empty image")


def place_of(thing: Locator) -> str:
    style: str = thing.evaluate("(it) => it.style.transform")
    return style


def width_of(thing: Locator) -> str:
    style: str = thing.evaluate("(it) => it.style.width")
    return style


def view_of(page: Page) -> str:
    return place_of(page.locator(".react-flow__viewport"))


def grab_header(page: Page, thing: Locator) -> None:
    box = box_of(thing)
    page.mouse.move(box["x"] + 60, box["y"] + 15)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 60, steps=4)


def grab_corner(page: Page, thing: Locator) -> None:
    thing.hover()
    expect(thing.locator(".resize")).to_be_attached()
    page.wait_for_timeout(100)  # the handle is made ready after it is drawn
    box = box_of(thing)
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] - 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 40, box["y"] + box["height"] + 20, steps=4)


def grab_number(page: Page, thing: Locator) -> None:
    box = box_of(thing.get_by_role("spinbutton", name="width"))
    page.mouse.move(box["x"] + 10, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 70, box["y"] + 8, steps=4)


def grab_socket(page: Page, thing: Locator) -> None:
    box = box_of(thing.get_by_label(re.compile("^output IMAGE")).first)
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 160, steps=5)


def number(thing: Locator) -> str:
    return thing.get_by_role("spinbutton", name="width").input_value()


@pytest.mark.parametrize("key", ["Escape", "Control+z"])
def test_resizing_and_dragging_a_number_end_by_key_and_leave_nothing(page: Page, key: str) -> None:
    empty = open_pair(page)
    for grab, read in ((grab_corner, width_of), (grab_number, number)):
        before = read(empty)
        grab(page, empty)
        assert read(empty) != before
        if key != "Escape":  # a field that has the cursor takes it for itself
            page.evaluate("document.activeElement.blur()")
        page.keyboard.press(key)
        assert read(empty) == before
        page.mouse.move(900, 700, steps=4)
        page.mouse.up()
        assert read(empty) == before
        expect(page.get_by_role("button", name="Undo")).to_be_disabled()
        expect(page.get_by_role("button", name="Redo")).to_be_enabled(enabled=key != "Escape")


def test_another_tab_while_resizing_or_dragging_a_number_changes_no_card_of_it(page: Page) -> None:
    empty = open_pair(page, "first")
    empty.get_by_role("spinbutton", name="height").fill("32")
    empty = open_pair(page, "second")
    before = (width_of(empty), number(empty))
    for grab in (grab_corner, grab_number):
        grab(page, empty)
        page.keyboard.press("Alt+1")
        expect(empty.get_by_role("spinbutton", name="height")).to_have_value("32")
        page.mouse.move(900, 700, steps=4)
        page.mouse.up()
        assert (width_of(empty), number(empty)) == before
        page.keyboard.press("Alt+2")
        expect(empty.get_by_role("spinbutton", name="height")).to_have_value("64")
        page.keyboard.press("Control+z")


def test_a_link_drawn_over_a_number_that_was_used_before_leaves_it_alone(page: Page) -> None:
    empty = open_pair(page)
    grab_number(page, empty)
    page.mouse.up()
    value = number(empty)
    assert value != "64"
    port = box_of(card(page, "Save image").get_by_label(re.compile("^input images")).first)
    field = box_of(empty.get_by_role("spinbutton", name="width"))
    page.mouse.move(port["x"] + 5, port["y"] + 5)
    page.mouse.down()
    page.mouse.move(field["x"] + 40, field["y"] + 8, steps=6)
    page.mouse.move(field["x"] + 120, field["y"] + 8, steps=6)
    assert number(empty) == value
    page.mouse.up()
    assert number(empty) == value


def test_a_card_deleted_at_the_edge_does_not_leave_the_view_running(page: Page) -> None:
    empty = open_pair(page)
    grab_header(page, empty)
    canvas = box_of(page.locator(".react-flow"))
    page.mouse.move(canvas["x"] + 4, canvas["y"] + 300, steps=6)
    page.mouse.move(canvas["x"] + 5, canvas["y"] + 300)
    page.keyboard.press("Delete")
    page.mouse.up()
    page.wait_for_timeout(200)
    before = view_of(page)
    page.wait_for_timeout(300)
    assert view_of(page) == before


def end_unheard(page: Page, how: str) -> None:
    """Leave the window, or let go of the button where the page is not told of it."""
    if how == "blur":
        page.evaluate("window.dispatchEvent(new Event('blur'))")
    else:
        page.evaluate("window.deaf = true")
        page.mouse.up()
        page.evaluate("window.deaf = false")
        page.mouse.move(700, 650)


@pytest.mark.parametrize("how", ["blur", "button"])
def test_what_is_held_ends_where_its_end_is_not_heard(page: Page, how: str) -> None:
    page.evaluate(DEAF)
    empty = open_pair(page)
    for grab, read in ((grab_header, place_of), (grab_corner, width_of), (grab_number, number)):
        before = read(empty)
        grab(page, empty)
        end_unheard(page, how)
        moved = read(empty)
        assert moved != before
        page.mouse.move(800, 700, steps=4)
        assert read(empty) == moved
        page.mouse.up()
        page.get_by_role("button", name="Undo").click()
        assert read(empty) == before
        expect(page.get_by_role("button", name="Undo")).to_be_disabled()


@pytest.mark.parametrize("how", ["blur", "button"])
def test_a_link_is_let_go_where_the_end_is_not_heard(page: Page, how: str) -> None:
    page.evaluate(DEAF)
    empty = open_pair(page)
    grab_socket(page, empty)
    expect(page.locator(".react-flow__connection")).to_be_visible()
    end_unheard(page, how)
    expect(page.locator(".react-flow__connection")).to_have_count(0)
    page.mouse.move(800, 700, steps=4)
    page.mouse.up()
    expect(page.get_by_role("dialog")).to_have_count(0)
    grab_header(page, empty)
    page.mouse.up()
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()


def test_another_tab_lets_go_of_the_link_that_is_drawn(page: Page) -> None:
    open_pair(page, "first").get_by_role("spinbutton", name="height").fill("32")
    grab_socket(page, open_pair(page, "second"))
    expect(page.locator(".react-flow__connection")).to_be_visible()
    page.keyboard.press("Alt+1")
    expect(page.locator(".react-flow__connection")).to_be_hidden()
    page.mouse.move(700, 650, steps=3)
    page.mouse.up()
    expect(page.get_by_role("dialog")).to_have_count(0)
    grab_socket(page, card(page, "Empty image"))
    expect(page.locator(".react-flow__connection")).to_be_visible()
    page.mouse.up()
    page.keyboard.press("Escape")


def test_the_window_is_left_in_the_middle_of_a_lasso(page: Page) -> None:
    empty = open_pair(page)
    page.get_by_role("button", name="Fit").click()
    canvas = box_of(page.locator(".react-flow"))
    page.keyboard.down("Shift")
    page.mouse.move(canvas["x"] + 10, canvas["y"] + 60)
    page.mouse.down()
    page.mouse.move(canvas["x"] + canvas["width"] - 20, canvas["y"] + canvas["height"] - 100, steps=5)
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(page.locator(".marquee polygon")).to_have_attribute("points", "")
    expect(empty).not_to_have_class(re.compile("selected"))


def test_the_right_button_opens_no_menu_in_the_middle_of_a_drag(page: Page) -> None:
    empty = open_pair(page)
    before = place_of(empty)
    grab_header(page, empty)
    page.mouse.down(button="right")
    expect(page.get_by_role("menu")).to_have_count(0)
    page.mouse.up(button="right")
    page.mouse.up()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    assert place_of(empty) == before
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_drag_out_of_the_window_ends_there(page: Page) -> None:
    empty = open_pair(page)
    before = place_of(empty)
    grab_header(page, empty)
    page.mouse.move(-40, 400, steps=4)
    page.mouse.up()
    view = view_of(page)
    page.mouse.move(500, 500, steps=4)
    after = place_of(empty)
    assert after != before
    page.wait_for_timeout(200)
    assert (view_of(page), place_of(empty)) == (view, after)
    page.keyboard.press("Control+z")
    assert place_of(empty) == before


def test_a_link_is_drawn_on_while_the_wheel_zooms(page: Page) -> None:
    empty = open_pair(page)
    page.get_by_label(re.compile("^input images of Save image")).first.focus()
    page.keyboard.press("Delete")
    expect(links(page)).to_have_count(0)
    grab_socket(page, empty)
    page.mouse.wheel(0, 240)
    page.wait_for_timeout(300)
    port = box_of(page.get_by_label(re.compile("^input images of Save image")).first)
    page.mouse.move(port["x"] + port["width"] / 2, port["y"] + port["height"] / 2, steps=6)
    page.mouse.up()
    expect(links(page)).to_have_count(1)


def test_another_window_size_leaves_the_view_alone_while_a_card_is_held(page: Page) -> None:
    empty = open_pair(page)
    page.get_by_role("button", name="Fit").click()
    page.wait_for_timeout(300)
    grab_header(page, empty)
    view = view_of(page)
    page.set_viewport_size({"width": 1000, "height": 760})
    page.wait_for_timeout(200)
    assert view_of(page) == view
    page.mouse.move(500, 500, steps=3)
    box = box_of(empty)
    page.mouse.up()
    assert box["x"] < 500 < box["x"] + box["width"]
    assert box["y"] < 500 < box["y"] + 40
    expect(cards(page)).to_have_count(2)
