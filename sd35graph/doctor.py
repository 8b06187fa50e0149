"""Looks at an installation as a server would meet it: `sd35graph doctor`.

Changes nothing beyond a file that is made and removed again in each folder. Each check gives findings; what a check
itself stumbles over is a finding too.
"""

from __future__ import annotations

import platform
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from sd35graph import __version__
from sd35graph.engine.folders import Folders
from sd35graph.engine.jobs import StoreError
from sd35graph.engine.storage.revisions import known_revisions, refuse_newer, revision_of
from sd35graph.settings import Settings

State = Literal["ok", "warn", "fail"]

_SCARCE_DISK_BYTES = 5 * 10**9
_FULL_DISK_BYTES = 200 * 10**6
_SCARCE_MEMORY_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do if it is not good."""

    name: str
    state: State
    message: str
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """The finding as a JSON object."""
        return {"name": self.name, "state": self.state, "message": self.message, "remedy": self.remedy}


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, each as soon as it is known; the slow ones come last."""
    folders = Folders.from_settings(settings)
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("python", _python),
        ("memory", _memory),
        ("folders", lambda: _folders(folders)),
        ("disk", lambda: _disk(folders)),
        ("port", lambda: _port(settings)),
        ("store", lambda: _store(settings)),
        ("torch", lambda: _torch(settings)),
        ("packs", lambda: _packs(settings)),
        ("models", lambda: _models(folders)),
        ("tokenizers", lambda: _tokenizers(folders)),
    ]
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:  # noqa: BLE001  a doctor that falls over helps nobody
            yield Finding(name, "fail", f"cannot be looked at: {type(error).__name__}: {error}", "report this")


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()}, sd35graph {__version__}, {sys.executable}")


def _memory() -> Iterator[Finding]:
    memory = psutil.virtual_memory()
    message = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"
    if memory.available < _SCARCE_MEMORY_BYTES:
        yield Finding("memory", "warn", message, "end other programs, or run smaller models; --ram sets a limit")
    else:
        yield Finding("memory", "ok", message)


def _folders(folders: Folders) -> Iterator[Finding]:
    for name in ("base", "input", "output", "temp"):
        folder: Path = getattr(folders, name)
        existing = _existing(folder)
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
        except OSError as error:
            remedy = f"give the user that runs the server the right to write there, or another folder with --{name}"
            yield Finding(f"folder {name}", "fail", f"{folder} cannot be written: {error.strerror}", remedy)
        else:
            yield Finding(f"folder {name}", "ok", f"{folder}{'' if folder.exists() else ', made at the first start'}")


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _disk(folders: Folders) -> Iterator[Finding]:
    for name, folder in (("base", folders.base), ("output", folders.output)):
        free = shutil.disk_usage(_existing(folder)).free
        state: State = "fail" if free < _FULL_DISK_BYTES else "warn" if free < _SCARCE_DISK_BYTES else "ok"
        remedy = "" if state == "ok" else "remove old pictures or models, or move the folder to a larger disk"
        yield Finding(f"disk of {name}", state, f"{free / 1e9:.1f} GB free at {folder}", remedy)


def _port(settings: Settings) -> Iterator[Finding]:
    from sd35graph.serving import ServeError, listen

    where = f"{settings.host}:{settings.port}"
    try:
        listen(settings.host, settings.port).close()
    except ServeError as error:
        yield Finding("port", "fail", str(error), "if that is this server, it runs already and all is well")
    else:
        yield Finding("port", "ok", f"{where} is free")


def _store(settings: Settings) -> Iterator[Finding]:
    path = settings.store_file
    if path is None:
        yield Finding("store", "ok", "no SQLite file; ask the database's own tools")
        return
    try:
        revision = revision_of(path)
        refuse_newer(revision, str(path))
    except StoreError as error:
        yield Finding("store", "fail", str(error), "see docs/operating.md, `Backup`")
        return
    if revision is None:
        yield Finding("store", "ok", f"{path}, made at the first start")
        return
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
        states = dict(connection.execute("SELECT state, count(*) FROM jobs GROUP BY state"))
    if verdict != "ok":
        yield Finding("store", "fail", f"{path} is damaged: {verdict}", "stop the server and put a copy back")
        return
    held = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no jobs"
    is_older = revision != known_revisions()[-1]
    upgrade = ", upgraded at the next start, after a copy was made" if is_older else ""
    yield Finding("store", "ok", f"{path}, {path.stat().st_size / 1e6:.1f} MB, {held}{upgrade}")


def _torch(settings: Settings) -> Iterator[Finding]:
    import torch

    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    devices = [f"cuda:{index} {torch.cuda.get_device_name(index)}" for index in range(torch.cuda.device_count())]
    yield Finding("torch", "ok", f"{torch.__version__}, built for CUDA {torch.version.cuda or 'no'}")
    yield Finding("devices", "ok", ", ".join([*devices, *(["mps"] if has_mps else []), "cpu"]))
    for device in dict.fromkeys(settings.worker_devices):
        wanted = device.partition(":")[0]
        index = int(device.partition(":")[2] or 0)
        is_there = {"cuda": has_cuda and index < len(devices), "mps": has_mps}.get(wanted, True)
        if not is_there:
            remedy = "install the driver and a torch built for it, or choose another device"
            yield Finding("device", "fail", f"{device} is asked for, and is not here", remedy)


def _packs(settings: Settings) -> Iterator[Finding]:
    from sd35graph.packs import load_packs

    registry, failures = load_packs(settings.packs, builtin=settings.builtin_nodes)
    yield Finding("packs", "ok", f"{len(registry.schemas())} node types")
    for failure in failures:
        yield Finding("pack", "fail", failure.message, "mend, update or remove the pack")


def _models(folders: Folders) -> Iterator[Finding]:
    from sd35graph.model_files import installed
    from sd35graph.models.errors import ModelError
    from sd35graph.models.files.checkpoint import read_header

    for root in folders.models:
        if not root.exists() and root != folders.base / "models":
            yield Finding("models", "fail", f"{root} is no folder", "correct --models")
    files = installed(folders)
    sound = 0
    for path in files:
        try:
            if path.suffix in (".safetensors", ".gguf"):
                read_header(path)
            sound += 1
        except (ModelError, OSError) as error:
            yield Finding("model", "fail", f"{path}: {error}", "fetch it again, or remove it")
    if files:
        yield Finding("models", "ok", f"{sound} files can be read")
    else:
        remedy = "`sd35graph models pull sd3.5-medium` fetches one; sd35-tiny, in the package, runs without"
        yield Finding("models", "warn", "no model files beside the package's own", remedy)


def _tokenizers(folders: Folders) -> Iterator[Finding]:
    for name, files in (("clip", ("vocab.json", "merges.txt")), ("t5", ("tokenizer.json", "spiece.model"))):
        found = [root for root in folders.models for file in files if (root / "tokenizers" / name / file).is_file()]
        if found:
            yield Finding(f"tokenizer {name}", "ok", str(found[0] / "tokenizers" / name))
        else:
            remedy = "`sd35graph models pull sd3.5-medium` brings it; one beside a text encoder's file counts as well"
            yield Finding(f"tokenizer {name}", "warn", f"none in {folders.models[0] / 'tokenizers' / name}", remedy)
