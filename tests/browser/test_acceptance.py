"""What the editor has to be able to do, from an empty canvas to the picture, on the model that comes along.

Where another file proves it as well or already, it stands here and not again below:

| what | where |
|---|---|
| build the SD3.5 graph by mouse, run it, see the picture on its node and in the gallery | here |
| build and run it by keyboard alone | here |
| twenty edits, taken back and done again, compared as files | here |
| open a picture's workflow by dropping the picture | here; pictures of other tools: `test_editing.py` |
| paint a mask and inpaint | here; the painter by keyboard: `test_gallery.py` |
| subgraph: make, open, change, run, take apart | here; its inputs, publishing: `test_subgraphs.py` |
| cancel a run | here; while others wait: `test_queue_panel.py` |
| lose the connection and get it back | here; while the run is cancelled: `test_running.py` |
| put the queue in order | `test_queue_panel.py` |
| two windows agree | one queue: `test_running.py`; one saved file: `test_saving.py` |
| run on a phone | here; by touch on the canvas: `test_touch.py` |
| the browser is killed | `test_journal.py` |
| no accessibility rule is broken | `test_accessibility.py` |
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from hands import (
    RUN_TIMEOUT_MS,
    box_of,
    card,
    cards,
    choose,
    command,
    drag,
    exported,
    label,
    links,
    start_empty,
)
from playwright.sync_api import Locator, Page, expect

# Where the nodes stand, and what they are set to.
NODES: tuple[tuple[str, tuple[int, int], dict[str, str]], ...] = (
    ("Load checkpoint", (80, 70), {"file": "sd35_tiny.safetensors"}),
    (
        "Load three encoders",
        (80, 300),
        {
            "clip 1": "sd35_tiny_clip_l.safetensors",
            "clip 2": "sd35_tiny_clip_g.safetensors",
            "clip 3": "sd35_tiny_t5xxl.safetensors",
        },
    ),
    ("Prompt", (400, 70), {"text": "a 3d red apple"}),
    ("Prompt", (400, 300), {"text": ""}),
    ("Empty SD3 latent", (400, 560), {"width": "64", "height": "64"}),
    ("KSampler", (760, 70), {"seed: after each run": "fixed", "steps": "20", "cfg": "4"}),
    ("Decode", (1110, 70), {}),
    ("Save image", (1110, 250), {"file name": "apple"}),
)
# Output of the node at a place above → input of another.
LINKS = (
    (0, "MODEL", 5, "model"),
    (1, "CLIP", 2, "clip"),
    (1, "CLIP", 3, "clip"),
    (2, "CONDITIONING", 5, "positive"),
    (3, "CONDITIONING", 5, "negative"),
    (4, "LATENT", 5, "latent_image"),
    (5, "LATENT", 6, "samples"),
    (0, "VAE", 6, "vae"),
    (6, "IMAGE", 7, "images"),
)


def test_graph_is_built_from_nothing_by_mouse_and_draws(tiny_page: Page) -> None:
    page = tiny_page
    start_empty(page)
    placed = []
    for title, (x, y), values in NODES:
        page.mouse.dblclick(x, y)
        page.get_by_role("combobox", name="Search nodes").fill(title)
        page.get_by_role("option", name=title, exact=True).first.click()
        node = card(page, title).last
        placed.append(label(node))
        for name, value in values.items():
            set_value(node.get_by_label(name, exact=True), value)
    for source, output, target, name in LINKS:
        drag(
            page,
            page.get_by_label(f"output {output} of {placed[source]}", exact=True),
            page.get_by_label(f"input {name} of {placed[target]}", exact=True),
        )
    expect(links(page)).to_have_count(len(LINKS))
    page.get_by_role("button", name="Run", exact=True).click()
    sees_the_picture(page)


def set_value(field: Locator, value: str) -> None:
    if field.evaluate("(it) => it.tagName") == "SELECT":
        choose(field, value)
    else:
        field.fill(value)


def sees_the_picture(page: Page) -> None:
    """On its node, and first in the gallery."""
    picture = card(page, "Save image").get_by_role("img").first
    expect(picture).to_be_visible(timeout=RUN_TIMEOUT_MS)
    assert picture.evaluate("async (image) => { await image.decode(); return image.naturalWidth; }") == 64


class Keys:
    """A person without a mouse, who sees what has the focus and goes on until it is what they want."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.press = page.keyboard.press

    def focused(self) -> str:
        name: str = self.page.evaluate(
            "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()"
        )
        return name[:80]

    def press_until(self, key: str, name: str) -> None:
        """Press a key until what matches the name has the focus."""
        seen = []
        for _ in range(80):
            if re.match(name, self.focused()):
                return
            seen.append(self.focused())
            self.press(key)
        raise AssertionError(f"{key} never leads to {name}, but to {seen}")

    def add(self, title: str) -> str:
        """The name of the new card, which has the focus."""
        self.press("Control+k")
        expect(self.page.get_by_role("combobox", name="Search nodes")).to_be_focused()
        self.page.keyboard.type(title)
        expect(self.page.get_by_role("option", name=title, exact=True).first).to_have_attribute("aria-selected", "true")
        self.press("Enter")
        expect(card(self.page, title).last).to_be_focused()
        return self.focused()

    def enter(self, name: str) -> None:
        """Go to a card and into it."""
        self.press_until("Tab", re.escape(name))
        self.press("Enter")

    def set(self, name: str, value: str) -> None:
        """Set a field of the card that has been entered."""
        self.press_until("Tab", f"{re.escape(name)}$")
        kind = self.page.evaluate("document.activeElement.tagName")
        if kind != "SELECT":
            self.press("Control+a")
            self.press("Delete")
        self.page.keyboard.type(value)
        if kind == "INPUT":
            self.press("Enter")

    def connect(self, source: str, output: str, target: str, name: str) -> None:
        self.enter(source)
        self.press_until("Shift+Tab", "input |output ")
        self.press_until("ArrowDown", f"output {output} of {re.escape(source)}")
        self.press("Enter")
        self.press_until("ArrowRight", f"input {name} of {re.escape(target)}")
        self.press("Enter")
        self.press("Escape")


def test_graph_is_built_from_nothing_by_keyboard_alone_and_draws(tiny_page: Page) -> None:
    keys = Keys(tiny_page)
    keys.press("Alt+n")
    expect(cards(tiny_page)).to_have_count(0)
    placed = []
    for title, _, values in NODES:
        placed.append(keys.add(title))
        if values:
            keys.press("Enter")
        for name, value in values.items():
            keys.set(name, value)
        keys.press("Escape")
    command(tiny_page, "Tidy the graph")
    for source, output, target, name in LINKS:
        keys.connect(placed[source], output, placed[target], name)
    expect(links(tiny_page)).to_have_count(len(LINKS))
    keys.press("Control+Enter")
    sees_the_picture(tiny_page)
    command(tiny_page, "Show the gallery")
    keys.press_until("Tab", "Picture apple")
    keys.press("Enter")
    expect(tiny_page.get_by_role("dialog", name=re.compile("^Picture apple"))).to_be_visible()


def drag_by(page: Page, thing: Locator, x: float, y: float, dx: float, dy: float) -> None:
    """Drag a thing by a point of it."""
    box = box_of(thing)
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.down()
    page.mouse.move(box["x"] + x + dx, box["y"] + y + dy, steps=6)
    page.mouse.up()


def take(page: Page, *titles: str) -> None:
    """Select cards."""
    for at, title in enumerate(titles):
        modifiers: list[Literal["Control"]] = ["Control"] if at else []
        card(page, title).click(position={"x": 60, "y": 15}, modifiers=modifiers)


def choose_item(page: Page, title: str, *items: str) -> None:
    """Go through the menu of a card."""
    card(page, title).get_by_role("button", name=re.compile("^Menu of")).click()
    for item in items:
        page.get_by_role("menuitem", name=item, exact=True).click()


def rename(page: Page, title: str, name: str) -> None:
    card(page, title).get_by_text(title, exact=True).dblclick()
    page.keyboard.press("Control+a")
    page.keyboard.type(name)
    page.keyboard.press("Enter")


def set_field(page: Page, title: str, name: str, value: str) -> None:
    field = card(page, title).get_by_label(name, exact=True)
    field.fill(value)
    field.press("Tab")


def press_with(page: Page, titles: tuple[str, ...], key: str) -> None:
    take(page, *titles)
    page.keyboard.press(key)


def relink(page: Page) -> None:
    """Give the sampler the negative prompt for the positive one."""
    drag(
        page,
        page.get_by_label(re.compile("^output CONDITIONING of negative prompt")),
        page.get_by_label(re.compile("^input positive of KSampler")),
    )


def open_and_change(page: Page) -> None:
    """Change a number within the subgraph, and leave it again."""
    take(page, "Subgraph")
    page.keyboard.press("Enter")
    set_field(page, "KSampler", "steps", "9")
    page.get_by_role("button", name="Back (Esc)").click()


# What each does is one step.
EDITS: tuple[Callable[[Page], object], ...] = (
    lambda page: drag_by(page, card(page, "Empty SD3 latent"), 60, 15, 30, 40),
    lambda page: set_field(page, "KSampler", "cfg", "3.5"),
    lambda page: drag_by(page, card(page, "KSampler").get_by_label("steps", exact=True), 20, 10, 60, 0),
    lambda page: set_field(page, "prompt", "text", "a green pear"),
    lambda page: choose(card(page, "KSampler").get_by_label("sampler", exact=True), "heun"),
    lambda page: choose(card(page, "KSampler").get_by_label("seed: after each run", exact=True), "fixed"),
    relink,
    lambda page: rename(page, "Decode", "To pixels"),
    lambda page: choose_item(page, "To pixels", "Colour", "Colour blue"),
    lambda page: choose_item(page, "To pixels", "Pin"),
    lambda page: press_with(page, ("negative prompt",), "Control+m"),
    lambda page: press_with(page, ("Model sampling SD3",), "Control+b"),
    lambda page: choose_item(page, "Load three encoders", "Fold"),
    lambda page: press_with(page, ("prompt", "negative prompt"), "g"),
    lambda page: choose_item(page, "negative prompt", "Duplicate"),
    lambda page: page.keyboard.press("Delete"),
    lambda page: press_with(page, ("Model sampling SD3", "KSampler"), "Control+g"),
    open_and_change,
    lambda page: command(page, "Tidy the graph"),
    lambda page: press_with(page, ("Subgraph",), "Delete"),
)


def test_twenty_edits_are_taken_back_and_done_again_file_by_file(tiny_page: Page) -> None:
    page = tiny_page
    files = [exported(page)]
    for edit in EDITS:
        edit(page)
        files.append(exported(page))
    assert len(set(files)) > len(EDITS) - 1  # only the copy that was deleted again leads back
    for name, order in (("Undo", reversed(files[:-1])), ("Redo", iter(files[1:]))):
        for file in order:
            page.get_by_role("button", name=name, exact=True).click()
            assert exported(page) == file
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
