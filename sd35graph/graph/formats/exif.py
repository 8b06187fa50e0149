"""Workflows out of WebP and JPEG files: the EXIF texts `prompt:{…}` and `workflow:{…}` that saved pictures carry.

Sources: WebP container (RFC 9649), JPEG (ISO/IEC 10918-1, B.1.1), EXIF (JEITA CP-3451), whose tags lie as in TIFF 6.0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sd35graph.graph.errors import DocumentError
from sd35graph.graph.formats.png import KEYS

_EXIF_MARK = b"Exif\0\0"
_ASCII = 2
_SCAN, _END = 0xDA, 0xD9  # JPEG markers after which no metadata follows


def is_exif_picture(content: bytes) -> bool:
    """Whether the bytes start as a WebP or a JPEG file does."""
    return _is_webp(content) or content.startswith(b"\xff\xd8\xff")


def exif_workflow_texts(content: bytes) -> dict[str, str]:
    """The JSON texts a picture carries, under `prompt` (API form) and `workflow` (editor form).

    Raises `DocumentError` when the file is cut off, its EXIF is damaged, or it carries neither.
    """
    name = "WebP" if _is_webp(content) else "JPEG"
    texts: dict[str, str] = {}
    try:
        for block in _webp_exif(content) if _is_webp(content) else _jpeg_exif(content):
            for value in _ascii_values(block.removeprefix(_EXIF_MARK)):
                key, separator, text = value.partition(":")
                if separator and key in KEYS:
                    texts.setdefault(key, text)
    except (struct.error, IndexError) as error:
        raise DocumentError(f"the {name} file is cut off or its EXIF is damaged: {error}") from error
    if not texts:
        raise DocumentError(
            f"the {name} file carries no workflow: no EXIF text begins with prompt: or workflow:; "
            "pictures lose theirs when another program saves them again"
        )
    return texts


def _is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def _webp_exif(content: bytes) -> Iterator[bytes]:
    place = 12
    while place < len(content):
        kind, length = struct.unpack_from("<4sI", content, place)
        if kind == b"EXIF":
            yield _slice(content, place + 8, length)
        place += 8 + length + length % 2


def _jpeg_exif(content: bytes) -> Iterator[bytes]:
    place = 2
    while content[place + 1] not in (_SCAN, _END):
        marker, length = struct.unpack_from(">HH", content, place)
        if marker == 0xFFE1 and content.startswith(_EXIF_MARK, place + 4):
            yield _slice(content, place + 4, length - 2)
        place += 2 + length


def _ascii_values(exif: bytes) -> Iterator[str]:
    """The texts among the tags of the first directory."""
    order = "<" if exif.startswith(b"II") else ">"
    (directory,) = struct.unpack_from(f"{order}I", exif, 4)
    (count,) = struct.unpack_from(f"{order}H", exif, directory)
    for number in range(count):
        place = directory + 2 + 12 * number
        _, kind, length, offset = struct.unpack_from(f"{order}HHII", exif, place)
        if kind == _ASCII:
            value = _slice(exif, offset if length > 4 else place + 8, length)
            yield value.rstrip(b"\0").decode("utf-8", errors="replace")


def _slice(content: bytes, start: int, length: int) -> bytes:
    """`length` bytes from `start`. Raises `IndexError` where there are fewer."""
    if start + length > len(content):
        raise IndexError(f"{length} bytes are announced at byte {start}, but only {len(content)} are there")
    return content[start : start + length]
