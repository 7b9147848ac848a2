"""The closed world: what scenes hold, in which shares, and that no two splits share a stream."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations

import pytest

from infodecomp.scenes.captions import scene_captions, vocabulary
from infodecomp.scenes.world import (
    BACKGROUNDS,
    BINDING_KIND_SHARES,
    CATEGORIES,
    CONFUSABLE,
    GRID,
    IMAGE_SIZE,
    IMPLIED,
    KIND_SHARES,
    RELATIONS,
    SPLITS,
    TINTS,
    VERB_OF,
    Scene,
    Thing,
    plural,
    sample_scene,
    scene_rng,
)

COUNT = 4000


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene(scene_rng(0, "validation", index)) for index in range(COUNT)]


def slack(share: float, count: int) -> float:
    """Four standard deviations of a share among `count` draws."""
    return 4 * math.sqrt(share * (1 - share) / count)


def test_kinds_come_in_their_shares(scenes: list[Scene]) -> None:
    binding = [sample_scene(scene_rng(0, "train", k), shares=BINDING_KIND_SHARES) for k in range(COUNT)]
    for drawn, shares in ((scenes, KIND_SHARES), (binding, BINDING_KIND_SHARES)):
        kinds = Counter(scene.kind for scene in drawn)
        assert sum(shares.values()) == pytest.approx(1)
        assert set(kinds) == set(shares)
        for kind, share in shares.items():
            assert abs(kinds[kind] / COUNT - share) < slack(share, COUNT)


def test_what_a_kind_holds(scenes: list[Scene]) -> None:
    for scene in scenes:
        if scene.kind == "one":
            assert len(scene.things) == 1 and scene.relation is None
        elif scene.kind == "pair":
            assert len(scene.categories) == 2 and scene.relation in RELATIONS
        else:
            assert len(scene.things) in (2, 3) and scene.relation is None
            assert len({(thing.category, thing.tint, thing.size) for thing in scene.things}) == 1


def test_categories_backgrounds_and_tints_are_even_and_independent(scenes: list[Scene]) -> None:
    first = Counter(scene.things[0].category for scene in scenes)
    places = Counter(scene.background for scene in scenes)
    assert set(first) == set(CATEGORIES) and set(places) == set(BACKGROUNDS)
    for counts, share in ((first, 1 / len(CATEGORIES)), (places, 1 / len(BACKGROUNDS))):
        assert all(abs(n / COUNT - share) < slack(share, COUNT) for n in counts.values())
    for category in CATEGORIES:
        here = Counter(scene.background for scene in scenes if scene.things[0].category == category)
        total = sum(here.values())
        assert all(abs(here[place] / total - 0.2) < slack(0.2, total) for place in BACKGROUNDS)


def test_implied_categories_keep_their_colours(scenes: list[Scene]) -> None:
    for scene in scenes:
        for thing in scene.things:
            assert (thing.tint is None) == (thing.category in IMPLIED)
            assert thing.tint is None or thing.tint in TINTS


def test_the_confusable_pair_never_meets(scenes: list[Scene]) -> None:
    assert {"bear", "teddy bear"} == CONFUSABLE
    pairs = [set(scene.categories) for scene in scenes if scene.kind == "pair"]
    assert CONFUSABLE not in pairs
    assert any("bear" in pair for pair in pairs) and any("teddy bear" in pair for pair in pairs)


def test_relations_hold_in_the_picture(scenes: list[Scene]) -> None:
    pairs = [scene for scene in scenes if scene.kind == "pair"]
    assert {scene.relation for scene in pairs} == set(RELATIONS)
    for scene in pairs:
        first, second = scene.things
        step = {"left of": (1, 0), "right of": (-1, 0), "above": (0, 1), "below": (0, -1)}[str(scene.relation)]
        along = (second.x - first.x) * step[0] + (second.y - first.y) * step[1]
        across = abs((second.x - first.x) * step[1]) + abs((second.y - first.y) * step[0])
        assert along > 25  # clearly so, and more than they are apart the other way
        assert across < along / 2


def test_relations_are_inverse_to_each_other() -> None:
    assert all(RELATIONS[inverse] == relation for relation, inverse in RELATIONS.items())


def test_boxes_lie_on_the_grid_inside_the_picture_and_apart(scenes: list[Scene]) -> None:
    for scene in scenes:
        boxes = [(t.x - t.size / 2, t.y - t.size / 2, t.x + t.size / 2, t.y + t.size / 2) for t in scene.things]
        assert all(edge % GRID == 0 and 0 <= edge <= IMAGE_SIZE for box in boxes for edge in box), scene
        for (a, b, c, d), (e, f, g, h) in combinations(boxes, 2):
            assert c <= e or g <= a or d <= f or h <= b, scene


def test_every_word_is_said_in_some_caption(scenes: list[Scene]) -> None:
    said = {
        word
        for number, scene in enumerate(scenes[:1500])
        for caption in scene_captions(scene, scene_rng(0, "captions", number))
        for word in caption.split()
    }
    # The blank stands in training prompts only, for a word that is left out.
    assert set(vocabulary()) - said == {"_"} and not said - set(vocabulary())


def test_a_scene_depends_on_seed_split_and_index_only() -> None:
    def scene(seed: int, split: str, index: int) -> Scene:
        return sample_scene(scene_rng(seed, split, index))

    assert scene(3, "train", 5) == scene(3, "train", 5)
    others = [scene(3, split, 5) for split in SPLITS] + [scene(4, "train", 5), scene(3, "train", 6)]
    assert len(set(others)) == len(others)


def test_splits_have_disjoint_streams_whatever_their_seeds() -> None:
    assert len(set(SPLITS.values())) == len(SPLITS)
    first = {
        int(scene_rng(seed, split, index).integers(2**63))
        for seed in range(6)
        for split in SPLITS
        for index in range(6)
    }
    assert len(first) == 6 * len(SPLITS) * 6


def test_a_kind_can_be_fixed() -> None:
    for kind in KIND_SHARES:
        assert {sample_scene(scene_rng(0, "train", k), kind=kind).kind for k in range(10)} == {kind}
    with pytest.raises(KeyError):
        sample_scene(scene_rng(0, "train", 0), kind="crowd")
    with pytest.raises(KeyError):
        scene_rng(0, "test", 0)


def test_words_of_the_world() -> None:
    assert (plural("person"), plural("teddy bear"), plural("dog")) == ("people", "teddy bears", "dogs")
    assert set(VERB_OF) == set(CATEGORIES)
    sizes = [Thing("dog", "red", 32, 32, size).size_word for size in (24, 25, 39, 40)]
    assert sizes == ["small", None, None, "big"]
