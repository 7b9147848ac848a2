"""The page's tables as data: what their cells hold. `templates/tables.html` turns them into HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A value and its interval as a dot and a line; places are in percent of an axis. mark: a faint line, such as chance."""

    value: str
    low: str
    high: str
    mark: str | None
    kind: str = "interval"


@dataclass(frozen=True)
class Number:
    """A number with its interval in small print, and perhaps both drawn."""

    value: str
    ends: str
    drawn: Interval | None = None
    kind: str = "number"


@dataclass(frozen=True)
class Heading:
    """The head of a column with a detail in small print."""

    title: str
    detail: str
    kind: str = "heading"


Cell = str | int | Interval | Number | Heading | None


@dataclass(frozen=True)
class Table:
    """A table under its caption.

    head: names of the columns. body: rows of cells. words: number of columns, from the left, that hold words and are aligned
    left; the others are aligned right. caption: what the numbers are.
    """

    head: Sequence[str | Heading]
    body: Sequence[Sequence[Cell]]
    words: int
    caption: str

    @property
    def sides(self) -> list[str]:
        """CSS class of each column."""
        return ["word"] * self.words + ["number"] * (len(self.head) - self.words)


def interval(
    value: float, low: float, high: float, *, ends: tuple[float, float], mark: float | None = None
) -> Interval | None:
    """An interval on an axis between `ends`, clipped to it; None if a number is not finite."""
    if not all(map(math.isfinite, (value, low, high))):
        return None

    def place(number: float) -> str:
        return f"{100 * min(max((number - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0):.1f}"

    return Interval(place(value), place(low), place(high), None if mark is None else place(mark))
