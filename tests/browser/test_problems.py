"""What is wrong with a workflow: all at once, in the words of the cards and of the language chosen, and mended."""

from __future__ import annotations

import json
import re

from hands import add_node, card, choose, drop_file, undo_steps
from playwright.sync_api import Page, expect

BROKEN = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 999999, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "ImageBlend", "inputs": {"image1": ["1", 0], "blend_factor": 0.5, "blend_mode": "normal"}},
    "3": {"class_type": "PreviewImag", "inputs": {"images": ["2", 0]}},
}
LOADER = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "nothing.safetensors"}},
    "2": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "3": {"class_type": "VAEDecode", "inputs": {"samples": ["2", 0], "vae": ["1", 2]}},
    "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
}


def in_german(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Language").select_option("de")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=re.compile("^Ausführen"))).to_be_visible()


def test_beside_a_node_that_nobody_knows_everything_else_is_told_and_each_is_mended(page: Page) -> None:
    drop_file(page, "broken.json", json.dumps(BROKEN), "application/json")
    expect(card(page, "PreviewImag")).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    problems = page.get_by_role("list", name="Problems")
    expect(problems).to_contain_text("“width” must be from 1 to 16384, but is 999999.")
    expect(problems).to_contain_text("“image 2” is not linked.")
    expect(problems.get_by_role("listitem")).to_have_count(3)
    problems.get_by_role("button", name="Use “Preview image” instead").click()
    expect(card(page, "Preview image")).to_be_visible()
    expect(problems.get_by_role("listitem")).to_have_count(2)
    assert undo_steps(page) == 1


def test_refusals_are_in_the_users_language_with_the_names_of_the_cards(first_page: Page) -> None:
    page = first_page
    in_german(page)
    drop_file(page, "loader.json", json.dumps(LOADER), "application/json")
    expect(page.get_by_role("group", name="Checkpoint laden (Knoten 1)")).to_be_visible()
    page.get_by_role("button", name="Ausführen", exact=True).click()
    problem = page.get_by_role("list", name="Probleme").get_by_role("listitem")
    expect(problem).to_contain_text("„Datei“: Die Datei „nothing.safetensors“ ist nicht in models/checkpoints.")
    expect(problem.get_by_text('input "ckpt_name"')).to_be_hidden()
    problem.get_by_text("In den Worten des Servers").click()
    expect(problem.get_by_text('input "ckpt_name"')).to_be_visible()


def test_numbers_have_the_decimal_sign_of_the_language_and_take_both(first_page: Page) -> None:
    page = first_page
    in_german(page)
    cfg = page.get_by_role("group", name=re.compile(r"^KSampler \(Knoten")).get_by_role("spinbutton", name="CFG")
    for typed, shown in (("5,5", "5,50"), ("6.25", "6,25"), ("1.5*2,5", "3,75")):
        cfg.fill(typed)
        cfg.press("Enter")
        expect(cfg).to_have_value(shown)
    expect(cfg).to_have_attribute("aria-valuenow", "3.75")
    page.get_by_role("button", name="Knoten", exact=True).click()
    expect(page.get_by_role("region", name="Latent › Umformen")).to_contain_text("Latent drehen")


def test_an_empty_prompt_says_what_it_is_for(first_page: Page) -> None:
    prompt = add_node(first_page, "Prompt").get_by_role("textbox")
    expect(prompt).to_have_attribute("placeholder", "Describe the picture")
    expect(prompt).to_have_value("")


def test_the_card_that_holds_a_choice_offers_the_choices(first_page: Page) -> None:
    page = first_page
    card(page, "KSampler").get_by_role("combobox", name="sampler").focus()
    page.keyboard.press("Alt+i")
    holder = card(page, "Primitive").get_by_role("combobox", name="sampler")
    expect(holder).to_have_value("euler")
    choose(holder, "heun")
    expect(holder).to_have_value("heun")
    card(page, "KSampler").get_by_role("button", name="Menu of KSampler").click()
    page.get_by_role("menuitem", name="Fields as inputs").click()
    page.get_by_role("menuitem", name="Turn sampler back into a field").click()
    expect(card(page, "KSampler").get_by_role("combobox", name="sampler")).to_have_value("heun")
