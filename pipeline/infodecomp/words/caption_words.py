"""Choose a caption to dissect, and list its words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from infodecomp.words.letters import JOINED_WORD
from infodecomp.words.occurrences import find_word

# Number of words of a caption that fits above a picture.
GOOD_LENGTH = 7

Span = tuple[int, int]

# The table of a dissected caption: one row per word, in the order of the caption. starts, ends: character positions of its
# occurrences; mi, cmi: i^o in nats with standard errors.
WORD_COLUMNS: dict[str, str] = {
    **dict.fromkeys(("image_id", "image_path", "caption", "word"), "string"),
    **dict.fromkeys(("starts", "ends"), "list<float64>"),
    "is_case": "bool",
    "draws": "int64",
    **{f"{method}{suffix}": "float64" for method in ("mi", "cmi") for suffix in ("", "_error")},
}


@dataclass(frozen=True)
class ChosenCaption:
    """A caption, its image, and its words that are cases of the dataset. orientation: how the image is turned (EXIF)."""

    image_id: str
    image_path: str
    caption: str
    words: tuple[str, ...]
    orientation: int = 1


@dataclass(frozen=True)
class CaptionWord:
    """A word, or several that form one case, with its character spans; `is_case`: it is a case of the dataset."""

    text: str
    spans: tuple[Span, ...]
    is_case: bool


def choose_caption(cases: pd.DataFrame, image_id: str = "") -> ChosenCaption | None:
    """The caption with the most cases; among several, the one closest to seven words; then the first.

    The choice does not depend on any estimate.

    Args:
        cases: usable rows of a cases table.
        image_id: choose a caption of this image; empty: of any image.

    Returns:
        None if there is no such case.
    """
    usable = cases[cases["image_id"] == image_id] if image_id else cases
    best: tuple[tuple[int, int], ChosenCaption] | None = None
    for (image, path, caption), rows in usable.groupby(["image_id", "image_path", "prompt_full"], sort=False):
        words = tuple(dict.fromkeys(rows["prompt_word"]))
        rank = (-len(words), abs(len(str(caption).split()) - GOOD_LENGTH))
        if best is None or rank < best[0]:
            best = rank, ChosenCaption(str(image), str(path), str(caption), words, int(rows["orientation"].iloc[0]))
    return None if best is None else best[1]


def caption_words(caption: str, known: Iterable[str]) -> list[CaptionWord]:
    """Every word of a caption once, in the order of first occurrence; `known`: the cases, which may be several words."""
    cases = [CaptionWord(text, tuple(find_word(caption, text)), True) for text in dict.fromkeys(known)]
    taken = [span for word in cases for span in word.spans]
    others: dict[str, list[Span]] = {}
    for match in re.finditer(JOINED_WORD, caption):
        if not any(start < match.end() and match.start() < end for start, end in taken):
            others.setdefault(match.group(), []).append(match.span())
    found = cases + [CaptionWord(text, tuple(spans), False) for text, spans in others.items()]
    return sorted((word for word in found if word.spans), key=lambda word: word.spans[0])
