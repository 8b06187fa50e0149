"""Work outlasts what ends a page or cuts it off: going back and forward, and a server that is gone."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from hands import RUN_TIMEOUT_MS, card
from playwright.sync_api import Browser, Locator, Page, expect


def prompt(page: Page) -> Locator:
    return card(page, "prompt").get_by_role("textbox")


def test_going_back_and_forward_loses_no_work(page: Page, url: str) -> None:
    prompt(page).fill("first")
    page.goto(f"{url}/docs")
    page.go_back()
    expect(prompt(page)).to_have_value("first")
    prompt(page).fill("second")
    page.go_back()
    expect(prompt(page)).to_have_count(0)
    page.go_forward()
    expect(prompt(page)).to_have_value("second")
    # The editor twice in the history of one tab: neither brings back what the other has changed since.
    page.goto(f"{url}/?theme=dark")
    expect(prompt(page)).to_have_value("second")
    prompt(page).fill("third")
    page.go_back()
    expect(prompt(page)).to_have_value("third")
    expect(page.get_by_role("navigation", name="Open workflows").get_by_role("listitem")).to_have_count(1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_server_that_goes_away_is_told_and_what_was_done_meanwhile_is_saved_once_it_is_back(
    browser: Browser, serve: Callable[..., AbstractContextManager[str]], embedded_model: Path, tmp_path: Path
) -> None:
    port = str(free_port())
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    status, log = page.get_by_role("contentinfo"), page.get_by_role("log")
    with serve(tmp_path, "--port", port) as url:
        page.goto(url)
        prompt(page).fill("before", timeout=RUN_TIMEOUT_MS)
        page.keyboard.press("Control+s")
        page.get_by_role("textbox", name="Name", exact=True).fill("sketch")
        page.keyboard.press("Enter")
        expect(log).to_contain_text("Saved “sketch”")
        expect(status).to_contain_text("connected")
    expect(status).to_contain_text("reconnecting")
    prompt(page).fill("while it was gone")
    page.keyboard.press("Control+s")
    expect(log).to_contain_text("The server cannot be reached")
    expect(page.get_by_role("img", name="unsaved changes")).to_have_count(1)
    with serve(tmp_path, "--port", port):
        expect(status).to_contain_text("connected", timeout=RUN_TIMEOUT_MS)
        page.keyboard.press("Control+s")
        expect(log).to_contain_text("Saved “sketch”")
        expect(page.get_by_role("alertdialog")).to_have_count(0)
        saved = context.request.get(f"{url}/v1/workflows/sketch").text()
        assert "while it was gone" in saved
    expect(status).to_contain_text("reconnecting")
    prompt(page).fill("and the page closed")
    page.close()
    with serve(tmp_path, "--port", port):
        page = context.new_page()
        page.goto(url)
        expect(prompt(page)).to_have_value("and the page closed", timeout=RUN_TIMEOUT_MS)
        expect(page.get_by_role("img", name="unsaved changes")).to_have_count(1)
    context.close()
