"""Finding and loading node packs: installed ones by entry point, others from folders.

A pack that cannot be loaded is reported by name and left out; it never keeps the rest from starting.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import psutil
from pydantic import JsonValue

from sd35graph.graph.errors import RegistrationError
from sd35graph.graph.node import DECLARATION, Pack
from sd35graph.graph.registry import Registry
from sd35graph.graph.schema import BUILTIN

ENTRY_POINT_GROUP = "sd35graph.packs"


@dataclass(frozen=True, slots=True)
class PackFailure:
    """A pack that could not be loaded: its name or path, one sentence, and the traceback for its author."""

    pack: str
    message: str
    traceback: str = ""


def load_packs(folders: Sequence[Path] = (), *, builtin: bool = True) -> tuple[Registry, list[PackFailure]]:
    """A registry of all installed packs and of the packs in `folders`, and what failed.

    folders: each is a folder of packs (`.py` files and packages), or itself a package.
    builtin: False leaves out the node pack that comes with sd35graph.
    """
    registry = Registry()
    failures: list[PackFailure] = []
    for name, find in (*_installed(builtin), *_in_folders(folders)):
        try:
            registry.add(_as_pack(name, find()))
        except RegistrationError as error:
            failures.append(PackFailure(name, str(error)))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a pack's import may raise anything
            message = f'pack "{name}" cannot be loaded: {type(error).__name__}: {error}'
            failures.append(PackFailure(name, message, traceback.format_exc()))
    return registry, failures


def _installed(builtin: bool) -> Iterator[tuple[str, Callable[[], object]]]:
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name != BUILTIN):
        if builtin or entry.name != BUILTIN:
            yield entry.name, entry.load


def _in_folders(folders: Iterable[Path]) -> Iterator[tuple[str, Callable[[], object]]]:
    for folder in folders:
        for path in _modules(folder):
            yield path.stem, partial(_import_path, path)


def _modules(folder: Path) -> Iterator[Path]:
    if not folder.is_dir() or (folder / "__init__.py").is_file():
        yield folder
        return
    for path in sorted(folder.iterdir()):
        is_module = path.suffix == ".py" or (path / "__init__.py").is_file()
        if is_module and not path.name.startswith((".", "_")):
            yield path


def _import_path(path: Path) -> ModuleType:
    """Import a file or package by path. Its name may hold hyphens, and its relative imports work."""
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}; create it or correct --packs")
    source, locations = (path / "__init__.py", [str(path)]) if path.is_dir() else (path, None)
    name = "sd35graph_packs." + re.sub(r"\W", "_", path.stem)
    spec = importlib.util.spec_from_file_location(name, source, submodule_search_locations=locations)
    if spec is None or spec.loader is None:
        raise ImportError(f"{source} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _as_pack(name: str, loaded: object) -> Pack:
    pack = pack_of(loaded) if isinstance(loaded, ModuleType) else loaded
    if not isinstance(pack, Pack):
        raise RegistrationError(
            f'pack "{name}" gives {type(pack).__name__} where a Pack is expected; '
            'write pack = Pack(name="…", nodes=[…])'
        )
    return pack


def pack_of(module: ModuleType) -> Pack:
    """A module's pack: its variable `pack`, else a pack of all nodes defined in it."""
    declared = getattr(module, "pack", None)
    if isinstance(declared, Pack):
        return declared
    nodes = [value for value in vars(module).values() if hasattr(value, DECLARATION)]
    if not nodes:
        raise RegistrationError(
            f'{module.__file__} defines no nodes; put @node("Name", category="…") above a function, '
            'or a variable pack = Pack(name="…", nodes=[…])'
        )
    from sd35graph.ports import STANDARD_PORTS  # here, because it imports torch

    return Pack(name=module.__name__.rpartition(".")[2], nodes=nodes, ports=STANDARD_PORTS)


def call_scope() -> AbstractContextManager[object]:
    """Wraps node calls: no autograd when the process has torch, nothing otherwise."""
    torch = sys.modules.get("torch")
    return torch.inference_mode() if torch is not None else nullcontext()


def system_info() -> dict[str, JsonValue]:
    """The worker's devices and versions, as `/system_stats` shows them. Sizes in bytes."""
    torch = sys.modules.get("torch")
    memory = psutil.virtual_memory()
    devices: list[JsonValue] = []
    if torch is not None and torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            reserved = torch.cuda.memory_reserved(index)
            devices.append(
                {
                    "name": f"cuda:{index} {torch.cuda.get_device_name(index)}",
                    "type": "cuda",
                    "index": index,
                    "vram_total": total,
                    "vram_free": free,
                    "torch_vram_total": reserved,
                    "torch_vram_free": reserved - torch.cuda.memory_allocated(index),
                }
            )
    else:
        devices.append(
            {
                "name": "cpu",
                "type": "cpu",
                "index": None,
                "vram_total": memory.total,
                "vram_free": memory.available,
                "torch_vram_total": memory.total,
                "torch_vram_free": memory.available,
            }
        )
    return {"devices": devices, "pytorch_version": getattr(torch, "__version__", None)}
