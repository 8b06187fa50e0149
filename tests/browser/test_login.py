"""A server that asks for a token: the way in, who one is, the way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path

import pytest
from hands import RUN_TIMEOUT_MS, card
from playwright.sync_api import Browser, Page, expect

from sd35graph.tokens import TokenFile


@pytest.fixture
def guarded(
    browser: Browser, serve: Callable[..., AbstractContextManager[str]], embedded_model: Path, tmp_path: Path
) -> Iterator[tuple[Page, str, str]]:
    """A fresh page, the address of a server that asks for a token, and an artist's token."""
    token = TokenFile(tmp_path).add("anna", "artist")
    with serve(tmp_path) as url:
        context = browser.new_context()
        yield context.new_page(), url, token
        context.close()


def complaints_of(page: Page) -> list[str]:
    """What the page says in its console from now on, such as of a breach of the Content-Security-Policy."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    return complaints


def test_the_login_leads_to_the_editor_where_one_draws_and_out_again(guarded: tuple[Page, str, str]) -> None:
    page, url, token = guarded
    complaints = complaints_of(page)
    page.goto(f"{url}/?theme=dark")
    expect(page).to_have_url(re.compile("/login"))
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{url}/?theme=dark")
    expect(card(page, "prompt")).to_be_visible(timeout=RUN_TIMEOUT_MS)
    page.get_by_role("button", name=re.compile("^Run")).click()
    expect(card(page, "Save image").get_by_role("img").first).to_be_visible(timeout=RUN_TIMEOUT_MS)
    page.get_by_role("link", name="anna (artist)").click()
    page.get_by_role("button", name="Log out").click()
    page.goto(url)
    expect(page).to_have_url(re.compile("/login"))
    assert complaints == []


def test_the_address_that_was_printed_leads_into_the_editor_and_loses_its_token(guarded: tuple[Page, str, str]) -> None:
    page, url, token = guarded
    page.goto(f"{url}/?token={token}")
    expect(page).to_have_url(f"{url}/")
    expect(card(page, "prompt")).to_be_visible(timeout=RUN_TIMEOUT_MS)


def test_a_token_that_is_revoked_leads_from_the_editor_to_the_login(
    guarded: tuple[Page, str, str], tmp_path: Path
) -> None:
    page, url, token = guarded
    page.goto(f"{url}/?token={token}")
    expect(card(page, "prompt")).to_be_visible(timeout=RUN_TIMEOUT_MS)
    TokenFile(tmp_path).revoke("anna")
    expect(page).to_have_url(re.compile("/login"), timeout=30_000)


def test_a_login_that_ends_while_one_edits_loses_nothing(guarded: tuple[Page, str, str], tmp_path: Path) -> None:
    page, url, token = guarded
    page.goto(f"{url}/?token={token}")
    prompt = card(page, "prompt").get_by_role("textbox")
    prompt.fill("before it ended", timeout=RUN_TIMEOUT_MS)
    tokens = TokenFile(tmp_path)
    again = tokens.add("anna", "artist")
    tokens.revoke(sha256(token.encode()).hexdigest()[:8])
    prompt.fill("typed after that")
    expect(page).to_have_url(re.compile("/login"), timeout=30_000)
    expect(page.get_by_role("status")).to_contain_text("What you changed in the editor is kept in this browser")
    page.get_by_label("Token").fill(again)
    page.get_by_role("button", name="Log in").click()
    expect(prompt).to_have_value("typed after that", timeout=RUN_TIMEOUT_MS)
    page.keyboard.press("Control+s")
    page.get_by_role("textbox", name="Name", exact=True).fill("kept")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("Saved “kept”")


def test_the_pages_of_our_own_break_no_policy(guarded: tuple[Page, str, str]) -> None:
    page, url, token = guarded
    complaints = complaints_of(page)
    page.goto(f"{url}/?token={token}")
    page.goto(f"{url}/docs")
    expect(page.get_by_text("GET", exact=False).first).to_be_visible()
    expect(page.get_by_role("heading", name="WebSocket")).to_be_visible()
    assert complaints == []


def test_link_of_one_user_opens_for_another_through_the_login(
    guarded: tuple[Page, str, str], browser: Browser, tmp_path: Path
) -> None:
    page, url, token = guarded
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{url}/?token={token}")
    expect(card(page, "prompt")).to_be_visible(timeout=RUN_TIMEOUT_MS)
    card(page, "prompt").get_by_role("textbox").fill("a heron for Ben")
    page.keyboard.press("Control+s")
    page.get_by_role("textbox", name="Name", exact=True).fill("heron")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("Saved")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search nodes, commands and workflows").fill("copy a link")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("It holds the workflow itself")
    link = page.evaluate("navigator.clipboard.readText()")
    other = TokenFile(tmp_path).add("ben", "artist")
    context = browser.new_context()
    second = context.new_page()
    second.goto(link)
    second.get_by_label("Token").fill(other)
    second.get_by_role("button", name="Log in").click()
    expect(card(second, "prompt").get_by_role("textbox")).to_have_value("a heron for Ben", timeout=RUN_TIMEOUT_MS)
    second.goto(f"{url}/?workflow=heron")
    expect(second.get_by_role("log")).to_contain_text("You have no workflow “heron”")
    context.close()
