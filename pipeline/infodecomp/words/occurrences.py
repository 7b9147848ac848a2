"""Find a word in a caption, remove or mask it, and find the tokens that it became.

A word may be several words ("traffic light"). It is found whole: no letter, digit, underscore or mark of a letter may touch
it, so "bus" is not found in "busy", nor "cafe" in "café", however the accent is encoded. Plural forms are different words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from infodecomp.words.letters import is_word_character
from infodecomp.words.unicode_form import composed, composed_with_places

Span = tuple[int, int]
WordRemoval = Literal["word", "substring"]


def find_word(caption: str, word: str, *, ignore_case: bool = False) -> list[Span]:
    """Character spans (start, end) of every whole-word occurrence of `word`, in order; empty if there is none.

    For an English word this is the regular expression `\\bword\\b`. Both texts are compared composed (NFC), and spans are of
    the caption as it is.
    """
    if not word:
        return []
    text, starts, ends = composed_with_places(caption)
    pattern = re.compile(re.escape(composed(word)), re.IGNORECASE if ignore_case else 0)
    spans, place = list[Span](), 0
    while match := pattern.search(text, place):
        start, end = match.span()
        whole = not (_in_word(text, start - 1) or _in_word(text, end))
        if whole:
            spans.append((starts[start], ends[end - 1]))
        place = end if whole else start + 1
    return spans


def remove_word(caption: str, word: str, mode: WordRemoval = "word", *, ignore_case: bool = False) -> str:
    """The caption without `word`: the prompt `context`.

    mode "word": every whole-word occurrence is removed, runs of white space become one space and the ends are
    stripped. mode "substring": as in the released code, every occurrence is deleted, even inside other words ("busy" →
    "y"), and spaces are kept; `ignore_case` has no effect.
    """
    if mode == "substring":
        return caption.replace(word, "")
    return " ".join(_replace(caption, find_word(caption, word, ignore_case=ignore_case), "").split())


def mask_word(caption: str, word: str, *, ignore_case: bool = False) -> str:
    """The caption with every whole-word occurrence of `word` replaced by `_`; nothing else changes."""
    return _replace(caption, find_word(caption, word, ignore_case=ignore_case), "_")


def word_token_positions(offsets: Sequence[Span], spans: Sequence[Span]) -> list[list[int]]:
    """Indices of the tokens of each occurrence of a word: one list per span, in the order of `spans`.

    `offsets` is a tokenizer's offset mapping: one (start, end) per token, in characters of the caption. A token belongs to
    the span that contains it entirely; special tokens, which have no width, belong to none. An occurrence cut off by the
    token limit has fewer indices than the word has tokens, or none.
    """
    return [[index for index, (low, high) in enumerate(offsets) if start <= low < high <= end] for start, end in spans]


def _in_word(text: str, place: int) -> bool:
    return 0 <= place < len(text) and is_word_character(text[place])


def _replace(caption: str, spans: Sequence[Span], replacement: str) -> str:
    pieces, end = [], 0
    for start, stop in spans:
        pieces += [caption[end:start], replacement]
        end = stop
    return "".join([*pieces, caption[end:]])
