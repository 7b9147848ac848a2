"""The order in which the pieces of a line stand on paper, also where letters run from right to left.

Matplotlib orders the letters of one text. A caption with a coloured word is several texts, whose order is found here by the
rules of Unicode's bidirectional algorithm (Unicode Standard Annex 9) that captions need: strong letters have a direction,
numbers run from left to right, and what is between two of one direction has that direction, else that of the line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby

_RIGHT_TO_LEFT = {"R", "AL"}
_NUMBERS = {"EN", "AN"}
# Unseen; says that what follows runs from right to left, though it may be only a bracket.
_MARK = "\u200f"

Run = tuple[int, str]


def visual_runs(pieces: Sequence[str]) -> list[Run]:
    """The pieces of a line from left to right on paper, as (index, text); one with two directions is cut at the turns.

    >>> visual_runs(["a ", "dog"])
    [(0, 'a '), (1, 'dog')]
    >>> [index for index, _ in visual_runs(["כלב ", "על", " דשא"])]
    [2, 1, 0]
    """
    line = "".join(pieces)
    kinds = [unicodedata.bidirectional(character) for character in line]
    if not _RIGHT_TO_LEFT & set(kinds):
        return list(enumerate(pieces))
    levels = _levels(kinds)
    owners = [index for index, piece in enumerate(pieces) for _ in piece]
    runs = [
        (owner, level, "".join(line[place] for place in places))
        for (owner, level), places in groupby(range(len(line)), key=lambda place: (owners[place], levels[place]))
    ]
    for level in range(max(level for _, level, _ in runs), 0, -1):
        runs = [run for group in _groups(runs, level) for run in group]
    return [(owner, text if level % 2 == 0 else _MARK + text) for owner, level, text in runs]


def visual_order(pieces: Sequence[str]) -> list[int]:
    """Indices of the pieces of a line from left to right on paper; each piece stays whole."""
    return list(dict.fromkeys(index for index, _ in visual_runs([f"{piece} " for piece in pieces])))


def _levels(kinds: Sequence[str]) -> list[int]:
    """Depth of each character: even from left to right, odd from right to left."""
    strong = next(kind for kind in kinds if kind == "L" or kind in _RIGHT_TO_LEFT)
    base = int(strong in _RIGHT_TO_LEFT)
    levels: list[int | None] = [1 if kind in _RIGHT_TO_LEFT else 2 * base if kind == "L" else None for kind in kinds]
    last = base
    for place, kind in enumerate(kinds):
        # A number stands within the direction of the letters before it.
        if kind in _NUMBERS:
            levels[place] = 2 if last == 1 else last
        elif levels[place] is not None:
            last = levels[place] or 0
    filled = list[int]()
    for between, group in groupby(enumerate(levels), key=lambda item: item[1] is None):
        places = [place for place, _ in group]
        if not between:
            filled += [level for level in levels[places[0] : places[-1] + 1] if level is not None]
            continue
        before = filled[-1] if filled else base
        after = next((level for level in levels[places[-1] + 1 :] if level is not None), base)
        marks = all(kinds[place] == "NSM" for place in places)
        same = before % 2 == after % 2 and before == after
        inside = 1 if {before, after} <= {1, 2} and 1 in (before, after) else base
        filled += [before if marks or same else inside] * len(places)
    return filled


def _groups(runs: Iterable[tuple[int, int, str]], level: int) -> Iterable[list[tuple[int, int, str]]]:
    """Consecutive runs, those of at least a level in reverse."""
    for deep, group in groupby(runs, key=lambda run: run[1] >= level):
        found = list(group)
        yield found[::-1] if deep else found
