"""Open documents: tabs, what belongs to each, closing."""

from __future__ import annotations

import re

from hands import RUN_TIMEOUT_MS, add_node, card, cards, drop_file, start_empty
from playwright.sync_api import Locator, Page, expect


def tabs(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Open workflows").get_by_role("listitem")


def tab(page: Page, name: str | re.Pattern[str]) -> Locator:
    bar = page.get_by_role("navigation", name="Open workflows")
    return bar.get_by_role("button", name=name).first


def test_each_tab_keeps_its_own_graph_undo_steps_and_selection(page: Page) -> None:
    count = cards(page).count()
    start_empty(page)
    expect(tabs(page)).to_have_count(2)
    add_node(page, "Empty image")
    first, second = tabs(page).nth(0), tabs(page).nth(1)
    expect(second.get_by_role("img", name="unsaved changes")).to_be_visible()
    expect(first.get_by_role("img", name="unsaved changes")).to_have_count(0)
    page.keyboard.press("Alt+1")
    expect(cards(page)).to_have_count(count)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.keyboard.press("Alt+2")
    expect(cards(page)).to_have_count(1)
    expect(page.locator(".react-flow__node.selected")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(cards(page)).to_have_count(0)


def test_tab_is_renamed_by_double_click_and_moved_by_dragging(page: Page) -> None:
    start_empty(page)
    add_node(page, "Empty image")
    tab(page, re.compile("^Untitled workflow")).dblclick()
    name = page.get_by_role("textbox", name="Workflow name")
    name.fill("My sketches")
    name.press("Enter")
    expect(tabs(page).nth(1)).to_contain_text("My sketches")
    tabs(page).nth(1).drag_to(tabs(page).nth(0))
    expect(tabs(page).nth(0)).to_contain_text("My sketches")


def test_closing_asks_only_where_changes_would_be_lost(page: Page) -> None:
    start_empty(page)
    page.get_by_role("button", name="Close Untitled workflow").click()
    expect(tabs(page)).to_have_count(1)
    start_empty(page)
    add_node(page, "Empty image")
    page.get_by_role("button", name="Close Untitled workflow").click()
    question = page.get_by_role("alertdialog", name="Save “Untitled workflow”?")
    question.get_by_role("button", name="Cancel").click()
    expect(tabs(page)).to_have_count(2)
    page.get_by_role("button", name="Close Untitled workflow").click()
    question.get_by_role("button", name="Discard changes").click()
    expect(tabs(page)).to_have_count(1)


def test_opened_file_replaces_only_a_document_that_was_never_touched(page: Page) -> None:
    drop_file(page, "a.json", '{"nodes": [], "links": []}', "application/json")
    expect(tabs(page)).to_have_count(1)
    add_node(page, "Empty image")
    drop_file(page, "b.json", '{"nodes": [], "links": []}', "application/json")
    expect(tabs(page)).to_have_count(2)


def test_what_a_run_reports_goes_to_the_tab_it_was_started_from(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Run")).click()
    start_empty(page)
    add_node(page, "Empty image")
    page.get_by_role("button", name="Side panel").click()
    page.get_by_role("tab", name="Queue").click()
    expect(page.get_by_role("list", name="Queue")).to_contain_text("done", timeout=RUN_TIMEOUT_MS)
    # Nothing of it shows here, though both graphs have a node 1.
    expect(cards(page).first).to_contain_text("not run yet")
    page.keyboard.press("Alt+1")
    page.get_by_role("button", name="Fit").click()
    expect(card(page, "Save image").get_by_role("img")).to_be_visible()


def test_palette_finds_commands_and_workflows_beside_nodes(page: Page) -> None:
    page.keyboard.press("Control+k")
    search = page.get_by_role("combobox", name="Search nodes, commands and workflows")
    search.fill("settings")
    expect(page.get_by_role("option", name="Settings")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    search.fill("SD3.5 Medium")
    page.get_by_role("option", name="Open SD3.5 Medium").click()
    expect(tab(page, "SD3.5 Medium")).to_be_visible()


def test_keys_of_a_command_are_changed_and_conflicts_are_told(page: Page) -> None:
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Settings")
    dialog.get_by_role("button", name=re.compile("^Fit the graph into the view: F")).click()
    page.keyboard.press("Control+s")
    expect(dialog.get_by_role("list", name="Keyboard shortcuts")).to_contain_text("Also used by: Fit the graph")
    dialog.get_by_role("button", name="Fit the graph into the view: back to its own keys").click()
    expect(dialog.get_by_role("button", name=re.compile("^Fit the graph into the view: F"))).to_be_visible()
    dialog.get_by_role("button", name=re.compile("^Tidy the graph: no keys")).click()
    page.keyboard.press("t")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()


def test_language_is_chosen_in_the_settings_and_kept(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Language").select_option("de")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=re.compile("^Ausführen"))).to_be_visible()
    expect(page.get_by_role("group", name=re.compile(r"^Dekodieren \(Knoten"))).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "de"
    page.reload()
    expect(page.get_by_role("group", name=re.compile(r"^Dekodieren \(Knoten"))).to_be_visible()
