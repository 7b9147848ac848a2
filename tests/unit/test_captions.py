"""Captions and training prompts: closed vocabulary, true of their scene, in the stated shares."""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np
import pytest

from infodecomp.scenes.captions import (
    BINDING,
    FUNCTION_WORDS,
    GENERAL,
    MAX_TOKENS,
    PromptMix,
    describe,
    lose_a_word,
    noun_words,
    relate,
    scene_captions,
    sides,
    tint_words,
    training_prompt,
    vocabulary,
    with_article,
)
from infodecomp.scenes.world import BACKGROUNDS, IMPLIED, RELATIONS, TINTS, Scene, Thing, sample_scene, scene_rng
from infodecomp.words.occurrences import find_word

COUNT = 3000


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Scene, list[str], str]]:
    """Scenes with their captions and one training prompt each."""
    rows = []
    for index in range(COUNT):
        rng = scene_rng(0, "captions", index)
        scene = sample_scene(rng)
        rows.append((scene, scene_captions(scene, rng), training_prompt(scene, rng)))
    return rows


def pair(relation: str = "left of", first: str = "dog", second: str = "cat") -> Scene:
    places = {"left of": (16, 32, 48, 32), "above": (32, 16, 32, 48)}
    x0, y0, x1, y1 = places[relation]
    things = (Thing(first, "red", x0, y0, 30), Thing(second, "blue", x1, y1, 30))
    return Scene("pair", "grass", things, relation, 0)


def test_every_word_is_in_the_vocabulary(drawn: list[tuple[Scene, list[str], str]]) -> None:
    known = set(vocabulary())
    used = {word for _, captions, prompt in drawn for text in (*captions, prompt) for word in text.split()}
    assert used <= known
    assert len(known) == len(vocabulary())
    assert known - used <= {"with"}  # no word of the vocabulary waits in vain, but this one for a user's own prompts


def test_every_word_is_one_token_of_the_tokenizer(drawn: list[tuple[Scene, list[str], str]]) -> None:
    from infodecomp.scenes.model import build_tokenizer

    tokenizer = build_tokenizer()
    for word in vocabulary():
        assert len(tokenizer(word).input_ids) == 3, word
    for _, captions, prompt in drawn[:200]:
        for text in (*captions, prompt):
            assert len(tokenizer(text).input_ids) == len(text.split()) + 2


def test_the_longest_prompt_fits(drawn: list[tuple[Scene, list[str], str]]) -> None:
    longest = max(len(text.split()) for _, captions, prompt in drawn for text in (*captions, prompt))
    assert 12 <= longest <= MAX_TOKENS - 2
    worst = pair("left of", "teddy bear", "zebra")
    worst = Scene("pair", "grass", tuple(Thing(t.category, None, t.x, t.y, t.size) for t in worst.things), "left of", 0)
    rng = np.random.default_rng(0)
    texts = [f"{relate(worst, flip=True, adjective=True, rng=rng)} {BACKGROUNDS['grass']}" for _ in range(20)]
    texts += [sides(worst, adjective=True, rng=rng) for _ in range(20)]
    assert max(len(text.split()) for text in texts) <= MAX_TOKENS - 2


def test_five_captions_each_naming_every_category(drawn: list[tuple[Scene, list[str], str]]) -> None:
    for scene, captions, _ in drawn:
        assert len(captions) == 5 and len(set(captions)) == 5
        for caption in captions:
            for category in scene.categories:
                names = [category] if scene.kind != "same" else noun_words(scene)
                assert any(find_word(caption, name) for name in names), (caption, category)


def test_captions_name_nothing_that_is_not_there(drawn: list[tuple[Scene, list[str], str]]) -> None:
    for scene, captions, prompt in drawn:
        tints = set(tint_words(scene))
        places = {scene.background}
        for text in (*captions, prompt):
            words = set(text.split())
            assert words & set(TINTS) <= tints
            assert words & set(BACKGROUNDS) <= places
            assert words & set(IMPLIED.values()) <= {IMPLIED[c] for c in scene.categories if c in IMPLIED}


def test_order_of_captions_varies(drawn: list[tuple[Scene, list[str], str]]) -> None:
    first = Counter(len(captions[0].split()) for scene, captions, _ in drawn if scene.kind == "one")
    assert len(first) >= 4


def test_articles_agree(drawn: list[tuple[Scene, list[str], str]]) -> None:
    assert (with_article("dog"), with_article("elephant")) == ("a dog", "an elephant")
    for _, captions, _ in drawn[:500]:
        for caption in captions:
            assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", caption), caption


def test_descriptions() -> None:
    thing = Thing("dog", "red", 32, 32, 20)
    assert describe(thing, adjective=True, size=True) == "small red dog"
    assert describe(thing, adjective=False) == "dog"
    assert describe(Thing("zebra", None, 32, 32, 45), adjective=True, size=True) == "big striped zebra"
    assert describe(Thing("dog", "red", 32, 32, 30), adjective=False, size=True) == "dog"


@pytest.mark.parametrize("relation", ["left of", "above"])
def test_relations_are_told_truly_from_both_ends(relation: str) -> None:
    scene = pair(relation)
    rng = np.random.default_rng(0)
    forward = {relate(scene, flip=False, adjective=False, rng=rng) for _ in range(20)}
    backward = {relate(scene, flip=True, adjective=True, rng=rng) for _ in range(20)}
    inverse = RELATIONS[relation]
    prefixes = ("", "to the ") if relation == "left of" else ("",)
    assert forward == {f"a dog {prefix}{relation} a cat" for prefix in prefixes}
    assert backward == {f"a blue cat {prefix}{inverse} a red dog" for prefix in prefixes}
    with pytest.raises(ValueError, match="'one' has no relation"):
        relate(Scene("one", "grass", scene.things[:1], None, 0), flip=False, adjective=False, rng=rng)


def test_sides_are_told_truly_in_both_orders() -> None:
    rng = np.random.default_rng(0)
    forms = {sides(pair(), adjective=False, rng=rng) for _ in range(30)}
    assert forms == {"on the left a dog and on the right a cat", "on the right a cat and on the left a dog"}
    mirrored = Scene("pair", "grass", pair().things[::-1], "right of", 0)
    assert {sides(mirrored, adjective=False, rng=rng) for _ in range(30)} == forms


def near(count: int, share: float, total: int) -> bool:
    """Within four standard deviations of a share of `total` draws."""
    return abs(count / total - share) < 4 * math.sqrt(share * (1 - share) / total)


@pytest.mark.parametrize("mix", [GENERAL, BINDING], ids=["general", "binding"])
def test_prompts_come_in_the_stated_shares(mix: PromptMix) -> None:
    """Empty prompts, bare nouns and underscores are told by their look; the rest are words, phrases and captions."""
    rows = []
    for index in range(COUNT):
        rng = scene_rng(1, "captions", index)
        scene = sample_scene(rng)
        rows.append((scene, training_prompt(scene, rng, mix)))
    assert sum(mix.forms.values()) == pytest.approx(1)
    assert near(sum(prompt == "" for _, prompt in rows), mix.forms["empty"], COUNT)
    assert near(sum(prompt in noun_words(scene) for scene, prompt in rows), mix.forms["noun"], COUNT)
    # Half of the captions that lose a word get `_` in its place.
    assert near(sum("_" in prompt for _, prompt in rows), mix.forms["caption"] * mix.lose_a_word / 2, COUNT)


@pytest.mark.parametrize("mix", [GENERAL, BINDING], ids=["general", "binding"])
def test_captions_of_pairs_lean_towards_relations(mix: PromptMix) -> None:
    """With whole captions only, the share that says which thing is where, and that of them with tints."""
    whole = PromptMix({"caption": 1.0}, 0.0, mix.relation, mix.tinted)
    told, tinted = 0, 0
    scene = pair("above")  # relations of which "above" and "below" are the only words
    rng = np.random.default_rng(0)
    for _ in range(1500):
        prompt = training_prompt(scene, rng, whole)
        told += bool({"above", "below"} & set(prompt.split()))
        tinted += bool({"above", "below"} & set(prompt.split())) and "red" in prompt
    # Any wording has the relation in three of five forms, with tints in two of them.
    assert near(told, mix.relation + (1 - mix.relation) * 3 / 5, 1500)
    assert near(tinted, mix.relation * mix.tinted + (1 - mix.relation) * 2 / 5, 1500)


def test_the_general_mix_is_the_default() -> None:
    scene = pair()
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    assert [training_prompt(scene, one) for _ in range(50)] == [
        training_prompt(scene, other, GENERAL) for _ in range(50)
    ]


@pytest.mark.parametrize("mix", [GENERAL, BINDING], ids=["general", "binding"])
def test_a_word_is_lost_in_the_stated_share_of_captions(mix: PromptMix) -> None:
    scene = Scene("one", "grass", (Thing("dog", "red", 32, 32, 30),), None, 0)
    whole = set(scene_captions(scene, np.random.default_rng(0)))
    captions = PromptMix({"caption": 1.0}, mix.lose_a_word, mix.relation, mix.tinted)
    rng = np.random.default_rng(1)
    # "a dog" is what is left of "a red dog", so that it may come from either.
    prompts = [training_prompt(scene, rng, captions) for _ in range(2000)]
    shorter = sum(prompt not in whole for prompt in prompts)
    assert 0.75 * mix.lose_a_word < shorter / 2000 < mix.lose_a_word + 4 * math.sqrt(0.2 / 2000)


def test_lose_a_word_leaves_a_gap_or_an_underscore() -> None:
    scene = Scene("one", "grass", (Thing("dog", "red", 32, 32, 30),), None, 0)
    rng = np.random.default_rng(0)
    found = Counter(lose_a_word("a red dog on the grass", scene, rng) for _ in range(600))
    words = ("red", "dog", "grass")
    gaps = {" ".join("a red dog on the grass".replace(word, "").split()) for word in words}
    masks = {"a red dog on the grass".replace(word, "_") for word in words}
    assert set(found) == gaps | masks
    assert 240 < sum(found[text] for text in masks) < 360
    noun = found["a red on the grass"] + found["a red _ on the grass"]
    assert 300 < noun < 420  # 0.6 of 600


def test_lose_a_word_takes_whole_names() -> None:
    scene = Scene("one", "room", (Thing("teddy bear", None, 32, 32, 30),), None, 0)
    rng = np.random.default_rng(0)
    found = {lose_a_word("a teddy bear", scene, rng) for _ in range(20)}
    assert found == {"a", "a _"}
    many = Scene("same", "room", (Thing("person", "red", 16, 32, 27), Thing("person", "red", 48, 32, 27)), None, 0)
    texts = {lose_a_word("two red people", many, rng) for _ in range(60)}
    assert texts == {"red people", "_ red people", "two people", "two _ people", "two red", "two red _"}
    both = {lose_a_word("there is a person next to a person", many, rng) for _ in range(20)}
    assert both == {"there is a next to a person", "there is a _ next to a person"}


def test_lost_words_are_content_words(drawn: list[tuple[Scene, list[str], str]]) -> None:
    rng = np.random.default_rng(0)
    for scene, captions, _ in drawn[:300]:
        shorter = lose_a_word(captions[0], scene, rng)
        lost = Counter(captions[0].split()) - Counter(shorter.split())
        assert lost and not set(lost) & set(FUNCTION_WORDS)
        assert shorter == " ".join(shorter.split())


def test_nouns_and_tints_of_a_scene() -> None:
    assert noun_words(pair()) == ["dog", "cat"]
    assert tint_words(pair()) == ["red", "blue"]
    same = Scene("same", "snow", (Thing("zebra", None, 16, 32, 27),) * 2, None, 0)
    assert noun_words(same) == ["zebra", "zebras"] and tint_words(same) == []
