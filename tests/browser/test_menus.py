"""Menus offer the commands there are, with the keys they have now."""

from __future__ import annotations

import re

from hands import add_node, start_empty
from playwright.sync_api import Page, expect


def test_menus_show_the_keys_that_the_user_gave_to_commands(page: Page) -> None:
    start_empty(page)
    card = add_node(page, "Invert image")
    page.keyboard.press("?")
    page.get_by_role("button", name=re.compile("^Duplicate the selection: Ctrl D")).click()
    page.keyboard.press("Control+Shift+L")
    page.keyboard.press("Escape")
    card.focus()
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menuitem", name="Duplicate", exact=True)).to_contain_text("Ctrl ⇧ L")
    expect(page.get_by_role("menuitem", name="Mute", exact=True)).to_contain_text("Ctrl M")
    page.get_by_role("menuitem", name="Fold", exact=True).click()
    expect(card.get_by_role("textbox")).to_have_count(0)
    page.keyboard.press("Escape")
    # Nothing is selected: it is meant for the card that has the focus.
    card.focus()
    page.keyboard.press("Alt+c")
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menuitem", name="Fold", exact=True)).to_be_visible()
