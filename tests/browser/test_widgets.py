"""The fields of cards: what they show, and what mouse, keys and touch do in them."""

from __future__ import annotations

import re

from hands import box_of, card, undo_steps
from playwright.sync_api import Locator, Page, expect


def prompt_of(page: Page) -> tuple[Locator, Locator]:
    """The card of the positive prompt, and its text."""
    prompt = card(page, "prompt")
    return prompt, prompt.get_by_role("textbox", name="text")


def test_a_prompt_says_how_long_it_is_to_each_encoder(first_page: Page) -> None:
    page = first_page
    prompt, text = prompt_of(page)
    length = prompt.get_by_text(re.compile(r"^CLIP \d+ of 10 · T5 \d+$"))
    expect(length).to_be_visible()
    before = length.text_content()
    text.fill("a red apple and a green one, and another")
    expect(prompt.get_by_text(re.compile(r"^CLIP \d\d in \d parts"))).to_be_visible()
    expect(text).to_have_accessible_description(re.compile("^CLIP .* T5 "))
    page.get_by_role("group", name=re.compile("^KSampler")).get_by_text("KSampler").click()
    assert undo_steps(page) == 1
    expect(prompt.get_by_text(before or "")).to_be_visible()


def test_the_length_follows_the_loader_that_the_prompt_is_fed_by(first_page: Page) -> None:
    page = first_page
    prompt, _ = prompt_of(page)
    expect(prompt.get_by_text(re.compile("· T5"))).to_be_visible()
    encoders = card(page, "Load three encoders")
    encoders.get_by_text("Load three encoders").click()
    page.keyboard.press("Delete")
    expect(prompt.get_by_text(re.compile("T5"))).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(prompt.get_by_text(re.compile("· T5"))).to_be_visible()


def test_a_text_is_seen_whole_while_it_is_written_and_the_card_keeps_its_size(first_page: Page) -> None:
    page = first_page
    prompt, text = prompt_of(page)
    size, height = box_of(prompt), box_of(text)["height"]
    text.fill("a red fox, " * 60)
    assert box_of(text)["height"] > 1.5 * height
    assert box_of(prompt) == size
    text.blur()
    assert box_of(text)["height"] <= height
