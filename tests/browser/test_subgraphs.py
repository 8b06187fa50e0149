"""Subgraphs: made of a selection, opened, changed inside, run, taken apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from hands import RUN_TIMEOUT_MS, card, cards, drop_file, undo_steps
from playwright.sync_api import Page, expect


def pack(page: Page) -> None:
    """Turn sampler and decoder into one node."""
    for title in ("KSampler", "Decode"):
        card(page, title).click(modifiers=["Control"], position={"x": 60, "y": 15})
    page.keyboard.press("Control+g")
    expect(card(page, "Subgraph")).to_be_visible()


def test_selection_becomes_one_node_that_runs_and_comes_apart_again(first_page: Page) -> None:
    page = first_page
    count = cards(page).count()
    pack(page)
    expect(cards(page)).to_have_count(count - 1)
    page.keyboard.press("Control+Enter")
    expect(card(page, "Save image").get_by_role("img").first).to_be_visible(timeout=RUN_TIMEOUT_MS)
    expect(card(page, "Subgraph")).to_contain_text(re.compile(r"\d (ms|s)"))
    card(page, "Subgraph").get_by_role("button", name=re.compile("^Menu of")).click()
    page.get_by_role("menuitem", name="Unpack").click()
    expect(cards(page)).to_have_count(count)
    expect(card(page, "KSampler")).to_be_visible()


def test_subgraph_is_opened_and_left_by_keyboard_and_undo_spans_both(
    page: Page, axe: Callable[[Page], list[str]]
) -> None:
    count = cards(page).count()
    pack(page)
    page.keyboard.press("Enter")
    path = page.get_by_role("navigation", name="Where you are")
    expect(path).to_be_visible()
    expect(card(page, "Inputs")).to_be_visible()
    assert axe(page) == []
    steps = card(page, "KSampler").get_by_label("steps", exact=True)
    steps.fill("7")
    steps.press("Enter")
    name = path.get_by_role("textbox", name="Name of the subgraph")
    name.fill("Sampling")
    name.press("Enter")
    page.locator(".react-flow__pane").click(position={"x": 600, "y": 700})
    page.keyboard.press("Escape")
    expect(card(page, "Sampling")).to_be_visible()
    expect(path).to_have_count(0)
    card(page, "Sampling").dblclick(position={"x": 60, "y": 60})
    expect(card(page, "KSampler").get_by_label("steps", exact=True)).to_have_value("7")
    path.get_by_role("button", name="SD3.5", exact=False).click()
    expect(card(page, "Sampling")).to_be_visible()
    assert undo_steps(page) == 3
    expect(cards(page)).to_have_count(count)
    expect(card(page, "KSampler").get_by_label("steps", exact=True)).not_to_have_value("7")


def test_inputs_of_a_subgraph_are_added_renamed_and_removed_in_the_inspector(page: Page) -> None:
    pack(page)
    page.keyboard.press("Enter")
    if not page.get_by_role("tab", name="Inspector").is_visible():
        page.get_by_role("button", name="Side panel").click()
    page.get_by_role("tab", name="Inspector").click()
    inputs = page.get_by_role("region", name="Inputs of this subgraph")
    inputs.get_by_role("textbox", name="Name of model").fill("network")
    inputs.get_by_role("textbox", name="Name of model").press("Enter")
    inputs.get_by_role("button", name="Move network down").click()
    inputs.get_by_role("button", name="Add an input").click()
    expect(inputs.get_by_role("textbox", name="Name of input")).to_be_visible()
    inputs.get_by_role("button", name="Delete: vae").click()
    page.get_by_role("navigation", name="Where you are").get_by_role("button", name="Back (Esc)").click()
    expect(card(page, "Subgraph").get_by_test_id(re.compile("^input network of"))).to_be_attached()
    expect(card(page, "Subgraph").get_by_test_id(re.compile("^input vae of"))).to_have_count(0)


def test_published_subgraph_is_placed_from_the_palette(first_page: Page) -> None:
    page = first_page
    pack(page)
    card(page, "Subgraph").get_by_role("button", name=re.compile("^Menu of")).click()
    page.get_by_role("menuitem", name="Publish to the palette").click()
    expect(page.get_by_text("is in the palette now")).to_be_visible()
    page.get_by_role("button", name="New", exact=True).click()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name=re.compile("^Search")).fill("subgr")
    page.get_by_role("option", name="Subgraph", exact=True).click()
    expect(card(page, "Subgraph")).to_be_visible()
    page.keyboard.press("Enter")
    expect(card(page, "KSampler")).to_be_visible()


def test_unknown_node_in_a_closed_subgraph_is_told_and_led_to(page: Page) -> None:
    inside = {"id": "s", "name": "Closed", "nodes": [{"id": 5, "type": "NoSuchNode", "pos": [0, 0]}], "links": []}
    document = {
        "nodes": [{"id": 3, "type": "s", "pos": [0, 0]}],
        "links": [],
        "definitions": {"subgraphs": [inside]},
    }
    drop_file(page, "closed.json", json.dumps(document), "application/json")
    expect(card(page, "Closed")).to_contain_text("The server has no node “NoSuchNode”.")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search nodes").fill("Show the problems")
    page.get_by_role("option", name="Show the problems").click()
    problem = page.get_by_role("list", name="Problems").get_by_role("listitem")
    expect(problem).to_have_count(1)
    problem.get_by_role("button", name="Show node: NoSuchNode (node 3:5)").click()
    expect(page.get_by_role("navigation", name="Where you are")).to_be_visible()
    expect(card(page, "NoSuchNode")).to_have_class(re.compile("selected"))
