"""The first minute: the editor opens on the model that comes along, and Run draws."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from hands import RUN_TIMEOUT_MS, card
from PIL import Image as Pillow
from playwright.sync_api import Page, expect

from benchmarks.tiny_features import Recogniser, load_references


def test_first_start_is_ready_to_run_and_draws_what_the_prompt_says(first_page: Page, tmp_path: Path) -> None:
    expect(card(first_page, "prompt").get_by_role("textbox")).to_have_value("a 3d red apple")
    first_page.get_by_role("button", name=re.compile("^Run")).click()
    shown = card(first_page, "Save image").get_by_role("img").first
    expect(shown).to_be_visible(timeout=RUN_TIMEOUT_MS)
    assert shown.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") == 64
    (saved,) = (tmp_path / "output").glob("*.png")
    with Pillow.open(saved) as picture:
        seen = Recogniser(load_references()).see(np.asarray(picture.convert("RGB")))
    assert seen.background == "white"
    assert seen.whole is not None
    assert seen.whole.key.icon == "red-apple"
