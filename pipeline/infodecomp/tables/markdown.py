"""Tables in Markdown: columns with a head, a side and a format, filled from rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Row = Mapping[Any, Any]

BAR = "\\|"
DOLLAR = "\\$"  # two of them would be mathematics


@dataclass(frozen=True)
class Column:
    """A column of a table.

    head: its title. source: key of a row's value, or a function that makes the cell's text from the row.
    text: format of the value. side: words are aligned left, numbers right.
    """

    head: str
    source: Any
    text: Callable[[Any], str]
    side: Literal["left", "right"]

    def cell(self, row: Row) -> str:
        """Its text in a row."""
        return self.source(row) if callable(self.source) else self.text(row[self.source])


@dataclass(frozen=True)
class Captioned:
    """A table under its caption, for Markdown and for the page alike. rows: may be read once."""

    caption: str
    columns: Sequence[Column]
    rows: Iterable[Row]

    @property
    def markdown(self) -> str:
        """Caption and table."""
        return paragraphs(self.caption, markdown_table(self.columns, self.rows)).removesuffix("\n")


def words(head: str, source: Any = None, text: Callable[[Any], str] = str) -> Column:
    """A column of words; the key of its values is its head unless `source` says otherwise."""
    return Column(head, head if source is None else source, text, "left")


def numbers(head: str, source: Any = None, text: Callable[[Any], str] = str) -> Column:
    """A column of numbers; the key of its values is its head unless `source` says otherwise."""
    return Column(head, head if source is None else source, text, "right")


def markdown_table(columns: Sequence[Column], rows: Iterable[Row]) -> str:
    """The table without a line break at its end; bars and dollars inside cells are escaped.

    >>> columns = [words("method"), numbers("mIoU %", "miou", "{:.1f}".format)]
    >>> print(markdown_table(columns, [{"method": "cmi", "miou": 57.2}]))
    | method | mIoU % |
    | :-- | --: |
    | cmi | 57.2 |
    """
    head = [column.head for column in columns]
    sides = [":--" if column.side == "left" else "--:" for column in columns]
    body = ([column.cell(row) for column in columns] for row in rows)
    return "\n".join(_line(cells) for cells in (head, sides, *body))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', BAR).replace('$', DOLLAR) for cell in cells)} |"


def records(frame: Any) -> list[dict[Any, Any]]:
    """Rows of a data frame."""
    found: list[dict[Any, Any]] = frame.to_dict("records")
    return found


def paragraphs(*parts: str) -> str:
    """A page of these parts, with an empty line between them and a line break at the end."""
    return "\n\n".join(parts) + "\n"


def lines(*sentences: str) -> str:
    """One paragraph with a line break after each sentence."""
    return "  \n".join(sentences)
