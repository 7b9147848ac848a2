"""Reading a user's CSV: named columns, the physical line of each row, and all bad rows reported at once."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked


class Record(NamedTuple):
    """One row: the physical line it starts on (the first line of the file is 1) and its cells, stripped."""

    line: int
    cells: dict[str, str]


def read_records(path: Path, required: Sequence[str], optional: Sequence[str]) -> tuple[list[Record], dict[int, str]]:
    """Rows of a CSV (UTF-8, byte-order mark allowed, quoted cells may hold newlines) and what is wrong with bad ones.

    Returns the rows that have a cell for each column of the header (empty for optional columns that are absent), and
    line → problem of those that do not. Empty lines are skipped. Raises InputError if the file is missing, is not a
    CSV in UTF-8, has no rows, or lacks, repeats or misnames a column.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a CSV with the columns {', '.join(required)}.")
    try:
        rows = _read_rows(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: this is not a CSV in UTF-8 ({error}).") from error
    header = [cell.lower() for cell in rows[0][1]] if rows else []
    _check_header(path, header, required, optional)
    if len(rows) == 1:
        raise InputError(f"{path}: the file has a header and no rows.")
    records, problems = [], dict[int, str]()
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            problems[line] = f"has {len(cells)} cells, but the header names {len(header)} columns."
        else:
            records.append(Record(line, {**dict.fromkeys(optional, ""), **dict(zip(header, cells, strict=True))}))
    return records, problems


def raise_problems(path: Path, problems: dict[int, str]) -> None:
    """Raise one InputError with one sentence per line, in the order of the lines; nothing if there are no problems."""
    if problems:
        raise InputError("\n".join(f"{path}, line {line}: {problems[line]}" for line in sorted(problems)))


def _read_rows(path: Path) -> list[tuple[int, list[str]]]:
    with checked(path).open(newline="", encoding="utf-8-sig") as handle:
        reader = csv.reader(handle, strict=True)
        rows, line = [], 1
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                rows.append((line, stripped))
            line = reader.line_num + 1
    return rows


def _check_header(path: Path, header: list[str], required: Sequence[str], optional: Sequence[str]) -> None:
    found = ", ".join(repr(name) for name in header) or "nothing"
    allowed = f"expected {', '.join(required)}" + (f" and optionally {', '.join(optional)}" if optional else "")
    missing = [name for name in required if name not in header]
    unknown = [name for name in header if name not in (*required, *optional)]
    if missing:
        raise InputError(f"{path}: missing column {', '.join(missing)}; the header names {found}; {allowed}.")
    if unknown or len(set(header)) < len(header):
        raise InputError(f"{path}: the header has unknown or repeated columns: it names {found}; {allowed}.")
