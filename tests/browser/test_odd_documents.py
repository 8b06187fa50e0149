"""Documents as nobody would make them: none runs a script, ends the page, or stands in the way of work."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hands import add_node, box_of, card, cards, drop_file, links
from playwright.sync_api import Page, expect

SCRIPT = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 1</script>"
NOTE = "\n\n".join(
    [
        "[one](javascript:window.hacked=1)",
        "[two](JaVaScRiPt:window.hacked=1)",
        "[three](java\tscript:window.hacked=1)",
        "[four](data:text/html,<script>opener.hacked=1</script>)",
        "<a href='javascript:window.hacked=1'>five</a>",
        SCRIPT,
    ]
)


def node(number: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": number, "type": kind, "pos": [number * 360, 100], **fields}


def open_document(page: Page, nodes: list[dict[str, Any]], name: str = "odd", **fields: Any) -> None:
    text = json.dumps({"nodes": nodes, "links": [], **fields})
    drop_file(page, f"{name}.json", text, "application/json")
    expect(page.locator(".document-name[aria-current]")).to_have_text(name)


def test_nothing_in_a_document_runs_as_a_script(page: Page) -> None:
    subgraph = {"id": "s", "name": SCRIPT, "nodes": [node(1, "Load")], "links": [], "inputs": [], "outputs": []}
    open_document(
        page,
        [
            node(1, "EmptyImage", title=SCRIPT),
            node(2, SCRIPT, title="unknown"),
            node(3, "s"),
            node(4, "MarkdownNote", title="note", widgets_values=[NOTE]),
        ],
        groups=[{"title": SCRIPT, "bounding": [300, 0, 400, 300], "color": "url(https://example.org/a.png)"}],
        definitions={"subgraphs": [subgraph]},
    )
    note = card(page, "note")
    for name in ("one", "two", "three", "four"):
        link = note.get_by_text(name)
        expect(link).to_be_visible()
        assert "script" not in (link.get_attribute("href") or "").lower()
    expect(note.get_by_role("link", name="five")).to_have_count(0)
    if not page.get_by_role("tab", name="Inspector").is_visible():  # what was not understood opens it
        page.get_by_role("button", name="Side panel").click()
    for tab in ("Inspector", "Problems"):
        page.get_by_role("tab", name=tab).click()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+a")
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    "title", ["x" * 10_000, "مرحبا بالعالم", "a" + "\u0301" * 400, "\u202eright to left", "😀" * 300, "  \n\t "]
)
def test_titles_of_any_kind_stay_within_their_card(page: Page, title: str) -> None:
    open_document(page, [node(1, "EmptyImage", title=title), node(2, "EmptyImage", title="other")])
    expect(cards(page)).to_have_count(2)
    first, header = cards(page).first, cards(page).first.locator(".card-header")
    assert box_of(header)["width"] <= box_of(first)["width"]
    assert box_of(header)["height"] <= box_of(card(page, "other").locator(".card-header"))["height"] + 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    add_node(page, "Save image")


def test_places_and_groups_beyond_reason_can_be_looked_at_and_worked_with(page: Page) -> None:
    open_document(
        page,
        [node(1, "EmptyImage", pos=[1e9, -1e9], size=[-5, -1e9], properties={"depth": 1e308}), node(2, "EmptyImage")],
        groups=[
            {"title": "nothing", "bounding": [0, 0, 0, 0]},
            {"title": "far", "bounding": [1e300, 0, 1e300, 5]},
            {"title": "none"},
        ],
    )
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Tidy").click()
    expect(cards(page)).to_have_count(2)
    cards(page).first.get_by_role("spinbutton", name="width").fill("32")
    page.keyboard.press("Escape")


def test_subgraphs_ten_deep_are_gone_into_and_come_back_from(page: Page) -> None:
    def level(at: int) -> dict[str, Any]:
        inner = "EmptyImage" if at == 9 else f"s{at + 1}"
        return {
            "id": f"s{at}",
            "name": f"level {at}",
            "nodes": [node(1, inner)],
            "links": [],
            "inputs": [],
            "outputs": [],
        }

    open_document(page, [node(1, "s0")], definitions={"subgraphs": [level(at) for at in range(10)]})
    for at in range(10):
        card(page, f"level {at}").locator(".card-header").dblclick(position={"x": 60, "y": 10})
        expect(page.get_by_role("textbox", name="Name of the subgraph")).to_have_value(f"level {at}")
    expect(card(page, "Empty image")).to_be_visible()
    page.locator(".react-flow__pane").click(position={"x": 900, "y": 600})
    for _ in range(19):  # out of a level, and out of the selection of what was left
        page.keyboard.press("Escape")
    expect(card(page, "level 0")).to_be_visible()


def test_three_hundred_links_into_one_card(page: Page) -> None:
    inputs = [{"name": f"in{at}", "type": "IMAGE", "link": at + 1} for at in range(300)]
    sources = [node(at + 1, "EmptyImage", pos=[0, at * 20], flags={"collapsed": True}) for at in range(300)]
    open_document(
        page,
        [node(999, "Collector", inputs=inputs, pos=[900, 0]), *sources],
        name="many",
        links=[[at + 1, at + 1, 0, 999, at, "IMAGE"] for at in range(300)],
    )
    page.get_by_role("button", name="Fit").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    expect(cards(page)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Zoom in").click(click_count=8, delay=30)
    expect(links(page).first).to_be_attached()
