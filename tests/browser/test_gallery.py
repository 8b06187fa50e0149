"""The gallery: pictures by keyboard, in full with what made them, compared, and used again; masks and emphasis."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from hands import RUN_TIMEOUT_MS, card, drop_file
from playwright.sync_api import Locator, Page, expect


def open_gallery(page: Page) -> Locator:
    """A gallery that holds a red and a blue picture, the blue one first."""
    for color, name in ((0xFF0000, "red"), (0x0000FF, "blue")):
        graph = {
            "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": color}},
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": name}},
        }
        drop_file(page, f"{name}.json", json.dumps(graph), "application/json")
        expect(card(page, "Save image").get_by_role("textbox", name="file name")).to_have_value(name)
        page.get_by_role("button", name="Run", exact=True).click()
        expect(card(page, "Save image").get_by_role("img").first).to_be_visible(timeout=RUN_TIMEOUT_MS)
    page.get_by_role("button", name="Side panel").click()
    page.get_by_role("tab", name="Gallery").click()
    return page.get_by_role("list", name="Gallery")


def test_pictures_are_looked_at_compared_and_used_again_by_keyboard(
    page: Page, axe: Callable[[Page], list[str]]
) -> None:
    gallery = open_gallery(page)
    page.emulate_media(reduced_motion="reduce")  # nothing half faded
    newest = gallery.get_by_role("button", name=re.compile("^Picture blue")).first
    expect(newest).to_be_visible()
    found = {"gallery": axe(page)}
    newest.focus()
    page.keyboard.press("m")
    page.keyboard.press("ArrowRight")
    expect(gallery.get_by_role("button", name=re.compile("^Picture red")).first).to_be_focused()
    page.keyboard.press("m")
    page.get_by_role("button", name="Compare the two marked").click()
    compared = page.get_by_role("dialog", name="Two pictures compared")
    divider = compared.get_by_role("slider", name="Divider")
    divider.focus()
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuetext", re.compile("^51 % of blue"))
    found["comparison"] = axe(page)
    compared.get_by_role("button", name="Show one").click()
    viewer = page.get_by_role("dialog", name=re.compile("^Picture blue"))
    expect(viewer.get_by_text("64 × 64")).to_be_visible()
    viewer.get_by_role("button", name="Zoom in").click()
    expect(viewer.get_by_text("125 %")).to_be_visible()
    found["viewer"] = axe(page)
    viewer.get_by_role("button", name="Use as input").click()
    loader = card(page, "Load image")
    expect(loader.get_by_role("combobox")).to_have_value(re.compile("^blue"))
    loader.get_by_role("button", name="Paint a mask").click()
    painter = page.get_by_role("dialog", name=re.compile("^Mask of blue"))
    surface = painter.get_by_role("img", name=re.compile("^Mask"))
    found["mask"] = axe(page)
    assert {where: broken for where, broken in found.items() if broken} == {}
    surface.focus()
    page.keyboard.press("Space")
    painter.get_by_role("button", name="Use this mask").click()
    expect(painter).to_have_count(0)
    expect(loader.get_by_role("combobox")).to_have_value(re.compile("^masks/blue.*_mask"))
    # The middle was painted and is transparent now, the corner was not.
    alphas = loader.get_by_role("img").evaluate(
        """async (image) => {
            await image.decode();
            const canvas = new OffscreenCanvas(64, 64), context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            return [context.getImageData(32, 32, 1, 1).data[3], context.getImageData(0, 0, 1, 1).data[3]];
        }"""
    )
    assert alphas == [0, 255]


def test_words_are_weighed_by_keys_and_a_used_seed_comes_back(page: Page) -> None:
    prompt = card(page, "prompt").get_by_role("textbox", name="text")
    prompt.fill("a red apple")
    prompt.evaluate("(area) => area.setSelectionRange(3, 3)")
    page.keyboard.press("Control+ArrowUp")
    page.keyboard.press("Control+ArrowUp")
    expect(prompt).to_have_value("a (red:1.1) apple")
    page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Control+ArrowDown")
    expect(prompt).to_have_value("a red apple")
    sampler = card(page, "KSampler")
    seed = sampler.get_by_role("spinbutton", name="seed")
    used = seed.input_value()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(seed).not_to_have_value(used)
    sampler.get_by_role("button", name=f"seed: take back {used}, the last one used").click()
    expect(seed).to_have_value(used)
