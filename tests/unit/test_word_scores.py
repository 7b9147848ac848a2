"""Token pieces become words, whole and with all their letters."""

from __future__ import annotations

import numpy as np
import pytest

from infodecomp.attribution.word_scores import caption_units, word_scores


def offsets_of(*spans: tuple[int, int]) -> list[tuple[int, int]]:
    return [(0, 0), *spans, (0, 0)]


@pytest.mark.parametrize("word", ["cow", "snow", "yellow", "w", "<w>", "www"])
def test_letters_are_never_stripped(word: str) -> None:
    caption = f"a {word}"
    scores = word_scores(caption, offsets_of((0, 1), (2, 2 + len(word))), np.ones(4))
    assert [score.text for score in scores if score.text != "a"] == [word]


def test_pieces_of_a_word_are_summed() -> None:
    # a | yell|ow | bus
    offsets = offsets_of((0, 1), (2, 6), (6, 8), (9, 12))
    found = word_scores("a yellow bus", offsets, np.array([9.0, 1, 2, 3, 4, 9, 9, 9]))
    assert [(one.text, one.tokens, one.score) for one in found] == [
        ("a", (1,), 1),
        ("yellow", (2, 3), 5),
        ("bus", (4,), 4),
    ]
    assert [one.percent for one in found] == [10, 50, 40]


def test_a_word_that_comes_twice_has_two_rows() -> None:
    found = word_scores("dog and dog", offsets_of((0, 3), (4, 7), (8, 11)), np.arange(5.0))
    assert [(one.text, one.score) for one in found] == [("dog", 1), ("and", 2), ("dog", 3)]


def test_special_tokens_are_kept_where_asked_for() -> None:
    scores = np.array([4.0, 1, 2, 3, 5, 5])
    found = word_scores("a dog", offsets_of((0, 1), (2, 5)), scores, "keep")
    assert [(one.kind, one.score) for one in found] == [
        ("start", 4),
        ("word", 1),
        ("word", 2),
        ("end", 3),
        ("padding", 10),
    ]
    assert sum(one.percent for one in found) == pytest.approx(100)
    dropped = word_scores("a dog", offsets_of((0, 1), (2, 5)), scores, "drop")
    assert sum(one.percent for one in dropped) == pytest.approx(100) and len(dropped) == 2


def test_marks_and_joined_words() -> None:
    caption = "a teddy-bear's hat, red!"
    assert [caption[low:high] for low, high in caption_units(caption)] == ["a", "teddy-bear's", "hat", ",", "red", "!"]


def test_a_piece_over_the_edge_of_a_word_is_not_lost() -> None:
    found = word_scores("red!", offsets_of((0, 4)), np.array([0.0, 2, 0]))
    assert [(one.text, one.score, one.percent) for one in found] == [("red!", 2, 100)]


def test_without_any_score_there_are_no_percentages() -> None:
    assert np.isnan(word_scores("dog", offsets_of((0, 3)), np.zeros(3))[0].percent)


def test_fewer_scores_than_tokens() -> None:
    with pytest.raises(ValueError, match="2 scores for 3 tokens"):
        word_scores("dog", offsets_of((0, 3)), np.zeros(2))
