"""What sd35-tiny is asked, and when a picture is right: one `Line` for each thing it should be able to do.

Prompts are made with the training's own captions from fixed seeds, so they change only with the list of concepts.
What each line counts as right, of what `tiny_features` sees in the picture:

- single object: the icon nearest to all of the foreground is of the asked concept, in whatever style
- style, skin tone: that icon's style; the tone, of the asked person's five, whose colours are nearest
- background: its name
- count: as many objects nearest to an icon of the concept as asked for, and no other objects
- two objects, position: both concepts among the objects; and in the asked order

Concepts whose references cannot be told apart (`tiny_features.SAME`) count as one.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from benchmarks.tiny_features import Found, Recogniser, Seen
from training.icons import STYLES, TONES, Concept
from training.scenes import BACKGROUNDS, DEFAULT_BACKGROUND, DEFAULT_STYLE, Relation, Scene, counted, pair, single

Make = Callable[[np.random.Generator, Sequence[Concept]], Scene]
Judge = Callable[[Recogniser, Seen, Scene], bool]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the evaluation. goal: share of right pictures."""

    name: str
    goal: float
    count: int
    make: Make
    is_right: Judge

    def scenes(self, concepts: Sequence[Concept]) -> list[Scene]:
        """The scenes asked for, the same on every call; no concept twice before all have been asked for."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        order = deque(concepts[i] for i in rng.permutation(len(concepts)))
        scenes = []
        for _ in range(self.count):
            scenes.append(self.make(rng, order))
            order.rotate(-1)
        return scenes


PLAIN = (
    "a red apple",
    "cat face",
    "rocket",
    "pizza",
    "house",
    "red heart",
    "dog face",
    "sunflower",
    "umbrella",
    "guitar",
)
"""Prompts whose pictures a person should recognise."""


def asked_plainly(concepts: Sequence[Concept]) -> list[Scene]:
    """The scenes of `PLAIN`."""
    named = {word: concept for concept in concepts for word in concept.words}
    rng = np.random.default_rng(0)
    found = [single(rng, named[prompt.removeprefix("a ")], DEFAULT_STYLE, DEFAULT_BACKGROUND) for prompt in PLAIN]
    return [replace(scene, caption=prompt) for scene, prompt in zip(found, PLAIN, strict=True)]


def _one(rng: np.random.Generator, concepts: Sequence[Concept]) -> Scene:
    return replace(single(rng, concepts[0], DEFAULT_STYLE, DEFAULT_BACKGROUND), caption=concepts[0].words[-1])


def _styled(rng: np.random.Generator, concepts: Sequence[Concept]) -> Scene:
    style = STYLES[rng.integers(len(STYLES))]
    caption = f"{style} {concepts[0].words[-1]}"
    return replace(single(rng, concepts[0], style, DEFAULT_BACKGROUND), caption=caption)


def _coloured(rng: np.random.Generator, concepts: Sequence[Concept]) -> Scene:
    names = [name for name in BACKGROUNDS if name != DEFAULT_BACKGROUND]
    return single(rng, concepts[0], DEFAULT_STYLE, names[rng.integers(len(names))])


def _toned(rng: np.random.Generator, concepts: Sequence[Concept]) -> Scene:
    people = [concept for concept in concepts if concept.has_tones]
    person = people[rng.integers(len(people))]
    return single(rng, person, DEFAULT_STYLE, DEFAULT_BACKGROUND, TONES[rng.integers(len(TONES))])


def _counted(rng: np.random.Generator, concepts: Sequence[Concept]) -> Scene:
    count = int(rng.integers(1, 4))
    if count == 1:
        return single(rng, concepts[0], DEFAULT_STYLE, DEFAULT_BACKGROUND)
    return counted(rng, concepts[0], count, DEFAULT_STYLE, DEFAULT_BACKGROUND)


def _both(rng: np.random.Generator, concepts: Sequence[Concept]) -> Scene:
    return pair(rng, concepts[0], concepts[1], "and", DEFAULT_STYLE, DEFAULT_BACKGROUND)


def _placed(rng: np.random.Generator, concepts: Sequence[Concept]) -> Scene:
    relations: tuple[Relation, ...] = ("left of", "right of", "above", "below")
    relation = relations[rng.integers(len(relations))]
    return pair(rng, concepts[0], concepts[1], relation, DEFAULT_STYLE, DEFAULT_BACKGROUND)


def _is_concept(recogniser: Recogniser, seen: Seen, scene: Scene) -> bool:
    return seen.whole is not None and recogniser.same(seen.whole.key, scene.placements[0].key.icon)


def _is_style(recogniser: Recogniser, seen: Seen, scene: Scene) -> bool:
    return seen.whole is not None and seen.whole.key.style == scene.placements[0].key.style


def _is_background(recogniser: Recogniser, seen: Seen, scene: Scene) -> bool:
    return seen.background == scene.background


def _is_tone(recogniser: Recogniser, seen: Seen, scene: Scene) -> bool:
    asked = scene.placements[0].key
    return seen.whole is not None and recogniser.tone(seen.whole, asked.icon, seen.background) == asked.tone


def _is_count(recogniser: Recogniser, seen: Seen, scene: Scene) -> bool:
    icon = scene.placements[0].key.icon
    return len(seen.objects) == len(scene.placements) and all(
        recogniser.same(found.key, icon) for found in seen.objects
    )


def _has_both(recogniser: Recogniser, seen: Seen, scene: Scene) -> bool:
    return any(True for _ in _matches(recogniser, seen, scene))


def _is_in_order(recogniser: Recogniser, seen: Seen, scene: Scene) -> bool:
    first, second = scene.placements
    step = np.sign([second.left - first.left, second.top - first.top])  # one of them is 0
    return any(
        np.dot(step, (b.x - a.x, b.y - a.y)) > abs(np.dot(step[::-1], (b.x - a.x, b.y - a.y)))
        for a, b in _matches(recogniser, seen, scene)
    )


def _matches(recogniser: Recogniser, seen: Seen, scene: Scene) -> Iterator[tuple[Found, Found]]:
    """Pairs of different objects that are of the scene's first and second concept."""
    first, second = (place.key.icon for place in scene.placements)
    for a, b in permutations(seen.objects, 2):
        if recogniser.same(a.key, first) and recogniser.same(b.key, second):
            yield a, b


LINES = (
    Line("single object", 0.8, 240, _one, _is_concept),
    Line("style", 0.9, 100, _styled, _is_style),
    Line("background", 0.9, 100, _coloured, _is_background),
    Line("skin tone", 0.8, 60, _toned, _is_tone),
    Line("two objects", 0.5, 60, _both, _has_both),
    Line("position", 0.5, 60, _placed, _is_in_order),
    Line("count", 0.5, 60, _counted, _is_count),
)
