"""The fields of cards: what they show, and what mouse, keys and touch do in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from hands import add_node, box_of, card, cards, choose, command, undo_steps
from PIL import Image
from playwright.sync_api import Locator, Page, expect

Axe = Callable[[Page], list[str]]


def prompt_of(page: Page) -> tuple[Locator, Locator]:
    """The card of the positive prompt, and its text."""
    prompt = card(page, "prompt")
    return prompt, prompt.get_by_role("textbox", name="text")


def test_a_prompt_says_how_long_it_is_to_each_encoder(first_page: Page) -> None:
    page = first_page
    prompt, text = prompt_of(page)
    length = prompt.get_by_text(re.compile(r"^CLIP \d+ of 10 · T5 \d+$"))
    expect(length).to_be_visible()
    before = length.text_content()
    text.fill("a red apple and a green one, and another")
    expect(prompt.get_by_text(re.compile(r"^CLIP \d\d in \d parts"))).to_be_visible()
    expect(text).to_have_accessible_description(re.compile("^CLIP .* T5 "))
    page.get_by_role("group", name=re.compile("^KSampler")).get_by_text("KSampler").click()
    assert undo_steps(page) == 1
    expect(prompt.get_by_text(before or "")).to_be_visible()


def test_the_length_follows_the_loader_that_the_prompt_is_fed_by(first_page: Page) -> None:
    page = first_page
    prompt, _ = prompt_of(page)
    expect(prompt.get_by_text(re.compile("· T5"))).to_be_visible()
    encoders = card(page, "Load three encoders")
    encoders.get_by_text("Load three encoders").click()
    page.keyboard.press("Delete")
    expect(prompt.get_by_text(re.compile("T5"))).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(prompt.get_by_text(re.compile("· T5"))).to_be_visible()


def test_a_text_is_seen_whole_while_it_is_written_and_the_card_keeps_its_size(first_page: Page) -> None:
    page = first_page
    prompt, text = prompt_of(page)
    size, height = box_of(prompt), box_of(text)["height"]
    text.fill("a red fox, " * 60)
    assert box_of(text)["height"] > 1.5 * height
    assert box_of(prompt) == size
    text.blur()
    assert box_of(text)["height"] <= height


def choices(page: Page) -> Locator:
    return page.get_by_role("listbox")


def test_a_long_list_is_narrowed_by_typing_and_chosen_from_by_keys(first_page: Page) -> None:
    page = first_page
    sampler = card(page, "KSampler").get_by_role("combobox", name="sampler")
    sampler.focus()
    expect(sampler).to_have_attribute("aria-expanded", "false")
    page.keyboard.type("2m sde")
    expect(page.get_by_role("listbox", name="sampler")).to_be_visible()
    expect(choices(page).get_by_role("option").first).to_have_text("dpmpp_2m_sde")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    active = choices(page).get_by_role("option").nth(1)
    expect(sampler).to_have_attribute("aria-activedescendant", active.get_attribute("id") or "none")
    chosen = active.inner_text()
    page.keyboard.press("Enter")
    expect(sampler).to_have_value(chosen)
    expect(sampler).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(choices(page).get_by_role("option", name=chosen, exact=True)).to_have_attribute("aria-selected", "true")
    page.keyboard.type("nothing like it")
    expect(page.get_by_role("status").filter(has_text="Nothing of this name")).to_be_visible()
    page.keyboard.press("Enter")
    expect(sampler).to_have_value(chosen)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    card(page, "KSampler").get_by_text("KSampler").click()
    assert undo_steps(page) == 1
    expect(sampler).to_have_value("euler")


def test_a_list_closes_when_something_else_is_pressed_and_keeps_what_was_chosen(first_page: Page) -> None:
    page = first_page
    sampler = card(page, "KSampler").get_by_role("combobox", name="sampler")
    sampler.click()
    expect(page.get_by_role("listbox", name="sampler")).to_be_visible()
    page.keyboard.type("heun")
    page.mouse.click(1300, 780)
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(sampler).to_have_value("euler")
    choose(sampler, "heunpp2")
    expect(sampler).to_have_value("heunpp2")


def test_pictures_are_chosen_by_their_looks_pasted_and_dropped(first_page: Page, tmp_path: Path, axe: Axe) -> None:
    (tmp_path / "input" / "birds").mkdir(exist_ok=True)
    for name, color in (("red.png", "red"), ("birds/blue.png", "blue")):
        Image.new("RGB", (40, 30), color).save(tmp_path / "input" / name)
    page = first_page
    page.reload()
    expect(card(page, "KSampler")).to_be_visible()
    loader = add_node(page, "Load image")
    field = loader.get_by_role("combobox", name="image")
    field.click()
    expect(choices(page).get_by_role("option")).to_have_count(2)
    thumbnails = page.get_by_role("listbox").locator("img")
    for n in range(2):
        expect(thumbnails.nth(n)).to_have_js_property("naturalWidth", 40)
    assert axe(page) == []
    choices(page).get_by_role("option", name="birds/blue.png").click()
    expect(field).to_have_value("birds/blue.png")
    count = cards(page).count()
    give_file(page, field, "paste", "pasted.png")
    expect(field).to_have_value(re.compile(r"^pasted.*\.png$"))
    give_file(page, loader.get_by_role("img", name=re.compile("^pasted")), "drop", "dropped.png")
    expect(field).to_have_value(re.compile(r"^dropped.*\.png$"))
    expect(cards(page)).to_have_count(count)


def give_file(page: Page, target: Locator, kind: str, name: str) -> None:
    """Paste or drop a picture on a part of the page."""
    target.evaluate(
        """async (target, [kind, name]) => {
            const canvas = new OffscreenCanvas(8, 8);
            canvas.getContext('2d').fillRect(0, 0, 8, 8);
            const transfer = new DataTransfer();
            transfer.items.add(new File([await canvas.convertToBlob()], name, { type: 'image/png' }));
            const event = kind === 'paste'
                ? new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true })
                : new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true });
            target.dispatchEvent(event);
        }""",
        [kind, name],
    )


def test_a_number_takes_arithmetic_and_a_share_is_dragged_along_its_width(first_page: Page) -> None:
    page = first_page
    latent, sampler = card(page, "Empty SD3 latent"), card(page, "KSampler")
    width = latent.get_by_role("spinbutton", name="width")
    width.fill("64*1,5")
    width.press("Enter")
    expect(width).to_have_value("96")
    width.fill("64*")
    width.press("Enter")
    expect(width).to_have_value("96")
    denoise = sampler.get_by_role("spinbutton", name="denoise")
    field = box_of(denoise.locator(".."))
    page.mouse.move(field["x"] + field["width"] - 4, field["y"] + 8)
    page.mouse.down()
    page.mouse.move(field["x"] + field["width"] / 2 - 4, field["y"] + 8, steps=4)
    page.mouse.up()
    assert 0.45 <= float(denoise.input_value()) <= 0.55
    width.blur()
    assert undo_steps(page) == 2
    expect(denoise).to_have_value("1.00")


def test_a_field_becomes_an_input_and_a_field_again_each_by_one_step(first_page: Page) -> None:
    page = first_page
    sampler = card(page, "KSampler")
    steps = sampler.get_by_role("spinbutton", name="steps")
    count = cards(page).count()
    steps.focus()
    page.keyboard.press("Alt+i")
    expect(steps).to_have_count(0)
    holder = card(page, "Primitive").get_by_role("spinbutton", name="steps")
    expect(holder).to_have_value("20")
    holder.fill("7")
    holder.press("Enter")
    sampler.get_by_role("button", name="Menu of KSampler").click()
    page.get_by_role("menuitem", name="Fields as inputs").click()
    page.get_by_role("menuitem", name="Turn steps back into a field").click()
    expect(steps).to_have_value("7")
    expect(cards(page)).to_have_count(count)
    sampler.get_by_text("KSampler").click()
    command(page, "Feed a field from a card, or let it hold its value again")
    page.get_by_role("menuitem", name="Feed cfg from a card").press("Enter")
    expect(card(page, "Primitive").get_by_role("spinbutton", name="cfg")).to_have_value("4.00")
    assert undo_steps(page) == 4
    expect(steps).to_have_value("20")
    expect(cards(page)).to_have_count(count)


def test_a_held_key_and_a_colour_that_is_looked_for_are_one_step_each(first_page: Page) -> None:
    page = first_page
    steps = card(page, "KSampler").get_by_role("spinbutton", name="steps")
    steps.focus()
    for _ in range(5):
        page.keyboard.down("ArrowUp")
    page.keyboard.up("ArrowUp")
    expect(steps).to_have_value("25")
    page.keyboard.press("ArrowDown")
    expect(steps).to_have_value("24")
    steps.blur()
    assert undo_steps(page) == 2
    picture = add_node(page, "Empty image")
    color = picture.get_by_label("color", exact=True)
    color.focus()
    for value in ("#ff0000", "#00ff00", "#0000ff"):
        color.fill(value)
    expect(picture.get_by_text("#0000ff")).to_be_visible()
    color.blur()
    assert undo_steps(page) == 2
