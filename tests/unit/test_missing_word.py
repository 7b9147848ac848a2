"""Words in one Unicode form, with their marks, and why a caption lacks a word that a reader sees in it."""

from __future__ import annotations

import doctest
import unicodedata
from types import ModuleType

import pytest

from infodecomp.attribution.word_scores import caption_units
from infodecomp.datasets import ids, image_paths
from infodecomp.datasets.cases import make_case
from infodecomp.figures import reading_order
from infodecomp.figures.edited_caption import edited_words
from infodecomp.words import letters, unicode_form
from infodecomp.words import missing_word as missing_word_module
from infodecomp.words.caption_words import caption_words
from infodecomp.words.letters import is_word_character
from infodecomp.words.missing_word import missing_word
from infodecomp.words.occurrences import find_word, mask_word, remove_word
from infodecomp.words.swaps import replace_words
from infodecomp.words.unicode_form import composed_with_places

APART = "a white bear in a cafe\u0301 by a cafe"  # the accent is a character of its own
HINDI = "किताबें और भालू"


@pytest.mark.parametrize(
    "module",
    [letters, unicode_form, missing_word_module, ids, image_paths, reading_order],
    ids=lambda module: module.__name__,
)
def test_examples(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0 and found.failed == 0


@pytest.mark.parametrize(
    ("caption", "word", "found"),
    [
        (APART, "caf\u00e9", ["cafe\u0301"]),
        (APART, "cafe\u0301", ["cafe\u0301"]),
        (APART, "cafe", ["cafe"]),  # the second one alone
        ("a caf\u00e9", "cafe\u0301", ["caf\u00e9"]),
        ("CAFE\u0301", "caf\u00e9", ["CAFE\u0301"]),
        (HINDI, "किताबें", ["किताबें"]),
        (HINDI, "किताब", []),  # a vowel sign belongs to its word
        ("หมาน้ำ แมว", "แมว", ["แมว"]),
        ("\u0628\u064e\u064a\u062a", "\u0628", []),  # Arabic with its vowel points
        ("می\u200cخواهم", "می", []),  # a joiner of Persian
        ("\u1112\u1161\u11ab\u1100\u1173\u11af x", "한글", ["\u1112\u1161\u11ab\u1100\u1173\u11af"]),
        ("a q\u0323\u0307 x", "q\u0307\u0323", ["q\u0323\u0307"]),  # marks in another order, without a composed letter
    ],
)
def test_words_are_found_in_any_encoding_of_their_letters(caption: str, word: str, found: list[str]) -> None:
    assert [caption[start:end] for start, end in find_word(caption, word, ignore_case=True)] == found


def test_all_of_a_word_is_removed_and_masked() -> None:
    assert remove_word(APART, "caf\u00e9") == "a white bear in a by a cafe"
    assert mask_word(APART, "cafe") == "a white bear in a cafe\u0301 by a _"


def test_places_of_composed_letters() -> None:
    text, starts, ends = composed_with_places("xe\u0301y")
    assert (text, starts, ends) == ("x\u00e9y", [0, 1, 3], [1, 3, 4])
    assert composed_with_places("") == ("", [], [])


@pytest.mark.parametrize(
    "text", ["Vie\u0302\u0323t Nam q\u0323\u0307", HINDI, "\u1112\u1161\u11ab", "e\u0301", "\u0301e", "dog"]
)
def test_composed_clusters_are_the_composed_text(text: str) -> None:
    found = composed_with_places(text)
    assert found.text == unicodedata.normalize("NFC", text)
    assert len(found.starts) == len(found.ends) == len(found.text)


def test_word_characters_are_letters_digits_marks_and_joiners() -> None:
    assert all(map(is_word_character, "aß9_\u0301\u093f\u200d\u718a"))
    assert not any(map(is_word_character, " \xa0-'’.,$\u0964"))


def test_no_list_of_words_cuts_marks_off() -> None:
    caption = f"{HINDI} cafe\u0301's"
    words = ["किताबें", "और", "भालू", "cafe\u0301's"]
    assert [word.text for word in caption_words(caption, [])] == words
    assert [caption[start:end] for start, end in caption_units(caption)] == words
    assert [word.text for word in edited_words(HINDI, HINDI)] == words[:3]
    assert replace_words("cafe\u0301 cafe", {"cafe": "bar"}) == "cafe\u0301 bar"


def test_cases_of_two_encodings_are_one_case() -> None:
    apart, whole = (
        make_case(dataset="d", image_id="1", image_path="1.png", caption=f"a {word}", word=word, label=word)
        for word in ("cafe\u0301", "caf\u00e9")
    )
    assert apart == whole
    assert (apart["prompt_word"], apart["prompt_context"]) == ("caf\u00e9", "a")


@pytest.mark.parametrize(
    ("caption", "word", "hint"),
    [
        ("a cafe\u0301", "cafe", "the caption spells it 'caf\u00e9', with another accent"),
        ("a cafe", "caf\u00e9", "the caption spells it 'cafe', with another accent"),
        (HINDI, "किताब", "the caption has it only inside 'किताबें'"),
        ("a busy street", "bus", "the caption has it only inside 'busy'"),
        ("a brown\xa0monkey", "brown monkey", "'brown\\xa0monkey', with NO-BREAK SPACE where the word has SPACE"),
        ("a brown  monkey", "brown monkey", "'brown  monkey', with other spaces"),
        ("the child’s bear", "child's", "'child’s', with RIGHT SINGLE QUOTATION MARK where the word has APOSTROPHE"),
        ("the child's bear", "child’s", "with APOSTROPHE where the word has RIGHT SINGLE QUOTATION MARK"),
        ("a well\u2011known x", "well-known", "with NON-BREAKING HYPHEN where the word has HYPHEN-MINUS"),
        ("a te\u200bddy", "teddy", "with ZERO WIDTH SPACE"),
        ("a \ufb01sh", "fish", "the caption spells it '\ufb01sh', with other characters"),
        ("一只白熊在猴子上面", "熊", "it is inside '一只白熊在猴子上面', which has no spaces; separate the words"),
        ("一只白熊在猴子上面", "熊", "as in '一只白 熊 在猴子上面'"),
        ("ภาพแมวดำ", "แมว", "as in 'ภาพ แมว ดำ'"),
        ("Dog", "dog", "the caption spells it 'Dog', with other capitals"),
    ],
)  # fmt: skip
def test_what_looks_like_the_word_is_shown(caption: str, word: str, hint: str) -> None:
    sentence = missing_word(caption, word)
    assert sentence.startswith(f"the word {word!r} is not in the caption {caption!r} as a whole word: ")
    assert hint in sentence and sentence.endswith(".")


def test_nothing_is_made_up_about_a_word_that_is_not_there() -> None:
    assert missing_word("a cat", "dog", "prompt") == "the word 'dog' is not in the prompt 'a cat' as a whole word."
