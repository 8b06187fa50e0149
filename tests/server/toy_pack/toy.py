"""Small nodes without torch, to drive a real server and a real worker."""

from __future__ import annotations

import os
import signal
import time
from typing import Annotated

from sd35graph import Blocked, Choices, Context, Input, Pack, UniqueId, node

OptionalInt = Annotated[int, Input(optional=True)]
OptionalFloat = Annotated[float, Input(optional=True)]
OptionalText = Annotated[str, Input(optional=True)]
JPEG = b"\xff\xd8\xff\xe0 not really a picture"


@node("ToyInt", category="toy")
def toy_int(value: Annotated[int, Input(min=0, max=2**32)] = 0) -> int:
    """A number."""
    return value


@node("ToyAdd", category="toy")
def toy_add(a: int, b: Annotated[int, Input(min=-100, max=100)] = 1) -> int:
    """A sum."""
    return a + b


@node("ToyFloat", category="toy")
def toy_float(value: float = 0.0) -> float:
    """A number with a fraction and without limits."""
    return value


@node("ToyShow (any) [text]", category="toy", is_output=True)
def toy_show(value: int | float | str, ctx: Context) -> None:
    """Shows a value."""
    ctx.show("text", [str(value)])


@node("ToySave", category="toy", is_output=True)
def toy_save(value: int, prefix: str, ctx: Context, suffix: OptionalText = ".txt") -> None:
    """Writes the value into a file."""
    artifact = ctx.save("output", prefix, suffix, lambda file: file.write(str(value).encode()))
    ctx.show("files", [artifact.reference()])


@node("ToySteps", category="toy", cacheable=False)
def toy_steps(value: int, ctx: Context, steps: OptionalInt = 3, seconds_per_step: OptionalFloat = 0.0) -> int:
    """Takes its time, with progress and previews."""
    for step in range(1, steps + 1):
        ctx.progress(step, steps)
        ctx.preview(JPEG, "image/jpeg")
        time.sleep(seconds_per_step)
    return value


@node("ToyFail", category="toy")
def toy_fail(value: int, message: OptionalText = "no luck") -> int:
    """Raises."""
    raise RuntimeError(f"{message}: {value}")


@node("ToyWrongType", category="toy")
def toy_wrong_type(value: int) -> int:
    """Breaks its promise."""
    return f"not a number, {value}"  # type: ignore[return-value]


@node("ToyDie", category="toy", cacheable=False)
def toy_die(value: int) -> int:
    """Takes its whole process along."""
    os.kill(os.getpid(), signal.SIGKILL)
    return value


@node("ToyGate", category="toy")
def toy_gate(value: int, message: OptionalText = "closed") -> int | Blocked:
    """Blocks its output."""
    return Blocked(message)


@node("ToyWarn", category="toy")
def toy_warn(value: int, ctx: Context, message: OptionalText = "two keys fit nothing") -> int:
    """Tells the user something and goes on."""
    ctx.warn(message)
    return value


@node("ToyFile", category="toy")
def toy_file(name: Annotated[str, Choices("checkpoints")]) -> str:
    """Names a model file."""
    return name


def _even(value: int) -> str | None:
    if value == 13:
        time.sleep(60)
    return None if value % 2 == 0 else f"{value} is odd; give an even number"


@node("ToyEven", category="toy", validate=_even)
def toy_even(value: int) -> int:
    """Takes even numbers only."""
    return value


@node("ToyId", category="toy")
def toy_id(unique_id: UniqueId) -> str:
    """Its own id."""
    return unique_id


pack = Pack(
    name="toy",
    nodes=[
        toy_int,
        toy_add,
        toy_float,
        toy_show,
        toy_save,
        toy_steps,
        toy_fail,
        toy_wrong_type,
        toy_die,
        toy_gate,
        toy_warn,
        toy_file,
        toy_even,
        toy_id,
    ],
)
