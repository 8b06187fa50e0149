"""What the frame around the graph tells: the status line, the inspector's ways along links, and a page that stopped."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hands import RUN_TIMEOUT_MS, card, command
from playwright.sync_api import Page, expect

STOP = "() => { HTMLDialogElement.prototype.showModal = () => { throw new Error('no dialogs today') } }"


def type_prompt(page: Page, words: str) -> None:
    card(page, "prompt").get_by_role("textbox").fill(words)
    page.locator(".react-flow__pane").click(position={"x": 20, "y": 20})


def test_it_says_what_is_saved_where(page: Page, tmp_path: Path) -> None:
    status = page.get_by_role("contentinfo", name="Status")
    expect(status).to_contain_text("no changes")
    type_prompt(page, "a heron")
    expect(status).to_contain_text("unsaved changes · kept in this browser")
    page.keyboard.press("Control+Shift+s")
    page.get_by_role("alertdialog").get_by_role("textbox", name="Name").fill(re.sub(r"\W", "", tmp_path.name))
    page.keyboard.press("Enter")
    expect(status).to_contain_text("saved just now")
    type_prompt(page, "a stork")
    expect(status).to_contain_text("saved just now · unsaved changes kept in this browser")


def test_it_says_where_nothing_is_kept(page: Page, url: str) -> None:
    other = page.context.new_page()
    other.add_init_script("indexedDB.open = () => { throw new Error('no databases here') }")
    other.goto(url)
    type_prompt(other, "a heron")
    expect(other.get_by_role("contentinfo", name="Status")).to_contain_text("kept nowhere")


def test_models_in_memory_are_named_and_can_be_let_go(tiny_page: Page) -> None:
    page = tiny_page
    status = page.get_by_role("contentinfo", name="Status")
    steps = card(page, "KSampler").get_by_label("steps", exact=True)
    steps.fill("2")
    steps.press("Enter")
    page.keyboard.press("Control+Enter")
    models = status.get_by_role("button", name=re.compile(r"^sd35_tiny.* in memory · \d+ MB$"))
    expect(models).to_be_visible(timeout=RUN_TIMEOUT_MS)
    models.click()
    shown = page.get_by_role("dialog", name="Models in memory")
    expect(shown.get_by_role("listitem").first).to_contain_text("diffusion model")
    shown.get_by_role("button", name="Free their memory").click()
    expect(status).to_contain_text("no model in memory", timeout=RUN_TIMEOUT_MS)


def test_inspector_leads_along_links_in_both_directions(page: Page) -> None:
    card(page, "Decode").focus()
    page.keyboard.press("Space")
    command(page, "Show the inspector")
    panel = page.get_by_role("complementary", name="Side panel")
    expect(panel.get_by_role("region", name="Inputs").get_by_label("samples comes from")).not_to_have_value("")
    panel.get_by_role("button", name=re.compile(r"^Go to KSampler \(node ")).press("Enter")
    expect(card(page, "KSampler")).to_be_focused()
    expect(panel.get_by_role("region", name="Settings").get_by_label("steps", exact=True)).to_be_visible()
    panel.get_by_role("region", name="Outputs").get_by_role("button", name=re.compile("^samples of Decode")).press(
        "Enter"
    )
    expect(card(page, "Decode")).to_be_focused()
    expect(panel.get_by_role("region", name="About")).to_contain_text("VAEDecode")


@pytest.fixture
def stopped(page: Page, url: str) -> Page:
    """A window that cannot draw itself any more, after a change."""
    window = page.context.new_page()
    window.goto(url)
    type_prompt(window, "a heron")
    expect(window.get_by_role("contentinfo", name="Status")).to_contain_text("kept in this browser")
    window.evaluate(STOP)
    window.keyboard.press("Control+,")
    return window


def test_page_that_stopped_keeps_the_work_and_reloading_goes_on(stopped: Page) -> None:
    page = stopped
    expect(page.get_by_role("alert")).to_contain_text("this browser kept everything")
    page.get_by_role("button", name="Reload").press("Enter")
    expect(card(page, "prompt").get_by_role("textbox")).to_have_value("a heron")


def test_workflow_that_stops_the_page_can_be_taken_out(stopped: Page) -> None:
    page = stopped
    page.get_by_text("Details for a report").click()
    expect(page.get_by_label("Details for a report")).to_contain_text("no dialogs today")
    with page.expect_download() as started:
        page.get_by_role("button", name="Download and close it").click()
    assert "a heron" in json.dumps(json.loads(started.value.path().read_text(encoding="utf-8")))
    expect(page.get_by_role("region", name="An empty canvas")).to_be_visible()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_templates_are_drawn_in_the_colours_of_the_theme(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="light" if theme == "light" else "dark")
    page.get_by_role("button", name="Workflows", exact=True).click()
    template = page.get_by_role("complementary", name="Workflows").get_by_role(
        "button", name=re.compile("^SD3.5 Large Turbo")
    )
    expect(template).to_contain_text("4 of 4 model files missing")
    ground = template.locator("svg").evaluate("it => getComputedStyle(it).backgroundColor")
    assert ground == page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert template.locator("svg path").count() > 8
