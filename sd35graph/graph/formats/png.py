"""Workflows out of PNG files: the text chunks `prompt` and `workflow` that saved pictures carry.

Source: PNG specification (ISO/IEC 15948), chunks tEXt, zTXt and iTXt.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from sd35graph.graph.errors import DocumentError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEYS = ("prompt", "workflow")

_MAX_TEXT_BYTES = 32 * 1024 * 1024


def is_png(content: bytes) -> bool:
    """Whether the bytes start as a PNG file does."""
    return content.startswith(SIGNATURE)


def png_workflow_texts(content: bytes) -> dict[str, str]:
    """The JSON texts a picture carries, under `prompt` (API form) and `workflow` (editor form).

    Raises `DocumentError` when the file is no PNG, is cut off, is damaged in a text chunk, or carries neither.
    """
    texts: dict[str, str] = {}
    for kind, chunk in _text_chunks(content):
        key, _, rest = chunk.partition(b"\0")
        name = key.decode("latin-1")
        if name in KEYS and name not in texts:
            texts[name] = _text(kind, rest, name)
    if not texts:
        raise DocumentError(
            "the PNG file carries no workflow: no text chunk is called prompt or workflow; "
            "pictures lose theirs when another program saves them again"
        )
    return texts


def _text_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) of the text chunks, their checksums verified."""
    if not is_png(content):
        raise DocumentError("the file is no PNG: its first eight bytes are others")
    place = len(SIGNATURE)
    while place < len(content):
        if place + 12 > len(content):
            raise DocumentError(f"the PNG file is cut off at byte {len(content)}, within a chunk's header")
        length, kind = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if end > len(content):
            raise DocumentError(f"the PNG file is cut off at byte {len(content)}; chunk at {place} needs {end}")
        if kind == b"IEND":
            return
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            data = content[place + 8 : end - 4]
            if zlib.crc32(data, zlib.crc32(kind)) != int.from_bytes(content[end - 4 : end], "big"):
                raise DocumentError(f"the PNG file is damaged: the checksum of the text chunk at byte {place} is wrong")
            yield kind, data
        place = end


def _text(kind: bytes, rest: bytes, name: str) -> str:
    """The text of a chunk after its key: plain, compressed, or with flags, language and own key."""
    if kind == b"tEXt":
        return _decoded(rest)
    if kind == b"zTXt":
        return _decoded(_inflated(rest[1:], name))
    compressed, rest = rest[:1] == b"\1", rest[2:]
    text = rest.split(b"\0", 2)[-1]
    return _decoded(_inflated(text, name) if compressed else text)


def _inflated(packed: bytes, name: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, _MAX_TEXT_BYTES)
    except zlib.error as error:
        raise DocumentError(f"the PNG file is damaged: its text {name} cannot be decompressed: {error}") from error
    if unpacker.unconsumed_tail:
        raise DocumentError(f"the PNG file's text {name} is larger than {_MAX_TEXT_BYTES} bytes")
    return text


def _decoded(text: bytes) -> str:
    """The specification says Latin-1, many programs write UTF-8; valid UTF-8 is never meant otherwise here."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
