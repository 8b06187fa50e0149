"""The evaluation's scorer, on pictures whose content is known: it has to be right, and able to say no."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.tiny_features import SAME, Bytes, Recogniser, name_background
from benchmarks.tiny_lines import LINES, Line, asked_plainly
from training.icons import STYLES, TONES, IconKey, concepts
from training.scenes import BACKGROUNDS, Scene, draw

SIZE = 64
SEEN_ON = ("white", "blue")  # each background costs a second of looking at all references
PICTURES = 10
each_line = pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)


def _scenes(line: Line) -> list[Scene]:
    return [scene for scene in line.scenes(concepts(wide=True)) if scene.background in SEEN_ON][:PICTURES]


def _as_decoded(rng: np.random.Generator, picture: Bytes) -> Bytes:
    """`picture` as an autoencoder of about 25 dB would give it back: blurred, with noise of a few per cent."""
    blurred = ndimage.gaussian_filter(picture.astype(float), (0.8, 0.8, 0))
    return np.clip(blurred + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)


@each_line
def test_pictures_of_the_scenes_are_right_and_of_other_scenes_are_not(line: Line, recogniser: Recogniser) -> None:
    is_right = partial(line.is_right, recogniser)
    scenes = _scenes(line)
    seen = [recogniser.see(draw(scene, recogniser.icons, SIZE)) for scene in scenes]
    assert sum(map(is_right, seen, scenes)) >= PICTURES - 1
    chance = {"background": 1.0, "style": 0.6, "skin tone": 0.6}.get(line.name, 0.1)  # one background is asked for
    assert sum(map(is_right, seen, [*scenes[1:], scenes[0]])) <= chance * PICTURES


@each_line
def test_pictures_blurred_and_with_noise_are_mostly_right(line: Line, recogniser: Recogniser) -> None:
    degrade = partial(_as_decoded, np.random.default_rng(1))
    scenes = _scenes(line)
    seen = [recogniser.see(degrade(draw(scene, recogniser.icons, SIZE))) for scene in scenes]
    assert sum(map(partial(line.is_right, recogniser), seen, scenes)) >= 0.8 * PICTURES


@pytest.mark.parametrize("kind", ["noise", "clouds", "blank"])
def test_pictures_of_nothing_are_wrong(kind: str, recogniser: Recogniser) -> None:
    rng = np.random.default_rng(2)
    seen = [recogniser.see(_nothing(kind, rng)) for _ in range(5)]
    for line in LINES:
        allowed = 0.6 if line.name in ("style", "skin tone") and kind != "blank" else 0.04
        right = [
            line.is_right(recogniser, each, scene) for scene in line.scenes(concepts(wide=True))[:10] for each in seen
        ]
        assert np.mean(right) <= allowed, line.name


def _nothing(kind: str, rng: np.random.Generator) -> Bytes:
    """A picture without objects, white at the border so that it is compared with references known already."""
    noise = rng.normal(0, 1, (SIZE - 4, SIZE - 4, 3))
    if kind == "clouds":
        noise = ndimage.gaussian_filter(noise, (5, 5, 0)) * 20
    depth = np.pad(np.abs(noise) * (0 if kind == "blank" else 60), ((2, 2), (2, 2), (0, 0)))
    return np.clip(250 - depth, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_background_is_named_also_when_the_colour_is_off(background: str, recogniser: Recogniser) -> None:
    scene = asked_plainly(concepts(wide=True))[3]
    picture = draw(Scene("", background, scene.placements), recogniser.icons, SIZE).astype(int)
    for shift in ((0, 0, 0), (8, -8, 4), (-8, 6, -6)):
        assert name_background(np.clip(picture + shift, 0, 255).astype(np.uint8)) == background


def test_plain_prompts_are_recognised(recogniser: Recogniser) -> None:
    for scene in asked_plainly(concepts(wide=True)):
        whole = recogniser.see(draw(scene, recogniser.icons, SIZE)).whole
        assert whole is not None
        assert whole.key.icon == scene.placements[0].key.icon


def test_only_icons_that_look_alike_count_as_the_same(recogniser: Recogniser) -> None:
    assert recogniser.same(IconKey("line art", "blue-heart"), "red-heart")
    assert not recogniser.same(IconKey("flat", "blue-heart"), "red-heart")
    assert not recogniser.same(IconKey("flat", "cat-face"), "dog-face")
    vectors = recogniser.vectors("white")
    squares = (vectors**2).sum(1)
    is_near = squares[:, None] + squares - 2 * vectors @ vectors.T < SAME**2
    names = np.array([key.icon for key in recogniser.icons.keys])
    alike = {frozenset((names[a], names[b])) for a, b in np.argwhere(is_near) if names[a] != names[b]}
    assert len(alike) <= 15, alike


def test_every_concept_has_its_references(recogniser: Recogniser) -> None:
    keys = set(recogniser.icons.keys)
    for concept in concepts(wide=True):
        assert {IconKey(style, concept.icon) for style in STYLES} <= keys
        if concept.has_tones:
            assert {IconKey("flat", concept.icon, tone) for tone in TONES} <= keys


def test_prompts_are_fixed_and_varied() -> None:
    for line in LINES:
        captions = [scene.caption for scene in line.scenes(concepts(wide=True))]
        assert captions == [scene.caption for scene in line.scenes(concepts(wide=True))]
        assert len(captions) == line.count
        assert len(set(captions)) > 0.6 * line.count
