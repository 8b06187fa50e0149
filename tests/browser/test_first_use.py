"""The first minute: the editor opens on the model that comes along, and Run draws."""

from __future__ import annotations

import re
from pathlib import Path

from hands import RUN_TIMEOUT_MS, card
from PIL import Image as Pillow
from playwright.sync_api import Page, expect


def test_first_start_is_ready_to_run_and_draws_a_picture(first_page: Page, tmp_path: Path) -> None:
    expect(card(first_page, "prompt").get_by_role("textbox")).to_have_value("a 3d red apple")
    first_page.get_by_role("button", name=re.compile("^Run")).click()
    shown = card(first_page, "Save image").get_by_role("img").first
    expect(shown).to_be_visible(timeout=RUN_TIMEOUT_MS)
    assert shown.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") == 64
    (saved,) = (tmp_path / "output").glob("*.png")
    with Pillow.open(saved) as picture:
        assert picture.size == (64, 64)
        assert len(set(picture.convert("L").tobytes())) > 16
