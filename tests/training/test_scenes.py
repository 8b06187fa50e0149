"""Pictures and captions: what is written is what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from training.icons import STYLES, TONES, Concept, IconKey, Icons, concepts
from training.scenes import BACKGROUNDS, RELATIONS, Placement, Scene, counted, draw, pair, plural, random_scene, single

APPLE = Concept("red-apple", ("red apple",), has_tones=False, is_core=True)
OWL = Concept("owl", ("owl",), has_tones=False, is_core=True)
WOMAN = Concept("woman", ("woman",), has_tones=True, is_core=True)
CONCEPTS = [APPLE, OWL, WOMAN]


@pytest.fixture(scope="module")
def icons() -> Icons:
    """Opaque squares, each key of its own shade of gray, line art black."""
    keys = [IconKey(style, concept.icon) for style in STYLES for concept in CONCEPTS]
    shades = [0 if key.style == "line art" else 40 + 10 * row for row, key in enumerate(keys)]
    pictures = np.full((len(keys), 8, 8, 4), 255, np.uint8)
    pictures[..., :3] = np.array(shades)[:, None, None, None]
    return Icons(pictures, keys)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_icons_lie_where_they_are_placed(icons: Icons) -> None:
    key = IconKey("flat", "owl")
    picture = draw(Scene("", "blue", (Placement(key, 0.5, 0.25, 0.25),)), icons, 16)

    assert picture.shape == (16, 16, 3)
    inside = np.zeros((16, 16), bool)
    inside[4:8, 8:12] = True
    assert (picture[inside] == icons[key][0, 0, 0]).all()
    assert (picture[~inside] == BACKGROUNDS["blue"]).all()


def test_line_art_is_white_where_black_would_not_be_seen(icons: Icons) -> None:
    scene = (Placement(IconKey("line art", "owl"), 0.0, 0.0, 1.0),)

    assert (draw(Scene("", "black", scene), icons, 8) == 255).all()
    assert (draw(Scene("", "red", scene), icons, 8) == 0).all()


@pytest.mark.parametrize("relation", RELATIONS)
def test_relations_are_drawn_as_written(relation: str) -> None:
    scene = pair(rng(), APPLE, OWL, relation, "flat", "white")  # type: ignore[arg-type]  # parametrised
    apple, owl = scene.placements

    assert scene.caption.removesuffix(", flat").removeprefix("a ").startswith(("red apple", "flat red apple"))
    assert f"{relation} an owl" in scene.caption
    assert (apple.key.icon, owl.key.icon) == ("red-apple", "owl")
    if relation in ("left of", "and"):
        assert apple.left + apple.size <= owl.left
    elif relation == "right of":
        assert owl.left + owl.size <= apple.left
    elif relation == "above":
        assert apple.top + apple.size <= owl.top
    else:
        assert owl.top + owl.size <= apple.top


@pytest.mark.parametrize("count", [2, 3])
def test_counted_icons_do_not_overlap(count: int) -> None:
    scene = counted(rng(), OWL, count, "3d", "white")
    covered = np.zeros((100, 100), int)
    for place in scene.placements:
        left, top, side = (round(100 * value) for value in (place.left, place.top, place.size))
        covered[top : top + side, left : left + side] += 1

    assert len(scene.placements) == count
    assert covered.max() == 1
    assert "owls" in scene.caption
    assert {2: "two", 3: "three"}[count] in scene.caption


def test_what_a_caption_leaves_unsaid_has_a_fixed_meaning() -> None:
    for seed in range(300):
        scene = random_scene(rng(seed), CONCEPTS, lambda caption: True)
        style = scene.placements[0].key.style
        said = [name for name in STYLES if name in scene.caption]
        assert said == [style] or (said == [] and style == "flat"), scene
        background = [name for name in BACKGROUNDS if f"{name} background" in scene.caption]
        assert background == [scene.background] or (background == [] and scene.background == "white"), scene


def test_skin_tones_are_named() -> None:
    for tone in TONES:
        scene = single(rng(), WOMAN, "flat", "white", tone)
        assert f"woman with {tone} skin tone" in scene.caption
        assert scene.placements[0].key == IconKey("flat", "woman", tone)


def test_scenes_are_drawn_again_until_the_caption_fits() -> None:
    for seed in range(50):
        assert len(random_scene(rng(seed), CONCEPTS, lambda caption: len(caption) < 12).caption) < 12


def test_the_same_seed_gives_the_same_scene() -> None:
    scenes = [random_scene(rng(5), CONCEPTS, lambda caption: True) for _ in range(2)]

    assert scenes[0] == scenes[1]


@pytest.mark.parametrize(
    ("one", "many"),
    [("owl", "owls"), ("cherry", "cherries"), ("fish", "fish"), ("fox", "foxes"), ("woman", "women"), ("key", "keys")],
)
def test_plurals(one: str, many: str) -> None:
    assert plural(one) == many


def test_the_core_is_part_of_the_wide_list() -> None:
    core, wide = concepts(wide=False), concepts(wide=True)

    assert len(core) < len(wide)
    assert set(core) <= set(wide)
    assert len({concept.icon for concept in wide}) == len(wide)
    assert Concept("honeybee", ("honeybee", "bee"), has_tones=False, is_core=True) in core
    assert next(concept for concept in core if concept.icon == "woman").has_tones
