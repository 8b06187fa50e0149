"""A node that warns: the sign on its card, the entry under Problems, and how both go away."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from hands import RUN_TIMEOUT_MS, card, drop_file
from playwright.sync_api import Browser, Page, expect

PACK = """
from sd35graph import Context, node

@node("Warns", category="toy", is_output=True)
def warns(ctx: Context, keys: int = 2) -> None:
    "Say something and go on."
    if keys:
        ctx.warn(f"{keys} keys of lora.safetensors fit nothing in this model and were left out: a.b, c.d")
"""
GRAPH = {"1": {"class_type": "Warns", "inputs": {"keys": 2}}}
MESSAGE = "2 keys of lora.safetensors fit nothing in this model and were left out: a.b, c.d"


@pytest.fixture(scope="module")
def warning_url(
    serve: Callable[..., AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    base = tmp_path_factory.mktemp("warning_base")
    (base / "packs").mkdir()
    (base / "packs" / "warns.py").write_text(PACK)
    with serve(base, "--packs", str(base / "packs"), "--no-builtin-nodes") as url:
        yield url


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_warning_marks_the_card_and_is_listed_until_its_cause_is_gone(
    browser: Browser, warning_url: str, axe: Callable[[Page], list[str]], theme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(warning_url)
    if width == 390:
        page.get_by_role("button", name="Graph", exact=True).click()
    expect(page.locator(".react-flow__node").first).to_be_attached(timeout=RUN_TIMEOUT_MS)
    drop_file(page, "warns.json", json.dumps(GRAPH), "application/json")
    expect(card(page, "Warns").get_by_role("spinbutton")).to_be_visible(timeout=RUN_TIMEOUT_MS)  # the nodes are known
    run = page.get_by_role("button", name=re.compile("^Run"))
    sign = card(page, "Warns").get_by_role("button", name=f"Warning of Warns (node 1): {MESSAGE}")
    for _ in range(2):  # the second time from the cache
        run.click()
        expect(sign).to_be_visible(timeout=RUN_TIMEOUT_MS)
        expect(card(page, "Warns")).not_to_contain_text("failed")
    sign.click()
    expect(page.get_by_role("tab", name="Problems")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("list", name="Problems")).to_contain_text(f"Warning: {MESSAGE}")
    assert axe(page) == []
    page.get_by_role("button", name=re.compile("^Show node")).click()
    card(page, "Warns").get_by_role("spinbutton").fill("0")
    run.click()
    expect(sign).to_have_count(0)
    context.close()
