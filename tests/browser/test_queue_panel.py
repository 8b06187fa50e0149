"""The queue panel: pause, order by keyboard and by drag, cancel, retry, remove, and the problems' repairs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from secrets import token_hex

import pytest
from hands import RUN_TIMEOUT_MS, card, drop_file
from playwright.sync_api import Locator, Page, expect


@pytest.fixture(autouse=True)
def queue_left_empty(page: Page, url: str) -> Iterator[None]:
    yield
    for job in page.request.get(f"{url}/v1/queue").json()["pending_ids"]:
        page.request.post(f"{url}/v1/jobs/{job}/cancel")
    page.request.post(f"{url}/v1/queue/resume")


def queue_of(page: Page) -> Locator:
    page.get_by_role("button", name="Side panel").click()
    page.get_by_role("tab", name="Queue").click()
    return page.get_by_role("list", name="Queue")


def run_named(page: Page, name: str) -> None:
    """Run a workflow of this name."""
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    drop_file(page, f"{name}.json", json.dumps(graph), "application/json")
    expect(card(page, "Preview image")).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("list", name="Queue").get_by_role("listitem").filter(has_text=name)).to_have_count(1)


def test_waiting_runs_are_put_in_order_cancelled_and_repeated(page: Page) -> None:
    queue = queue_of(page)
    page.get_by_role("button", name="Pause the queue").click()
    expect(page.get_by_text("nothing more is started")).to_be_visible()
    tag = token_hex(3)
    first, second, third = names = [f"{name}-{tag}" for name in ("ash", "birch", "cedar")]
    for name in names:
        run_named(page, name)
    entries = queue.get_by_role("listitem").filter(has_text=tag)
    expect(entries).to_have_text([re.compile(name) for name in names])
    up = page.get_by_role("button", name=f"Move {third} up")
    up.focus()
    page.keyboard.press("Enter")
    expect(entries).to_have_text([re.compile(name) for name in (first, third, second)])
    expect(up).to_be_focused()
    page.get_by_role("button", name=f"Move {second} to the front").click()
    expect(entries).to_have_text([re.compile(name) for name in (second, first, third)])
    entries.nth(2).drag_to(entries.nth(0))
    expect(entries).to_have_text([re.compile(name) for name in (third, second, first)])
    page.reload()
    queue_of(page)
    expect(entries).to_have_text([re.compile(name) for name in (third, second, first)])
    page.get_by_role("button", name=f"Cancel {second}").click()
    expect(entries.filter(has_text=second)).to_contain_text("cancelled")
    page.get_by_role("button", name="Resume").click()
    expect(entries.filter(has_text=first)).to_contain_text("done", timeout=RUN_TIMEOUT_MS)
    page.get_by_role("button", name=f"Repeat {first}").click()
    expect(entries.filter(has_text=first)).to_have_count(2)
    page.get_by_role("button", name=f"Remove {second} from the list").click()
    expect(entries.filter(has_text=second)).to_have_count(0)


def test_problems_are_mended_by_their_buttons(page: Page) -> None:
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 999999, "height": 64, "batch_size": 1, "color": 0}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
        "3": {"class_type": "PreviewImage", "inputs": {}},
    }
    drop_file(page, "bad.json", json.dumps(graph), "application/json")
    expect(card(page, "Preview image").first).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    problems = page.get_by_role("list", name="Problems")
    problems.get_by_role("button", name="Use “16384”").click()
    expect(card(page, "Empty image").first.get_by_role("spinbutton", name="width")).to_have_value("16384")
    problems.get_by_role("button", name=re.compile("^Add “")).first.click()
    expect(page.locator(".link")).to_have_count(2)
    expect(page.get_by_text("No problems.")).to_be_visible()
