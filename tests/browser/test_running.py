"""Running: parts of a graph, after each change, a lost connection, and several windows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from secrets import randbelow

import pytest
from hands import RUN_TIMEOUT_MS, Wire, card, drop_file, small_workflow
from playwright.sync_api import Browser, Locator, Page, expect

LONG = 400


@pytest.fixture(autouse=True)
def nothing_left_running(page: Page, url: str) -> Iterator[None]:
    """The server is shared: what a test leaves behind would hold up the next."""
    yield
    queue = page.request.get(f"{url}/v1/queue").json()
    page.request.post(f"{url}/v1/queue/resume")
    for job in [*queue["pending_ids"], *queue["running_ids"]]:
        page.request.post(f"{url}/v1/jobs/{job}/cancel")


def picture_graph(page: Page) -> tuple[Locator, Locator]:
    """Two empty images, and two cards that each save one."""
    graph: dict[str, object] = {}
    for at in (1, 3):
        size = {"width": 64, "height": 64, "batch_size": 1, "color": 255}
        graph[str(at)] = {"class_type": "EmptyImage", "inputs": size}
        graph[str(at + 1)] = {"class_type": "SaveImage", "inputs": {"images": [str(at), 0], "filename_prefix": "a"}}
    drop_file(page, "two.json", json.dumps(graph), "application/json")
    saves = [page.get_by_role("group", name=f"Save image (node {at})") for at in (2, 4)]
    for save in saves:
        expect(save).to_be_visible()
    return saves[0], saves[1]


def open_long(page: Page) -> Locator:
    """A workflow that runs for long; its sampler."""
    drop_file(page, "long.json", json.dumps(small_workflow(steps=LONG)), "application/json")
    expect(card(page, "Load checkpoint").get_by_role("combobox")).to_have_value("tiny_sd35.safetensors")
    return card(page, "KSampler")


def show(page: Page, tab: str) -> Locator:
    if page.get_by_role("tab", name=tab).count() == 0:
        page.get_by_role("button", name="Side panel").click()
    page.get_by_role("tab", name=tab).click()
    return page.get_by_role("tabpanel")


def run(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()


def test_only_the_selected_output_runs(page: Page) -> None:
    first, second = picture_graph(page)
    first.click(position={"x": 60, "y": 10})
    page.keyboard.press("Control+Shift+Enter")
    expect(first.get_by_role("img").first).to_be_visible(timeout=RUN_TIMEOUT_MS)
    expect(second).to_contain_text("not run yet")
    expect(second.get_by_role("img")).to_have_count(0)


def test_a_reload_keeps_what_is_known_of_the_last_run(page: Page) -> None:
    first, second = picture_graph(page)
    first.click(position={"x": 60, "y": 10})
    page.keyboard.press("Control+Shift+Enter")
    expect(first.get_by_role("img").first).to_be_visible(timeout=RUN_TIMEOUT_MS)
    empty = page.get_by_role("group", name="Empty image (node 1)")
    expect(empty).to_contain_text(re.compile(r"\d (ms|s)|cached"))
    expect(first.locator(".card-footer")).to_have_text(re.compile(r"\d (ms|s)|cached"))
    words = [each.locator(".card-footer").inner_text() for each in (empty, first)]
    page.reload()
    expect(first.get_by_role("img").first).to_be_visible(timeout=RUN_TIMEOUT_MS)
    assert [each.locator(".card-footer").inner_text() for each in (empty, first)] == words
    expect(second).to_contain_text("not run yet")


def test_a_reload_in_the_middle_of_a_run_goes_on_showing_it(page: Page) -> None:
    sampler = open_long(page)
    run(page)
    expect(sampler).to_contain_text(re.compile(r"step \d+ of"), timeout=RUN_TIMEOUT_MS)
    page.reload()
    expect(sampler).to_contain_text(re.compile(r"running|step \d+ of"), timeout=RUN_TIMEOUT_MS)
    expect(card(page, "Load checkpoint").locator(".card-footer")).to_have_text(re.compile(r"\d (ms|s)|cached"))
    expect(card(page, "Decode").locator(".card-footer")).to_have_text("waiting")


def test_after_a_change_it_runs_by_itself_and_says_why(page: Page) -> None:
    first, _ = picture_graph(page)
    page.get_by_role("button", name="More ways to run").click()
    page.get_by_role("menuitemcheckbox", name="Run after each change").click()
    expect(first.get_by_role("img")).to_have_count(0)
    empty = page.get_by_role("group", name="Empty image (node 1)")
    width = empty.get_by_role("spinbutton", name="width")
    width.fill("96")
    width.press("Enter")
    expect(first.get_by_role("img").first).to_be_visible(timeout=RUN_TIMEOUT_MS)
    width.fill(str(128 + 8 * randbelow(200)))  # nothing the server may still know
    width.press("Enter")
    expect(empty.get_by_title("ran: “width” changed")).to_be_visible(timeout=RUN_TIMEOUT_MS)


def test_nothing_is_shown_done_while_the_connection_is_lost_and_what_was_missed_comes_after_it(
    page: Page, url: str
) -> None:
    wire = Wire(page)
    page.reload()
    expect(card(page, "KSampler")).to_be_visible(timeout=RUN_TIMEOUT_MS)
    sampler = open_long(page)
    run(page)
    expect(sampler).to_contain_text(re.compile(r"step \d+ of 400"), timeout=RUN_TIMEOUT_MS)
    loader = card(page, "Load checkpoint")
    done = loader.locator(".card-footer").inner_text()
    wire.cut()
    status = page.get_by_role("contentinfo", name="Status")
    expect(status).to_contain_text("reconnecting")
    expect(sampler).to_contain_text("connection lost")
    expect(card(page, "Decode")).to_contain_text("connection lost")
    expect(loader.locator(".card-footer")).to_have_text(done)
    job = page.request.get(f"{url}/v1/queue").json()["running_ids"][0]
    page.request.post(f"{url}/v1/jobs/{job}/cancel")
    expect(sampler).to_contain_text("connection lost")
    wire.mend()
    expect(status).to_contain_text(re.compile("^connected"), timeout=RUN_TIMEOUT_MS)
    expect(sampler).to_contain_text("not run yet", timeout=RUN_TIMEOUT_MS)
    expect(card(page, "Decode")).to_contain_text("not run yet")
    queue = show(page, "Queue").get_by_role("listitem").first
    expect(queue).to_contain_text("cancelled")


def test_two_windows_show_one_queue(browser: Browser, page: Page, url: str) -> None:
    other_context = browser.new_context(viewport={"width": 1440, "height": 900})
    other = other_context.new_page()
    other.goto(url)
    expect(card(other, "KSampler")).to_be_visible(timeout=RUN_TIMEOUT_MS)
    theirs = show(other, "Queue")
    sampler = open_long(page)
    run(page)
    run(page)
    mine = show(page, "Queue")
    entry = theirs.get_by_role("listitem").first
    expect(sampler).to_contain_text(re.compile(r"step \d+ of 400"), timeout=RUN_TIMEOUT_MS)
    expect(entry).to_contain_text(re.compile(r"step \d+ of 400"), timeout=RUN_TIMEOUT_MS)
    expect(entry).to_contain_text("from another window")
    expect(card(other, "KSampler")).to_contain_text("not run yet")
    theirs.get_by_role("button", name="Pause the queue").click()
    expect(mine.get_by_role("button", name="Resume")).to_be_visible()
    theirs.get_by_role("button", name=re.compile("^Cancel [^a]")).first.click()
    expect(mine.get_by_role("listitem").filter(has_text="cancelled").first).to_be_visible(timeout=RUN_TIMEOUT_MS)
    # The one that waited does not begin while the queue is paused.
    expect(theirs.get_by_role("listitem").first).to_contain_text("waiting")
    mine.get_by_role("button", name="Resume").click()
    expect(theirs.get_by_role("button", name="Pause the queue")).to_be_visible()
    expect(theirs.get_by_role("listitem").first).to_contain_text("step", timeout=RUN_TIMEOUT_MS)
    other_context.close()
