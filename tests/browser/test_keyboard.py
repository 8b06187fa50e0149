"""The canvas without a pointer: moving over it, into cards and out, connecting, menus, and what is said meanwhile."""

from __future__ import annotations

import re

from hands import add_node, box_of, card, cards, label, links, start_empty
from playwright.sync_api import Locator, Page, expect


def said(page: Page) -> Locator:
    return page.get_by_test_id("announcer")


def test_tab_goes_through_the_cards_in_reading_order_and_leaves_the_canvas(page: Page) -> None:
    card(page, "Load checkpoint").focus()
    seen = []
    for _ in range(cards(page).count()):
        seen.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
        page.keyboard.press("Tab")
    assert len(set(seen)) == cards(page).count()
    assert all(re.search(r"\(node \d+\)$", name) for name in seen)
    expect(page.get_by_role("toolbar", name="View").get_by_role("button").first).to_be_focused()
    card(page, "Load checkpoint").focus()
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.closest('main') === null")


def test_arrow_keys_go_to_the_neighbour_and_along_links(page: Page) -> None:
    card(page, "KSampler").focus()
    page.keyboard.press("Control+ArrowRight")
    expect(card(page, "Decode")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(card(page, "Save image")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(said(page)).to_contain_text("No card there.")
    page.keyboard.press("ArrowLeft")
    expect(card(page, "KSampler")).to_be_focused()


def test_enter_leads_into_the_card_and_escape_out_again(page: Page) -> None:
    sampler = card(page, "KSampler")
    sampler.focus()
    page.keyboard.press("Enter")
    expect(sampler).to_have_class(re.compile("selected"))
    expect(sampler.get_by_label("seed", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(sampler).to_be_focused()


def test_cards_are_moved_and_widened_by_keys(page: Page) -> None:
    sampler = card(page, "KSampler")
    before = box_of(sampler)
    sampler.focus()
    page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("Alt+ArrowDown")
    after = box_of(sampler)
    assert after["x"] > before["x"]
    assert after["y"] > before["y"]
    expect(said(page)).to_contain_text(re.compile(r"KSampler \(node \d+\) moved to"))
    page.keyboard.press("Alt+Shift+ArrowRight")
    assert box_of(sampler)["width"] > after["width"]


def test_sockets_are_connected_by_keys(page: Page) -> None:
    start_empty(page)
    empty = add_node(page, "Empty image")
    invert = add_node(page, "Invert image")
    page.get_by_label(f"output IMAGE of {label(empty)}", exact=True).focus()
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text("1 fitting socket")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label(f"input image of {label(invert)}", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(links(page)).to_have_count(1)
    expect(said(page)).to_contain_text("Connected output IMAGE of")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_label(f"output IMAGE of {label(empty)}", exact=True)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    expect(links(page)).to_have_count(0)


def test_escape_lets_go_of_a_link_that_was_begun(page: Page) -> None:
    start_empty(page)
    socket = page.get_by_label(f"output IMAGE of {label(add_node(page, 'Empty image'))}", exact=True)
    socket.focus()
    page.keyboard.press("Enter")
    expect(socket).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(socket).not_to_have_attribute("aria-pressed", "true")


def test_menu_opens_by_key_acts_and_gives_the_focus_back(page: Page) -> None:
    sampler = card(page, "KSampler")
    sampler.focus()
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menuitem", name="Fold")).to_be_focused()
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("menuitem", name="Back")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("menuitem", name="Fold")).to_be_focused()
    page.keyboard.press("Enter")
    expect(sampler).to_be_focused()
    expect(sampler.get_by_label("seed", exact=True)).to_have_count(0)


def test_space_selects_and_control_space_adds(page: Page) -> None:
    card(page, "KSampler").focus()
    page.keyboard.press("Space")
    expect(said(page)).to_contain_text("1 card selected.")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Control+Space")
    expect(said(page)).to_contain_text("2 cards selected.")


def test_focus_moves_to_cards_that_were_out_of_sight(page: Page) -> None:
    card(page, "KSampler").focus()
    for _ in range(6):
        page.get_by_role("button", name="Zoom in", exact=True).click()
    card(page, "KSampler").focus()
    page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Control+ArrowRight")
    expect(card(page, "Save image")).to_be_focused()
    expect(card(page, "Save image")).to_be_in_viewport()


def test_cards_are_found_by_their_words_also_within_subgraphs(page: Page) -> None:
    for title in ("KSampler", "Decode"):
        card(page, title).click(modifiers=["Control"], position={"x": 60, "y": 15})
    page.keyboard.press("Control+g")
    expect(card(page, "KSampler")).to_have_count(0)
    page.keyboard.press("Control+f")
    dialog = page.get_by_role("dialog", name="Find a card")
    expect(dialog.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("nothing of this kind")
    expect(dialog).to_contain_text("Nothing matches.")
    page.keyboard.press("Control+a")
    page.keyboard.type("sampler")
    expect(dialog.get_by_role("option").first).to_contain_text("KSampler")
    expect(dialog.get_by_role("option").first).to_contain_text("Subgraph")
    page.keyboard.press("Enter")
    expect(card(page, "KSampler")).to_be_focused()
    expect(page.get_by_role("navigation", name="Where you are")).to_be_visible()
    page.keyboard.press("Control+f")
    page.keyboard.type("load three")
    expect(dialog.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(card(page, "Load three encoders")).to_be_focused()
    expect(card(page, "Load three encoders")).to_be_in_viewport(ratio=0.9)
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()


def test_focus_goes_to_a_neighbour_when_its_card_is_deleted_and_to_the_tab_of_another_workflow(page: Page) -> None:
    start_empty(page)
    for _ in range(2):
        add_node(page, "Invert image")
    first, second = cards(page).nth(0), cards(page).nth(1)
    name = first.get_attribute("aria-label")
    second.focus()  # the one added last is selected
    page.keyboard.press("Delete")
    expect(cards(page)).to_have_count(1)
    expect(page.get_by_role("group", name=name)).to_be_focused()
    page.keyboard.press("Delete")  # nothing is selected: nothing goes
    expect(cards(page)).to_have_count(1)
    page.keyboard.press("Alt+n")
    expect(page.locator(".document-name[aria-current]")).to_be_focused()


def test_menu_of_a_link_opens_by_key_at_its_socket(page: Page) -> None:
    start_empty(page)
    for name in ("Empty image", "Invert image"):
        add_node(page, name)
    output, into = (page.get_by_label(re.compile(f"^{side} IMAGE|^{side} image")).first for side in ("output", "input"))
    output.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".link")).to_have_count(1)
    into.focus()
    page.keyboard.press("Shift+F10")
    page.get_by_role("menu", name="Menu of the link").press("Escape")
    expect(into).to_be_focused()
    page.keyboard.press("Shift+F10")
    page.get_by_role("menuitem", name="Insert reroute").click()
    expect(page.locator(".link")).to_have_count(2)
