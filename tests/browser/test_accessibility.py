"""Accessibility rules (axe-core: WCAG 2.1 A and AA, best practice) on every screen and state, in both themes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hands import RUN_TIMEOUT_MS, card, cards, command, drop_file, open_large
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from sd35graph.tokens import TokenFile

FAILS = """
from sd35graph import node

@node("Fails", category="toy", is_output=True)
def fails(keys: int = 2) -> None:
    "End in an error."
    raise RuntimeError(f"{keys} keys of the file fit nothing in this model")
"""
FAILING = {"1": {"class_type": "Fails", "inputs": {"keys": 2}}}
UNKNOWN = {"1": {"class_type": "NobodyKnows", "inputs": {"text": "words"}}}


class Screens:
    """A page, and the rules that what it showed so far breaks."""

    def __init__(self, page: Page, rules: Callable[[Page], list[str]]) -> None:
        self.page = page
        self.broken: dict[str, list[str]] = {}
        self._rules = rules

    def look(self, name: str) -> None:
        if broken := self._rules(self.page):
            self.broken[name] = broken

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def button(self, name: str | re.Pattern[str], within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=name, exact=True).first

    def dialog(self, name: str | re.Pattern[str]) -> Locator:
        found = self.page.get_by_role("dialog", name=name).or_(self.page.get_by_role("alertdialog", name=name))
        expect(found).to_be_visible()
        return found

    def tab(self, name: str) -> None:
        command(self.page, f"Show the {name}")
        expect(self.page.get_by_role("tab", name=name.capitalize())).to_have_attribute("aria-selected", "true")

    def menu_of(self, thing: Locator) -> None:
        thing.focus()
        self.press("Shift+F10")
        expect(self.page.get_by_role("menu").first).to_be_visible()


@pytest.fixture(scope="module")
def screens_url(
    serve: Callable[..., AbstractContextManager[str]], embedded_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server on the embedded model that also has a node which fails."""
    base = tmp_path_factory.mktemp("screens_base")
    (base / "packs").mkdir()
    (base / "packs" / "fails.py").write_text(FAILS)
    with serve(base, "--packs", str(base / "packs")) as url:
        yield url


# Each theme and each width once; the other two pairs take as long again.
@pytest.fixture(
    params=[
        pytest.param(("dark", 1440), id="dark-1440"),
        pytest.param(("light", 390), id="light-390"),
        pytest.param(("light", 1440), id="light-1440", marks=pytest.mark.slow),
        pytest.param(("dark", 390), id="dark-390", marks=pytest.mark.slow),
    ]
)
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A window on a desk or a phone, dark or light."""
    theme, width = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=theme,
        reduced_motion="reduce",  # nothing half faded
    )
    yield context
    context.close()


@pytest.fixture
def screens(context: BrowserContext, screens_url: str, axe: Callable[[Page], list[str]]) -> Screens:
    """The editor with the graph of the first start."""
    page = context.new_page()
    page.goto(screens_url)
    expect(page.get_by_label("steps", exact=True).first).to_be_visible(timeout=RUN_TIMEOUT_MS)
    screens = Screens(page, axe)
    if page.get_by_role("main", name="Simple view").is_visible():
        screens.look("simple view")
        screens.button("Graph").click()
    expect(card(page, "KSampler")).to_be_attached()
    return screens


def test_the_graph_and_its_menus(screens: Screens) -> None:
    page = screens.page
    screens.look("example")
    card(page, "KSampler").get_by_role("combobox", name="sampler").focus()
    screens.press("ArrowDown")
    expect(page.get_by_role("listbox")).to_be_visible()
    screens.look("list that is searched")
    screens.press("Escape")
    screens.menu_of(card(page, "KSampler"))
    screens.look("menu of a card")
    page.get_by_role("menuitem", name="Colour", exact=True).press("Enter")
    screens.look("colours")
    screens.press("Escape")
    card(page, "Decode").focus()
    screens.press("Control+a")
    screens.tab("inspector")
    screens.look("several selected")
    screens.menu_of(card(page, "Decode"))
    page.get_by_role("menuitem", name="Align", exact=True).press("Enter")
    screens.look("menu of several")
    screens.press("Escape", "g")
    group = page.get_by_role("button", name="Group Group")
    expect(group).to_be_attached()
    screens.look("group")
    group.focus()
    screens.press("Enter")
    screens.look("menu of a group")
    screens.press("Escape")
    page.get_by_label(re.compile("^output LATENT of KSampler")).focus()
    screens.press("Enter")
    screens.look("link begun")
    screens.press("Escape")
    for key in ("Control+m", "Control+b"):
        card(page, "Decode").focus()
        screens.press("Space", key)
        screens.look(f"card after {key}")
        screens.press(key)
    command(page, "Turn the selection into one node")
    screens.press("Enter")
    expect(page.get_by_role("navigation", name="Where you are")).to_be_visible()
    screens.look("subgraph")
    screens.button("Back (Esc)").click()
    page.mouse.move(700, 400)
    for _ in range(6):
        command(page, "Fit the graph into the view")
        page.mouse.wheel(0, 1200)
    screens.look("far away")
    assert screens.broken == {}


def test_an_empty_canvas_and_what_is_added(screens: Screens) -> None:
    page = screens.page
    screens.press("Alt+n")
    expect(cards(page)).to_have_count(0)
    screens.look("empty")
    screens.press("Control+k")
    screens.dialog("Search")
    screens.look("palette")
    page.keyboard.type("nothing of this kind")
    screens.look("palette without results")
    screens.press("Control+a")
    page.keyboard.type("note")
    expect(page.get_by_role("option", name="Note (Markdown)")).to_be_visible()
    screens.look("palette with results")
    page.get_by_role("option", name="Note (Markdown)").click()
    note = card(page, "Note (Markdown)")
    screens.look("note")
    note.get_by_role("button", name="Edit note").press("Enter")
    page.keyboard.type("# A heading\n\nand [a link](https://example.org)")
    screens.look("note being written")
    note.get_by_role("button", name="Show note").press("Enter")
    screens.look("note with words")
    screens.press("Control+f")
    screens.dialog("Find a card")
    screens.look("find")
    screens.press("Escape")
    drop_file(page, "unknown.json", json.dumps(UNKNOWN), "application/json")
    expect(card(page, "NobodyKnows")).to_be_attached()
    screens.look("unknown node")
    screens.tab("problems")
    screens.look("problem of an unknown node")
    assert screens.broken == {}


def test_drawers_and_dialogs(screens: Screens) -> None:
    page = screens.page
    screens.button("Nodes").click()
    screens.look("nodes")
    page.get_by_role("complementary", name="Nodes").get_by_role("searchbox").fill("sampler")
    screens.look("nodes searched")
    screens.button("Workflows").click()
    screens.look("workflows")
    screens.button("Workflows").click()
    screens.press("Control+Shift+s")
    saving = screens.dialog("Save the workflow on the server")
    screens.look("save as")
    name = f"axe/{page.viewport_size}-{page.evaluate('Date.now()')}".replace(" ", "").replace(":", "").replace("'", "")
    saving.get_by_role("textbox", name="Name").fill(name)
    screens.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("Saved")
    screens.look("saved")
    command(page, "Tidy the graph")
    screens.press("Control+s")
    expect(page.get_by_role("img", name="unsaved changes")).to_have_count(0)
    screens.button("Workflows").click()
    screens.button(f"Versions of {name}").click()
    versions = screens.dialog(f"Versions of {name}")
    versions.get_by_text("What is different").first.click()
    screens.look("versions")
    screens.press("Escape")
    screens.button(f"Rename or move {name}").click()
    screens.dialog(re.compile("^Rename or move"))
    screens.look("rename")
    screens.press("Escape")
    screens.button(f"Delete {name}").click()
    page.get_by_text("Recently deleted", exact=True).click()
    screens.button(f"Delete {name} for good").click()
    screens.dialog(re.compile("for good"))
    screens.look("delete for good")
    screens.press("Escape")
    screens.press("Control+,")
    settings = screens.dialog("Settings")
    screens.look("settings")
    settings.get_by_role("tab", name="Keyboard shortcuts").click()
    screens.look("shortcuts")
    settings.get_by_role("button", name=re.compile("^Tidy the graph")).first.click()
    screens.look("shortcut being changed")
    screens.press("t", "Escape")
    card(page, "Decode").focus()
    screens.press("Space", "Delete", "Alt+w")
    screens.dialog(re.compile("^Save"))
    screens.look("closing with changes")
    assert screens.broken == {}


def set_steps(page: Page, count: int) -> None:
    """So many steps of the sampler: few to see its end, many to see it run."""
    steps = card(page, "KSampler").get_by_label("steps", exact=True)
    steps.fill(str(count))
    steps.press("Enter")


def test_a_run_and_its_pictures(screens: Screens) -> None:
    page = screens.page
    set_steps(page, 3)
    screens.press("Control+Enter", "Control+Enter")
    screens.tab("queue")
    expect(card(page, "Save image").get_by_role("img").first).to_be_attached(timeout=RUN_TIMEOUT_MS)
    expect(screens.button("Cancel")).to_have_count(0, timeout=RUN_TIMEOUT_MS)
    screens.look("finished, and its entry of the queue")
    models = page.get_by_role("contentinfo").get_by_role("button", name=re.compile("in memory"))
    if models.is_visible():  # not on a phone
        models.click()
        screens.dialog("Models in memory")
        screens.look("models in memory")
        screens.press("Escape")
    screens.tab("gallery")
    newest = page.get_by_role("list", name="Gallery").get_by_role("button", name=re.compile("^Picture")).first
    newest.focus()
    screens.press("m", "ArrowRight", "m")
    screens.look("gallery")
    screens.button("Compare the two marked").click()
    screens.dialog("Two pictures compared")
    screens.look("comparison")
    screens.button("Show one").click()
    screens.dialog(re.compile("^Picture"))
    screens.look("one picture")
    screens.button("Use as input").click()
    loader = card(page, "Load image")
    expect(loader).to_be_attached()
    screens.look("picture as an input")
    loader.get_by_role("button", name="Paint a mask").press("Enter")
    screens.dialog(re.compile("^Mask of"))
    screens.look("mask")
    screens.press("Escape")
    assert screens.broken == {}


def test_a_run_under_way_and_one_cut_off(screens: Screens) -> None:
    page = screens.page
    set_steps(page, 900)
    screens.button("More ways to run").click()
    screens.look("ways to run")
    screens.press("Escape")
    screens.press("Control+Enter", "Control+Enter")
    screens.tab("queue")
    expect(page.get_by_role("list", name="Queue")).to_contain_text(re.compile(r"step \d+"), timeout=RUN_TIMEOUT_MS)
    screens.look("running")
    screens.button("Pause the queue").click()
    expect(screens.button("Resume")).to_be_visible()
    screens.look("paused")
    command(page, "Switch between graph and simple view")
    screens.look("simple view running")
    command(page, "Switch between graph and simple view")
    screens.button("Cancel all").click()
    expect(screens.button("Cancel")).to_have_count(0, timeout=RUN_TIMEOUT_MS)
    expect(page.get_by_role("list", name="Queue").get_by_text("waiting")).to_have_count(0)
    screens.look("cancelled")
    screens.button("Resume").click()
    assert screens.broken == {}


def test_what_goes_wrong(screens: Screens) -> None:
    page = screens.page
    open_large(page)
    screens.press("Control+Enter")
    expect(page.get_by_role("tab", name="Problems")).to_have_attribute("aria-selected", "true")
    screens.look("missing models")
    drop_file(page, "fails.json", json.dumps(FAILING), "application/json")
    expect(card(page, "Fails")).to_be_attached()
    screens.press("Control+Enter")
    problems = page.get_by_role("list", name="Problems")
    expect(problems).to_contain_text("fit nothing in this model", timeout=RUN_TIMEOUT_MS)
    screens.look("failed run")
    screens.tab("queue")
    screens.look("entry of a failed run")
    command(page, "Switch between graph and simple view")
    screens.look("simple view with a problem")
    command(page, "Switch between graph and simple view")
    drop_file(page, "cut.json", '{"nodes": [{"id": 1, "ty', "application/json")
    expect(page.get_by_role("log")).to_contain_text("cannot be opened")
    screens.look("file that cannot be opened")
    page.locator("body").dispatch_event(
        "dragenter",
        {
            "dataTransfer": page.evaluate_handle(
                "() => { const it = new DataTransfer(); it.items.add(new File(['x'], 'x.json')); return it; }"
            )
        },
    )
    expect(page.get_by_text("Drop")).to_be_visible()
    screens.look("file over the page")
    assert screens.broken == {}


def test_the_page_that_cannot_go_on(screens: Screens) -> None:
    page = screens.page
    page.evaluate("() => { HTMLDialogElement.prototype.showModal = () => { throw new Error('no dialogs today') } }")
    screens.press("Control+,")
    expect(page.get_by_role("alert")).to_contain_text("The editor stopped")
    screens.look("the page that cannot go on")
    page.get_by_text("Details for a report").click()
    expect(page.get_by_label("Details for a report")).to_contain_text("no dialogs today")
    screens.look("details of what stopped it")
    assert screens.broken == {}


def test_a_server_that_starts_or_is_gone(
    context: BrowserContext, screens_url: str, axe: Callable[[Page], list[str]]
) -> None:
    page = context.new_page()
    screens = Screens(page, axe)
    page.route("**/api/object_info", lambda route: None)
    page.goto(screens_url)
    expect(page.get_by_text("The server is starting…")).to_be_visible()
    screens.look("starting")
    page.unroute("**/api/object_info")
    page.route("**/api/object_info", lambda route: route.fulfill(status=503, body="{}"))
    page.reload()
    expect(page.get_by_role("button", name="Ask again")).to_be_visible(timeout=RUN_TIMEOUT_MS)
    screens.look("nodes not told")
    assert screens.broken == {}


def test_the_way_in(
    context: BrowserContext,
    serve: Callable[..., AbstractContextManager[str]],
    embedded_model: Path,
    axe: Callable[[Page], list[str]],
    tmp_path: Path,
) -> None:
    token = TokenFile(tmp_path).add("anna", "artist")
    page = context.new_page()
    screens = Screens(page, axe)
    with serve(tmp_path) as url:
        page.goto(url)
        expect(page.get_by_label("Token")).to_be_visible()
        screens.look("login")
        page.get_by_label("Token").fill("wrong")
        screens.button("Log in").click()
        expect(page.get_by_label("Token")).to_be_visible()
        screens.look("wrong token")
        page.get_by_label("Token").fill(token)
        screens.button("Log in").click()
        expect(page.get_by_label("steps", exact=True).first).to_be_visible(timeout=RUN_TIMEOUT_MS)
        screens.press("Control+,")
        settings = screens.dialog("Settings")
        screens.look("settings of somebody")
        settings.get_by_role("link", name="anna (artist)").click()
        expect(screens.button("Log out")).to_be_visible()
        screens.look("who one is")
    assert screens.broken == {}


def test_a_link_is_made_and_removed_without_a_mouse(page: Page) -> None:
    page.get_by_role("button", name="Side panel").click()
    page.get_by_role("tab", name="Inspector").click()
    card(page, "Decode").focus()
    page.keyboard.press("Enter")
    source = page.get_by_label("vae comes from")
    expect(source).not_to_have_value("")
    source.select_option(label="not linked")
    expect(page.locator(".link")).to_have_count(9)
    source.select_option(index=1)
    expect(page.locator(".link")).to_have_count(10)


def test_phone_bar_opens_one_sheet_at_a_time_and_targets_are_large(browser: Browser, url: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(url)
    page.get_by_role("button", name="Graph", exact=True).tap()
    expect(card(page, "prompt")).to_be_visible()
    bar = page.get_by_role("navigation", name="Tools")
    for button in [*bar.get_by_role("button").all(), page.get_by_role("button", name=re.compile("^Run"))]:
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    bar.get_by_role("button", name="Workflows").tap()
    expect(page.get_by_role("complementary", name="Workflows")).to_be_visible()
    bar.get_by_role("button", name="Side panel").tap()
    expect(page.get_by_role("complementary", name="Workflows")).to_have_count(0)
    expect(page.get_by_role("complementary", name="Side panel")).to_be_visible()
    context.close()
