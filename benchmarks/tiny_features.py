"""Recognising icons in pictures that sd35-tiny drew: background, separate objects, and the icon nearest to each.

The background is the commonest colour along the picture's border, named by the nearest of `scenes.BACKGROUNDS` in CIE
Lab. Foreground is what differs from it, softly from 6 to 18 units of Lab distance.

Feature space: an object is cut out, centred in a square that it fills and resampled to 16 x 16 cells. Its vector
joins, each part weighed by `_WEIGHTS`: the Lab colours of the cells, times foreground; the foreground itself; and
histograms of gradient orientation (8 directions without sign, in 4 x 4 blocks of cells, together of length up to 1).
Distance is Euclidean. Every training icon, in every style and skin tone, is a reference, drawn on the same background
as the picture and cut out in the same way.

Objects are separated by cutting at the middle, across, down or both, where the pieces are nearer to references than
the whole is, by `_CUT_COST` for each cut.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from training.icons import STYLES, TONES, Concept, IconKey, Icons, Tone
from training.scenes import BACKGROUNDS, Placement, Scene, draw

REFERENCES = Path(__file__).with_name("tiny_references.npz")
SAME = 0.12
"""References nearer than this, on white, count as one icon: line drawings of hearts; a moon and a disc."""

_SIDE = 32  # of a reference, in pixels
_COLUMNS = 48  # of the sheet they are stored as
_CELLS, _BLOCKS, _DIRECTIONS = 16, 4, 8
_WEIGHTS = (1.0, 0.4, 0.2)  # colours, foreground, orientations
_SMOOTHING = 0.7  # in pixels, before foreground is told from background
_SPECK = 5  # pixels: smaller pieces of foreground are taken for noise
_FAINT = 1.0  # sum of gradients at which orientations count half
_COLOURS = 3 * _CELLS * _CELLS
_CUT_COST = 1.05  # a cut must bring the pieces nearer by this factor

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Found:
    """An object. key: the nearest reference. distance: to it. x, y: its middle, in pixels. feature: its vector."""

    key: IconKey
    distance: float
    x: float
    y: float
    feature: Floats


@dataclass(frozen=True, slots=True)
class Seen:
    """What a picture shows. whole: all of the foreground taken for one object; None where there is none."""

    background: str
    whole: Found | None
    objects: tuple[Found, ...]


class Recogniser:
    """Looks at pictures by comparing them with references; remembers the references' vectors by background."""

    def __init__(self, icons: Icons) -> None:
        self.icons = icons
        self._rows = {key: row for row, key in enumerate(icons.keys)}
        self._vectors: dict[str, Floats] = {}

    def see(self, picture: Bytes) -> Seen:
        """What `picture`, uint8 [H, W, 3], shows."""
        ground = lab(_ground(picture))
        background = name_background(picture)
        difference = lab(picture) - ground
        vectors = self.vectors(background)
        squares = np.einsum("nd,nd->n", vectors, vectors)
        squares[squares == 0] = np.inf  # what cannot be seen is not found
        cutter = _Cutter(difference, _foreground(difference), ground, vectors, squares, self.icons.keys)
        height, width = picture.shape[:2]
        box = _Box(0, 0, height, width)
        return Seen(background, cutter.read(box), tuple(cutter.objects(box, 2)))

    def tone(self, found: Found, icon: str, background: str) -> Tone | None:
        """The skin tone, among those of the person `icon`, whose colours are nearest to the object's."""
        rows = [row for row, key in enumerate(self.icons.keys) if key.icon == icon and key.tone]
        distances = np.linalg.norm((self.vectors(background)[rows] - found.feature)[:, :_COLOURS], axis=1)
        return self.icons.keys[rows[int(distances.argmin())]].tone

    def same(self, key: IconKey, icon: str) -> bool:
        """Whether a reference is of the concept `icon`, or cannot be told from a reference that is."""
        if key.icon == icon:
            return True
        vectors = self.vectors("white")
        rows = [row for row, other in enumerate(self.icons.keys) if other.icon == icon]
        return bool((np.linalg.norm(vectors[rows] - vectors[self._rows[key]], axis=1) < SAME).any())

    def vectors(self, background: str) -> Floats:
        """The references' vectors [N, D] on a background of that name; zero where nothing would be seen."""
        if background not in self._vectors:
            scenes = (Scene("", background, (Placement(key, 0, 0, 1),)) for key in self.icons.keys)
            pictures = np.stack([draw(scene, self.icons, _SIDE) for scene in scenes])
            ground = lab(np.array(BACKGROUNDS[background]))
            differences = lab(pictures) - ground
            self._vectors[background] = np.stack([describe(each, _foreground(each), ground) for each in differences])
        return self._vectors[background]


@dataclass(frozen=True, slots=True)
class _Box:
    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class _Cutter:
    """One picture being taken apart. difference: Lab [H, W, 3], from the background, `ground`. mask: [H, W] in 0..1."""

    difference: Floats
    mask: Floats
    ground: Floats
    vectors: Floats
    squares: Floats
    keys: Sequence[IconKey]

    def objects(self, box: _Box, cuts: int) -> list[Found]:
        """The objects in a part of the picture, at most 2 to the power of `cuts`."""
        whole = self.read(box)
        if whole is None:
            return []
        choices = [[whole]]
        for halves in (_across(box, self.mask), _down(box, self.mask)) if cuts else ():
            pieces = [self.objects(half, cuts - 1) for half in halves]
            if all(pieces):
                choices.append([found for piece in pieces for found in piece])
        return min(choices, key=_cost)

    def read(self, box: _Box) -> Found | None:
        """All foreground in a part of the picture as one object."""
        part = np.s_[box.top : box.bottom, box.left : box.right]
        mask = self.mask[part]
        if mask.sum() < 0.02 * mask.size:
            return None
        y, x = ndimage.center_of_mass(mask)
        feature = describe(self.difference[part], mask, self.ground)
        best = int((self.squares - 2 * self.vectors @ feature).argmin())
        distance = float(np.linalg.norm(self.vectors[best] - feature))
        return Found(self.keys[best], distance, box.left + x, box.top + y, feature)


def _cost(found: Sequence[Found]) -> float:
    return float(np.mean([each.distance for each in found])) * _CUT_COST ** (len(found) - 1)


def _across(box: _Box, mask: Floats) -> tuple[_Box, _Box]:
    """Two boxes, one above the other, cut near the middle where the least foreground is."""
    cut = box.top + _gap(mask[box.top : box.bottom, box.left : box.right].sum(1))
    return _Box(box.top, box.left, cut, box.right), _Box(cut, box.left, box.bottom, box.right)


def _down(box: _Box, mask: Floats) -> tuple[_Box, _Box]:
    """Two boxes side by side."""
    cut = box.left + _gap(mask[box.top : box.bottom, box.left : box.right].sum(0))
    return _Box(box.top, box.left, box.bottom, cut), _Box(box.top, cut, box.bottom, box.right)


def _gap(profile: Floats) -> int:
    """Where a profile of foreground is lowest in its middle third, and of equal places the most central."""
    places = np.arange(len(profile) // 3, len(profile) - len(profile) // 3)
    around = (profile[places - 1] + profile[places]) / 2
    return int(places[np.argmin(around + 0.02 * abs(places - len(profile) / 2))])


def describe(difference: Floats, mask: Floats, ground: Floats) -> Floats:
    """The vector of the object that `mask` marks; see the module's first lines. Zero where it marks nothing.

    difference: [h, w, 3], Lab colours less those of the background, `ground`.
    """
    rows, columns = (np.flatnonzero((mask > 0.5).any(axis)) for axis in (1, 0))
    if not len(rows):
        return np.zeros(_COLOURS + _CELLS**2 + _BLOCKS**2 * _DIRECTIONS, np.float32)
    difference = _squared(difference[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    mask = _foreground(difference)[..., None]
    layers = np.concatenate([(difference + ground - (50, 0, 0)) / 100 * mask, mask], axis=2)
    cells = layers.reshape(_CELLS, _SIDE // _CELLS, _CELLS, _SIDE // _CELLS, 4).mean((1, 3), dtype=np.float32)
    parts = (
        cells[..., :3].ravel() / _CELLS,
        cells[..., 3].ravel() / _CELLS,
        _orientations(cells[..., 0] + cells[..., 3]),
    )
    return np.concatenate([weight * part for weight, part in zip(_WEIGHTS, parts, strict=True)]).astype(np.float32)


def _squared(difference: Floats) -> Floats:
    """[h, w, 3] centred in a square and resampled to the references' size."""
    height, width = difference.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    padded = np.pad(difference, ((top, side - height - top), (left, side - width - left), (0, 0)))
    layers = (Image.fromarray(layer) for layer in np.moveaxis(padded, 2, 0))
    scaled = [np.asarray(layer.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)) for layer in layers]
    return np.stack(scaled, axis=2)


def _orientations(lightness: Floats) -> Floats:
    """Histograms of gradient orientation weighed by magnitude, by block, as one vector of length up to 1.

    Each gradient is shared between the two nearest directions, as in Dalal and Triggs, "Histograms of Oriented
    Gradients for Human Detection" (CVPR 2005), section 6.3.
    """
    dy, dx = np.gradient(lightness)
    magnitude = np.hypot(dx, dy)
    direction = np.arctan2(dy, dx) % np.pi / np.pi * _DIRECTIONS
    share, below = np.modf(direction)
    block = np.arange(_CELLS) * _BLOCKS // _CELLS
    first = (block[:, None] * _BLOCKS + block) * _DIRECTIONS
    counts = np.zeros(_BLOCKS**2 * _DIRECTIONS)
    for step, weight in ((0, 1 - share), (1, share)):
        place = first + (below.astype(int) + step) % _DIRECTIONS
        counts += np.bincount(place.ravel(), (weight * magnitude).ravel(), len(counts))
    return (counts / (np.linalg.norm(counts) + _FAINT)).astype(np.float32)


def lab(pictures: NDArray[Any]) -> Floats:
    """CIE Lab (D65) of sRGB in 0..255 [..., 3]; formulas of IEC 61966-2-1 and CIE 15."""
    encoded = np.asarray(pictures, np.float32) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4339, 0.3763, 0.1899], [0.2126, 0.7152, 0.0722], [0.0178, 0.1095, 0.8727]], np.float32)
    xyz = linear @ to_xyz.T  # relative to white
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def name_background(picture: Bytes) -> str:
    """The name of the colour in `BACKGROUNDS` nearest to the background's."""
    names = list(BACKGROUNDS)
    known = lab(np.array([BACKGROUNDS[name] for name in names]))
    return names[int(np.linalg.norm(known - lab(_ground(picture)), axis=1).argmin())]


def _ground(picture: Bytes) -> NDArray[np.float64]:
    """The commonest colour along the border, the mean of its surroundings in steps of 32."""
    border = np.concatenate([picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]]).astype(int)
    _, which, counts = np.unique((border + 16) // 32, axis=0, return_inverse=True, return_counts=True)
    middle = border[which.ravel() == counts.argmax()].mean(0)
    near = border[np.abs(border - middle).max(1) < 24]
    mean: NDArray[np.float64] = near.mean(0)
    return mean


def _foreground(difference: Floats) -> Floats:
    """How surely each pixel is none of the background, 0..1, [H, W] of Lab differences from it; without specks."""
    smooth = ndimage.gaussian_filter(difference, (_SMOOTHING, _SMOOTHING, 0))
    mask = np.clip((np.linalg.norm(smooth, axis=2) - 6) / 12, 0, 1)
    pieces, count = ndimage.label(mask > 0.25, np.ones((3, 3)))
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    kept = sizes >= _SPECK
    kept[0] = False
    found: Floats = (mask * kept[pieces]).astype(np.float32)
    return found


def write_references(icons: Icons, concepts: Sequence[Concept], path: Path = REFERENCES) -> None:
    """Store all icons of `concepts` small, as one WebP picture and the list of their keys."""
    wanted = (IconKey(style, concept.icon, tone) for concept in concepts for style in STYLES for tone in (None, *TONES))
    keys = [key for key in wanted if key in icons]
    small = [Image.fromarray(icons[key]).resize((_SIDE, _SIDE), Image.Resampling.BOX) for key in keys]
    sheet = Image.new("RGBA", (_COLUMNS * _SIDE, -(-len(keys) // _COLUMNS) * _SIDE))
    for n, picture in enumerate(small):
        sheet.paste(picture, (n % _COLUMNS * _SIDE, n // _COLUMNS * _SIDE))
    encoded = io.BytesIO()
    sheet.save(encoded, "WEBP", quality=85, alpha_quality=90)
    names = np.array([(key.style, key.icon, key.tone or "") for key in keys])
    np.savez_compressed(path, sheet=np.frombuffer(encoded.getvalue(), np.uint8), keys=names)


def load_references(path: Path = REFERENCES) -> Icons:
    """What `write_references` stored."""
    with np.load(path) as stored:
        sheet = np.asarray(Image.open(io.BytesIO(stored["sheet"].tobytes())).convert("RGBA"))
        keys = [IconKey(style, icon, tone or None) for style, icon, tone in stored["keys"].tolist()]
    rows = sheet.shape[0] // _SIDE
    pictures = sheet.reshape(rows, _SIDE, _COLUMNS, _SIDE, 4).swapaxes(1, 2).reshape(-1, _SIDE, _SIDE, 4)
    return Icons(pictures[: len(keys)], keys)
