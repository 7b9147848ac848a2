"""One Unicode form of a text, and where its characters come from.

`é` is one character or a letter and its accent: macOS writes file names in the second form, keyboards the first. Texts are
compared composed (normalisation form C, Unicode Standard Annex 15), which is also what CLIP's tokenizer makes of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from infodecomp.words.letters import is_mark

# Vowels and final consonants of Hangul, which compose with the letters before them though they are no marks.
_JAMO = range(0x1160, 0x1200)


class Composed(NamedTuple):
    """A composed text; starts, ends: of each character, the span of the original's characters that it comes from."""

    text: str
    starts: list[int]
    ends: list[int]


def composed(text: str) -> str:
    """A text in normalisation form C.

    >>> composed("cafe\\u0301") == "caf\\u00e9"
    True
    """
    return unicodedata.normalize("NFC", text)


def composed_with_places(text: str) -> Composed:
    """A composed text whose characters know their places in the original."""
    if unicodedata.is_normalized("NFC", text):
        return Composed(text, list(range(len(text))), list(range(1, len(text) + 1)))
    pieces, starts, ends = list[str](), list[int](), list[int]()
    for start, end in _clusters(text):
        piece = composed(text[start:end])
        pieces.append(piece)
        # A letter with marks that do not compose keeps their places; else all come from the whole cluster.
        same = piece == text[start:end]
        starts += range(start, end) if same else [start] * len(piece)
        ends += range(start + 1, end + 1) if same else [end] * len(piece)
    return Composed("".join(pieces), starts, ends)


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Spans of characters with the marks that follow them."""
    start = 0
    for index in range(1, len(text)):
        if not is_mark(text[index]) and ord(text[index]) not in _JAMO:
            yield start, index
            start = index
    if text:
        yield start, len(text)
