"""Which two places of a caption a pair is of, and whether it is known already."""

from __future__ import annotations

from collections.abc import Sequence

from infodecomp.explaining.caption_spans import Asked, caption_spans
from infodecomp.explaining.explanation import Span
from infodecomp.explaining.word_pair import Given, WordPair
from infodecomp.runs.errors import InputError

REPLICATES = 4  # independent parts of a pair's draws, from which errors follow, as in a study

_MOST_DRAWS = 100_000
_GIVEN = ("rest", "nothing")


def pair_places(caption: str, first: Asked, second: Asked) -> tuple[Span, Span]:
    """The two places in the order of the caption; of words that stand there several times, the first place.

    Raises InputError for a word that is not in the caption, and for two that overlap.

    >>> [span.text for span in pair_places("a dog on a bed", "bed", "dog")]
    ['dog', 'bed']
    """
    places = [caption_spans(caption, [asked])[0] for asked in (first, second)]
    one, other = sorted(places, key=lambda span: (span.start, span.end))
    if other.start < one.end:
        raise InputError(
            f"the words {one.key!r} and {other.key!r} of a pair are one place of the caption or overlap; expected two that "
            f"are apart, such as 'dog' and ('dog', 1)."
        )
    return one, other


def shared_draws(draws: int) -> int:
    """The least number that is not below `draws` and falls into replicates of even numbers, since draws come as ±ε.

    >>> shared_draws(100), shared_draws(24)
    (104, 24)
    """
    return 2 * REPLICATES * -(-draws // (2 * REPLICATES))


def kept_pair(pairs: Sequence[WordPair], words: tuple[Span, Span], given: Given, draws: int | None) -> WordPair | None:
    """The pair of these words among those that are known, of this number of draws or of the most; None if there is none.

    Raises InputError for another condition or number of draws than there can be.
    """
    if given not in _GIVEN:
        raise InputError(f"given is {given!r}; allowed are {' and '.join(_GIVEN)}.")
    if draws is not None and (not isinstance(draws, int) or isinstance(draws, bool) or not 1 <= draws <= _MOST_DRAWS):
        raise InputError(f"draws is {draws!r}; allowed are whole numbers from 1 to {_MOST_DRAWS}.")
    count = None if draws is None else shared_draws(draws)
    found = [
        pair
        for pair in pairs
        if (pair.first, pair.second) == words and pair.given == given and count in (None, pair.draws)
    ]
    return max(found, key=lambda pair: pair.draws, default=None)
