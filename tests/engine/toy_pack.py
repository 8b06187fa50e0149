"""Nodes for tests of worker processes. A pack folder: `--packs tests/engine/toy_pack.py`. Loads without torch."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

from sd35graph.graph.context import Context
from sd35graph.graph.node import Choices, Input, Pack, Prompt, node


def add_line(path: str, text: str) -> None:
    """Append a line to a file, or to a named pipe, in one write."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{text}\n".encode())
    os.close(descriptor)


class Counter:
    """A resource that says when it was released, in a file."""

    def __init__(self, environment: Any) -> None:
        self._log = environment.model_roots[0].parent / "released"

    def loaded_models(self) -> list[dict[str, str | int]]:
        return [{"file": "toy.safetensors", "part": "vae", "device": "cpu", "size_bytes": 1, "total_bytes": 2}]

    def release(self) -> None:
        with self._log.open("a") as file:
            file.write("released\n")


@node("Echo", category="toy", is_output=True, validate=lambda text: "bad text" if text == "bad" else None)
def echo(ctx: Context, text: str) -> str:
    """Shows its text; prints it, too, which must not disturb anybody."""
    print(f"a node prints {text}")  # noqa: T201 - what it is for
    os.write(1, b"and writes to descriptor 1\n")
    ctx.show("text", [text])
    return text


@node("Picture", category="toy", is_output=True)
def picture(ctx: Context, prefix: str, prompt: Prompt) -> None:
    saved = ctx.save("output", prefix, ".txt", lambda file: file.write(repr(prompt).encode()))
    ctx.show("images", [saved.reference()])


@node("Steps", category="toy", is_output=True)
def steps(ctx: Context, count: int) -> None:
    for value in range(1, count + 1):
        ctx.progress(value, count)
        ctx.preview(b"\x89PNG", "image/png")


@node("WaitForCancel", category="toy", is_output=True, cacheable=False)
def wait_for_cancel(ctx: Context, mark: str) -> None:
    """Says that it runs by making the file `mark`, then looks for its cancel token as a sampler does."""
    Path(mark).touch()
    while True:
        ctx.check_cancelled()
        time.sleep(0.005)


@node("Hang", category="toy", is_output=True, cacheable=False)
def hang(mark: str) -> None:
    """Never looks at its token."""
    Path(mark).touch()
    while True:
        time.sleep(1)


@node("HangWhileNew", category="toy", is_output=True, cacheable=False)
def hang_while_new(ctx: Context, mark: str, note: Annotated[str, Input(optional=True)] = "") -> None:
    """Hangs the first time and succeeds the second; every start is a line in the files `mark` and `note`."""
    add_line(mark, "started")
    if note:
        add_line(note, "started")
    while len(Path(mark).read_text().splitlines()) < 2:
        time.sleep(0.005)
    ctx.show("text", ["second time"])


@node("Note", category="toy", is_output=True, cacheable=False)
def note(path: str, text: str) -> None:
    add_line(path, text)


@node("Exit", category="toy", is_output=True, cacheable=False)
def exit_process(code: int) -> None:
    os._exit(code)


@node("Kill", category="toy", is_output=True, cacheable=False)
def kill(count: str) -> None:
    """Kills its own process; every start is a line in the file `count`."""
    add_line(count, "started")
    os.kill(os.getpid(), signal.SIGKILL)


@node("SysExit", category="toy", is_output=True, cacheable=False)
def sys_exit() -> None:
    sys.exit(3)


@node("ShowNan", category="toy", is_output=True)
def show_nan(ctx: Context) -> None:
    ctx.show("numbers", [float("nan")])


@node("Fork", category="toy", is_output=True, cacheable=False)
def fork(ctx: Context) -> None:
    """Leaves a child behind that holds all descriptors open, and dies."""
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    os._exit(7)


@node("File", category="toy", is_output=True)
def file_size(ctx: Context, name: Annotated[str, Choices("input")]) -> None:
    ctx.show("size", [ctx.file("input", name).stat().st_size])


SURVIVORS: list[bytearray] = []


@node("LeaveHoles", category="toy", is_output=True)
def leave_holes() -> None:
    """Fill 128 MiB, free them, and keep something small between what was freed."""
    filled = []
    for _ in range(8192):
        filled.append(bytearray(16384))
        SURVIVORS.append(bytearray(600))


@node("Use", category="toy", is_output=True)
def use(ctx: Context) -> None:
    ctx.resource(Counter)


async def slow_validator(text: str) -> None:
    await asyncio.sleep(600)


@node("SlowValidator", category="toy", is_output=True, validate=slow_validator)
def slow_to_validate(text: str) -> None:
    """Its validator takes ten minutes."""


pack = Pack(
    name="toy",
    nodes=[
        echo,
        picture,
        steps,
        wait_for_cancel,
        hang,
        hang_while_new,
        note,
        exit_process,
        kill,
        sys_exit,
        show_nan,
        fork,
        file_size,
        leave_holes,
        use,
        slow_to_validate,
    ],
    resources={Counter: Counter},
)
