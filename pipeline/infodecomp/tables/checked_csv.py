"""Read a CSV whose every cell is checked: text, flags, and numbers within the range of their kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked
from infodecomp.tables.spreadsheet_text import meant

_RANGES = {"count": (0.0, np.inf), "fraction": (0.0, 1.0), "change": (-1.0, 1.0)}
_TRUE, _FALSE = ("true", "1"), ("false", "0", "")
_ALLOWED = {
    "flag": "True or False",
    "count": "a number that is not negative, or empty",
    "fraction": "a number from 0 to 1, or empty",
    "change": "a number from -1 to 1, or empty",
}


def read_checked_csv(path: Path, columns: Mapping[str, str], key: Sequence[str]) -> pd.DataFrame:
    """Read some columns of a CSV file.

    Args:
        path: CSV with a header; other columns are ignored.
        columns: name → "text", "flag" (bool), or "count", "fraction", "change" (float64, NaN where the cell is empty).
        key: columns that together name a row.

    Raises:
        InputError: one sentence per problem: the file cannot be read, columns are missing, a cell is not of its kind, or
            two rows have the same key.
    """
    try:
        # A group may be named "null" or "NA": only numbers can be missing.
        text = pd.read_csv(checked(path), dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable CSV file ({error}).") from error
    missing = [f"`{name}`" for name in columns if name not in text.columns]
    if missing:
        raise InputError(f"{path}: missing columns: {', '.join(missing)}; needed are {', '.join(columns)}.")
    frame, problems = pd.DataFrame(index=text.index), []
    for name, kind in columns.items():
        frame[name], wrong = _parse(text[name], kind)
        problems += [
            f"{path}: row {row + 1}, `{name}` is {text[name][row]!r}; allowed is {_ALLOWED[kind]}." for row in wrong
        ]
    twice = text.index[text.duplicated(list(key))]
    problems += [f"{path}: row {row + 1} has the same {', '.join(key)} as an earlier row." for row in twice]
    if problems:
        raise InputError("\n".join(problems))
    return frame


def _parse(cells: pd.Series, kind: str) -> tuple[Any, list[int]]:
    """The values of a column and the rows (from 0) whose cells are not of the kind."""
    if kind == "text":
        return cells.map(meant), []
    if kind == "flag":
        flags = cells.str.lower()
        return flags.isin(_TRUE), flags.index[~flags.isin(_TRUE + _FALSE)].tolist()
    numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
    low, high = _RANGES[kind]
    empty = cells.str.strip().str.lower().isin(["", "nan"])
    # Rounded to six digits, an interval may end slightly outside its range.
    outside = ~empty & ~numbers.between(low - 1e-6, high + 1e-6)
    return numbers, outside.index[outside].tolist()
