"""Read the columns of a CSV that a figure plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.tables.spreadsheet_text import read_shown_csv


def read_csv_columns(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """The columns in the order of the file; others are ignored. InputError if the file or a column cannot be read."""
    try:
        return read_shown_csv(path, usecols=list(columns))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable CSV with the columns {', '.join(columns)} ({error}).") from error
