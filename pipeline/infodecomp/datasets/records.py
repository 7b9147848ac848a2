"""Reading a user's CSV: named columns, the physical line of each row, and all bad rows reported at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from infodecomp.datasets.table_text import header_names, read_rows
from infodecomp.runs.errors import InputError


class Record(NamedTuple):
    """One row: the physical line it starts on (the first line of the file is 1) and its cells, stripped."""

    line: int
    cells: dict[str, str]


def read_records(path: Path, required: Sequence[str], optional: Sequence[str]) -> tuple[list[Record], dict[int, str]]:
    """Rows of a table as spreadsheets write it (see `table_text`), and what is wrong with bad ones.

    Returns the rows that have a cell for each column of the header (empty for optional columns that are absent, and for
    those at the end that a row leaves out), and line → problem of those that do not. Empty lines, empty cells after the last
    column and columns without a name are skipped. Raises InputError if the file is missing, is not a CSV in UTF-8 or UTF-16,
    has no rows, or lacks, repeats or misnames a column.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a CSV with the columns {', '.join(required)}.")
    rows = read_rows(path, required)
    header = _without_empty_end(header_names(rows[0][1])) if rows else []
    _check_header(path, [name for name in header if name], required, optional)
    if len(rows) == 1:
        raise InputError(f"{path}: the file has a header and no rows.")
    if "" in header:
        print(f"warning: {path}: column {header.index('') + 1} has no name; it is left out.", flush=True)
    shared = _empty_after(len(header), [cells for _, cells in rows[1:]])
    records, problems = [], dict[int, str]()
    for line, cells in rows[1:]:
        fitted = _fitted(cells, header, optional, shared)
        if fitted is None:
            problems[line] = (
                f"has {len(cells)} cells, but the header names {len(header)} columns; a text that holds the separator "
                'needs quotes, as in "a dog, asleep".'
            )
        else:
            named = {name: cell for name, cell in zip(header, fitted, strict=True) if name}
            records.append(Record(line, {**dict.fromkeys(optional, ""), **named}))
    return records, problems


def raise_problems(path: Path, problems: dict[int, str]) -> None:
    """Raise one InputError with one sentence per line, in the order of the lines; nothing if there are no problems."""
    if problems:
        raise InputError("\n".join(f"{path}, line {line}: {problems[line]}" for line in sorted(problems)))


def _fitted(cells: list[str], header: Sequence[str], optional: Sequence[str], shared: bool) -> list[str] | None:
    """As many cells as the header has names; None if there is no one way. shared: as `_empty_after` says of the table."""
    if len(cells) > len(header):
        # With something in the last column, no cell has moved.
        return cells[: len(header)] if shared or len(_without_empty_end(cells)) == len(header) else None
    # Spreadsheets leave out empty cells at the end of a row.
    lacking = header[len(cells) :]
    return [*cells, *[""] * len(lacking)] if all(name in (*optional, "") for name in lacking) else None


def _empty_after(columns: int, rows: Sequence[Sequence[str]]) -> bool:
    """Whether all rows go on after the last column, equally far and with nothing in it."""
    return len({len(cells) for cells in rows}) == 1 and not any(any(cells[columns:]) for cells in rows)


def _without_empty_end(cells: Sequence[str]) -> list[str]:
    kept = list(cells)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def _check_header(path: Path, header: list[str], required: Sequence[str], optional: Sequence[str]) -> None:
    found = ", ".join(repr(name) for name in header) or "nothing"
    allowed = f"expected {', '.join(required)}" + (f" and optionally {', '.join(optional)}" if optional else "")
    missing = [name for name in required if name not in header]
    unknown = [name for name in header if name not in (*required, *optional)]
    if missing:
        raise InputError(f"{path}: missing column {', '.join(missing)}; the header names {found}; {allowed}.")
    if unknown or len(set(header)) < len(header):
        raise InputError(f"{path}: the header has unknown or repeated columns: it names {found}; {allowed}.")
