"""The published model files on this machine: which are here, fetching those that are not, checking those that are."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from sd35graph.engine.folders import EMBEDDED_MODELS, MODEL_SOURCES, Folders
from sd35graph.graph.known_files import KNOWN_FILES, KNOWN_SETS, KnownFile, nearest
from sd35graph.models.errors import FetchError, ModelError
from sd35graph.models.hub import OnProgress, RemoteFile, download, look_up, partial_size, sha256_of

_UNFINISHED = ".downloads"
_ENDING = ".safetensors"


class UnknownName(Exception):
    """No published file or set of files has this name; the message names those that look like it."""


class Screen(Protocol):
    """What is told of a pull or a check that takes time."""

    def say(self, message: str) -> None:
        """Show a line."""
        ...

    def begin(self, name: str, size_bytes: int) -> OnProgress:
        """Show that a file is read or fetched; the function takes how many bytes are done."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found of one file. problem: None if it is good. note: what could not be checked."""

    path: Path
    problem: str | None = None
    note: str = ""


def files_named(names: Iterable[str]) -> list[KnownFile]:
    """The files that names of sets and files mean, each once. Raises `UnknownName`.

    A file's ending may be left out, and case and the kind of dash do not matter. A name without an ending that fits
    both a set and a file means the set.
    """
    known = {spelling: name for name in KNOWN_FILES for spelling in (_plain(name), _plain(name).removesuffix(_ENDING))}
    known |= {_plain(name): name for name in KNOWN_SETS}
    found: dict[str, KnownFile] = {}
    for given in names:
        name = known.get(_plain(given))
        if name is None:
            near = dict.fromkeys(known[spelling] for spelling in nearest(_plain(given), list(known)))
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise UnknownName(f'"{given}" is no published file; {hint}`sd35graph models list` shows all names')
        found |= {member: KNOWN_FILES[member] for member in KNOWN_SETS.get(name, (name,))}
    return list(found.values())


def _plain(name: str) -> str:
    """The name without what people spell differently."""
    return name.lower().replace("_", "-")


def find(folders: Folders, known: KnownFile) -> Path | None:
    """Where the file lies, if it is here."""
    source, _, below = known.folder.partition("/")
    try:
        return folders.file(source, f"{below}/{known.name}".lstrip("/"))
    except FileNotFoundError:
        return None


def pull(folders: Folders, wanted: Iterable[KnownFile], screen: Screen, endpoint: str | None = None) -> list[Path]:
    """Fetch the files that are not here into the first folder of models; returns where they lie.

    All are looked up before the first is fetched. Raises `FetchError`, which says all that cannot be had.
    endpoint: another hub's URL; None: the one the environment says.
    """
    root = folders.models[0]
    missing = [known for known in wanted if find(folders, known) is None]
    remotes = _looked_up(missing, endpoint)
    _check_space(root, remotes)
    return [_pull_one(known, remote, root, screen, endpoint) for known, remote in zip(missing, remotes, strict=True)]


def installed(folders: Folders) -> list[Path]:
    """The model files here, those of the package left out."""
    offered = [folders.file(source, name) for source in MODEL_SOURCES for name in folders.choices(source)]
    known = [path for file in KNOWN_FILES.values() if (path := find(folders, file)) is not None]
    return sorted({path for path in (*offered, *known) if not path.is_relative_to(EMBEDDED_MODELS)})


def verify(path: Path, screen: Screen) -> Verdict:
    """Whether a file is what was fetched, by its hash, and whole, by its header."""
    from sd35graph.models.files.checkpoint import (
        read_header,  # brings torch, which the other commands need not wait for
    )

    try:
        if path.suffix in (".safetensors", ".gguf"):
            read_header(path)
        if not _record(path).is_file():
            return Verdict(path, note="no recorded hash, as it was not pulled")
        expected = _recorded_hash(path)
        found = sha256_of(path, screen.begin(path.name, path.stat().st_size))
    except (ModelError, OSError) as error:
        return Verdict(path, problem=str(error))
    if found != expected:
        return Verdict(
            path, problem=f"its hash is {found}, and was {expected} when it was pulled; remove and pull it again"
        )
    return Verdict(path)


def _looked_up(missing: Iterable[KnownFile], endpoint: str | None) -> list[RemoteFile]:
    remotes: list[RemoteFile] = []
    problems: dict[str, None] = {}  # each once: several files may lie behind one gate
    for known in missing:
        try:
            remotes.append(look_up(known.repository, known.path, endpoint))
        except FetchError as error:
            problems[str(error)] = None
    if problems:
        raise FetchError("\n".join(problems))
    return remotes


def _check_space(root: Path, remotes: Iterable[RemoteFile]) -> None:
    """Raise `FetchError` unless the disk holds what is still to come."""
    needed = sum(remote.size_bytes - partial_size(remote, root / _UNFINISHED) for remote in remotes)
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise FetchError(
            f"{needed / 1e9:.1f} GB are to be fetched, but the disk of {root} has {free / 1e9:.1f} GB free. Free some "
            "space, or give a folder on another disk with --models."
        )


def _pull_one(known: KnownFile, expected: RemoteFile, root: Path, screen: Screen, endpoint: str | None) -> Path:
    target, unfinished = root / known.folder / known.name, root / _UNFINISHED
    unfinished.mkdir(parents=True, exist_ok=True)
    with _alone(unfinished / f"{expected.name}.lock", expected, screen):
        if not target.is_file():  # another pull may have brought it while this one waited
            remote = look_up(known.repository, known.path, endpoint)  # anew: its URL may hold for minutes only
            if remote.etag != expected.etag:
                raise FetchError(f"{known.path} of {known.repository} changed on the hub meanwhile. Run it again.")
            digest = download(remote, target, unfinished, screen.begin(remote.name, remote.size_bytes))
            _record(target).write_text(f"{digest}  {target.name}\n", encoding="utf-8")
    return target


@contextmanager
def _alone(lock: Path, remote: RemoteFile, screen: Screen) -> Iterator[None]:
    """Wait until no other process fetches the file. The lock ends with its process."""
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        screen.say(f"{remote.name} is being fetched by another pull; waiting for it")
        held.acquire()
    try:
        yield
    finally:
        held.release()


def _record(path: Path) -> Path:
    """Where the hash of a fetched file stands, as `sha256sum` writes it; hidden from drop-downs."""
    return path.with_name(f".{path.name}.sha256")


def _recorded_hash(path: Path) -> str:
    """The SHA-256 a file had when it was fetched. Raises `FetchError` for a damaged record."""
    text = _record(path).read_text(encoding="utf-8", errors="replace")
    found = re.match(r"[0-9a-f]{64}\b", text)
    if found is None:
        raise FetchError(
            f"its record {_record(path)} does not begin with a SHA-256 of 64 hexadecimal digits, but with "
            f"{text[:20]!r}; remove the file and pull it again"
        )
    return found[0]
