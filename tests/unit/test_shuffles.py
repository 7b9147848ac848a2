"""The clean-up of captions and the four shuffles: what moves, what stays, and which generator moves it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from infodecomp.datasets.caption_cleanup import clean_caption
from infodecomp.datasets.shuffles import (
    ADJECTIVE_TAGS,
    NOUN_TAGS,
    TAG_SHUFFLES,
    TRIGRAM_SHUFFLES,
    shuffle_all_but_nouns_and_adjectives,
    shuffle_nouns_and_adjectives,
    shuffle_trigrams,
    shuffle_within_trigrams,
)
from infodecomp.runs.seeds import generator

TAGGED = [
    ("A", "DT"),
    ("small", "JJ"),
    ("dog", "NN"),
    ("chases", "VBZ"),
    ("two", "CD"),
    ("bigger", "JJR"),
    ("cats", "NNS"),
    (",", ","),
    ("near", "IN"),
    ("Lake", "NNP"),
    ("Garda", "NNP"),
]
TOKENS = [word for word, _ in TAGGED]
SEEDS = range(10)


def slots(tags: frozenset[str]) -> list[int]:
    return [slot for slot, (_, tag) in enumerate(TAGGED) if tag in tags]


def every_shuffle(seed: int) -> dict[str, str]:
    rngs = {name: generator(seed, name) for name in (*TAG_SHUFFLES, *TRIGRAM_SHUFFLES)}
    shuffled = {name: shuffle(TAGGED, rngs[name]) for name, shuffle in TAG_SHUFFLES.items()}
    return shuffled | {name: shuffle(TOKENS, rngs[name]) for name, shuffle in TRIGRAM_SHUFFLES.items()}


def test_the_four_stand_in_aros_order() -> None:
    assert [*TAG_SHUFFLES, *TRIGRAM_SHUFFLES] == [
        "shuffle_nouns_and_adj",
        "shuffle_allbut_nouns_and_adj",
        "shuffle_within_trigrams",
        "shuffle_trigrams",
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_shuffle_keeps_the_multiset_of_tokens(seed: int) -> None:
    for name, text in every_shuffle(seed).items():
        assert Counter(text.split(" ")) == Counter(TOKENS), name


@pytest.mark.parametrize("seed", SEEDS)
def test_nouns_move_among_nouns_and_adjectives_among_adjectives(seed: int) -> None:
    words = shuffle_nouns_and_adjectives(TAGGED, np.random.default_rng(seed)).split(" ")
    for tags in (NOUN_TAGS, ADJECTIVE_TAGS):
        assert Counter(words[slot] for slot in slots(tags)) == Counter(TOKENS[slot] for slot in slots(tags))
    others = set(range(len(TOKENS))) - {*slots(NOUN_TAGS), *slots(ADJECTIVE_TAGS)}
    assert all(words[slot] == TOKENS[slot] for slot in others)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_but_nouns_and_adjectives_leaves_these_where_they_are(seed: int) -> None:
    words = shuffle_all_but_nouns_and_adjectives(TAGGED, np.random.default_rng(seed)).split(" ")
    assert all(words[slot] == TOKENS[slot] for slot in (*slots(NOUN_TAGS), *slots(ADJECTIVE_TAGS)))


@pytest.mark.parametrize("seed", SEEDS)
def test_within_trigrams_no_token_leaves_its_block(seed: int) -> None:
    words = shuffle_within_trigrams(TOKENS, np.random.default_rng(seed)).split(" ")
    for start in range(0, len(TOKENS), 3):
        assert Counter(words[start : start + 3]) == Counter(TOKENS[start : start + 3])


@pytest.mark.parametrize("seed", SEEDS)
def test_trigrams_move_whole(seed: int) -> None:
    text = shuffle_trigrams(TOKENS, np.random.default_rng(seed))
    blocks = [" ".join(TOKENS[start : start + 3]) for start in range(0, len(TOKENS), 3)]
    assert len(blocks[-1].split(" ")) == 2
    position = 0
    while position < len(text):
        block = next(block for block in blocks if f"{text} ".startswith(f"{block} ", position))
        blocks.remove(block)
        position += len(block) + 1
    assert blocks == []


def test_every_place_that_may_change_does_change_for_some_seed() -> None:
    originals = {name: {slot: set() for slot in range(len(TOKENS))} for name in every_shuffle(0)}
    for seed in range(60):
        for name, text in every_shuffle(seed).items():
            for slot, word in enumerate(text.split(" ")):
                originals[name][slot].add(word)
    movable = {
        "shuffle_nouns_and_adj": {*slots(NOUN_TAGS), *slots(ADJECTIVE_TAGS)},
        "shuffle_allbut_nouns_and_adj": set(range(11)) - {*slots(NOUN_TAGS), *slots(ADJECTIVE_TAGS)},
        "shuffle_within_trigrams": set(range(11)),
        "shuffle_trigrams": set(range(11)),
    }
    for name, words in originals.items():
        assert {slot for slot, seen in words.items() if len(seen) > 1} == movable[name], name


def test_orders_of_a_block_are_equally_likely() -> None:
    rng = np.random.default_rng(0)
    counts = Counter(shuffle_within_trigrams(["a", "b", "c"], rng) for _ in range(3000))
    assert len(counts) == 6
    # Each count is binomial (3000, 1/6): mean 500, standard deviation 20.4; five of these are allowed.
    assert all(abs(count - 500) < 102 for count in counts.values())


def test_short_captions_have_little_to_shuffle() -> None:
    rng = np.random.default_rng(0)
    assert shuffle_nouns_and_adjectives([("a", "DT"), ("dog", "NN")], rng) == "a dog"
    assert shuffle_all_but_nouns_and_adjectives([("a", "DT"), ("dog", "NN")], rng) == "a dog"
    assert shuffle_trigrams(["a", "dog"], rng) == "a dog"
    assert shuffle_within_trigrams([], rng) == shuffle_trigrams([], rng) == ""


def test_tokens_given_are_not_changed() -> None:
    tagged, tokens = list(TAGGED), list(TOKENS)
    every_shuffle(3)
    assert tagged == TAGGED and tokens == TOKENS


@pytest.mark.parametrize(
    ("caption", "cleaned"),
    [
        ("A Dog.  Runs!\n", "a dog runs"),
        ('the "big" (red) *bus* #9: no; yes~', "the big red bus 9 no yes"),
        ("a man's well-worn hat, isn't it?", "a man's well-worn hat, isn't it?"),
        ("  spaces   and\t\ttabs  ", "spaces and tabs"),
        ("one\ttab stays", "one\ttab stays"),
        ("a tree , a dog .", "a tree , a dog"),
        ("...", ""),
    ],
)
def test_clean_up(caption: str, cleaned: str) -> None:
    assert clean_caption(caption, 30) == cleaned


def test_only_the_first_words_are_kept() -> None:
    words = [f"w{k}" for k in range(40)]
    assert clean_caption(" ".join(words), 30) == " ".join(words[:30])
    assert clean_caption("a. b. c", 2) == "a b"
