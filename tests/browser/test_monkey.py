"""Somebody who does anything in any order: whatever comes of it, the document is sound and nothing is left behind.

A run is a list of steps, each an action and the seed of its choices, so that a list that fails can be cut down.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hands import RUN_TIMEOUT_MS, drop_file
from playwright.sync_api import Browser, Page, expect

Step = tuple[str, int]
Document = dict[str, Any]

SMALL_GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "a"}},
}
TYPES = ("Empty image", "Invert image", "Save image", "Note", "Reroute", "KSampler", "Prompt", "Note (Markdown)")
CHORDS = """
    Delete Control+z Control+z Control+y Control+Shift+z Control+a Control+d Control+Shift+d g Alt+c Control+m Control+b
    p Control+g Control+Shift+g Enter Escape Escape Tab Shift+Tab Space ArrowLeft ArrowRight ArrowUp ArrowDown
    Alt+ArrowRight Alt+Shift+ArrowRight Control+ArrowRight Control+c Control+x Control+v f Shift+f Alt+i F2 Shift+F10
    Alt+PageDown Alt+1 Control+k Control+f Backspace Alt+s Alt+s
"""
# What the page would give to keep is read instead; how it stands is asked past all effects of asking.
SPY = """
    localStorage.setItem('sd35graph.keys', JSON.stringify({ download: ['Mod+Alt+e'] }));
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => ((window.exported = blob), make.call(URL, blob));
    const click = HTMLAnchorElement.prototype.click;
    HTMLAnchorElement.prototype.click = function () { if (!this.download) click.call(this); };
"""
OPEN = "document.querySelector('dialog[open], [role=menu], .frame-field') !== null"
REMAINS = """() => [
    ...['.react-flow__connection', '.fault', '.drop-target', '.backdrop', '[role=menu]', 'dialog[open]']
        .filter((one) => document.querySelector(one)),
    ...['held', 'moving'].filter((one) => document.querySelector('.canvas').classList.contains(one)),
    ...(document.querySelector('.marquee polygon').getAttribute('points') ? ['marquee'] : []),
]"""
STEP_BACK = """async (name) => {
    const button = document.querySelector(`.top button[aria-label="${name}"]`);
    for (let steps = 0; ; steps++) {
        if (button.disabled) return steps;
        button.click();
        await new Promise(requestAnimationFrame);
    }
}"""


class Monkey:
    def __init__(self, page: Page, complaints: list[str]) -> None:
        self.page = page
        self.complaints = complaints
        self.firsts: dict[str, Document] = {}
        self.count = 0
        # What is loaded when it is first asked for opens at once from then on.
        for keys in ("Control+k", "Control+f", "?"):
            page.keyboard.press(keys)
            expect(page.locator("dialog[open]")).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.locator("dialog[open]")).to_have_count(0)
        self.open_document()

    # What it does.

    def spot(self, dice: random.Random) -> tuple[int, int]:
        return dice.randint(70, 1300), dice.randint(60, 820)

    def some(self, dice: random.Random, selector: str) -> tuple[float, float] | None:
        """The middle of something in sight."""
        found = self.page.evaluate(
            """(selector) => [...document.querySelectorAll(selector)].map((one) => one.getBoundingClientRect())
                .filter((box) => box.width > 0 && box.left > 60 && box.top > 50 && box.right < 1430 && box.bottom < 860)
                .map((box) => [box.x + box.width / 2, box.y + box.height / 2])""",
            selector,
        )
        return tuple(dice.choice(found)) if found else None

    def drag(self, dice: random.Random, start: tuple[float, float] | None, end: tuple[float, float] | None) -> None:
        """Sometimes something comes between, and sometimes the button is let go outside of the window."""
        mouse, keyboard = self.page.mouse, self.page.keyboard
        if start is None or end is None:
            return
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=3)
        between = dice.random()
        if between < 0.2:
            keyboard.press(dice.choice(["Escape", "Control+z", "Delete", "Alt+1", "Control+d", "f", "Control+y"]))
        elif between < 0.3:
            mouse.wheel(0, dice.choice([-200, 200]))
        elif between < 0.35:
            self.page.evaluate("window.dispatchEvent(new Event('blur'))")
        elif between < 0.4:
            mouse.click(*end, button="right")
        mouse.move(*end, steps=4)
        if dice.random() < 0.1:
            mouse.move(-20, -20)
        mouse.up()

    def add(self, dice: random.Random) -> None:
        self.page.keyboard.press("Control+k")
        self.page.keyboard.type(dice.choice(TYPES))
        self.page.keyboard.press(dice.choice(["Enter", "Enter", "Enter", "Escape"]))

    def add_here(self, dice: random.Random) -> None:
        self.page.mouse.dblclick(*self.spot(dice))
        self.page.keyboard.type(dice.choice(TYPES))
        self.page.keyboard.press("Enter")

    def move(self, dice: random.Random) -> None:
        self.drag(dice, self.some(dice, ".card-header, .frame-title"), self.spot(dice))

    def resize(self, dice: random.Random) -> None:
        card = self.some(dice, ".react-flow__node")
        if card:
            self.page.mouse.move(*card)
            self.drag(dice, self.some(dice, ".resize"), self.spot(dice))

    def connect(self, dice: random.Random) -> None:
        ports = (".react-flow__handle.source", ".react-flow__handle.target")
        start, end = ports if dice.random() < 0.7 else ports[::-1]
        self.drag(dice, self.some(dice, start), self.some(dice, end))

    def drop_link(self, dice: random.Random) -> None:
        self.drag(dice, self.some(dice, ".react-flow__handle"), self.spot(dice))
        self.page.keyboard.press(dice.choice(["Enter", "Escape"]))

    def click(self, dice: random.Random) -> None:
        target = self.some(dice, ".card-header, .react-flow__handle, .frame-title, .link path, .canvas-tools button")
        self.page.mouse.click(*(target or self.spot(dice)), button=dice.choice(["left", "left", "left", "right"]))

    def double_click(self, dice: random.Random) -> None:
        target = self.some(dice, ".card-header, .frame-title, .link path, .document-name")
        self.page.mouse.dblclick(*(target or self.spot(dice)))

    def select(self, dice: random.Random) -> None:
        keys = ["Shift", *dice.sample(["Alt", "Control"], dice.randint(0, 2))]
        for key in keys:
            self.page.keyboard.down(key)
        self.drag(dice, self.spot(dice), self.spot(dice))
        for key in keys:
            self.page.keyboard.up(key)

    def press(self, dice: random.Random) -> None:
        for _ in range(dice.randint(1, 4)):
            self.page.keyboard.press(dice.choice(CHORDS.split()))

    def type(self, dice: random.Random) -> None:
        field = self.some(dice, ".card input, .card textarea")
        if field is None:
            return
        self.page.mouse.click(*field)
        self.page.keyboard.type(dice.choice(["7", "12*3", "a word", "-", "<b>"]))
        self.page.keyboard.press(dice.choice(["Enter", "Tab", "Escape", "Control+z", "Control+ArrowUp"]))

    def drag_number(self, dice: random.Random) -> None:
        self.drag(dice, self.some(dice, ".card .number"), self.spot(dice))

    def choose(self, dice: random.Random) -> None:
        """Something of a menu."""
        target = self.some(dice, ".card-header, .frame-title, .link path") or self.spot(dice)
        self.page.mouse.click(*target, button="right")
        for _ in range(dice.randint(0, 9)):
            self.page.keyboard.press("ArrowDown")
        self.page.keyboard.press("Enter")
        self.page.keyboard.press(dice.choice(["Enter", "Escape", "ArrowDown"]))

    def wheel(self, dice: random.Random) -> None:
        self.page.mouse.move(*self.spot(dice))
        self.page.mouse.wheel(0, dice.choice([-600, -200, 200, 600]))

    def open_tab(self, _dice: random.Random) -> None:
        if self.count < 4:
            self.settle()
            self.open_document()

    def resize_window(self, dice: random.Random) -> None:
        self.page.set_viewport_size({"width": dice.choice([1440, 1100]), "height": dice.choice([900, 700])})
        self.page.set_viewport_size({"width": 1440, "height": 900})

    def reload(self, _dice: random.Random) -> None:
        """What was done can no longer be undone after it; all else is as it was."""
        self.settle()
        name, before = self.name(), self.document()
        self.page.wait_for_timeout(1000)
        self.page.reload()
        expect(self.page.get_by_role("status").first).to_contain_text("connected", timeout=RUN_TIMEOUT_MS)
        expect(self.page.get_by_role("button", name="Undo")).to_be_disabled()
        expect(self.page.locator(".document-name[aria-current]")).to_have_text(name)
        assert self.document() == before, "another document after a reload"
        self.firsts = {name: before}

    # What it looks at.

    def name(self) -> str:
        return self.page.locator(".document-name[aria-current]").inner_text()

    def open_document(self) -> None:
        self.count += 1
        name = f"m{self.count}"
        drop_file(self.page, f"{name}.json", json.dumps(SMALL_GRAPH), "application/json")
        expect(self.page.locator(".document-name[aria-current]")).to_have_text(name)
        self.firsts[name] = self.document()

    def settle(self) -> None:
        """Let go of everything, and close what is open."""
        self.page.mouse.up()
        for _ in range(8):
            if not self.page.evaluate(OPEN):
                break
            self.page.keyboard.press("Escape")
        if not self.page.evaluate("document.querySelector('.canvas') !== null"):
            self.page.keyboard.press("Alt+s")
        self.page.evaluate("document.activeElement.blur()")
        self.page.mouse.move(2, 2)

    def document(self) -> Document:
        """The file that would be written of what is open."""
        self.page.evaluate("document.activeElement.blur()")
        self.page.evaluate("delete window.exported")
        self.page.keyboard.press("Control+Alt+e")
        if self.page.evaluate("window.exported === undefined"):
            # Of an empty canvas there is nothing to download.
            expect(self.page.get_by_role("region", name="An empty canvas")).to_be_visible()
            return {"nodes": [], "links": []}
        document: Document = json.loads(self.page.evaluate("window.exported.text()"))
        return document

    def look(self) -> None:
        """Whether all is well."""
        self.settle()
        for _ in range(20):  # what goes takes a moment
            remains = self.page.evaluate(REMAINS)
            if not remains:
                break
            self.page.wait_for_timeout(50)
        assert remains == [], remains
        assert self.complaints == []
        faults = [*broken(self.document())]
        assert faults == [], faults

    def look_closely(self) -> None:
        """Whether the document reopens as it is, and is undone to its beginning and done again to its end."""
        self.look()
        name, last = self.name(), self.document()
        self.page.evaluate(STEP_BACK, "Undo")
        first = self.document()
        if name in self.firsts:
            assert first == self.firsts[name], "not undone to the first document"
        self.page.evaluate(STEP_BACK, "Redo")
        assert self.document() == last, "not done again to the last document"
        named = {**last, "extra": {**last.get("extra", {}), "sd35graph": {"name": "again"}}}
        drop_file(self.page, "again.json", json.dumps(named), "application/json")
        expect(self.page.locator(".document-name[aria-current]")).to_have_text("again")
        assert self.document() == (named if last["nodes"] else last), "another document after it was opened again"
        assert self.complaints == []


def broken(document: Document) -> Iterator[str]:
    """What is wrong with a document: every link joins sockets that name it."""
    nodes = {node["id"]: node for node in document["nodes"]}
    if len(nodes) != len(document["nodes"]):
        yield "two nodes have one id"
    seen: set[int] = set()
    for link in document.get("links") or []:
        fields = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
        at, source, out, target, slot = link[:5] if isinstance(link, list) else [link[field] for field in fields]
        if at in seen:
            yield f"two links have the id {at}"
        seen.add(at)
        for end, side, place in ((source, "outputs", out), (target, "inputs", slot)):
            if end in (-10, -20) and "inputNode" in document:
                continue
            if end not in nodes:
                yield f"link {at} ends at node {end}, which is not there"
            elif place >= len(nodes[end].get(side) or []):
                yield f"link {at} ends at {side} {place} of node {end}, which it has not"
            else:
                held = nodes[end][side][place]
                if at not in ([held.get("link")] if side == "inputs" else held.get("links") or []):
                    yield f"{side} {place} of node {end} do not name link {at}"
    for inner in (document.get("definitions") or {}).get("subgraphs", []):
        yield from (f"{inner['name']}: {fault}" for fault in broken(inner))


# The oftener a name stands here, the oftener it is done.
ACTIONS = """
    press press press press press press press press move move move move connect connect connect connect choose choose
    choose click click click select select select add add add add_here resize resize drop_link drop_link type type
    drag_number drag_number double_click wheel open_tab resize_window reload
"""


def script(seed: int, length: int) -> list[Step]:
    dice = random.Random(seed)
    actions = ACTIONS.split()
    return [(dice.choice(actions), dice.randrange(10**6)) for _ in range(length)]


def play(browser: Browser, url: str, steps: list[Step], every: int = 8) -> str | None:
    """What went wrong; None where nothing did."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(SPY)
    page = context.new_page()
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # Replies that refuse a graph that cannot run are logged by the browser itself.
    refusal = re.compile("status of 4")
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text) if message.type == "error" and not refusal.search(message.text) else None
        ),
    )
    done: list[Step] = []
    try:
        page.goto(url)
        expect(page.get_by_role("group", name=re.compile("KSampler"))).to_be_visible(timeout=RUN_TIMEOUT_MS)
        monkey = Monkey(page, complaints)
        for number, step in enumerate(steps, 1):
            done.append(step)
            getattr(monkey, step[0])(random.Random(step[1]))
            if number % every == 0:
                monkey.look()
        monkey.look_closely()
    except Exception as error:  # noqa: BLE001  # of any kind: the list of steps is what is to be told
        return f"{error}\nafter {done}\ncomplaints: {complaints}"
    finally:
        context.close()
    return None


def shrunk(browser: Browser, url: str, steps: list[Step]) -> list[Step]:
    """A short list that fails too: parts are left out as long as it does."""
    size = len(steps) // 2
    while size > 0:
        for start in range(0, len(steps), size):
            fewer = steps[:start] + steps[start + size :]
            if play(browser, url, fewer, every=1) is not None:
                steps = fewer
                break
        else:
            size //= 2
    return steps


def test_anything_in_any_order_in_short(browser: Browser, url: str) -> None:
    assert play(browser, url, script(7, 24)) is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_anything_in_any_order(browser: Browser, url: str, seed: int) -> None:
    steps = script(seed, 60)
    fault = play(browser, url, steps)
    if fault is not None:
        pytest.fail(f"{fault}\nin short: {shrunk(browser, url, steps)}")
