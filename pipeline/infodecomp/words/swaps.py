"""Swap words of a caption: the table of swaps, and captions with words replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

from infodecomp.words.inflection import article, plural
from infodecomp.words.letters import WORD_CHARACTER
from infodecomp.words.occurrences import Span, find_word
from infodecomp.words.unicode_form import composed

SwapScope = Literal["target", "all"]

# Word swaps of the paper (Kong et al., 2024, section 3.3): each pair applies both ways, singular and plural.
SWAPS: tuple[tuple[str, str], ...] = (
    ("dog", "cat"),
    ("zebra", "horse"),
    ("bed", "table"),
    ("bear", "elephant"),
    ("airplane", "kite"),
    ("person", "monkey"),
    ("teddy bear", "robot"),
)


def swap_word(
    caption: str, word: str, table: Sequence[tuple[str, str]] = SWAPS, scope: SwapScope = "target"
) -> str | None:
    """The caption with `word` replaced by its partner in `table`; None if there is nothing to swap.

    scope "target": only the given word is replaced, in every whole-word occurrence, ignoring case; a capital first letter
    is kept. An article directly before it is adjusted ("a bear" → "an elephant"). A word inside a longer name of the table
    is left alone: swapping "bear" does not change "teddy bear".
    scope "all": as in the released code, every word of `released_swaps(table)` is replaced at once, longer names first; new
    words are lower case and articles stay. Still None if `word` is not in the caption or the table.
    """
    partner = swap_partner(word, table, scope)
    spans = find_word(caption, word, ignore_case=True)
    if partner is None or not spans:
        return None
    if scope == "all":
        return replace_words(caption, released_swaps(table))
    spans = [span for span in spans if not _in_longer(caption, word, span, table)]
    if not spans:
        return None
    return swap_places(caption, spans, partner)


def swap_places(caption: str, places: Sequence[Span], other: str) -> str:
    """The caption with `other` at some places; a capital first letter is kept, and an article directly before agrees.

    >>> swap_places("A dog beside a dog", [(15, 18)], "elephant")
    'A dog beside an elephant'
    """
    pieces, end = [], 0
    for start, stop in places:
        pieces.append(_agreeing_article(caption[end:start], other))
        pieces.append(other[0].upper() + other[1:] if caption[start].isupper() else other)
        end = stop
    return "".join([*pieces, caption[end:]])


def swap_partner(word: str, table: Sequence[tuple[str, str]] = SWAPS, scope: SwapScope = "target") -> str | None:
    """What `word` (singular or plural, any case) is swapped for: "dogs" → "cats"; None if it is not in `table`."""
    swaps = _swap_map(tuple(table)) if scope == "target" else released_swaps(table)
    return swaps.get(composed(word).lower())


def released_swaps(table: Sequence[tuple[str, str]] = SWAPS) -> dict[str, str]:
    """The swaps that the released code makes from the pairs: each both ways, and again with an s on both words.

    Irregular plurals are separate pairs and get an s as well, so "peoples" becomes "monkeyss"; if two pairs contain a word,
    the later one applies: "monkeys" becomes "people", while "persons" still becomes "monkeys".
    """
    plurals = [(plural(one), plural(other)) for one, other in table]
    irregular = [pair for pair, regular in zip(plurals, map(_with_s, table), strict=True) if pair != regular]
    swaps: dict[str, str] = {}
    for pair in (*table, *irregular):
        for one, other in (pair, _with_s(pair)):
            swaps |= {composed(one).lower(): other, composed(other).lower(): one}
    return swaps


def replace_words(caption: str, replacements: Mapping[str, str]) -> str:
    """The caption with every whole word that is a key of `replacements` (lower case) replaced, ignoring case.

    All are replaced at once, from left to right, longest key first: replacements are not replaced again.
    """
    if not replacements:
        return caption
    keys = "|".join(re.escape(key) for key in sorted(replacements, key=len, reverse=True))
    pattern = re.compile(f"(?<!{WORD_CHARACTER})(?:{keys})(?!{WORD_CHARACTER})", re.IGNORECASE)
    # Letters such as ſ match when case is ignored but have another lower case: they stay.
    return pattern.sub(lambda match: replacements.get(match.group().lower(), match.group()), caption)


def _agreeing_article(before: str, noun: str) -> str:
    """Make an article that ends `before` agree with `noun`, keeping its capital."""
    match = re.search(r"(?<!\w)(an?)(\s+)$", before, re.IGNORECASE)
    if match is None:
        return before
    agreeing = article(noun)
    if match.group(1)[0].isupper():
        agreeing = agreeing.capitalize()
    return before[: match.start()] + agreeing + match.group(2)


def _in_longer(caption: str, word: str, span: Span, table: Sequence[tuple[str, str]]) -> bool:
    """Whether `span` is part of a longer name of the table."""
    longer = [name for name in _swap_map(tuple(table)) if len(name) > len(word) and find_word(name, word.lower())]
    return any(
        start <= span[0] and span[1] <= end
        for name in longer
        for start, end in find_word(caption, name, ignore_case=True)
    )


def _with_s(pair: tuple[str, str]) -> tuple[str, str]:
    return f"{pair[0]}s", f"{pair[1]}s"


@cache
def _swap_map(table: tuple[tuple[str, str], ...]) -> dict[str, str]:
    pairs = [pair for one, other in table for pair in ((one, other), (plural(one), plural(other)))]
    return {composed(one).lower(): other for one, other in (*pairs, *((other, one) for one, other in pairs))}
