"""Pictures whose files are not there any more, looked at in full and compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from hands import RUN_TIMEOUT_MS, card
from playwright.sync_api import Browser, Page, expect


def run(page: Page, count: int) -> None:
    page.get_by_role("button", name=re.compile("^Run")).first.click()
    expect(page.get_by_role("list", name="Gallery").get_by_role("listitem")).to_have_count(
        count, timeout=RUN_TIMEOUT_MS
    )


def test_viewer_and_comparison_say_that_a_file_is_gone_and_what_to_do(
    browser: Browser,
    serve: Callable[..., AbstractContextManager[str]],
    embedded_model: Path,
    tmp_path: Path,
    axe: Callable[[Page], list[str]],
) -> None:
    with serve(tmp_path) as url:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(url)
        expect(card(page, "prompt")).to_be_visible(timeout=RUN_TIMEOUT_MS)
        page.get_by_role("button", name="Gallery", exact=True).click()
        run(page, 1)
        card(page, "prompt").get_by_role("textbox").fill("another")
        run(page, 2)
        newest = max((tmp_path / "output").rglob("*.png"))
        newest.unlink()
        # Another browser, which has not kept the picture itself.
        context.close()
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(url)
        page.get_by_role("button", name="Gallery", exact=True).click()
        page.get_by_role("list", name="Gallery").get_by_role("button", name=f"Picture {newest.name}").click()
        viewer = page.get_by_role("dialog", name=f"Picture {newest.name}")
        expect(viewer.get_by_role("alert")).to_contain_text(f"“{newest.name}” cannot be shown.")
        expect(viewer.get_by_role("alert")).to_contain_text("no longer in the folder “output” of the server")
        expect(viewer.get_by_role("button", name="Use as input")).to_be_disabled()
        expect(viewer.get_by_role("button", name="Open its workflow")).to_be_enabled()
        assert axe(page) == []
        page.keyboard.press("ArrowRight")
        other = page.get_by_role("dialog", name=re.compile("^Picture "))
        expect(other.get_by_role("alert")).to_have_count(0)
        expect(other.get_by_role("button", name="Use as input")).to_be_enabled()
        page.keyboard.press("ArrowLeft")
        viewer.get_by_role("button", name=re.compile("^Compare with")).click()
        compared = page.get_by_role("dialog", name="Two pictures compared")
        expect(compared.get_by_role("alert")).to_contain_text(f"“{newest.name}” cannot be shown.")
        expect(compared.get_by_role("img", name=re.compile("png$"))).to_have_count(1)
        assert axe(page) == []
        context.close()
