"""Chromium, a server on small models, and the editor as opened for the first time."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from shutil import which
from typing import NoReturn

import pytest
from hands import FLAGS, RUN_TIMEOUT_MS
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHECK = """async () => {
    const result = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] });
    return result.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.target.join(" ")).join(", ")}`);
}"""


# Not for the session: Playwright's event loop stays in this thread while it is open, and async tests need their own.
@pytest.fixture(scope="module")
def browser(require: None) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def require(unavailable: Callable[[str], NoReturn]) -> None:
    if which("chromium") is None:
        unavailable("Chromium is not installed; `apt-get install chromium` brings it")
    if not (ROOT / "sd35graph" / "server" / "static" / "index.html").is_file():
        unavailable("the editor is not built; `make web` builds it")


@pytest.fixture(scope="session")
def axe(unavailable: Callable[[str], NoReturn]) -> Callable[[Page], list[str]]:
    """Gives the accessibility rules that a page, as it stands, breaks."""
    if not AXE.is_file():
        unavailable("axe-core is not installed; `cd web && npm ci` brings it")
    program = AXE.read_text(encoding="utf-8")

    def broken_rules(page: Page) -> list[str]:
        if page.evaluate("typeof axe") == "undefined":
            page.evaluate(program)
        broken: list[str] = page.evaluate(CHECK)
        return broken

    return broken_rules


@contextmanager
def served(base: Path, *flags: str) -> Iterator[str]:
    """The address of a server on this base folder."""
    command = [sys.executable, "-m", "sd35graph", "serve", "--port", "0", "--base", str(base), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        try:
            assert server.stdout is not None
            for line in server.stdout:
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    yield found[0]
                    break
            else:
                pytest.fail("the server ended before it listened")
        finally:  # or leaving the block would wait for ever
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="session")
def serve(require: None) -> Callable[..., AbstractContextManager[str]]:
    """`served`, for tests that need a server of their own."""
    return served


@pytest.fixture(scope="session")
def url(require: None, synthetic_base: Path) -> Iterator[str]:
    with served(synthetic_base, "--precision", "fp32") as url:
        yield url


@pytest.fixture(scope="session")
def tiny_url(require: None, embedded_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on the embedded model, with a base folder that was empty."""
    with served(tmp_path_factory.mktemp("tiny_base")) as url:
        yield url


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Page]:
    """The editor as opened for the first time. What the page complains about in its console fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(url)
    # A new server knows its nodes once its worker has imported torch.
    expect(page.get_by_role("group", name=re.compile("KSampler"))).to_be_visible(timeout=RUN_TIMEOUT_MS)
    yield page
    context.close()
    # Replies that refuse a workflow are part of the tests; the browser logs their status by itself.
    refusals = re.compile("status of (400|409|412)")
    assert [text for text in complaints if not refusals.search(text)] == []


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The editor, opened for the first time at a server on small random models."""
    with opened(browser, url) as page:
        yield page


@pytest.fixture
def tiny_page(browser: Browser, tiny_url: str) -> Iterator[Page]:
    """The editor, opened for the first time at a server on the embedded model."""
    with opened(browser, tiny_url) as page:
        yield page


@pytest.fixture
def first_page(browser: Browser, embedded_model: Path, tmp_path: Path) -> Iterator[Page]:
    """The editor, opened for the first time at a server whose base folder, `tmp_path`, was empty."""
    with served(tmp_path) as url, opened(browser, url) as page:
        yield page
