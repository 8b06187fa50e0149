"""A keyboard on the screen takes half of the page: what is typed into stays in sight, and nothing lies under it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hands import RUN_TIMEOUT_MS, box_of, card
from playwright.sync_api import Browser, Page, expect

KEYBOARD = 340
# A browser that lays its keyboard over the page tells it only how much of it is still seen.
COVER = """(height) => {
    Object.defineProperty(visualViewport, 'height', { configurable: true, get: () => height });
    visualViewport.dispatchEvent(new Event('resize'));
}"""


@pytest.fixture
def phone(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(url)
    view = page.get_by_role("main", name="Simple view")
    expect(view.get_by_label("seed", exact=True)).to_be_visible(timeout=RUN_TIMEOUT_MS)
    yield page
    context.close()


def cover(page: Page, over: bool) -> int:
    """Bring the keyboard up; how high what is seen is then."""
    seen = 844 - KEYBOARD
    if over:
        page.evaluate(COVER, seen)
    else:
        page.set_viewport_size({"width": 390, "height": seen})
    page.wait_for_timeout(400)
    return seen


@pytest.mark.parametrize("over", [True, False])
def test_the_field_of_a_card_stays_in_sight(phone: Page, over: bool) -> None:
    phone.get_by_role("button", name="Graph", exact=True).tap()
    prompt = card(phone, "negative prompt").get_by_role("textbox")
    prompt.tap()
    seen = cover(phone, over)
    box = box_of(prompt)
    assert box["y"] > 56
    assert box["y"] + box["height"] < seen - 57
    phone.keyboard.type("x")
    assert box_of(prompt)["y"] == box["y"]


@pytest.mark.parametrize("over", [True, False])
def test_the_bar_and_the_sheets_stand_above_it(phone: Page, over: bool) -> None:
    phone.get_by_role("button", name="Graph", exact=True).tap()
    phone.get_by_role("navigation", name="Tools").get_by_role("button", name="Nodes").tap()
    search = phone.get_by_role("searchbox")
    search.tap()
    seen = cover(phone, over)
    bar = box_of(phone.get_by_role("navigation", name="Tools"))
    assert bar["y"] + bar["height"] <= seen + 1
    field = box_of(search)
    assert 0 <= field["y"] < field["y"] + field["height"] < bar["y"]


def test_the_page_is_whole_again_when_it_goes(phone: Page) -> None:
    cover(phone, True)
    expect(phone.locator(".app")).to_have_css("height", f"{844 - KEYBOARD}px")
    phone.evaluate(COVER, 844)
    expect(phone.locator(".app")).to_have_css("height", "844px")
