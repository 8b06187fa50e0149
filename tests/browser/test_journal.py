"""What is open survives the end of the page, however it comes."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from shutil import which

from hands import FLAGS, add_node, card, cards, start_empty
from playwright.sync_api import Browser, BrowserContext, Page, expect


def kill_browser(profile: Path) -> None:
    """Kill every process of the browser on this profile at once, as a crash or a power cut would."""
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and f"--user-data-dir={profile}".encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue


def test_killed_browser_loses_at_most_a_second(browser: Browser, url: str, tmp_path: Path) -> None:
    def launch() -> tuple[BrowserContext, Page]:
        context = browser.browser_type.launch_persistent_context(
            tmp_path, executable_path=which("chromium"), args=list(FLAGS), viewport={"width": 1440, "height": 900}
        )
        page = context.pages[0]
        page.goto(url)
        return context, page

    _, page = launch()
    prompt = card(page, "prompt").get_by_role("textbox")
    prompt.fill("a heron")
    start_empty(page)
    add_node(page, "Empty image")
    page.wait_for_timeout(1000)
    kill_browser(tmp_path)
    context, page = launch()
    expect(page.get_by_role("log")).to_contain_text("Your tabs are back")
    expect(cards(page)).to_have_count(1)
    page.keyboard.press("Alt+1")
    expect(card(page, "prompt").get_by_role("textbox")).to_have_value("a heron")
    expect(page.get_by_role("img", name="unsaved changes")).to_have_count(2)
    context.close()


def test_left_changes_of_further_windows_are_offered(page: Page, url: str) -> None:
    """The newest comes back by itself; what others left is asked about."""
    card(page, "prompt").get_by_role("textbox").fill("first")
    second = page.context.new_page()
    second.goto(url)
    card(second, "prompt").get_by_role("textbox").fill("second")
    second.wait_for_timeout(1000)
    third = page.context.new_page()
    third.goto("about:blank")
    page.close()
    second.close()
    third.goto(url)
    question = third.get_by_role("alertdialog", name="Unsaved changes of other windows")
    question.get_by_role("button", name="Open them").click()
    bar = third.get_by_role("navigation", name="Open workflows").get_by_role("listitem")
    expect(bar).to_have_count(2)
    texts = set()
    for key in ("Alt+1", "Alt+2"):
        third.keyboard.press(key)
        prompt = card(third, "prompt").get_by_role("textbox")
        expect(prompt).to_be_visible()
        texts.add(prompt.input_value())
    assert texts == {"first", "second"}
