"""Reading captions back: nouns, adjectives, sides and places."""

from __future__ import annotations

import pytest

from infodecomp.scenes.captions import scene_captions, training_prompt, vocabulary
from infodecomp.scenes.parsing import ADJECTIVES, PLACES, SIDES, Mention, parse_mentions, parse_place
from infodecomp.scenes.world import CATEGORIES, IMPLIED, plural, sample_scene, scene_rng


def read(caption: str) -> list[tuple[int, str, str | None, str | None]]:
    return [
        (
            mention.position,
            CATEGORIES[mention.category],
            None if mention.adjective is None else ADJECTIVES[mention.adjective],
            None if mention.side is None else SIDES[mention.side],
        )
        for mention in parse_mentions(caption)
    ]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("", []),
        ("left of", []),
        ("dog", [(0, "dog", None, None)]),
        ("a red dog on the grass", [(2, "dog", "red", None)]),
        ("a fluffy teddy bear", [(3, "teddy bear", "fluffy", None)]),
        ("a teddy", []),
        ("striped", [(0, "zebra", "striped", None)]),
        ("a fluffy on the snow", [(1, "teddy bear", "fluffy", None)]),
        ("a flying _ above a red dog", [(1, "airplane", "flying", "above"), (6, "dog", "red", "below")]),
        ("a brown bear", [(2, "bear", "brown", None)]),
        ("two striped zebras in the sky", [(2, "zebra", "striped", None)]),
        ("three people", [(1, "person", None, None)]),
        ("two white teddy bears", [(3, "teddy bear", "white", None)]),
        ("a dog next to a dog", [(1, "dog", None, None), (5, "dog", None, None)]),
        ("a red dog and a blue cat", [(2, "dog", "red", None), (6, "cat", "blue", None)]),
        ("a dog left of a cat", [(1, "dog", None, "left"), (5, "cat", None, "right")]),
        ("a dog to the right of a cat in the room", [(1, "dog", None, "right"), (7, "cat", None, "left")]),
        ("a red dog above a cat", [(2, "dog", "red", "above"), (5, "cat", None, "below")]),
        ("a dog below a green cat on the beach", [(1, "dog", None, "below"), (5, "cat", "green", "above")]),
        ("on the left a dog and on the right a blue cat", [(4, "dog", None, "left"), (11, "cat", "blue", "right")]),
        ("on the right a dog and on the left a cat", [(4, "dog", None, "right"), (10, "cat", None, "left")]),
    ],
)
def test_mentions(caption: str, expected: list[tuple[int, str, str | None, str | None]]) -> None:
    assert read(caption) == expected


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a dog _ a cat", [(1, "dog", None, None), (4, "cat", None, None)]),
        ("a dog of a cat", [(1, "dog", None, None), (4, "cat", None, None)]),
        ("a _ left of a cat", [(5, "cat", None, "right")]),
        ("a left of a cat", [(4, "cat", None, "right")]),
        ("on the left a _ and on the right a cat", [(10, "cat", None, "right")]),
        ("on the _ a dog and on the right a cat", [(4, "dog", None, None), (10, "cat", None, "right")]),
        ("on the a dog and on the right a cat", [(3, "dog", None, None), (9, "cat", None, "right")]),
        ("on the left a dog and on the _ a cat", [(4, "dog", None, "left"), (10, "cat", None, None)]),
        ("on the left a dog and on the a cat", [(4, "dog", None, "left"), (9, "cat", None, None)]),
        ("a _ dog on the grass", [(2, "dog", None, None)]),
        ("a red _ on the grass", []),
    ],
)
def test_a_missing_word_claims_nothing(caption: str, expected: list[tuple[int, str, str | None, str | None]]) -> None:
    assert read(caption) == expected


def test_a_mention_is_indices() -> None:
    assert parse_mentions("a gray elephant above a kite") == [
        Mention(2, CATEGORIES.index("elephant"), ADJECTIVES.index("gray"), SIDES.index("above")),
        Mention(5, CATEGORIES.index("kite"), None, SIDES.index("below")),
    ]


@pytest.mark.parametrize(
    ("caption", "place"),
    [("a dog on the grass", "grass"), ("room", "room"), ("a dog", None), ("", None), ("a dog in the _", None)],
)
def test_place(caption: str, place: str | None) -> None:
    found = parse_place(caption)
    assert (None if found is None else PLACES[found]) == place


def test_captions_are_read_back_as_their_scene() -> None:
    """Every mention of every caption is true of the scene, and every category is found in every caption."""
    for index in range(400):
        rng = scene_rng(2, "captions", index)
        scene = sample_scene(rng)
        sides = {}
        if scene.kind == "pair":
            first, second = scene.things
            side = str(scene.relation).split()[0]
            opposite = {"left": "right", "right": "left", "above": "below", "below": "above"}[side]
            sides = {first.category: side, second.category: opposite}
        tints = {thing.category: thing.tint or IMPLIED[thing.category] for thing in scene.things}
        for caption in scene_captions(scene, rng):
            mentions = read(caption)
            assert {category for _, category, *_ in mentions} == set(scene.categories)
            for position, category, adjective, side in mentions:
                assert caption.split()[position] in (category.split()[-1], plural(category).split()[-1])
                assert adjective in (None, tints[category])
                assert side is None or side == sides[category]
            place = parse_place(caption)
            assert place is None or PLACES[place] == scene.background


def test_positions_count_words() -> None:
    """Targets are put on the tokens of the nouns, and every word is one token."""
    known = set(vocabulary())
    for index in range(200):
        rng = scene_rng(3, "captions", index)
        prompt = training_prompt(sample_scene(rng), rng)
        words = prompt.split()
        assert set(words) <= known
        for mention in parse_mentions(prompt):
            name = CATEGORIES[mention.category]
            assert words[mention.position] in (name.split()[-1], plural(name).split()[-1], IMPLIED.get(name))
