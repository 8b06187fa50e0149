"""The embeddings that prompts name: files in models/embeddings."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from sd35graph.graph.prompt_length import FindFile
from sd35graph.models.networks.textual_inversion import Embedding, FindEmbedding, read_embedding

_SUFFIX = re.compile(r"\.(safetensors|pt|bin)$")  # of an embedding's file, which prompts may leave out


def embeddings_of(find_file: FindFile, tell: Callable[[str], object]) -> FindEmbedding:
    """Finds what `embedding:name` means in models/embeddings; `tell` gets a sentence about a name without a file."""

    @cache
    def find(name: str) -> Embedding:
        try:
            path = _embedding_file(find_file, name)
        except (OSError, ValueError) as error:  # no such file, or a name that no file in the folder can have
            tell(f"embedding:{name} was left out of the prompt: {error}")
            return {}
        return read_embedding(path)

    return find


def _embedding_file(find_file: FindFile, name: str) -> Path:
    """The file; a pickle too, so that reading it says why it is refused. Raises what `Context.file` does."""
    stem = _SUFFIX.sub("", name)
    try:
        return find_file("embeddings", f"{stem}.safetensors")
    except FileNotFoundError:
        for suffix in (".pt", ".bin"):
            with suppress(FileNotFoundError):
                return find_file("embeddings", stem + suffix)
        raise
