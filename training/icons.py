"""The icon sets, rendered once into one array of pictures; and the list of concepts drawn from them.

The sets come from the npm registry (`package.json` here pins them): Noto Emoji (Apache-2.0) and Fluent Emoji in three
styles (MIT). Rendering is resvg's.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Container, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

Style = Literal["classic", "3d", "flat", "line art"]
STYLES: tuple[Style, ...] = get_args(Style)

Tone = Literal["light", "medium-light", "medium", "medium-dark", "dark"]
TONES: tuple[Tone, ...] = get_args(Tone)

_SETS: Mapping[Style, str] = {
    "classic": "noto",
    "3d": "fluent-emoji",
    "flat": "fluent-emoji-flat",
    "line art": "fluent-emoji-high-contrast",
}
_HERE = Path(__file__).parent
_PACKAGES = _HERE / "node_modules" / "@iconify-json"


@dataclass(frozen=True, slots=True)
class Concept:
    """Something the model draws.

    words: what captions call it. has_tones: it comes in five skin tones. is_core: every training holds it.
    """

    icon: str
    words: tuple[str, ...]
    has_tones: bool
    is_core: bool


@dataclass(frozen=True, slots=True)
class IconKey:
    """One icon of one set. tone: None for the plain version."""

    style: Style
    icon: str
    tone: Tone | None = None


class Icons:
    """Rendered icons, uint8 [size, size, 4] each, RGBA with straight alpha."""

    def __init__(self, pictures: NDArray[np.uint8], keys: list[IconKey]) -> None:
        self.pictures = pictures
        self.keys = keys
        self._rows = {key: row for row, key in enumerate(keys)}

    def __getitem__(self, key: IconKey) -> NDArray[np.uint8]:
        picture: NDArray[np.uint8] = self.pictures[self._rows[key]]
        return picture

    def __contains__(self, key: IconKey) -> bool:
        return key in self._rows


def concepts(*, wide: bool) -> list[Concept]:
    """The list in `concepts.txt`; its core unless `wide`."""
    found = (_concept(line) for line in _lines(_HERE / "concepts.txt"))
    return [concept for concept in found if wide or concept.is_core]


def load_icons(folder: Path, size: int) -> Icons:
    """All icons at `size` pixels, rendered into `folder` on first use (minutes); skin tones of listed concepts only."""
    store = folder / f"icons-{size}.npy"
    keys = [key for key, _ in _sources()]
    if not store.exists():
        _render_all(store, size)
    pictures: NDArray[np.uint8] = np.load(store, mmap_mode="r")
    if len(pictures) != len(keys):
        raise ValueError(f"{store} holds {len(pictures)} icons, expected {len(keys)}; delete it to render anew.")
    return Icons(pictures, keys)


def _render_all(store: Path, size: int) -> None:
    store.parent.mkdir(parents=True, exist_ok=True)
    sources = [svg for _, svg in _sources()]
    unfinished = store.with_suffix(".partial.npy")
    out = np.lib.format.open_memmap(unfinished, "w+", np.uint8, (len(sources), size, size, 4))
    with ProcessPoolExecutor() as pool:
        rendered = pool.map(_render, sources, [size] * len(sources), chunksize=32)
        for row, picture in enumerate(track(rendered, f"rendering icons at {size} px", len(sources))):
            out[row] = picture
    out.flush()
    os.replace(unfinished, store)


def _render(svg: str, size: int) -> NDArray[np.uint8]:
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size))
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA").resize((size, size)))


def _sources() -> Iterator[tuple[IconKey, str]]:
    """Key and SVG of every icon used: each set's plain ones, and the listed concepts in their skin tones."""
    toned = {concept.icon for concept in concepts(wide=True) if concept.has_tones}
    for style, package in _SETS.items():
        path = _PACKAGES / package / "icons.json"
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; run `npm ci` in {_HERE}.")
        content = json.loads(path.read_text(encoding="utf-8"))
        default = content.get("width", 16), content.get("height", 16)
        names = content["icons"]
        wanted = {name: IconKey(style, name) for name in names if not _is_toned(name, names)}
        wanted |= {_toned_name(style, icon, tone): IconKey(style, icon, tone) for icon in toned for tone in TONES}
        for name in sorted(wanted.keys() & names.keys()):
            width, height = names[name].get("width", default[0]), names[name].get("height", default[1])
            yield wanted[name], _svg(names[name]["body"], width, height)


def _svg(body: str, width: float, height: float) -> str:
    """A square picture of the icon, centred."""
    side = max(width, height)
    box = f"{(width - side) / 2} {(height - side) / 2} {side} {side}"
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {spaces} viewBox="{box}">{body}</svg>'


def _is_toned(name: str, names: Container[str]) -> bool:
    """Whether `name` is a variant in a skin tone: a traffic light is none, for there is no "traffic"."""
    plain = (name.removesuffix(f"-{tone}") for tone in TONES)
    return "skin-tone" in name or any(other != name and other in names for other in plain)


def _toned_name(style: Style, icon: str, tone: Tone) -> str:
    return f"{icon}-{tone}-skin-tone" if style == "classic" else f"{icon}-{tone}"


def _lines(path: Path) -> list[str]:
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _concept(line: str) -> Concept:
    body = line.removeprefix("+").removesuffix("*")
    icon, _, other = (part.strip() for part in body.partition("="))
    words = (icon.replace("-", " "), *([other] if other else []))
    return Concept(icon, words, has_tones=line.endswith("*"), is_core=not line.startswith("+"))
