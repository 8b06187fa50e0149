"""Saving on the server: names and folders, versions, and two windows that save the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hands import card
from playwright.sync_api import Page, Route, expect


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    """A folder of this test's own among the workflows of the server that the tests share."""
    return re.sub(r"\W", "", tmp_path.name)


def save_as(page: Page, name: str) -> None:
    page.keyboard.press("Control+Shift+s")
    question = page.get_by_role("alertdialog", name="Save the workflow on the server")
    question.get_by_role("textbox", name="Name").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text(f"Saved “{name}”")


def set_prompt(page: Page, words: str) -> None:
    card(page, "prompt").get_by_role("textbox").fill(words)
    page.locator(".react-flow__pane").click(position={"x": 20, "y": 20})


def test_workflow_is_saved_in_a_folder_renamed_and_deleted(page: Page, prefix: str) -> None:
    set_prompt(page, "a heron")
    save_as(page, f"{prefix}/heron")
    expect(page.get_by_role("contentinfo")).to_contain_text("saved")
    page.get_by_role("button", name="Workflows", exact=True).click()
    drawer = page.get_by_role("complementary", name="Workflows")
    drawer.get_by_role("button", name=f"Rename or move {prefix}/heron").click()
    question = page.get_by_role("alertdialog", name=f"Rename or move “{prefix}/heron”")
    question.get_by_role("textbox", name="Name").fill(f"{prefix}/stork")
    question.get_by_role("button", name="Rename").click()
    expect(drawer.get_by_role("button", name=f"Delete {prefix}/stork")).to_be_visible()
    expect(page.get_by_role("navigation", name="Open workflows")).to_contain_text("stork")
    drawer.get_by_role("button", name=f"Delete {prefix}/stork").click()
    expect(page.get_by_role("log")).to_contain_text("is under “Recently deleted” now")
    expect(drawer.get_by_role("button", name=f"Delete {prefix}/stork")).to_have_count(0)


def test_earlier_version_is_compared_and_brought_back(page: Page, prefix: str) -> None:
    set_prompt(page, "first words")
    save_as(page, f"{prefix}/versions")
    set_prompt(page, "second words")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("img", name="unsaved changes")).to_have_count(0)
    page.get_by_role("button", name="Workflows", exact=True).click()
    page.get_by_role("button", name=f"Versions of {prefix}/versions").click()
    dialog = page.get_by_role("dialog", name=f"Versions of {prefix}/versions")
    dialog.get_by_text("What is different").click()
    difference = dialog.get_by_role("list", name="What is different").get_by_role("listitem")
    expect(difference).to_have_count(1)
    expect(difference).to_contain_text(
        re.compile(r"~\s*prompt \(node \d+\) changed\s*text was “first words”, now “second words”")
    )
    dialog.get_by_role("button", name=re.compile("^Bring it back")).click()
    expect(card(page, "prompt").get_by_role("textbox")).to_have_value("first words")
    expect(page.get_by_role("img", name="unsaved changes")).to_have_count(1)
    # In place, and as one step.
    expect(page.get_by_role("navigation", name="Open workflows").get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(card(page, "prompt").get_by_role("textbox")).to_have_value("second words")
    page.get_by_role("button", name="Redo").click()
    page.keyboard.press("Control+s")
    expect(page.get_by_role("img", name="unsaved changes")).to_have_count(0)


def test_saving_twice_before_the_first_answer_is_no_conflict(page: Page, prefix: str) -> None:
    save_as(page, f"{prefix}/twice")
    waiting: list[Route] = []
    sent: list[str] = []

    def hold_first(route: Route) -> None:
        if route.request.method != "PUT":
            route.continue_()
            return
        sent.append(route.request.post_data or "")
        if len(sent) == 1:
            waiting.append(route)
        else:
            route.continue_()

    page.route("**/v1/workflows/**", hold_first)
    set_prompt(page, "once")
    page.keyboard.press("Control+s")
    card(page, "prompt").get_by_role("textbox").fill("twice")
    page.keyboard.press("Control+s")
    page.wait_for_function("() => true")  # lets the held request arrive here
    waiting[0].continue_()
    expect(page.get_by_role("img", name="unsaved changes")).to_have_count(0)
    assert ["once" in sent[0], "twice" in sent[1], len(sent)] == [True, True, 2]
    expect(page.get_by_role("alertdialog")).to_have_count(0)


def test_version_that_cannot_be_read_says_so_and_leaves_the_others(page: Page, prefix: str) -> None:
    save_as(page, f"{prefix}/damaged")
    set_prompt(page, "newer words")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("img", name="unsaved changes")).to_have_count(0)
    page.route(
        "**/v1/workflow_versions/*/**",
        lambda route: route.fulfill(body='{"nodes": ["cut', content_type="application/json"),
    )
    page.get_by_role("button", name="Workflows", exact=True).click()
    page.get_by_role("button", name=f"Versions of {prefix}/damaged").click()
    dialog = page.get_by_role("dialog", name=f"Versions of {prefix}/damaged")
    dialog.get_by_text("What is different").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This version cannot be read")
    page.unroute("**/v1/workflow_versions/*/**")


def test_what_is_typed_after_saving_in_a_prompt_is_one_step(page: Page, prefix: str) -> None:
    set_prompt(page, "a heron")
    save_as(page, f"{prefix}/typed")
    prompt = card(page, "prompt").get_by_role("textbox")
    prompt.fill("a stork")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("img", name="unsaved changes")).to_have_count(0)
    prompt.press("End")
    prompt.press_sequentially(" in the rain")
    page.get_by_role("button", name="Undo").click()
    expect(prompt).to_have_value("a stork")


def test_second_window_does_not_overwrite_what_the_first_saved(page: Page, url: str, prefix: str) -> None:
    save_as(page, f"{prefix}/shared")
    second = page.context.new_page()
    second.goto(f"{url}#workflow={prefix}/shared")
    expect(second.get_by_role("navigation", name="Open workflows")).to_contain_text("shared")
    set_prompt(second, "of the second")
    second.keyboard.press("Control+s")
    expect(second.get_by_role("log")).to_contain_text("Saved")
    set_prompt(page, "of the first")
    page.keyboard.press("Control+s")
    question = page.get_by_role("alertdialog", name=f"“{prefix}/shared” has changed")
    question.get_by_role("button", name="Open that one too").click()
    expect(card(page, "prompt").get_by_role("textbox")).to_have_value("of the second")
    page.keyboard.press("Alt+1")
    expect(card(page, "prompt").get_by_role("textbox")).to_have_value("of the first")
    second.close()


def test_link_to_a_workflow_that_is_gone_says_so(page: Page, url: str, prefix: str) -> None:
    second = page.context.new_page()
    second.goto(f"{url}?workflow={prefix}/gone")
    expect(second.get_by_role("log")).to_contain_text(f"There is no workflow “{prefix}/gone” here")
    expect(card(second, "prompt")).to_be_visible()
    second.goto(f"{url}#shared=damaged!")
    expect(second.get_by_role("log")).to_contain_text("The link is damaged")
    second.close()


def test_copied_link_opens_the_saved_workflow(page: Page, prefix: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    set_prompt(page, "a heron to be shown")
    save_as(page, f"{prefix}/linked")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search nodes, commands and workflows").fill("copy a link")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("The link is on the clipboard.")
    second = page.context.new_page()
    second.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(card(second, "prompt").get_by_role("textbox")).to_have_value("a heron to be shown")
    expect(second.get_by_role("navigation", name="Open workflows")).to_contain_text("linked")
    second.close()
