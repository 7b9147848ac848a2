"""HTML from Python: everything is escaped unless it was made here."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence


class Markup(str):
    """HTML that is to stand as it is."""


def text(value: object) -> Markup:
    """A value as HTML that shows it, letter by letter."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value), quote=True))


def tag(name: str, *content: object, **attributes: object) -> Markup:
    """An element; an attribute that is None is left out, a trailing underscore of its name is dropped, others are dashes."""
    named = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    inside = "".join(f' {key}="{text(value)}"' for key, value in named.items())
    return Markup(f"<{name}{inside}>{''.join(map(text, content))}</{name}>")


def table(head: Sequence[object], body: Iterable[Sequence[object]], *, words: int, caption: object) -> Markup:
    """A table under its caption, in a box that scrolls by itself on a narrow screen.

    Args:
        head: names of the columns.
        body: rows of cells.
        words: so many columns hold words and stand to the left, the others to the right.
        caption: what the numbers are.
    """
    sides = ["word"] * words + ["number"] * (len(head) - words)
    headings = tag("tr", *(tag("th", cell, scope="col", class_=side) for cell, side in zip(head, sides, strict=True)))
    lines = [tag("tr", *(tag("td", cell, class_=side) for cell, side in zip(row, sides, strict=True))) for row in body]
    inside = tag("table", tag("caption", caption), tag("thead", headings), tag("tbody", *lines))
    return tag("div", inside, class_="scroll", tabindex="0", role="region", aria_label="table")


def interval(value: float, low: float, high: float, *, ends: tuple[float, float], mark: float | None = None) -> Markup:
    """A value and its interval as a dot and a line between `ends`; `mark` is a faint line, such as chance."""
    if not all(map(math.isfinite, (value, low, high))):
        return Markup("")

    def place(number: float) -> str:
        return f"{100 * min(max((number - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0):.1f}"

    axis = tag("line", class_="axis", x1=0, x2=100, y1=6, y2=6)
    faint = tag("line", class_="mark", x1=place(mark), x2=place(mark), y1=0, y2=12) if mark is not None else ""
    line = tag("line", class_="range", x1=place(low), x2=place(high), y1=6, y2=6)
    dot = tag("circle", cx=place(value), cy=6, r=3)
    return tag("svg", axis, faint, line, dot, class_="interval", viewBox="-4 0 108 12", aria_hidden="true")
