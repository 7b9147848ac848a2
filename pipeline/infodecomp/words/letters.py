"""What belongs to a word: letters, digits and underscores, as in `\\w`, and the marks and joiners that are part of them.

Python's `\\w` leaves out combining marks: an accent that follows its letter, the vowel signs of Devanagari and Thai, the
points of Hebrew and Arabic. It also leaves out the two joiners that Persian and Indian languages set inside words.
"""

from __future__ import annotations

import unicodedata
from functools import cache

ZERO_WIDTH_JOINERS = "\u200c\u200d"

# Where Unicode has marks: below U+0300 there are none, above U+1F000 only selectors of variants.
_MARK_AREAS = (range(0x300, 0x1F000), range(0xE0100, 0xE01F0))


def is_mark(character: str) -> bool:
    """Whether a character combines with the one before it."""
    return unicodedata.category(character).startswith("M")


@cache
def is_word_character(character: str) -> bool:
    """Whether a character belongs to a word.

    >>> is_word_character("é"), is_word_character("\\u0301"), is_word_character("-")
    (True, True, False)
    """
    return character.isalnum() or character == "_" or character in ZERO_WIDTH_JOINERS or is_mark(character)


def _mark_ranges() -> str:
    """All marks as ranges of a character class of a regular expression."""
    ranges, first, last = list[str](), -2, -2
    for code in (code for area in _MARK_AREAS for code in area if is_mark(chr(code))):
        if code != last + 1:
            ranges.append(f"{chr(first)}-{chr(last)}" if first >= 0 else "")
            first = code
        last = code
    return "".join([*ranges, f"{chr(first)}-{chr(last)}"])


# The same for regular expressions: one character of a word; a word; a word with its hyphens and apostrophes.
WORD_CHARACTER = rf"[\w{_mark_ranges()}{ZERO_WIDTH_JOINERS}]"
PLAIN_WORD = f"{WORD_CHARACTER}+"
JOINED_WORD = rf"{PLAIN_WORD}(?:['’-]{PLAIN_WORD})*"
# A run of signs: neither white space nor part of a word.
SIGNS = rf"[^\s{WORD_CHARACTER[1:]}+"
SIGN = SIGNS[:-1]
