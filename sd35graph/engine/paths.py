"""Names that come from outside, turned into paths that cannot leave their folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

_DRIVE = re.compile(r"[A-Za-z]:")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_MAX_COMPONENT_BYTES = 255
_MAX_NAME_LENGTH = 1024
_ESCAPES = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:|[\0\\]")
_MAX_DECODINGS = 3


class UnsafePath(ValueError):
    """A file name that could leave its folder, or that some file systems cannot hold; says what is wrong with it."""


def inside(root: Path, name: str) -> Path:
    """The path `name` has below `root`, symbolic links followed; it need not exist.

    name: relative, components separated by "/", percent-decoding already done. The same rules hold on every system,
    so that a folder written on one can be used on another. Raises `UnsafePath`.
    """
    components = safe_components(name)
    real_root = os.path.realpath(root)
    real = os.path.realpath(os.path.join(real_root, *components))
    if real != real_root and not real.startswith(real_root.rstrip(os.sep) + os.sep):
        raise UnsafePath(f"{name!r} is a symbolic link that leaves its folder; copy the file into it instead")
    return Path(real)


def safe_components(name: str) -> list[str]:
    """The parts of a relative name, empty ones and "." left out. Raises `UnsafePath` for any that is not safe."""
    if len(name) > _MAX_NAME_LENGTH:
        raise UnsafePath(f"{name[:60]!r}… is too long for a file: {len(name)} characters, {_MAX_NAME_LENGTH} at most")
    if "\0" in name:
        raise UnsafePath(f"{name!r} holds a NUL byte, which no file name can have")
    if "\\" in name:
        raise UnsafePath(f'{name!r} holds a backslash; separate folders by "/"')
    if name.startswith("/") or _DRIVE.match(name):
        raise UnsafePath(f"{name!r} is an absolute path; give a name relative to its folder")
    components = [part for part in name.split("/") if part not in ("", ".")]
    for component in components:
        _check(component, name)
    for decoded in _decodings(name):
        if _ESCAPES.search(decoded):
            raise UnsafePath(f"{name!r} becomes a way out of its folder where it is percent-decoded again; rename it")
    return components


def _decodings(name: str) -> Iterator[str]:
    """What a name becomes where some program on its way decodes it once more, or twice."""
    for _ in range(_MAX_DECODINGS):
        decoded = unquote(name)
        if decoded == name:
            return
        yield decoded
        name = decoded


def _check(component: str, name: str) -> None:
    if component == "..":
        raise UnsafePath(f'{name!r} leaves its folder by ".."; give a name inside it')
    if component[-1] in ". ":
        raise UnsafePath(f"{name!r}: {component!r} ends with a dot or space, which some systems drop; rename it")
    if _RESERVED.fullmatch(component):
        raise UnsafePath(f"{name!r}: {component!r} is the name of a device on some systems; rename it")
    if ":" in component:
        raise UnsafePath(f"{name!r} holds a colon, which names a stream of the file on some systems; rename it")
    if any(ord(character) < 32 for character in component):
        raise UnsafePath(f"{name!r} holds a control character; rename it")
    try:
        size_bytes = len(component.encode())
    except UnicodeEncodeError as error:
        raise UnsafePath(f"{name!r} is no valid Unicode text; rename it") from error
    if size_bytes > _MAX_COMPONENT_BYTES:
        raise UnsafePath(f"{name!r}: a file name holds {_MAX_COMPONENT_BYTES} bytes at most, this one {size_bytes}")
