"""The closed world: what is drawn is where it should be, and says what it should."""

from __future__ import annotations

from collections import Counter

import pytest

from pipeline.scenes.captions import MAX_TOKENS, scene_captions, vocabulary
from pipeline.scenes.drawing import draw_scene
from pipeline.scenes.world import (
    CATEGORIES,
    CONFUSABLE,
    GRID,
    IMAGE_SIZE,
    IMPLIED,
    KIND_SHARES,
    Scene,
    Thing,
    sample_scene,
    scene_rng,
)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene(scene_rng(0, "validation", number)) for number in range(1500)]


def box(thing: Thing) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    half = thing.size / 2
    return thing.x - half, thing.y - half, thing.x + half, thing.y + half


def apart(first: Thing, second: Thing) -> bool:
    (a, b, c, d), (e, f, g, h) = box(first), box(second)
    return c <= e or g <= a or d <= f or h <= b


def test_boxes_lie_on_the_grid_inside_the_picture_and_apart(scenes: list[Scene]) -> None:
    for scene in scenes:
        for thing in scene.things:
            assert all(edge % GRID == 0 and 0 <= edge <= IMAGE_SIZE for edge in box(thing)), thing
        for number, thing in enumerate(scene.things):
            assert all(apart(thing, other) for other in scene.things[:number]), scene


def test_relations_are_true(scenes: list[Scene]) -> None:
    pairs = [scene for scene in scenes if scene.relation]
    for scene in pairs:
        first, second = scene.things
        left, top, right, bottom = box(first)
        other_left, other_top, other_right, other_bottom = box(second)
        holds = {
            "left of": right <= other_left,
            "right of": left >= other_right,
            "above": bottom <= other_top,
            "below": top >= other_bottom,
        }
        assert holds[str(scene.relation)], scene
    shares = Counter(scene.relation for scene in pairs)
    assert len(shares) == 4 and min(shares.values()) > 0.2 * len(pairs)


def test_kinds_categories_and_tints_are_drawn_in_their_shares(scenes: list[Scene]) -> None:
    kinds = Counter(scene.kind for scene in scenes)
    for kind, share in KIND_SHARES.items():
        assert abs(kinds[kind] / len(scenes) - share) < 0.05
    categories = Counter(category for scene in scenes for category in scene.categories)
    assert set(categories) == set(CATEGORIES)
    assert max(categories.values()) < 1.6 * min(categories.values())
    for scene in scenes:
        assert not set(scene.categories) >= CONFUSABLE
        assert all((thing.tint is None) == (thing.category in IMPLIED) for thing in scene.things)


def test_masks_are_of_visible_size(scenes: list[Scene]) -> None:
    for scene in scenes[:100]:
        for thing, mask in zip(scene.things, draw_scene(scene)[1], strict=True):
            assert 0.15 * thing.size**2 < mask.sum() <= thing.size**2, thing


def test_captions_keep_to_the_vocabulary_and_length(scenes: list[Scene]) -> None:
    known = set(vocabulary())
    said = set()
    for number, scene in enumerate(scenes):
        for caption in scene_captions(scene, scene_rng(0, "captions", number)):
            words = caption.split()
            assert len(words) + 2 <= MAX_TOKENS and set(words) <= known, caption
            said |= set(words)
    assert known - said <= {"_", "rests", "next"} | set("")
