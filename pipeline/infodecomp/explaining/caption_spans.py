"""Which words of a caption are explained, as spans of its characters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from infodecomp.explaining.explanation import Span
from infodecomp.runs.errors import InputError
from infodecomp.words.inflection import plural
from infodecomp.words.letters import JOINED_WORD, PLAIN_WORD
from infodecomp.words.missing_word import is_unspaced, missing_word
from infodecomp.words.occurrences import find_word
from infodecomp.words.unicode_form import composed

# A word or phrase (all its places), a place of one ("dog", 1), or characters (start, end).
Asked = str | tuple[str, int] | tuple[int, int]


def caption_spans(caption: str, words: Sequence[Asked] | None = None) -> tuple[Span, ...]:
    """The spans of some words of a caption, or of every word, in the order of the caption.

    A word is found whole, in any case, and in its plural if that alone is there; in a script without spaces it may be any
    part of a run of letters. caption: composed (NFC). Raises InputError naming a word that is not there.

    >>> [(span.text, span.start, span.occurrence) for span in caption_spans("a dog and a dog")]
    [('a', 0, 0), ('dog', 2, 0), ('and', 6, 0), ('a', 10, 1), ('dog', 12, 1)]
    >>> caption_spans("two brown teddy bears", ["teddy bear"])[0].text
    'teddy bears'
    """
    if not caption.strip():
        raise InputError("the caption is empty; expected a description of the image.")
    if words is None:
        places = [match.span() for match in re.finditer(JOINED_WORD, caption)]
        if not places:
            raise InputError(
                f"the caption {caption!r} has no words; name what to explain, as in words=[{caption[:1]!r}]."
            )
        return _numbered(caption, places)
    if isinstance(words, str):
        raise InputError(f"words is the text {words!r}; expected a list, as in words=[{words!r}].")
    if not words:
        raise InputError("words is empty; expected some words of the caption, or None for all of them.")
    return _numbered(caption, [place for asked in words for place in _places(caption, asked)])


def without(caption: str, *places: tuple[int, int]) -> str:
    """The caption without the characters of some places; runs of white space become one space, as in `remove_word`.

    >>> without("a dog on a bed", (2, 5), (11, 14))
    'a on a'
    """
    kept, end = list[str](), 0
    for start, stop in sorted(places):
        kept.append(caption[end:start])
        end = max(end, stop)
    return " ".join("".join([*kept, caption[end:]]).split())


def masked(caption: str, start: int, end: int) -> str:
    """The caption with `_` for some characters."""
    return f"{caption[:start]}_{caption[end:]}"


def _numbered(caption: str, places: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
    """Each place once, with the number of its text among all places of it in the caption that were asked for or not."""
    return tuple(
        Span(caption[start:end], start, end, _occurrence(caption, start, end))
        for start, end in sorted(dict.fromkeys(places))
    )


def _occurrence(caption: str, start: int, end: int) -> int:
    """How many places of the same text, whole or not as this one is, come before."""
    text = caption[start:end]
    found = find_word(caption, text)
    same = found if (start, end) in found else list(_parts(caption, text))
    return [place for place, _ in same].index(start) if start in [place for place, _ in same] else 0


def _places(caption: str, asked: Asked) -> list[tuple[int, int]]:
    if isinstance(asked, str):
        return _found(caption, asked)
    if not (isinstance(asked, tuple) and len(asked) == 2 and isinstance(asked[1], int)):
        raise InputError(f"words has {asked!r}; allowed are a word, ('dog', 1) for its second place, and (start, end).")
    first, second = asked
    if isinstance(first, str):
        found = _found(caption, first)
        if not 0 <= second < len(found):
            raise InputError(
                f"words has {asked!r}, but {first!r} is {len(found)} times in the caption, counted from 0."
            )
        return [found[second]]
    if not 0 <= first < second <= len(caption) or not caption[first:second].strip():
        raise InputError(f"words has the characters {asked!r}, but the caption {caption!r} has none there.")
    return [(first, second)]


def _found(caption: str, word: str) -> list[tuple[int, int]]:
    word = composed(word).strip()
    for form in dict.fromkeys((word, plural(word) if word.isascii() and word else word)):
        for ignore_case in (False, True):
            if places := find_word(caption, form, ignore_case=ignore_case):
                return places
    inside = [
        (run.start() + start, run.start() + end)
        for run in re.finditer(PLAIN_WORD, caption)
        if is_unspaced(run.group())
        for start, end in _parts(run.group(), word)
    ]
    if not inside:
        raise InputError(missing_word(caption, word))
    return inside


def _parts(text: str, part: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in re.finditer(re.escape(part), text)) if part else iter(())
