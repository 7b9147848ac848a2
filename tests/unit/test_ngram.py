"""The blind score: a proper distribution, captions taken out exactly, and real captions before shuffled ones."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from infodecomp.words.ngram import NgramModel, leave_one_out_scores, words

CAPTIONS = ("a dog on the grass", "a cat on the grass", "a dog left of a cat", "the cat sits", "two dogs")


def test_words_are_cut_as_clip_cuts_them() -> None:
    assert words("A man's  dog, 42 trees!!") == ["a", "man", "'s", "dog", ",", "4", "2", "trees", "!!"]
    assert words("tree ,  house") == words("Tree, house")
    assert words("over_there") == ["over", "_", "there"]
    assert words("Ein Bär – größer") == ["ein", "bär", "–", "größer"]
    assert words("") == []


@pytest.mark.parametrize("history", [(), ("dog",), ("a", "dog"), ("never", "seen"), ("never", "dog")])
def test_probabilities_of_all_words_and_the_unseen_one_sum_to_one(history: tuple[str, ...]) -> None:
    model = NgramModel(CAPTIONS)
    known = {word for caption in CAPTIONS for word in words(caption)} | {" end"}
    assert math.fsum(model.probability(word, history) for word in [*known, "unseen"]) == pytest.approx(1, abs=1e-12)
    assert model.probability("unseen", history) > 0


def test_smoothing_follows_the_formula() -> None:
    """`a` is followed by dog twice and by cat twice: c = 4, T = 2; eight words and the end are known, 24 counted."""
    model = NgramModel(CAPTIONS)
    distinct = len({word for caption in CAPTIONS for word in words(caption)} | {" end"})
    counted = sum(len(words(caption)) + 1 for caption in CAPTIONS)
    unigram = (3 - 1 + distinct / (distinct + 1)) / (counted + distinct)  # dog stands there twice
    bigram = (2 + 2 * unigram) / (4 + 2)
    assert model.probability("dog") == pytest.approx(unigram)
    assert model.probability("dog", ("a",)) == pytest.approx(bigram)
    # After `of a` only cat was seen: c = T = 1.
    assert model.probability("dog", ("of", "a")) == pytest.approx(bigram / 2)
    assert model.probability("dog", ("unseen", "a")) == pytest.approx(bigram)


def test_the_score_is_the_mean_log_probability_with_the_end() -> None:
    model = NgramModel(CAPTIONS)
    padded = [" start", " start", "two", "cats", " end"]
    logs = [math.log(model.probability(padded[k], tuple(padded[k - 2 : k]))) for k in range(2, 5)]
    assert model.score("Two cats") == pytest.approx(sum(logs) / 3)
    assert model.score("") == pytest.approx(math.log(model.probability(" end", (" start", " start"))))
    # Length alone costs nothing: doubling a text that the model knows does not halve its score.
    assert model.score("two dogs") > model.score("two cats") > model.score("cats two")


def test_taking_captions_out_is_as_if_they_had_never_been_counted() -> None:
    model, others = NgramModel(CAPTIONS), NgramModel(CAPTIONS[1:])
    texts = [*CAPTIONS, "grass the on dog a", "unseen words here"]
    before = [model.score(text) for text in texts]
    with model.without(CAPTIONS[:1]):
        assert [model.score(text) for text in texts] == [others.score(text) for text in texts]
    assert [model.score(text) for text in texts] == before
    assert before[0] > others.score(CAPTIONS[0])
    with pytest.raises(ZeroDivisionError), model.without(CAPTIONS):
        assert model.score("a dog") == 0.0  # nothing is known: every text is as good
        raise ZeroDivisionError
    assert [model.score(text) for text in texts] == before


def test_each_image_is_scored_by_the_captions_of_all_others() -> None:
    captions = [(str(k), caption) for k, caption in enumerate(CAPTIONS)]
    captions += [("0", "a dog on the snow"), ("0", CAPTIONS[0])]  # image 0 has two captions, one of them twice
    texts = [("0", "a dog on the grass"), ("0", "grass the on dog a"), ("3", "a dog on the grass"), ("new", "a dog")]
    scores = list(leave_one_out_scores(texts, captions))
    everything = [*CAPTIONS, "a dog on the snow"]
    assert scores[0] == NgramModel(CAPTIONS[1:]).score(texts[0][1])
    assert scores[1] == NgramModel(CAPTIONS[1:]).score(texts[1][1])
    assert scores[2] == NgramModel(c for c in everything if c != CAPTIONS[3]).score(texts[2][1])
    assert scores[3] == NgramModel(everything).score("a dog")
    assert scores[0] > scores[1]
    alternating = [texts[0], texts[2], texts[1]]
    assert list(leave_one_out_scores(alternating, captions)) == [scores[0], scores[2], scores[1]]


def test_word_order_is_told_blind_where_grammar_gives_it_away() -> None:
    nouns = ("dog", "cat", "horse", "kite", "bed", "bear")
    captions = [(f"{a}{b}", f"a red {a} left of a blue {b}") for a, b in pairwise(nouns * 3)]
    real = leave_one_out_scores(((i, t) for i, t in captions), captions)
    shuffled = leave_one_out_scores(((i, " ".join(reversed(t.split()))) for i, t in captions), captions)
    assert all(a > b for a, b in zip(real, shuffled, strict=True))
