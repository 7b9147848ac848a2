"""Which words of a caption become cases where nobody names any."""

from __future__ import annotations

import pytest

from infodecomp.words.content_words import content_words


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A dog on the red sofa, and another dog", ["dog", "red", "sofa"]),
        ("Two cats aren't sleeping", ["Two", "cats", "sleeping"]),
        ("two cats aren’t sleeping", ["two", "cats", "sleeping"]),
        ("The Dog and the dog", ["Dog"]),
        ("a well-known child's toy", ["well-known", "child's", "toy"]),
        ("собака на диване", ["собака", "на", "диване"]),
        ("it is on that", []),
        ("", []),
    ],
)
def test_content_words(caption: str, words: list[str]) -> None:
    assert content_words(caption) == words


def test_function_words_where_they_are_asked_for() -> None:
    assert content_words("A dog on a sofa", function_words=True) == ["A", "dog", "on", "sofa"]
