"""How long a prompt is to text encoders: what an editor shows below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import TypeAdapter

FindFile = Callable[[str, str], Path]
"""The path of a file, by source and name, see `Context.file`."""


@dataclass(frozen=True, slots=True)
class EncoderLength:
    """What one encoder makes of a prompt.

    encoder: such as `clip_l`. tokens: of the prompt alone, without marks and padding. limit: tokens that a section
    holds; of an encoder that takes all in one section, those it was trained with. sections: as many as are encoded.
    """

    encoder: str
    tokens: int
    limit: int
    sections: int


UnavailableCode = Literal["unknown_node", "missing_file", "no_file", "no_meter", "worker_not_ready"]
"""Why no length can be told.

unknown_node: there is no such loader. missing_file: a file it names is not here. no_file: it names none.
no_meter: no node pack that is loaded tells lengths. worker_not_ready: nobody answers just now; ask again.
"""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why no length can be told at all: for programs, and in a sentence."""

    code: UnavailableCode
    detail: str


@dataclass(frozen=True, slots=True)
class PromptLength:
    """A prompt's length to each encoder, and sentences about files of which it could not be told.

    unavailable: why there are no lengths; None where there are.
    """

    encoders: tuple[EncoderLength, ...]
    problems: tuple[str, ...] = ()
    unavailable: Unavailable | None = None


class PromptMeter(Protocol):
    """A pack's resource of this type answers how long prompts are."""

    def measure(self, text: str, files: Sequence[Path], find_file: FindFile) -> PromptLength:
        """The length of `text` to the encoders in `files`. It is asked while jobs run, from another thread."""
        ...


PROMPT_LENGTH: TypeAdapter[PromptLength] = TypeAdapter(PromptLength)
"""Reads and writes a length as JSON."""
