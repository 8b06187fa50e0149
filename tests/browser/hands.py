"""What a person does with mouse and keyboard, as functions that the browser tests share."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import FloatRect, JSHandle, Locator, Page, WebSocketRoute, expect

ROOT = Path(__file__).parents[2]
SMALL = {
    "sd3.5_large.safetensors": "tiny_sd35.safetensors",
    "clip_l.safetensors": "tiny_clip_l.safetensors",
    "clip_g.safetensors": "tiny_clip_g.safetensors",
    "t5xxl_fp16.safetensors": "tiny_t5xxl.safetensors",
}
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
RUN_TIMEOUT_MS = 120_000


def start_empty(page: Page) -> None:
    page.get_by_role("button", name="New", exact=True).click()
    expect(page.get_by_role("group", name=re.compile("KSampler"))).to_have_count(0)


def add_node(page: Page, name: str) -> Locator:
    """Add a node through the palette; returns its card."""
    before = page.get_by_role("group", name=re.compile(r"\(node \d+\)")).count()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search nodes").fill(name)
    page.get_by_role("option", name=name, exact=True).first.click()
    cards = page.get_by_role("group", name=re.compile(r"\(node \d+\)"))
    expect(cards).to_have_count(before + 1)
    return page.get_by_role("group", name=re.compile(rf"^{re.escape(name)} \(node \d+\)")).last


def label(card: Locator) -> str:
    return card.get_attribute("aria-label") or ""


def drag(page: Page, start: Locator, end: Locator) -> None:
    """Press on the middle of one, move to the middle of the other in steps, let go."""
    a, b = box_of(start), box_of(end)
    page.mouse.move(a["x"] + a["width"] / 2, a["y"] + a["height"] / 2)
    page.mouse.down()
    page.mouse.move((a["x"] + b["x"]) / 2, (a["y"] + b["y"]) / 2, steps=5)
    page.mouse.move(b["x"] + b["width"] / 2, b["y"] + b["height"] / 2, steps=8)
    page.mouse.up()


def move_card(page: Page, card: Locator, x: float, y: float) -> None:
    """Drag a card by its header so that its corner comes to (x, y)."""
    box = box_of(card)
    page.mouse.move(box["x"] + 40, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(x + 40, y + 12, steps=8)
    page.mouse.up()


def links(page: Page) -> Locator:
    return page.locator(".link")


def small_workflow(steps: int) -> dict[str, Any]:
    """The SD3.5 Large example on the small models, at 128 pixels."""
    text = (ROOT / "workflows" / "sd35_large.json").read_text(encoding="utf-8")
    for name, small in SMALL.items():
        text = text.replace(f'"{name}"', f'"{small}"')
    workflow: dict[str, Any] = json.loads(text)
    for node in workflow["nodes"]:
        if node["type"] == "EmptySD3LatentImage":
            node["widgets_values"] = [128, 128, 1]
        if node["type"] == "KSampler":
            node["widgets_values"][2] = steps
    return workflow


def open_large(page: Page) -> None:
    """Open the SD3.5 Large example, whose model files no test has."""
    text = (ROOT / "workflows" / "sd35_large.json").read_text(encoding="utf-8")
    drop_file(page, "large.json", text, "application/json")
    expect(card(page, "Prompt")).to_be_attached()


def drop_file(page: Page, name: str, content: str | bytes, kind: str, target: Locator | None = None) -> None:
    """Drop a file on the canvas or on a part of it, as from the desktop."""
    data = content.encode() if isinstance(content, str) else content
    transfer = page.evaluate_handle(
        """([name, content, kind]) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type: kind }));
            return transfer;
        }""",
        [name, base64.b64encode(data).decode(), kind],
    )
    drop(page, transfer, target)


def drop(page: Page, transfer: JSHandle, target: Locator | None = None) -> None:
    """Drop what a DataTransfer of the page holds."""
    target = target or page.locator(".react-flow__pane")
    for event in ("dragenter", "dragover", "drop"):
        target.dispatch_event(event, {"dataTransfer": transfer, "clientX": 400, "clientY": 300})


def cards(page: Page) -> Locator:
    return page.get_by_role("group", name=re.compile(r"\(node \d+\)"))


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("group", name=re.compile(rf"^{re.escape(title)} \(node "))


def box_of(thing: Locator) -> FloatRect:
    """Where a thing stands on the page."""
    box = thing.bounding_box()
    assert box is not None
    return box


def undo_steps(page: Page) -> int:
    """Undo until nothing is left to undo; how many steps that took."""
    undo = page.get_by_role("button", name="Undo")
    steps = 0
    while undo.is_enabled():
        undo.click()
        steps += 1
    return steps


def choose(field: Locator, value: str) -> None:
    """Choose from a list, the browser's own or one that is searched."""
    if field.evaluate("field => field.tagName") == "SELECT":
        field.select_option(value)
    else:
        field.click()
        field.page.get_by_role("listbox").get_by_role("option", name=value, exact=True).click()


def command(page: Page, name: str) -> None:
    """Run a command by its name, by keyboard."""
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    page.keyboard.type(name)
    expect(page.get_by_role("option", name=name, exact=True)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")


def exported(page: Page) -> bytes:
    """The file that the editor would write of what is open."""
    with page.expect_download() as download:
        command(page, "Download the workflow")
    return download.value.path().read_bytes()


class Wire:
    """The connection of a page, to be cut and mended. It has to be laid before the page opens."""

    def __init__(self, page: Page) -> None:
        self._sockets: list[WebSocketRoute] = []
        self._is_cut = False
        self._last: str | None = None
        page.route_web_socket(re.compile("/ws"), self._pass_on)

    def _pass_on(self, socket: WebSocketRoute) -> None:
        if self._is_cut:
            socket.close()
            return
        self._sockets.append(socket)
        socket.connect_to_server().on_message(lambda message: self._receive(socket, message))

    def _receive(self, socket: WebSocketRoute, message: str | bytes) -> None:
        if self._is_cut:
            return
        socket.send(message)
        if self._last is not None and isinstance(message, str) and f'"{self._last}"' in message:
            self.cut()

    def cut(self) -> None:
        self._is_cut = True
        self._sockets[-1].close()

    def cut_after(self, kind: str) -> None:
        """Cut as soon as a message of this type has come through."""
        self._last = kind

    def mend(self) -> None:
        self._is_cut, self._last = False, None
