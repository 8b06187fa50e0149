"""A gallery of two thousand pictures: few of them are elements, few are fetched, all can be reached."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hands import RUN_TIMEOUT_MS, box_of, card, command
from playwright.sync_api import APIRequestContext, Browser, Locator, Page, expect

JOBS = 100
EACH = 20


def picture_job(place: int) -> dict[str, object]:
    """A job that saves some pictures in a colour of its own."""
    size = {"width": 16, "height": 16, "batch_size": EACH, "color": 100 * place}
    return {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": f"p{place:03}"}},
    }


def fill(server: APIRequestContext, url: str) -> None:
    for place in range(JOBS):
        answer = server.post(f"{url}/prompt", data={"prompt": picture_job(place)})
        assert answer.ok, answer.text()


@pytest.fixture
def full(
    browser: Browser, serve: Callable[..., AbstractContextManager[str]], embedded_model: Path, tmp_path: Path
) -> Iterator[Page]:
    """The editor at a server that has made two thousand pictures."""
    with serve(tmp_path) as url:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(url)
        expect(card(page, "KSampler")).to_be_visible(timeout=RUN_TIMEOUT_MS)
        fill(page.request, url)
        command(page, "Show the queue")
        expect(page.get_by_role("contentinfo")).to_contain_text("in queue")
        expect(page.get_by_role("contentinfo")).not_to_contain_text("in queue", timeout=RUN_TIMEOUT_MS)
        yield page
        context.close()


def shown(page: Page) -> Locator:
    return page.get_by_role("list", name="Gallery").get_by_role("listitem")


def test_two_thousand_pictures_are_reached_and_few_are_held(full: Page) -> None:
    fetched: list[str] = []
    full.on("request", lambda request: fetched.append(request.url) if "/view" in request.url else None)
    command(full, "Show the gallery")
    newest = shown(full).get_by_role("button", name=re.compile(rf"^Picture p{JOBS - 1:03}_")).first
    newest.focus()
    most = 0
    last = full.get_by_role("button", name=re.compile("^Picture p000_")).last
    known = 0
    while known < JOBS * EACH:
        full.keyboard.press("End")  # to the end of what is known, where more is fetched
        expect(shown(full).last).not_to_have_attribute("aria-setsize", str(known))
        known = int(shown(full).last.get_attribute("aria-setsize") or 0)
        most = max(most, shown(full).count(), full.locator("img").count())
    full.keyboard.press("End")
    expect(last).to_be_focused()
    expect(shown(full).last).to_have_attribute("aria-posinset", str(JOBS * EACH))
    expect(shown(full).last).to_have_attribute("aria-setsize", str(JOBS * EACH))
    full.keyboard.press("Home")
    expect(newest).to_be_focused()
    panel = box_of(full.get_by_role("tabpanel"))
    full.mouse.move(panel["x"] + panel["width"] / 2, panel["y"] + panel["height"] / 2)
    for _ in range(10):
        full.mouse.wheel(0, 4000)
        most = max(most, shown(full).count(), full.locator("img").count())
    expect(shown(full).first).not_to_have_attribute("aria-posinset", "1")
    places = [box_of(item)["y"] for item in shown(full).all()]
    # No gap: from above what is seen to below it.
    assert min(places) < panel["y"]
    assert max(places) > panel["y"] + panel["height"]
    assert most < 80
    assert len(set(fetched)) < JOBS * EACH / 4
