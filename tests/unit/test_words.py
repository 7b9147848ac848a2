"""Words in captions: spans, removal, masking, swapping, plurals, token positions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from infodecomp.words.inflection import plural
from infodecomp.words.occurrences import find_word, mask_word, remove_word, word_token_positions
from infodecomp.words.swaps import SWAPS, SwapScope, released_swaps, replace_words, swap_partner, swap_word


def test_a_word_is_found_whole_and_each_time() -> None:
    assert find_word("a busy bus, the bus's stop_bus bus2", "bus") == [(7, 10), (16, 19)]


@pytest.mark.parametrize("caption", ["underdog", "doghouse", "dog_1", "dog2", "dogs", "Dog", "", "hotdog"])
def test_pieces_of_other_words_and_other_cases_do_not_match(caption: str) -> None:
    assert find_word(caption, "dog") == []


def test_case_can_be_ignored() -> None:
    assert find_word("Dog and DOG", "dog", ignore_case=True) == [(0, 3), (8, 11)]


def test_a_word_of_several_words_needs_its_own_spacing() -> None:
    assert find_word("a traffic light, a traffic  light", "traffic light") == [(2, 15)]


def test_characters_of_regular_expressions_are_plain_in_a_word() -> None:
    assert find_word("a c++ book (cpp)", "c++") == [(2, 5)]
    assert find_word("a dog", "d.g") == []
    assert find_word("a dog", "") == []


def test_removal_takes_whole_words_and_normalises_spaces() -> None:
    assert remove_word("A busy  street with a bus\n", "bus") == "A busy street with a"
    assert remove_word("A bedroom, a bed by a bed.", "bed") == "A bedroom, a by a ."
    assert remove_word("dog", "dog") == ""


def test_removal_of_substrings_is_as_released() -> None:
    assert remove_word("A busy street with a bus", "bus", "substring") == "A y street with a "
    assert remove_word("skis on a ski slope", "ski", "substring") == "s on a  slope"
    assert remove_word("a dog\n", "dog", "substring") == "a \n"


def test_removal_and_masking_follow_the_case_that_was_asked_for() -> None:
    assert remove_word("Dogs and dogs", "dogs") == "Dogs and"
    assert remove_word("Dogs and dogs", "dogs", ignore_case=True) == "and"
    assert mask_word("Dogs and dogs", "dogs", ignore_case=True) == "_ and _"


def test_masking_leaves_everything_else_alone() -> None:
    assert mask_word("A busy  street with a bus.", "bus") == "A busy  street with a _."
    assert mask_word("a cat", "dog") == "a cat"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("person", "people"), ("mouse", "mice"), ("sheep", "sheep"), ("skis", "ski"), ("wine glass", "wine glasses"),
     ("knife", "knives"), ("bus", "buses"), ("scissors", "scissors"), ("teddy bear", "teddy bears")],
)  # fmt: skip
def test_plurals(name: str, expected: str) -> None:
    assert plural(name) == expected


@pytest.mark.parametrize(
    ("caption", "word", "expected"),
    [
        ("a bear in the grass", "bear", "an elephant in the grass"),
        ("An elephant by a tree", "elephant", "A bear by a tree"),
        ("an airplane", "airplane", "a kite"),
        ("a big bear", "bear", "a big elephant"),
        ("Dogs and a dog", "dogs", "Cats and a dog"),
        ("Dog with another dog", "dog", "Cat with another cat"),
        ("people on a beach", "people", "monkeys on a beach"),
        ("a monkey", "monkey", "a person"),
        ("a teddy bear", "teddy bear", "a robot"),
        ("two robots", "robots", "two teddy bears"),
        ("a teddy bear and a bear", "bear", "a teddy bear and an elephant"),
        ("a bedroom with a bed", "bed", "a bedroom with a table"),
        ("panda bear", "bear", "panda elephant"),
    ],
)
def test_swaps(caption: str, word: str, expected: str) -> None:
    assert swap_word(caption, word) == expected


def test_swaps_in_any_encoding_of_their_letters() -> None:
    assert swap_word("a cafe\u0301", "caf\u00e9", [("cafe\u0301", "bar")]) == "a bar"
    assert swap_word("a caf\u00e9", "cafe\u0301", [("bar", "caf\u00e9")]) == "a bar"
    assert swap_word("a cafe\u0301", "cafe", [("cafe", "bar")]) is None


def test_no_swap() -> None:
    assert swap_word("a spoon", "spoon") is None
    assert swap_word("a cat", "dog") is None
    assert swap_word("a teddy bear", "bear") is None


def test_a_swap_of_all_words_takes_the_whole_table_and_mends_nothing() -> None:
    assert swap_word("A Dog and a cat", "cat", scope="all") == "A cat and a dog"
    assert swap_word("A Dog and a cat", "cat") == "A Dog and a dog"
    assert swap_word("a bear on beds", "beds", scope="all") == "a elephant on tables"
    assert swap_word("a teddy bear", "bear", scope="all") == "a robot"
    assert swap_word("two persons", "persons", scope="all") == "two monkeys"
    assert swap_word("a spoon and a fork", "fork", [("spoon", "fork")], "all") == "a fork and a spoon"


def test_no_swap_of_all_words_without_the_word() -> None:
    assert swap_word("a dog and a spoon", "spoon", scope="all") is None
    assert swap_word("a dog", "cat", scope="all") is None
    assert swap_word("a hotdog", "dog", scope="all") is None
    assert swap_word("a dog", "dog", [], "all") is None


def test_irregular_plurals_of_the_released_table_are_pairs_of_their_own() -> None:
    assert released_swaps([("dog", "cat")]) == {"dog": "cat", "cat": "dog", "dogs": "cats", "cats": "dogs"}
    assert released_swaps([("person", "monkey")]) == {
        "person": "monkey", "monkey": "person", "persons": "monkeys", "monkeys": "people",
        "people": "monkeys", "peoples": "monkeyss", "monkeyss": "peoples",
    }  # fmt: skip


def test_words_are_replaced_at_once_and_the_longest_first() -> None:
    table = {"hot": "cold", "hot dog": "cold fish", "cold": "hot"}
    assert replace_words("Hot dog, HOT, cold; hotdog", table) == "cold fish, cold, hot; hotdog"
    assert replace_words("c++ (cpp)", {"c++": "rust"}) == "rust (cpp)"
    assert replace_words("a horſe", {"horse": "zebra"}) == "a horſe"
    assert replace_words("a dog", {}) == "a dog"


@pytest.mark.parametrize("scope", ["target", "all"])
def test_a_table_may_hold_capitals(scope: SwapScope) -> None:
    assert swap_word("a radio", "radio", [("TV", "radio")], scope) == "a TV"
    assert swap_partner("tv", [("TV", "radio")], scope) == "radio"


def test_swaps_are_their_own_inverse() -> None:
    for pair in SWAPS:
        for word in (*pair, *map(plural, pair)):
            partner = swap_partner(word)
            assert partner is not None
            assert swap_partner(partner) == word


def test_tokens_of_a_word() -> None:
    caption = "a teddy bear and a bear"
    # <start> a ted dy bear and a bear <end>
    offsets = [(0, 0), (0, 1), (2, 5), (5, 7), (8, 12), (13, 16), (17, 18), (19, 23), (0, 0)]
    assert word_token_positions(offsets, find_word(caption, "teddy bear")) == [[2, 3, 4]]
    assert word_token_positions(offsets, find_word(caption, "bear")) == [[4], [7]]
    assert word_token_positions(offsets, []) == []


def test_tokens_that_only_overlap_a_word_are_not_its_tokens() -> None:
    assert word_token_positions([(0, 4), (4, 8)], [(2, 8)]) == [[1]]


def test_a_truncated_occurrence_has_fewer_tokens_or_none() -> None:
    assert word_token_positions([(0, 0), (0, 5), (0, 0)], [(0, 10), (20, 24)]) == [[1], []]


def test_the_modules_need_neither_torch_nor_inflect_to_be_imported() -> None:
    check = (
        "import sys, infodecomp.words.prompts, infodecomp.words.swaps; "
        "sys.exit('torch' in sys.modules or 'inflect' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
