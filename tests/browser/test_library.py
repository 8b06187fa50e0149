"""The saved workflows in their folders: renamed, moved, deleted and brought back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

WORKFLOW = '{"nodes": [{"id": 1, "type": "Note", "pos": [0, 0], "widgets_values": ["WORDS"]}], "links": []}'


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    """A folder of this test's own among the workflows of the server that the tests share."""
    return re.sub(r"\W", "", tmp_path.name)


@pytest.fixture
def saved(page: Page, url: str, prefix: str) -> Callable[..., Locator]:
    """Saves workflows by their names below the prefix, and gives the drawer that lists them."""

    def save(*names: str) -> Locator:
        for name in names:
            path = f"{url}/v1/workflows/{prefix}/{name}"
            answer = httpx.put(path, content=WORKFLOW.replace("WORDS", name), headers={"if-none-match": "*"})
            assert answer.status_code == 201
        page.reload()
        page.get_by_role("button", name="Workflows", exact=True).click()
        drawer = page.get_by_role("complementary", name="Workflows")
        drawer.get_by_role("searchbox").fill(prefix)
        return drawer

    return save


def entry(drawer: Locator, name: str) -> Locator:
    """The row of a workflow, found by what only it has."""
    return drawer.get_by_role("button", name=f"Versions of {name}", exact=True)


def test_folder_is_renamed_and_moved_as_a_whole_by_keyboard(
    page: Page, prefix: str, saved: Callable[..., Locator], axe: Callable[[Page], list[str]]
) -> None:
    drawer = saved("old/heron", "old/deep/stork", "older")
    drawer.get_by_role("button", name=f"Rename or move {prefix}/old", exact=True).focus()
    page.keyboard.press("Enter")
    question = page.get_by_role("alertdialog", name=f"Rename or move “{prefix}/old”")
    expect(question.get_by_role("textbox", name="Name")).to_have_value(f"{prefix}/old")
    page.keyboard.type(f"{prefix}/birds/new")
    page.keyboard.press("Enter")
    expect(entry(drawer, f"{prefix}/birds/new/heron")).to_be_visible()
    expect(entry(drawer, f"{prefix}/birds/new/deep/stork")).to_be_visible()
    expect(entry(drawer, f"{prefix}/older")).to_be_visible()
    expect(entry(drawer, f"{prefix}/old/heron")).to_have_count(0)
    assert axe(page) == []


def test_workflow_and_folder_are_dragged_into_another(page: Page, prefix: str, saved: Callable[..., Locator]) -> None:
    drawer = saved("heron", "in/stork", "more/crane")
    target = drawer.get_by_role("group", name=f"Folder {prefix}/more", exact=True)
    drawer.get_by_role("button", name=re.compile("^heron")).drag_to(target)
    expect(entry(drawer, f"{prefix}/more/heron")).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text(f"“{prefix}/heron” lies in “{prefix}/more” now.")
    drawer.get_by_role("group", name=f"Folder {prefix}/in", exact=True).drag_to(target)
    expect(entry(drawer, f"{prefix}/more/in/stork")).to_be_visible()
    drawer.get_by_role("group", name=f"Folder {prefix}/more", exact=True).drag_to(
        drawer.get_by_role("group", name=f"Folder {prefix}/more/in", exact=True)
    )
    expect(entry(drawer, f"{prefix}/more/in/stork")).to_be_visible()


def test_name_that_is_taken_is_told_and_nothing_moves(page: Page, prefix: str, saved: Callable[..., Locator]) -> None:
    drawer = saved("a/one", "b/one")
    drawer.get_by_role("button", name=f"Rename or move {prefix}/a", exact=True).click()
    page.get_by_role("alertdialog").get_by_role("textbox", name="Name").fill(f"{prefix}/b")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("already; choose another name")
    expect(entry(drawer, f"{prefix}/a/one")).to_be_visible()


def test_open_document_follows_its_folder_and_is_saved_there(
    page: Page, prefix: str, saved: Callable[..., Locator]
) -> None:
    drawer = saved("from/sketch")
    drawer.get_by_role("button", name=re.compile("^sketch")).click()
    note = page.get_by_role("group", name=re.compile(r"^Note \(node")).get_by_role("textbox")
    expect(note).to_have_value("from/sketch")
    drawer.get_by_role("button", name=f"Rename or move {prefix}/from", exact=True).click()
    page.get_by_role("alertdialog").get_by_role("textbox", name="Name").fill(f"{prefix}/to")
    page.keyboard.press("Enter")
    expect(entry(drawer, f"{prefix}/to/sketch")).to_be_visible()
    note.fill("changed")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("log")).to_contain_text(f"Saved “{prefix}/to/sketch”")
    expect(page.get_by_role("alertdialog")).to_have_count(0)


def test_deleted_folder_comes_back_and_what_is_left_is_deleted_for_good(
    page: Page, prefix: str, saved: Callable[..., Locator], axe: Callable[[Page], list[str]]
) -> None:
    drawer = saved("gone/heron", "gone/stork")
    drawer.get_by_role("button", name=f"Delete {prefix}/gone", exact=True).click()
    question = page.get_by_role("alertdialog", name=f"Delete the folder “{prefix}/gone”?")
    expect(question).to_contain_text("It holds 2 workflows")
    question.get_by_role("button", name="Delete").click()
    expect(entry(drawer, f"{prefix}/gone/heron")).to_have_count(0)
    drawer.get_by_text("Recently deleted").click()
    drawer.get_by_role("button", name=f"Bring back all 2 of {prefix}/gone").click()
    expect(page.get_by_role("log")).to_contain_text("2 workflows are back, with their versions.")
    expect(entry(drawer, f"{prefix}/gone/heron")).to_be_visible()
    drawer.get_by_role("button", name=re.compile("^stork")).click()
    note = page.get_by_role("group", name=re.compile(r"^Note \(node")).get_by_role("textbox")
    expect(note).to_have_value("gone/stork")
    # One is deleted at once; the focus stays in the list.
    drawer.get_by_role("button", name=f"Delete {prefix}/gone/heron", exact=True).focus()
    page.keyboard.press("Enter")
    expect(entry(drawer, f"{prefix}/gone/heron")).to_have_count(0)
    expect(drawer.get_by_role("button", name=re.compile("^stork"))).to_be_focused()
    assert axe(page) == []
    drawer.get_by_role("button", name=f"Delete {prefix}/gone/heron for good").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete for good").click()
    expect(drawer.get_by_role("button", name=f"Bring back {prefix}/gone/heron")).to_have_count(0)


def test_save_of_a_workflow_that_was_deleted_elsewhere_offers_to_save_it_again(
    page: Page, url: str, prefix: str, saved: Callable[..., Locator]
) -> None:
    drawer = saved("sketch")
    drawer.get_by_role("button", name=re.compile("^sketch")).click()
    note = page.get_by_role("group", name=re.compile(r"^Note \(node")).get_by_role("textbox")
    expect(note).to_have_value("sketch")
    httpx.delete(f"{url}/v1/workflows/{prefix}/sketch", headers={"if-match": "*"})
    note.fill("changed")
    page.keyboard.press("Control+s")
    question = page.get_by_role("alertdialog", name=f"“{prefix}/sketch” is not there any more")
    question.get_by_role("button", name="Save it there again").click()
    expect(page.get_by_role("log")).to_contain_text(f"Saved “{prefix}/sketch”")
