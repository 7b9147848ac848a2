"""Read a caption of the closed grammar back: which noun has which adjective and stands on which side.

These are the targets of the text tower's pre-training; they are read from the words alone, so that a caption with a
missing word claims no more than it says. An adjective that implies its noun says it even where the noun is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from infodecomp.scenes.world import BACKGROUNDS, CATEGORIES, IMPLIED, TINTS, plural

ADJECTIVES = (*TINTS, *IMPLIED.values())
SIDES = ("left", "right", "above", "below")
PLACES = tuple(BACKGROUNDS)
_OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}
_NOUNS = {tuple(form.split()): k for k, name in enumerate(CATEGORIES) for form in (name, plural(name))}
# What "striped" says where the caption has lost its "zebra".
_IMPLYING = {adjective: CATEGORIES.index(category) for category, adjective in IMPLIED.items()}
_TWO_WORDS = {" ".join(form) for form in _NOUNS if len(form) == 2}


@dataclass(frozen=True)
class Mention:
    """A noun in a caption: index of its last word, category, adjective (or None) and side (or None)."""

    position: int
    category: int
    adjective: int | None
    side: int | None


def parse_mentions(caption: str) -> list[Mention]:
    """The nouns of a caption in reading order."""
    words = caption.split()
    found = []
    position = 0
    while position < len(words):
        length = 2 if " ".join(words[position : position + 2]) in _TWO_WORDS else 1
        category = _NOUNS.get(tuple(words[position : position + length]))
        if category is not None:
            before = words[position - 1] if position else ""
            adjective = ADJECTIVES.index(before) if before in ADJECTIVES else None
            found.append((position + length - 1, category, adjective))
        elif words[position] in _IMPLYING and not _noun_follows(words, position):
            found.append((position, _IMPLYING[words[position]], ADJECTIVES.index(words[position])))
        position += length
    sides = _sides(words, [position for position, *_ in found])
    return [Mention(p, c, a, s) for (p, c, a), s in zip(found, sides, strict=True)]


def _noun_follows(words: list[str], position: int) -> bool:
    """Whether a noun of one or two words stands next."""
    return any(tuple(words[position + 1 : position + 1 + length]) in _NOUNS for length in (1, 2))


def parse_place(caption: str) -> int | None:
    """The background that a caption names, if any."""
    words = caption.split()
    return next((k for k, place in enumerate(PLACES) if words and words[-1] == place), None)


def _sides(words: list[str], positions: list[int]) -> list[int | None]:
    if words[:2] == ["on", "the"] and "and" in words:
        # "on the left a dog and on the right a cat": the side stands before its noun, and either may be missing.
        middle = words.index("and")
        halves = [words[:middle] if p < middle else words[middle:] for p in positions]
        named = [next((w for w in half if w in ("left", "right")), None) for half in halves]
        return [SIDES.index(side) if side else None for side in named]
    relations = [(p, w) for p, w in enumerate(words) if w in _OPPOSITE]
    if not relations:
        return [None] * len(positions)
    where, side = relations[0]
    return [SIDES.index(side) if p < where else SIDES.index(_OPPOSITE[side]) for p in positions]
