"""Accessibility rules (axe-core: WCAG 2.1 A and AA, best practice) on every surface of the editor, in both themes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hands import card, open_large
from playwright.sync_api import Browser, Page, expect


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_surface_breaks_an_accessibility_rule(
    browser: Browser, url: str, axe: Callable[[Page], list[str]], theme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",  # nothing half faded
    )
    page = context.new_page()
    page.goto(url)
    found = {}
    if width == 390:
        expect(page.get_by_role("main", name="Simple view").get_by_label("seed", exact=True)).to_be_visible(
            timeout=60_000
        )
        found["simple"] = axe(page)
        page.get_by_role("button", name="Graph", exact=True).click()
    expect(page.locator(".react-flow__node").first).to_be_attached()
    found["start"] = axe(page)
    open_large(page)
    page.get_by_role("button", name=re.compile("^Run")).click()
    expect(page.get_by_role("tab", name="Problems")).to_have_attribute("aria-selected", "true")
    found["problems"] = axe(page)
    for tab in ("Inspector", "Queue", "Gallery"):
        page.get_by_role("tab", name=tab).click()
        found[tab] = axe(page)
    page.get_by_role("button", name="Nodes", exact=True).click()
    found["nodes"] = axe(page)
    page.get_by_role("button", name="Workflows", exact=True).click()
    found["workflows"] = axe(page)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    found["palette"] = axe(page)
    page.keyboard.press("Escape")
    page.locator(".react-flow__node-card").first.focus()
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menu").first).to_be_visible()
    found["menu"] = axe(page)
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    expect(page.get_by_role("button", name="Group Group")).to_be_attached()
    found["group"] = axe(page)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("dialog", name="Settings").get_by_role("tab", name="Keyboard shortcuts").click()
    found["shortcuts"] = axe(page)
    page.get_by_role("tab", name="General").click()
    found["settings"] = axe(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Shift+s")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    found["save as"] = axe(page)
    context.close()
    assert {where: broken for where, broken in found.items() if broken} == {}


def test_a_link_is_made_and_removed_without_a_mouse(page: Page) -> None:
    page.get_by_role("button", name="Side panel").click()
    page.get_by_role("tab", name="Inspector").click()
    card(page, "Decode").focus()
    page.keyboard.press("Enter")
    source = page.get_by_label("vae comes from")
    expect(source).not_to_have_value("")
    source.select_option(label="not linked")
    expect(page.locator(".react-flow__edge")).to_have_count(9)
    source.select_option(index=1)
    expect(page.locator(".react-flow__edge")).to_have_count(10)


def test_phone_bar_opens_one_sheet_at_a_time_and_targets_are_large(browser: Browser, url: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(url)
    page.get_by_role("button", name="Graph", exact=True).tap()
    expect(card(page, "prompt")).to_be_visible()
    bar = page.get_by_role("navigation", name="Tools")
    for button in [*bar.get_by_role("button").all(), page.get_by_role("button", name=re.compile("^Run"))]:
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    bar.get_by_role("button", name="Workflows").tap()
    expect(page.get_by_role("complementary", name="Workflows")).to_be_visible()
    bar.get_by_role("button", name="Side panel").tap()
    expect(page.get_by_role("complementary", name="Workflows")).to_have_count(0)
    expect(page.get_by_role("complementary", name="Side panel")).to_be_visible()
    context.close()
