"""How fast the editor stays with large workflows: `python -m benchmarks.editor [--sizes 40 1000 5000] [--out FILE.md]`.

Starts `sd35graph serve` for the node types and the built page, and a headless Chromium whose WebSocket is replaced by
one of our own in the page, so that progress events come at a set rate. Per size: how long a workflow takes to open,
from the drop of its file until its first frame; and, while progress events for cards in sight arrive at 100 a second,
how long frames take while a card is dragged, while the view is panned and while the whole graph is moved from afar.

Frames are those that Chromium's own trace says were drawn. Beside them stands the processor time of the page's thread,
per move of the mouse and between two frames: on a machine that does other work too, frames wait for the processor, and
this does not. The smallest graph shows how long frames take however little is in them: what Chromium needs to draw
a page without a graphics card.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from shutil import which
from typing import Any

from playwright.sync_api import Browser, Page, Route, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PATTERN = ROOT / "workflows" / "sd35_large.json"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
)
TRACED = ("toplevel", "viz")  # tasks of all threads, and frames as they are drawn; more would slow the page down
COPY_WIDTH, COPY_HEIGHT = 2300, 1500
SWEEP_S = 4.0
GOALS_MS = {1000: {"open": 1500.0, "frame": 20.0}, 5000: {"open": 5000.0, "frame": 34.0}}

# A WebSocket that connects at once and says only what the benchmark tells it to.
FAKE_SOCKET = """
class FakeSocket extends EventTarget {
  constructor() {
    super();
    this.readyState = 1;
    window.fake = this;
    setTimeout(() => this.onopen?.(new Event('open')));
  }
  send() {}
  close() {}
}
window.WebSocket = FakeSocket;
window.tell = (type, data) => window.fake.onmessage?.({ data: JSON.stringify({ type, data }) });
window.startProgress = ([perSecond, job, all]) => {
  const seen = [...document.querySelectorAll('.react-flow__node-card')].map((card) => card.dataset.id);
  const cards = seen.length > 3 ? seen : all.slice(0, 200);
  const begun = performance.now();
  let sent = 0;
  tell('execution_start', { prompt_id: job, timestamp: Date.now() });
  window.progressTimer = setInterval(() => {
    // What a busy page delayed is made up for, so that the rate is kept.
    for (const due = (performance.now() - begun) * perSecond / 1000; sent < due; sent++) {
      const step = Math.floor(sent / cards.length) % 28 + 1;
      tell('progress', { prompt_id: job, node: cards[sent % cards.length], value: step, max: 28 });
    }
    window.progressSent = sent;
  }, 10);
};
window.stopProgress = () => { clearInterval(window.progressTimer); return window.progressSent; };
"""

DROP_AND_WAIT = """([text, count]) => new Promise((resolve, reject) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], 'bench.json', { type: 'application/json' }));
  const started = performance.now();
  const done = () => document.querySelector('footer')?.textContent.includes(`${count} nodes`)
    && document.querySelectorAll('.react-flow__node-card, canvas[data-drawn]').length > 0;
  const look = () => {
    // One frame more: what was found has then been drawn.
    if (done()) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - started), 0));
    else if (performance.now() - started > 120000) reject(new Error('not open after 120 s'));
    else requestAnimationFrame(look);
  };
  document.querySelector('.react-flow__pane').dispatchEvent(
    new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true, clientX: 500, clientY: 400 }));
  look();
})"""

EMPTY_SPOT = """() => {
  const box = document.querySelector('.react-flow').getBoundingClientRect();
  for (let y = box.top + 60; y < box.bottom - 160; y += 12)
    for (let x = box.left + 60; x < box.right - 220; x += 12)
      if (document.elementFromPoint(x, y)?.classList.contains('react-flow__pane')) return [x, y];
  return null;
}"""

MIDDLE_CARD = """() => {
  const box = document.querySelector('.react-flow').getBoundingClientRect();
  const middle = [box.left + box.width / 2, box.top + box.height / 2];
  const distance = (header) => {
    const at = header.getBoundingClientRect();
    return Math.hypot(at.left + 40 - middle[0], at.top + 12 - middle[1]);
  };
  const header = [...document.querySelectorAll('.card-header')].sort((a, b) => distance(a) - distance(b))[0];
  const at = header.getBoundingClientRect();
  return [at.left + 40, at.top + 14];
}"""


def large_workflow(count: int) -> dict[str, Any]:
    """Copies of the SD3.5 Large example side by side, cut off at so many nodes."""
    pattern = json.loads(PATTERN.read_text(encoding="utf-8"))
    per_row = max(1, round(math.sqrt(count / len(pattern["nodes"]) * COPY_HEIGHT / COPY_WIDTH)))
    nodes: list[dict[str, Any]] = []
    links: list[list[Any]] = []
    copy = 0
    while len(nodes) < count:
        first, first_link = copy * 100, copy * 100
        left, top = copy % per_row * COPY_WIDTH, copy // per_row * COPY_HEIGHT
        for node in pattern["nodes"][: count - len(nodes)]:
            moved = json.loads(json.dumps(node))
            moved["id"] += first
            moved["pos"] = [node["pos"][0] + left, node["pos"][1] + top]
            for entry in moved.get("inputs", []):
                entry["link"] = None if entry.get("link") is None else entry["link"] + first_link
            for entry in moved.get("outputs", []):
                entry["links"] = [link + first_link for link in entry.get("links") or []]
            nodes.append(moved)
        for number, source, slot, target, into, kind in pattern["links"]:
            links.append([number + first_link, source + first, slot, target + first, into, kind])
        copy += 1
    ids = {node["id"] for node in nodes}
    links = [link for link in links if link[1] in ids and link[3] in ids]
    kept = {link[0] for link in links}
    for node in nodes:  # a link cut off would be reported, beside the canvas
        for entry in node.get("inputs", []):
            entry["link"] = entry["link"] if entry.get("link") in kept else None
        for entry in node.get("outputs", []):
            entry["links"] = [link for link in entry.get("links") or [] if link in kept]
    return {"nodes": nodes, "links": links, "groups": [], "config": {}, "extra": {}, "version": 0.4}


@contextmanager
def served(base: Path) -> Iterator[str]:
    """The address of a server on an empty base folder."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "nodes")])}
    command = [sys.executable, "-m", "sd35graph", "serve", "--port", "0", "--base", str(base)]
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            yield next(found[0] for line in server.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        finally:
            server.terminate()
            server.wait(30)


def percentile(values: list[float], part: float) -> float:
    """The value that `part` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(part * len(ordered)) - 1)] if ordered else math.nan


def frames_of(trace: bytes) -> dict[str, float]:
    """Intervals between drawn frames and the page's longest work between two, from a Chromium trace."""
    events = json.loads(trace)["traceEvents"]
    names = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in events
        if event.get("ph") == "M" and event["name"] == "thread_name"
    }
    drawn = sorted(event["ts"] / 1000 for event in events if event["name"] == "Display::DrawAndSwap")
    tasks = sorted(
        (event["ts"] / 1000, event.get("tdur", event.get("dur", 0)) / 1000)
        for event in events
        if event["name"] == "ThreadControllerImpl::RunTask"
        and names.get((event["pid"], event["tid"])) == "CrRendererMain"
    )
    intervals = [after - before for before, after in pairwise(drawn)]
    work = []
    at = 0
    for before, after in pairwise(drawn):
        total = 0.0
        while at < len(tasks) and tasks[at][0] < after:
            total += tasks[at][1] if tasks[at][0] >= before else 0.0
            at += 1
        work.append(total)
    return {
        "frames": float(len(intervals)),
        "median": statistics.median(intervals) if intervals else math.nan,
        "p95": percentile(intervals, 0.95),
        "worst": max(intervals, default=math.nan),
        "work": sum(duration for _, duration in tasks),
        "work_p95": percentile(work, 0.95),
        "task_worst": max((duration for _, duration in tasks), default=math.nan),
    }


def sweep(page: Page, spot: Sequence[float], reach: float) -> int:
    """Hold the button at a point and move in a widening loop. Each move waits for the frame that takes it up.

    Returns the number of moves.
    """
    x, y = spot
    page.mouse.move(x, y)
    page.mouse.down()
    moves = 0
    started = time.perf_counter()
    while (seconds := time.perf_counter() - started) < SWEEP_S:
        radius = reach * min(1.0, seconds)
        page.mouse.move(x + radius * math.sin(seconds * 2.5), y + radius * 0.6 * math.sin(seconds * 1.75))
        moves += 1
    page.mouse.up()
    return moves


def begin_run(page: Page) -> str:
    """Press Run, with a server that takes everything; the id of the job."""
    jobs: list[str] = []

    def accept(route: Route) -> None:
        jobs.append(json.loads(route.request.post_data or "").get("prompt_id", "bench"))
        route.fulfill(json={"prompt_id": jobs[0], "number": 1, "node_errors": {}})

    page.route("**/api/prompt", accept)
    page.get_by_role("button", name=re.compile("^Run")).click()
    page.get_by_text("Queued").first.wait_for(timeout=60_000)
    return jobs[0]


def measured(browser: Browser, page: Page, act: Callable[[], int], progress: list[Any]) -> dict[str, float]:
    """What the trace says of an action while progress arrives."""
    page.evaluate("(progress) => window.startProgress(progress)", progress)
    page.wait_for_timeout(300)
    browser.start_tracing(page=page, categories=list(TRACED))
    started = time.perf_counter()
    moves = act()
    seconds = time.perf_counter() - started
    figures = frames_of(browser.stop_tracing())
    sent = page.evaluate("window.stopProgress()")
    return {**figures, "seconds": seconds, "events": float(sent), "per_move": figures["work"] / moves}


def open_page(browser: Browser, url: str) -> Page:
    """The editor with its first workflow."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(FAKE_SOCKET)
    page.goto(url)
    page.locator(".react-flow__node-card").first.wait_for(timeout=120_000)
    return page


def zoom_in(page: Page) -> None:
    """Show cards at full size."""
    page.get_by_role("button", name=re.compile("zoom to 100")).click()
    page.wait_for_timeout(1500)


def bench(browser: Browser, url: str, count: int, times: int, rate: int) -> dict[str, Any]:
    """All figures of one size."""
    workflow = large_workflow(count)
    text = json.dumps(workflow)
    opened: list[float] = []
    for _ in range(times):
        page = open_page(browser, url)
        page.wait_for_timeout(1000)
        opened.append(page.evaluate(DROP_AND_WAIT, [text, count]))
        if len(opened) < times:
            page.context.close()
    progress = [rate, begin_run(page), [str(node["id"]) for node in workflow["nodes"]]]
    page.wait_for_timeout(2500)
    afar = measured(browser, page, lambda: sweep(page, page.evaluate(EMPTY_SPOT), 200), progress)
    zoom_in(page)
    pan = measured(browser, page, lambda: sweep(page, page.evaluate(EMPTY_SPOT), 500), progress)
    page.wait_for_timeout(1500)
    drag = measured(browser, page, lambda: sweep(page, page.evaluate(MIDDLE_CARD), 220), progress)
    heap = page.evaluate("performance.memory.usedJSHeapSize / 2 ** 20")
    cards = page.locator(".react-flow__node-card").count()
    page.context.close()
    return {"nodes": count, "open_ms": opened, "drag": drag, "pan": pan, "afar": afar, "heap_mib": heap, "cards": cards}


def table(results: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| nodes | what | goal | median | p95 | worst | frames | processor time per move | per frame, p95 | longest |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        nodes = result["nodes"]
        goals = {name: f"{goal:.0f} ms" for name, goal in GOALS_MS.get(nodes, {}).items()}
        opened = result["open_ms"]
        lines.append(
            f"| {nodes} | open | {goals.get('open', '')} | {statistics.median(opened):.0f} ms | |"
            f" {max(opened):.0f} ms | {len(opened)} times | | | |"
        )
        for name, words in (("drag", "drag a card"), ("pan", "pan at 100 %"), ("afar", "pan the whole graph")):
            part = result[name]
            lines.append(
                f"| {nodes} | {words} | {goals.get('frame', '')} | {part['median']:.1f} ms | {part['p95']:.1f} ms |"
                f" {part['worst']:.0f} ms | {part['frames']:.0f} in {part['seconds']:.1f} s |"
                f" {part['per_move']:.1f} ms | {part['work_p95']:.1f} ms | {part['task_worst']:.0f} ms |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        default=[40, 1000, 5000],
        help="the smallest shows what the browser itself needs",
    )
    parser.add_argument("--times", type=int, default=3, help="how often each workflow is opened")
    parser.add_argument("--rate", type=int, default=100, help="progress events a second")
    parser.add_argument("--url", help="a running server; without it one is started")
    parser.add_argument("--out", type=Path, help="write the table here, and the figures beside it as JSON")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=list(FLAGS))
        with served(Path(base)) if not chosen.url else _given(chosen.url) as url:
            results = [bench(browser, url, count, chosen.times, chosen.rate) for count in chosen.sizes]
        head = (
            f"Chromium {browser.version}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end,"
            f" {platform.system()}; {chosen.rate} progress events a second."
        )
        browser.close()
    text = f"{head}\n\n{table(results)}\n"
    print(text)
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")
        chosen.out.with_suffix(".json").write_text(json.dumps(results, indent=1), encoding="utf-8")


@contextmanager
def _given(url: str) -> Iterator[str]:
    yield url


if __name__ == "__main__":
    main()
