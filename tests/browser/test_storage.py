"""A browser that keeps nothing: because it may not, or because it is full."""

from __future__ import annotations

import re

from hands import RUN_TIMEOUT_MS, add_node, card, cards, start_empty
from playwright.sync_api import Browser, Page, expect

# As with all cookies blocked.
WITHHELD = """for (const name of ['localStorage', 'sessionStorage', 'indexedDB'])
    Object.defineProperty(window, name, { get() { throw new DOMException('Access is denied.', 'SecurityError'); } });"""


def test_where_nothing_may_be_kept_the_editor_says_so_and_works(browser: Browser, url: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(WITHHELD)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(url)
    expect(page.get_by_role("log")).to_contain_text("keeps no unsaved changes", timeout=RUN_TIMEOUT_MS)
    expect(card(page, "KSampler")).to_be_visible()
    count = cards(page).count()
    add_node(page, "Empty image")
    expect(page.get_by_role("log")).not_to_contain_text("keeps no unsaved changes", timeout=20_000)
    page.keyboard.press("Control+d")
    expect(cards(page)).to_have_count(count + 2)
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Language").select_option("de")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=re.compile("^Ausführen"))).to_be_visible()
    assert faults == []
    context.close()


# As where the disk is full: what is to be written is taken back as a whole.
FULL = """() => {
    const commit = IDBTransaction.prototype.commit;
    IDBTransaction.prototype.commit = function () { return window.full ? this.abort() : commit.call(this); };
    const log = document.querySelector('[role=log]');
    window.told = 0;
    new MutationObserver(() => (window.told += log.childElementCount)).observe(log, { childList: true });
}"""


def test_full_store_is_told_once_and_what_is_kept_after_it_is_whole(page: Page) -> None:
    words = "keeps no unsaved changes"
    start_empty(page)
    for name in ("Empty image", "Invert image", "Save image"):
        add_node(page, name)
    page.wait_for_timeout(1000)
    page.evaluate(FULL)
    page.evaluate("window.full = true")
    page.keyboard.press("Delete")  # the card that was added last is selected
    expect(cards(page)).to_have_count(2)
    expect(page.get_by_role("log")).to_contain_text(words)
    expect(page.get_by_role("log")).not_to_contain_text(words, timeout=20_000)
    page.evaluate("window.told = 0")
    number = card(page, "Empty image").get_by_role("spinbutton", name="width")
    number.fill("32")
    number.press("Enter")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.told") == 0
    page.evaluate("window.full = false")
    number.fill("16")
    number.press("Enter")
    page.wait_for_timeout(1000)
    page.reload()
    expect(card(page, "Empty image").get_by_role("spinbutton", name="width")).to_have_value("16")
    expect(cards(page)).to_have_count(2)
