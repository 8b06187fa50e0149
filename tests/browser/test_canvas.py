"""The canvas by mouse: inserting, replacing, rerouting, areas, groups, notes, order and the picture of a graph."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hands import (
    add_node,
    box_of,
    card,
    cards,
    drop_file,
    label,
    links,
    move_card,
    small_workflow,
    start_empty,
    undo_steps,
)
from PIL import Image
from playwright.sync_api import Locator, Page, expect


def menu(page: Page, of: Locator, *names: str) -> None:
    """Open a card's menu and choose an item, through its pages."""
    of.locator(".card-header").click(button="right", position={"x": 60, "y": 18})
    for name in names:
        page.get_by_role("menuitem", name=name, exact=True).click()


def linked_pair(page: Page) -> tuple[Locator, Locator]:
    """Empty image → invert image, far apart on an empty canvas."""
    start_empty(page)
    empty = add_node(page, "Empty image")
    move_card(page, empty, 120, 300)
    invert = add_node(page, "Invert image")
    move_card(page, invert, 900, 300)
    a, b = (page.get_by_label(re.compile(f"^{side} IMAGE|^{side} image")).first for side in ("output", "input"))
    start, end = box_of(a), box_of(b)
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(end["x"] + 5, end["y"] + 5, steps=10)
    page.mouse.up()
    expect(links(page)).to_have_count(1)
    return empty, invert


def middle_of_link(page: Page) -> tuple[float, float]:
    box = box_of(links(page).first.locator("path").first)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag_by(page: Page, x: float, y: float, dx: float, dy: float) -> None:
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2, steps=4)
    page.mouse.move(x + dx, y + dy, steps=6)
    page.mouse.up()


def test_card_dropped_on_a_link_goes_into_it_in_one_step(page: Page) -> None:
    linked_pair(page)
    between = add_node(page, "Invert image")
    before = undo_count(page)
    box = box_of(between)
    x, y = middle_of_link(page)
    move_card(page, between, x - box["width"] / 2, y - box["height"] / 2)
    expect(links(page)).to_have_count(2)
    page.keyboard.press("Control+z")
    expect(links(page)).to_have_count(1)
    assert undo_count(page) == before


def undo_count(page: Page) -> int:
    """How many steps can be undone; they are done again."""
    steps = undo_steps(page)
    for _ in range(steps):
        page.get_by_role("button", name="Redo").click()
    return steps


def test_link_takes_a_reroute_by_double_click_and_by_alt_click(page: Page) -> None:
    linked_pair(page)
    page.mouse.dblclick(*middle_of_link(page))
    expect(links(page)).to_have_count(2)
    expect(page.get_by_role("group", name=re.compile("^Reroute"))).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(links(page)).to_have_count(1)
    x, y = middle_of_link(page)
    page.keyboard.down("Alt")
    page.mouse.click(x, y)
    page.keyboard.up("Alt")
    expect(links(page)).to_have_count(2)


def test_link_has_a_name_and_a_menu(page: Page) -> None:
    empty, invert = linked_pair(page)
    name = f"link from output IMAGE of {label(empty)} to input image of {label(invert)}"
    expect(page.get_by_role("img", name=name)).to_have_count(1)
    page.mouse.click(*middle_of_link(page), button="right")
    page.get_by_role("menuitem", name="Remove link").click()
    expect(links(page)).to_have_count(0)


def test_node_is_replaced_and_keeps_what_fits(page: Page) -> None:
    _, invert = linked_pair(page)
    menu(page, invert, "Replace with…")
    page.get_by_role("combobox", name="Search nodes").fill("Preview image")
    page.get_by_role("option", name="Preview image", exact=True).first.click()
    expect(card(page, "Preview image")).to_be_visible()
    expect(card(page, "Invert image")).to_have_count(0)
    expect(links(page)).to_have_count(1)


def test_lasso_takes_the_cards_it_runs_around(page: Page) -> None:
    one, other = linked_pair(page)
    page.get_by_role("button", name="Lasso: draw around cards").click()
    box = box_of(other)
    corners = [(-30, -30), (box["width"] + 30, -30), (box["width"] + 30, box["height"] + 30), (-30, box["height"] + 30)]
    page.mouse.move(box["x"] - 30, box["y"] - 30)
    page.mouse.down()
    for dx, dy in corners:
        page.mouse.move(box["x"] + dx, box["y"] + dy, steps=6)
    page.mouse.up()
    expect(other).to_have_class(re.compile("selected"))
    expect(one).not_to_have_class(re.compile("selected"))


def test_selection_is_lined_up_and_spread(page: Page) -> None:
    linked_pair(page)
    move_card(page, add_node(page, "Decode"), 500, 600)
    page.keyboard.press("Control+a")
    menu(page, card(page, "Decode"), "Align", "Upper edges")
    tops = [round(box_of(found)["y"]) for found in cards(page).all()]
    assert max(tops) - min(tops) <= 1
    menu(page, card(page, "Decode"), "Align", "Equal gaps, side by side")
    boxes = sorted((box_of(found) for found in cards(page).all()), key=lambda box: box["x"])
    gaps = [b["x"] - a["x"] - a["width"] for a, b in pairwise(boxes)]
    assert gaps[0] == pytest.approx(gaps[1], abs=2)


def test_group_is_made_renamed_moved_with_its_cards_and_removed(page: Page) -> None:
    one, other = linked_pair(page)
    page.keyboard.press("Control+a")
    page.keyboard.press("g")
    title = page.get_by_role("button", name="Group Group", exact=True)
    title.dblclick(position={"x": 30, "y": 10})
    page.get_by_role("textbox", name="Title").fill("Pictures")
    page.keyboard.press("Enter")
    title = page.get_by_role("button", name="Group Pictures", exact=True)
    before = [box_of(found) for found in (one, other)]
    box = box_of(title)
    drag_by(page, box["x"] + 60, box["y"] + 12, 50, 80)
    for found, was in zip((one, other), before, strict=True):
        now = box_of(found)
        assert (now["x"] - was["x"], now["y"] - was["y"]) == (pytest.approx(50, abs=15), pytest.approx(80, abs=15))
    page.keyboard.press("Control+z")
    assert box_of(one)["x"] == pytest.approx(before[0]["x"], abs=1)
    title.click(button="right")
    page.get_by_role("menuitem", name="Colour", exact=True).click()
    page.get_by_role("menuitem", name="Colour green").click()
    title.focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Remove group").click()
    expect(title).to_have_count(0)
    expect(cards(page)).to_have_count(2)


def test_note_shows_markdown_and_asks_no_other_machine(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    start_empty(page)
    note = add_node(page, "Note (Markdown)")
    note.get_by_role("button", name="Edit note").click()
    note.get_by_role("textbox").fill("# Heading\n\n[a link](https://example.org) ![a cat](https://example.org/cat.png)")
    note.get_by_role("button", name="Show note").click()
    expect(note.get_by_role("heading", name="Heading")).to_be_visible()
    link = note.get_by_role("link", name="a link")
    expect(link).to_have_attribute("rel", re.compile("noopener"))
    expect(link).to_have_attribute("target", "_blank")
    expect(note).to_contain_text("a cat")
    expect(note.get_by_role("img")).to_have_count(0)
    assert [url for url in asked if "example.org" in url] == []


def test_colour_pin_and_order_are_kept_in_the_file(page: Page, tmp_path: Path) -> None:
    one, other = linked_pair(page)
    menu(page, one, "Colour", "Colour blue")
    menu(page, one, "Pin")
    menu(page, one, "In front or behind", "To the front")
    place, box = one.evaluate("(it) => it.style.transform"), box_of(one)
    move_card(page, one, box["x"] + 100, box["y"] + 50)
    assert one.evaluate("(it) => it.style.transform") == place
    assert box_of(one) == box, "nor does the view move"
    page.keyboard.press("Control+k")
    page.keyboard.type("Download the workflow")
    with page.expect_download() as download:
        page.get_by_role("option", name="Download the workflow").click()
    download.value.save_as(tmp_path / "saved.json")
    nodes = {node["type"]: node for node in json.loads((tmp_path / "saved.json").read_text())["nodes"]}
    node: dict[str, Any] = nodes["EmptyImage"]
    assert (node["color"], node["flags"]["pinned"], node["properties"]["depth"]) == ("#2f6fe0", True, 1)
    expect(other).to_be_visible()


def test_cards_keep_to_the_grid_when_asked(page: Page) -> None:
    one, _ = linked_pair(page)
    page.get_by_role("button", name="Snap to grid").click()
    box = box_of(one)
    move_card(page, one, box["x"] + 61, box["y"] + 35)
    place = one.evaluate("(it) => it.style.transform.match(/-?\\d+/g).map(Number)")
    assert [value % 24 for value in place] == [0, 0]


def test_copies_keep_what_feeds_them(page: Page) -> None:
    _, invert = linked_pair(page)
    menu(page, invert, "Duplicate with links")
    expect(cards(page)).to_have_count(3)
    expect(links(page)).to_have_count(2)


def test_graph_is_saved_as_a_picture(page: Page, tmp_path: Path) -> None:
    linked_pair(page)
    page.mouse.click(700, 700, button="right")
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Save as picture").click()
    download.value.save_as(tmp_path / "graph.png")
    with Image.open(tmp_path / "graph.png") as picture:
        assert picture.width > 1500
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 20


def test_copies_travel_to_another_tab_of_the_browser(page: Page, url: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    linked_pair(page)
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    second = page.context.new_page()
    second.goto(url)
    expect(card(second, "KSampler")).to_be_visible()
    count = cards(second).count()
    second.keyboard.press("Control+v")
    expect(cards(second)).to_have_count(count + 2)
    second.close()


def test_whole_of_a_large_graph_is_drawn_and_its_cards_can_be_taken(page: Page) -> None:
    workflow = small_workflow(steps=2)
    pattern = workflow["nodes"]
    workflow["nodes"] = [
        {
            **node,
            "id": node["id"] + 100 * copy,
            "pos": [node["pos"][0] + copy % 8 * 2400, node["pos"][1] + copy // 8 * 1500],
            "inputs": [],
            "outputs": [],
        }
        for copy in range(40)
        for node in pattern
    ]
    workflow["links"] = []
    drop_file(page, "many.json", json.dumps(workflow), "application/json")
    expect(page.get_by_role("contentinfo")).to_contain_text(f"{40 * len(pattern)} nodes")
    expect(page.locator("canvas.far-layer")).to_have_attribute("data-drawn", re.compile(r"\d{3}"))
    expect(cards(page)).to_have_count(0)
    page.mouse.move(640, 420)
    found = False
    for dx in range(0, 200, 6):  # somewhere near the middle there is a card
        page.mouse.move(640 + dx, 420 + dx / 4)
        if cards(page).count() == 1:
            found = True
            break
    assert found
    before = box_of(cards(page).first)
    page.mouse.down()
    page.mouse.move(before["x"] + 60, before["y"] + 60, steps=5)
    page.mouse.up()
    assert box_of(cards(page).first) != before
    assert undo_steps(page) == 1
