"""Where models, inputs and outputs lie, and what drop-downs filled from them offer."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from sd35graph.engine.paths import UnsafePath, inside, safe_components
from sd35graph.settings import Settings

FileFolder = Literal["input", "output", "temp"]
"""The folders whose files clients may fetch by name."""
FILE_FOLDERS: tuple[FileFolder, ...] = get_args(FileFolder)

MODEL_SOURCES: dict[str, tuple[str, ...]] = {
    "checkpoints": ("checkpoints",),
    "text_encoders": ("text_encoders", "clip"),
    "diffusion_models": ("diffusion_models", "unet"),
    "vae": ("vae",),
    "loras": ("loras",),
    "controlnet": ("controlnet",),
    "embeddings": ("embeddings",),
    "upscale_models": ("upscale_models",),
}
"""The kinds of model file and the folders that hold them; the second one is its older name, which still counts."""
ALIASES = {"clip": "text_encoders", "unet": "diffusion_models"}

_PACKAGE = Path(__file__).parents[1]
EMBEDDED_MODELS = _PACKAGE / "embedded" / "models"
"""The model root inside the package: the last one searched, and nobody's to put files into."""

_MODEL_SUFFIXES = frozenset({".safetensors", ".gguf"})
_PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
_FILE_SOURCES: dict[str, tuple[FileFolder, frozenset[str]]] = {
    **{folder: (folder, _PICTURE_SUFFIXES) for folder in FILE_FOLDERS},
    "input_latents": ("input", frozenset({".latent"})),
}
"""Sources of files that are no models: the folder, and the kind of file offered from it."""


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one installation.

    base: the user's folder. models: roots that hold `checkpoints/`, `vae/`, …, searched in order.
    input, output, temp: pictures given, results, and results not meant to stay.

    A source is the name of a kind of model (any folder name inside the model roots), or `input`, `output`, `temp` for
    the pictures in there, or `input_latents`.
    """

    base: Path
    models: tuple[Path, ...]
    input: Path
    output: Path
    temp: Path

    @classmethod
    def under(cls, base: Path) -> Folders:
        """The usual layout: `models/ input/ output/ temp/` below `base`."""
        return cls(base, (base / "models",), base / "input", base / "output", base / "temp")

    @classmethod
    def from_settings(cls, settings: Settings) -> Folders:
        """The layout the settings ask for: the base's, with single folders set apart and more model roots in front.

        The package's own models come last, so that a file of the same name elsewhere wins.
        """
        usual = cls.under(settings.base)
        return cls(
            base=settings.base,
            models=(*settings.models, *usual.models, EMBEDDED_MODELS),
            input=settings.input or usual.input,
            output=settings.output or usual.output,
            temp=settings.temp or usual.temp,
        )

    def create(self) -> None:
        """Make the folders that are missing.

        Model roots outside `base` are somebody else's and left as they are, and so is the package's.
        """
        roots = [root for root in self.models if root.is_relative_to(self.base) and root != EMBEDDED_MODELS]
        own = [root / names[0] for root in roots for names in MODEL_SOURCES.values()]
        for folder in (self.base, self.input, self.output, self.temp, *own):
            folder.mkdir(parents=True, exist_ok=True)

    def root(self, folder: FileFolder) -> Path:
        """The path of `input`, `output` or `temp`."""
        return {"input": self.input, "output": self.output, "temp": self.temp}[folder]

    def model_sources(self) -> list[str]:
        """The kinds of model that have a folder in some root, sorted."""
        found = set(MODEL_SOURCES)
        for root in filter(Path.is_dir, self.models):
            found |= {entry.name for entry in os.scandir(root) if entry.is_dir() and not entry.name.startswith(".")}
        return sorted(found - ALIASES.keys())

    def is_model_source(self, source: str) -> bool:
        """Whether `source` is a kind of model, under any of its names."""
        return source in ALIASES or source in self.model_sources()

    def choices(self, source: str) -> list[str]:
        """The files a drop-down filled from `source` offers, sorted, those in subfolders as `folder/name`.

        Models: safetensors and GGUF files, and folders in diffusers' form. Links are followed: only who runs the server
        can place them, and shared stores and hub caches consist of them. Elsewhere links that leave the folder are left
        out. So are hidden files.
        """
        if source in _FILE_SOURCES:
            folder, suffixes = _FILE_SOURCES[source]
            return sorted(_walk(self.root(folder), suffixes))
        names = (_walk(root, _MODEL_SUFFIXES, follow_links=True) for root in self.roots(source))
        return sorted({name for found in names for name in found})

    def file(self, source: str, name: str) -> Path:
        """The file `name` of a source, or the folder of a model; the first root that has it wins.

        Raises `UnsafePath` for a name that leaves its folder, `FileNotFoundError` saying where it was looked for.
        """
        for root in self.roots(source):
            path = inside(root, name) if source in _FILE_SOURCES else root.joinpath(*safe_components(name))
            if path.is_file() or (source not in FILE_FOLDERS and _model_folder(path)):
                return path
        places = " or ".join(str(root) for root in self.roots(source) if not root.is_relative_to(EMBEDDED_MODELS))
        raise FileNotFoundError(f'there is no file "{name}" for {source}; put it into {places}')

    def file_fingerprint(self, source: str, name: str) -> str:
        """Changes when the file does: size, time of change and inode, so that the file need not be read.

        For a model that is a folder, those of everything in it, linked folders included.
        """
        path = self.file(source, name)
        files = sorted(file for file in _everything(path) if file.is_file()) if path.is_dir() else [path]
        stats = [file.stat() for file in files]
        return ",".join(f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}" for status in stats)

    def folder_fingerprint(self, source: str) -> str:
        """Changes when a file that `choices` offers does, comes or goes."""
        files = [f"{name}:{self.file_fingerprint(source, name)}" for name in self.choices(source)]
        return hashlib.sha256("\n".join(files).encode()).hexdigest()

    def roots(self, source: str) -> list[Path]:
        """The folders a source's files are looked for in, in order. Raises `UnsafePath` for no folder name."""
        if source in _FILE_SOURCES:
            return [self.root(_FILE_SOURCES[source][0])]
        source = ALIASES.get(source, source)
        names = MODEL_SOURCES.get(source, (source,))
        if len(safe_components(source)) != 1:
            raise UnsafePath(f"{source!r} is no source of files; give the name of one folder of models")
        return [root / name for root in self.models for name in names]


def workflows_folder() -> Path:
    """The folder of example workflows: inside the installed package, or at the top of a checkout."""
    installed = _PACKAGE / "workflows"
    return installed if installed.is_dir() else _PACKAGE.parent / "workflows"


def example_workflows() -> dict[str, Path]:
    """The example workflows by name, sorted."""
    return {path.stem: path for path in sorted(workflows_folder().glob("*.json"))}


def _everything(folder: Path) -> Iterator[Path]:
    """The files below a folder. What is below one that was entered before is left out, so that links make no loop."""
    entered = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        yield from (Path(place, name) for name in names)
        real = os.path.realpath(place)
        if real in entered:
            folders.clear()
        entered.add(real)


def _walk(root: Path, suffixes: frozenset[str], *, follow_links: bool = False) -> Iterator[str]:
    """Names of the files below `root`, relative to it. Each folder is entered once, so that links make no loop."""
    real_root = os.path.realpath(root)
    pending, entered = [("", real_root)], {real_root}
    while pending:
        prefix, folder = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.is_symlink())
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            continue  # a folder that is missing or closed to us offers nothing
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=follow_links):
                kind = _model_folder(Path(entry.path)) if follow_links else None
                if kind:
                    yield name
                real = os.path.realpath(entry.path)
                if kind != "whole" and real not in entered:
                    entered.add(real)
                    pending.append((f"{name}/", entry.path))
                continue
            is_wanted = os.path.splitext(entry.name)[1].lower() in suffixes
            if is_wanted and _is_offered(Path(real_root), name, entry, follow_links):
                yield name


def _model_folder(path: Path) -> Literal["whole", "part"] | None:
    """Whether a folder is a model in diffusers' form: a whole one, whose files are not models of their own, or a part.

    A part holds a description and weights under diffusers' name; its files may be chosen one by one as well.
    """
    if (path / "model_index.json").is_file():
        return "whole"
    is_part = (path / "config.json").is_file() and any(path.glob("diffusion_pytorch_model*.safetensors*"))
    return "part" if is_part else None


def _is_offered(root: Path, name: str, entry: os.DirEntry[str], follow_links: bool) -> bool:
    """Whether `Folders.file` would give this file."""
    try:
        if entry.is_symlink() and not follow_links:
            return inside(root, name).is_file()
        return bool(safe_components(name)) and entry.is_file()
    except UnsafePath:
        return False
