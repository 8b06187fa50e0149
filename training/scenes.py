"""Pictures with captions, composed of icons: what the model is taught, and what it is asked in the evaluation.

A caption says less than the picture holds; what it leaves unsaid has a fixed meaning, which makes the task easier for
a small model: no style is "flat", no background is white, no skin tone is the icon's plain colour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.icons import STYLES, TONES, Concept, IconKey, Icons, Style, Tone

Kind = Literal["single", "toned", "count", "pair"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Shares = Mapping[Kind, float]
"""How often each kind of scene is drawn; together 1."""
EASY: Shares = {"single": 0.66, "toned": 0.08, "count": 0.10, "pair": 0.16}

Relation = Literal["left of", "right of", "above", "below", "and"]
RELATIONS: tuple[Relation, ...] = ("left of", "right of", "above", "below", "and")

DEFAULT_STYLE: Style = "flat"
DEFAULT_BACKGROUND = "white"
BACKGROUNDS: Mapping[str, tuple[int, int, int]] = {
    "white": (255, 255, 255),
    "black": (20, 20, 24),
    "gray": (150, 152, 156),
    "red": (214, 48, 49),
    "orange": (245, 140, 40),
    "yellow": (250, 215, 70),
    "green": (60, 170, 90),
    "blue": (50, 110, 220),
    "purple": (130, 80, 190),
    "pink": (250, 160, 195),
}
NUMBERS: Mapping[int, str] = {1: "one", 2: "two", 3: "three"}

_PADDING = 0.06  # of the picture's side, between its edge and the icons
_STYLE_SHARES = (0.22, 0.22, 0.34, 0.22)  # in the order of STYLES; the unsaid one is the most frequent


@dataclass(frozen=True, slots=True)
class Placement:
    """An icon in the picture. left, top, size: fractions of the picture's side."""

    key: IconKey
    left: float
    top: float
    size: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture to draw, and what to call it."""

    caption: str
    background: str
    placements: tuple[Placement, ...]


def draw(scene: Scene, icons: Icons, size: int) -> NDArray[np.uint8]:
    """The picture, uint8 [size, size, 3]. Icons are resampled with antialiasing and pasted at whole pixels."""
    canvas = Image.new("RGBA", (size, size), BACKGROUNDS[scene.background])
    for place in scene.placements:
        side = max(1, round(place.size * size))
        icon = Image.fromarray(_visible(icons[place.key], place.key, scene.background))
        icon = icon.resize((side, side), Image.Resampling.BOX)
        canvas.alpha_composite(icon, (max(0, round(place.left * size)), max(0, round(place.top * size))))
    return np.asarray(canvas)[..., :3]


def random_scene(
    rng: np.random.Generator, concepts: Sequence[Concept], fits: Callable[[str], bool], shares: Shares = EASY
) -> Scene:
    """A scene of one of the four kinds, drawn again until its caption fits."""
    while True:
        kind = KINDS[rng.choice(len(KINDS), p=[shares[kind] for kind in KINDS])]
        style: Style = STYLES[rng.choice(len(STYLES), p=_STYLE_SHARES)]
        background = _random_background(rng, 0.5 if kind == "single" else 0.25)
        if kind == "count":
            scene = counted(rng, _pick(rng, concepts), int(rng.integers(2, 4)), style, background)
        elif kind == "pair":
            first, second = (concepts[i] for i in rng.choice(len(concepts), 2, replace=False))
            scene = pair(rng, first, second, RELATIONS[rng.integers(len(RELATIONS))], style, background)
        elif kind == "toned" and style != "line art":
            people = [concept for concept in concepts if concept.has_tones]
            tone = TONES[rng.integers(len(TONES))]
            scene = single(rng, _pick(rng, people or concepts), style, background, tone if people else None)
        else:
            scene = single(rng, _pick(rng, concepts), style, background)
        if fits(scene.caption):
            return scene


def single(
    rng: np.random.Generator, concept: Concept, style: Style, background: str, tone: Tone | None = None
) -> Scene:
    """One icon, large, near the centre."""
    size = rng.uniform(0.84, 0.94)
    left, top = 0.5 - size / 2 + rng.uniform(-0.02, 0.02, 2)
    name = _word(rng, concept)
    name = f"{name} with {tone} skin tone" if tone else name
    caption = _caption(rng, name, style, background)
    return Scene(caption, background, (Placement(IconKey(style, concept.icon, tone), left, top, size),))


def counted(rng: np.random.Generator, concept: Concept, count: int, style: Style, background: str) -> Scene:
    """The same icon two or three times: side by side, or as a triangle."""
    size = 0.44
    spread = 1 - 2 * _PADDING - size
    spots = [(0.0, 0.5), (1.0, 0.5)] if count == 2 else [(0.5, 0.0), (0.0, 1.0), (1.0, 1.0)]
    key = IconKey(style, concept.icon)
    places = tuple(Placement(key, _PADDING + x * spread, _PADDING + y * spread, size) for x, y in spots)
    caption = _caption(rng, plural(_word(rng, concept)), style, background, number=NUMBERS[count])
    return Scene(caption, background, places)


def pair(
    rng: np.random.Generator, first: Concept, second: Concept, relation: Relation, style: Style, background: str
) -> Scene:
    """Two icons, one at each side; "and" puts the first on the left."""
    size = 0.46
    near, far, middle = 0.02, 0.98 - size, 0.5 - size / 2
    spots = {
        "left of": ((near, middle), (far, middle)),
        "and": ((near, middle), (far, middle)),
        "right of": ((far, middle), (near, middle)),
        "above": ((middle, near), (middle, far)),
        "below": ((middle, far), (middle, near)),
    }[relation]
    places = tuple(
        Placement(IconKey(style, concept.icon), left, top, size)
        for concept, (left, top) in zip((first, second), spots, strict=True)
    )
    name = f"{_word(rng, first)} {relation} {_with_article(_word(rng, second))}"
    return Scene(_caption(rng, name, style, background), background, places)


def _visible(icon: NDArray[np.uint8], key: IconKey, background: str) -> NDArray[np.uint8]:
    """The icon; black line art turns white where it would not be seen."""
    if key.style != "line art" or background != "black":
        return icon
    white = icon.copy()
    white[..., :3] = 255
    return white


def plural(name: str) -> str:
    """The plural of a concept's name, of its last word."""
    if name in ("sheep", "fish", "socks", "jeans", "scissors", "glasses", "sunglasses", "shorts") or name.endswith("s"):
        return name
    if name.endswith(("sh", "ch", "x", "z")):
        return name + "es"
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    for one, many in (("woman", "women"), ("man", "men"), ("mouse", "mice"), ("knife", "knives"), ("wolf", "wolves")):
        if name.endswith(one):
            return name.removesuffix(one) + many
    return name + "s"


def _caption(rng: np.random.Generator, name: str, style: Style, background: str, *, number: str | None = None) -> str:
    """`name` in one of several phrasings, with style and background where they are not the unsaid ones."""
    says_style = style != DEFAULT_STYLE or rng.random() < 0.3
    says_background = background != DEFAULT_BACKGROUND or rng.random() < 0.1
    before = says_style and rng.random() < 0.6
    text = f"{style} {name}" if before else name
    if number:
        text = f"{number} {text}"
    elif rng.random() < 0.5:
        text = _with_article(text)
    parts = [text]
    if says_style and not before:
        parts.append(f"{style} style" if rng.random() < 0.5 else style)
    if says_background and rng.random() < 0.5:
        parts.append(f"{background} background")
    elif says_background:
        parts[-1] += f" on {_with_article(background)} background"
    return ", ".join(parts)


def _with_article(name: str) -> str:
    return f"an {name}" if name[0] in "aeio" else f"a {name}"


def _word(rng: np.random.Generator, concept: Concept) -> str:
    return concept.words[rng.integers(len(concept.words))]


def _pick(rng: np.random.Generator, among: Sequence[Concept]) -> Concept:
    return among[int(rng.integers(len(among)))]


def _random_background(rng: np.random.Generator, coloured: float) -> str:
    """The unsaid background, or with probability `coloured` any."""
    return list(BACKGROUNDS)[rng.integers(len(BACKGROUNDS))] if rng.random() < coloured else DEFAULT_BACKGROUND
