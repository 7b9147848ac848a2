"""From a score for each token to a score for each word: tokens are joined by their place in the caption."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from infodecomp.words.letters import JOINED_WORD, SIGNS, is_word_character
from infodecomp.words.occurrences import Span, word_token_positions

SpecialTokens = Literal["drop", "keep"]

# A word with its hyphens and apostrophes, such as "teddy-bear's"; or a run of punctuation.
_UNIT = re.compile(f"{JOINED_WORD}|{SIGNS}")


@dataclass(frozen=True)
class WordScore:
    """A word of the caption, or tokens that represent none of it.

    kind: word, mark, start, end or padding. percent: of the sum of all scores that are kept.
    """

    text: str
    kind: str
    tokens: tuple[int, ...]
    score: float
    percent: float


def caption_units(caption: str) -> list[Span]:
    """Spans of the words and punctuation of a caption, in order; only white space lies between them."""
    return [match.span() for match in _UNIT.finditer(caption)]


def word_scores(
    caption: str, offsets: Sequence[Span], scores: np.ndarray, special: SpecialTokens = "drop"
) -> list[WordScore]:
    """Scores of words, the sums over their tokens; percentages sum to 100, or are NaN if every score is 0.

    Args:
        caption: the text.
        offsets: span of each token in it, special ones (0, 0), as the tokenizer gives them: start, pieces, end.
        scores: one for each position, (tokens,), never negative. Positions after the offsets are padding.
        special: whether start, end and padding are dropped, or kept as one score each.

    Raises:
        ValueError: there are fewer scores than tokens.
    """
    if len(scores) < len(offsets):
        raise ValueError(f"{len(scores)} scores for {len(offsets)} tokens")
    units = caption_units(caption)
    places = word_token_positions(offsets, units)
    taken = {token for tokens in places for token in tokens}
    for token, (low, high) in enumerate(offsets):
        if high > low and token not in taken:  # a piece that reaches over the edge of a word
            units.append((low, high))
            places.append([token])
    found = [
        (caption[low:high], "word" if is_word_character(caption[low]) else "mark", tuple(tokens))
        for (low, high), tokens in sorted(zip(units, places, strict=True))
        if tokens
    ]
    if special == "keep":
        empty = [token for token, (low, high) in enumerate(offsets) if low == high]
        padding = tuple(range(len(offsets), len(scores)))
        found = [
            *((f"<{kind}>", kind, (token,)) for kind, token in zip(("start",), empty[:1], strict=False)),
            *found,
            *((f"<{kind}>", kind, (token,)) for kind, token in zip(("end",), empty[1:], strict=False)),
            *([("<padding>", "padding", padding)] if padding else []),
        ]
    sums = [float(scores[list(tokens)].sum(dtype=np.float64)) for _, _, tokens in found]
    total = sum(sums)
    return [
        WordScore(text, kind, tokens, score, 100 * score / total if total > 0 else float("nan"))
        for (text, kind, tokens), score in zip(found, sums, strict=True)
    ]
