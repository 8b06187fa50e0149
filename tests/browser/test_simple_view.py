"""The simple view: chosen inputs and the picture, on the same document; the first view on phones."""

from __future__ import annotations

import re
from collections.abc import Callable

from hands import RUN_TIMEOUT_MS, card, links
from playwright.sync_api import Browser, Page, expect


def test_simple_view_edits_and_runs_the_same_document(page: Page) -> None:
    page.get_by_role("button", name="Simple view", exact=True).click()
    view = page.get_by_role("main", name="Simple view")
    fields = view.get_by_role("region", name="Inputs")
    for name in ("width", "height", "seed", "steps"):
        expect(fields.get_by_label(name, exact=True)).to_be_visible()
    fields.get_by_label("steps", exact=True).fill("2")
    fields.get_by_label("steps", exact=True).press("Enter")
    page.get_by_role("button", name=re.compile("^Run")).first.click()
    picture = view.get_by_role("region", name="Picture").get_by_role("button", name=re.compile("^Picture"))
    expect(picture).to_be_visible(timeout=RUN_TIMEOUT_MS)
    fields.get_by_role("button", name=re.compile("^Hide height of")).click()
    expect(fields.get_by_label("height", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Simple view", exact=True).click()
    sampler = card(page, "KSampler")
    expect(sampler.get_by_label("steps", exact=True)).to_have_value("2")
    sampler.get_by_role("button", name=re.compile("^Menu of")).click()
    page.get_by_role("menuitem", name="Hide from the simple view").click()
    page.get_by_role("button", name="Simple view", exact=True).click()
    expect(fields.get_by_label("seed", exact=True)).to_have_count(0)


def test_phone_starts_with_the_simple_view_and_the_graph_is_one_tap_away(
    browser: Browser, url: str, axe: Callable[[Page], list[str]]
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, reduced_motion="reduce")
    page = context.new_page()
    page.goto(url)
    view = page.get_by_role("main", name="Simple view")
    expect(view.get_by_label("seed", exact=True)).to_be_visible(timeout=RUN_TIMEOUT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert axe(page) == []
    for box in [field.bounding_box() for field in view.get_by_role("spinbutton").all()]:
        assert box is not None
        assert box["x"] + box["width"] <= 360
    steps = view.get_by_label("steps", exact=True).locator("xpath=..").bounding_box()
    assert steps is not None
    assert steps["width"] >= 320  # nothing stands beside it
    crosses = view.get_by_role("button", name=re.compile("^Hide "))
    expect(crosses).to_have_count(0)
    view.get_by_role("button", name="Choose which fields are shown").tap()
    expect(crosses).not_to_have_count(0)
    for button in view.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    page.get_by_role("button", name="Graph", exact=True).tap()
    expect(card(page, "prompt")).to_be_visible()
    expect(links(page)).to_have_count(10)
    page.get_by_role("button", name="Simple view", exact=True).tap()
    expect(view).to_be_visible()
    context.close()
