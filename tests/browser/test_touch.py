"""The canvas by fingers: panning, pinching, a long press, and links by two taps."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hands import RUN_TIMEOUT_MS, box_of, card, cards, links
from playwright.sync_api import Browser, CDPSession, Page, expect


@pytest.fixture
def tablet(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1100, "height": 800}, has_touch=True)
    page = context.new_page()
    page.goto(url)
    expect(card(page, "KSampler")).to_be_visible(timeout=RUN_TIMEOUT_MS)
    yield page
    context.close()


def touch(session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    session.send(
        "Input.dispatchTouchEvent",
        {"type": kind, "touchPoints": [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]},
    )


def empty_spot(page: Page) -> tuple[float, float]:
    """A place with room for a fingertip: what lies under its edge would be touched as well."""
    x, y = page.evaluate(
        """() => {
            const isFree = (x, y) => document.elementFromPoint(x, y)?.classList.contains('react-flow__pane');
            const edge = [[0, 0], [-30, 0], [30, 0], [0, -30], [0, 30]];
            for (let y = 600; y > 100; y -= 10) for (let x = 300; x < 900; x += 10)
                if (edge.every(([dx, dy]) => isFree(x + dx, y + dy))) return [x, y];
        }"""
    )
    return x, y


def test_one_finger_pans_and_two_zoom(tablet: Page) -> None:
    session = tablet.context.new_cdp_session(tablet)
    x, y = empty_spot(tablet)
    before = box_of(card(tablet, "KSampler"))
    touch(session, "touchStart", (x, y))
    for step in range(1, 6):
        touch(session, "touchMove", (x + 10 * step, y - 8 * step))
    touch(session, "touchEnd")
    after = box_of(card(tablet, "KSampler"))
    assert (after["x"] - before["x"], after["y"] - before["y"]) == (
        pytest.approx(50, abs=12),
        pytest.approx(-40, abs=12),
    )
    x, y = empty_spot(tablet)
    touch(session, "touchStart", (x - 20, y), (x + 20, y))
    for step in range(1, 6):
        touch(session, "touchMove", (x - 20 - 10 * step, y), (x + 20 + 10 * step, y))
    touch(session, "touchEnd")
    assert box_of(card(tablet, "KSampler"))["width"] > after["width"] * 1.3


def test_long_press_opens_the_menu_of_a_card_and_of_the_canvas(tablet: Page) -> None:
    session = tablet.context.new_cdp_session(tablet)
    header = box_of(card(tablet, "KSampler").locator(".card-header"))
    touch(session, "touchStart", (header["x"] + 40, header["y"] + 12))
    expect(tablet.get_by_role("menuitem", name="Mute")).to_be_visible()
    touch(session, "touchEnd")
    expect(tablet.get_by_role("menuitem", name="Mute")).to_be_visible()
    tablet.get_by_role("menuitem", name="Mute").tap()
    expect(card(tablet, "KSampler")).to_contain_text("muted")
    touch(session, "touchStart", empty_spot(tablet))
    expect(tablet.get_by_role("menuitem", name="Add note")).to_be_visible()
    touch(session, "touchEnd")


def test_two_taps_connect(tablet: Page) -> None:
    count = links(tablet).count()
    tablet.get_by_label(re.compile("^output clip of Load checkpoint|^output CLIP of Load checkpoint")).tap()
    tablet.get_by_label(re.compile("^input clip of negative prompt")).tap()
    expect(links(tablet)).to_have_count(count)
    expect(tablet.get_by_test_id("announcer")).to_contain_text("Connected")
    expect(cards(tablet).first).to_be_visible()


def test_sockets_are_large_enough_for_fingers(tablet: Page) -> None:
    socket = tablet.get_by_label(re.compile("^input model of KSampler"))
    width, height = socket.evaluate(
        "(it) => ['width', 'height'].map((side) => parseFloat(getComputedStyle(it, '::after')[side]))"
    )
    assert width >= 44
    assert height >= 24


def held_card(page: Page, session: CDPSession) -> tuple[float, float]:
    """Put a finger on the header of the sampler and move it; where the finger is."""
    box = box_of(card(page, "KSampler"))
    x, y = box["x"] + 60, box["y"] + 14
    touch(session, "touchStart", (x, y))
    for step in range(1, 6):
        touch(session, "touchMove", (x + 8 * step, y + 6 * step))
    return x + 40, y + 30


def test_second_finger_ends_a_drag_and_zooms(tablet: Page) -> None:
    session = tablet.context.new_cdp_session(tablet)
    sampler = card(tablet, "KSampler")
    place = "(it) => it.style.transform"
    before = sampler.evaluate(place)
    x, y = held_card(tablet, session)
    moved = sampler.evaluate(place)
    assert moved != before
    width = box_of(sampler)["width"]
    touch(session, "touchStart", (x, y), (x + 60, y))
    for step in range(1, 6):
        touch(session, "touchMove", (x - 8 * step, y), (x + 60 + 8 * step, y))
    touch(session, "touchEnd")
    assert sampler.evaluate(place) == moved
    assert box_of(sampler)["width"] > width * 1.3
    tablet.get_by_role("button", name="Undo").tap()
    assert sampler.evaluate(place) == before
    expect(tablet.get_by_role("button", name="Undo")).to_be_disabled()
    # What was held before is not remembered: the card follows the finger from where it stands.
    box = box_of(sampler)
    touch(session, "touchStart", (box["x"] + 150, box["y"] + 20))
    for step in range(1, 6):
        touch(session, "touchMove", (box["x"] + 150 + 10 * step, box["y"] + 20))
    touch(session, "touchEnd")
    assert 0 < box_of(sampler)["x"] - box["x"] < 60
    assert box_of(sampler)["y"] == pytest.approx(box["y"], abs=2)


def test_two_fingers_on_cards_zoom(tablet: Page) -> None:
    session = tablet.context.new_cdp_session(tablet)
    box = box_of(card(tablet, "KSampler"))
    x, y = box["x"] + box["width"] / 2, box["y"] + 14
    touch(session, "touchStart", (x - 20, y), (x + 20, y))
    for step in range(1, 6):
        touch(session, "touchMove", (x - 20 - 10 * step, y), (x + 20 + 10 * step, y))
    touch(session, "touchEnd")
    assert box_of(card(tablet, "KSampler"))["width"] > box["width"] * 1.3
    expect(tablet.get_by_role("button", name="Undo")).to_be_disabled()


@pytest.mark.parametrize("end", ["touchCancel", "second finger"])
def test_a_link_that_a_finger_draws_is_let_go(tablet: Page, end: str) -> None:
    session = tablet.context.new_cdp_session(tablet)
    count = links(tablet).count()
    port = box_of(tablet.get_by_label(re.compile("^output LATENT of KSampler")).first)
    x, y = port["x"] + port["width"] / 2, port["y"] + port["height"] / 2
    touch(session, "touchStart", (x, y))
    for step in range(1, 6):
        touch(session, "touchMove", (x + 10 * step, y + 20 * step))
    expect(tablet.locator(".react-flow__connection")).to_be_visible()
    if end == "touchCancel":
        touch(session, "touchCancel")
    else:
        touch(session, "touchStart", (x + 50, y + 100), (x - 60, y + 30))
    expect(tablet.locator(".react-flow__connection")).to_have_count(0)
    if end != "touchCancel":
        touch(session, "touchMove", (x + 60, y + 100), (x - 80, y + 30))
        touch(session, "touchEnd")
    expect(links(tablet)).to_have_count(count)
    expect(tablet.get_by_role("dialog")).to_have_count(0)


def test_cards_are_caught_by_a_lasso_of_one_finger_and_two_break_it_off(tablet: Page) -> None:
    session = tablet.context.new_cdp_session(tablet)
    canvas = box_of(tablet.locator(".react-flow"))
    left, top = canvas["x"] + 3, canvas["y"] + 3
    right, bottom = left + canvas["width"] - 6, top + canvas["height"] - 90
    around = [(right, top), (right, bottom), (left, bottom), (left, top)]
    selected = tablet.locator(".react-flow__node-card.selected")

    def draw() -> None:
        if tablet.get_by_role("button", name="Lasso", pressed=False).is_visible():
            tablet.get_by_role("button", name="Lasso").tap()
        touch(session, "touchStart", (left, top))
        for point in around:
            touch(session, "touchMove", point)

    draw()
    touch(session, "touchStart", (left, top), (left + 200, top + 200))
    expect(tablet.locator(".marquee polygon")).to_have_attribute("points", "")
    touch(session, "touchEnd")
    expect(selected).to_have_count(0)
    draw()
    touch(session, "touchEnd")
    expect(selected.first).to_be_attached()
    assert selected.count() == cards(tablet).count()
