"""How long a prompt is to text encoders: what an editor shows below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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


@dataclass(frozen=True, slots=True)
class PromptLength:
    """A prompt's length to each encoder, and sentences about files of which it could not be told."""

    encoders: tuple[EncoderLength, ...]
    problems: tuple[str, ...] = ()


class PromptMeter(Protocol):
    """A pack's resource of this type answers how long prompts are."""

    def measure(self, text: str, files: Sequence[Path], find_file: FindFile) -> PromptLength:
        """The length of `text` to the encoders in `files`. It is asked while jobs run, from another thread."""
        ...


PROMPT_LENGTH: TypeAdapter[PromptLength] = TypeAdapter(PromptLength)
"""Reads and writes a length as JSON."""
