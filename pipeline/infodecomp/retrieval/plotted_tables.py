"""The tables that the retrieval figures plot, read with every cell checked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.tables.checked_csv import read_checked_csv

# Column → its kind in `read_checked_csv`.
_ACCURACY = {
    "dataset": "text",
    "method": "text",
    "n": "count",
    "n_failed": "count",
    "micro": "fraction",
    "micro_low": "fraction",
    "micro_high": "fraction",
    "macro": "fraction",
    "macro_low": "fraction",
    "macro_high": "fraction",
    "evaluations_per_case": "count",
    "chance": "fraction",
}
_BY_GROUP = {
    "dataset": "text",
    "group": "text",
    "symmetric": "flag",
    "method": "text",
    "n": "count",
    "accuracy": "fraction",
    "change": "change",
    "mark": "text",
}


def read_accuracy(path: Path) -> pd.DataFrame:
    """The columns of retrieval.csv that are plotted; InputError for a wrong cell or a table without rows."""
    table = read_checked_csv(path, _ACCURACY, key=["dataset", "method"])
    if table.empty:
        raise InputError(f"{path}: the table has no rows, so there is nothing to plot.")
    return table


def read_by_group(path: Path) -> pd.DataFrame:
    """The columns of retrieval_by_group.csv that are plotted; it may have no rows. InputError for a wrong cell."""
    return read_checked_csv(path, _BY_GROUP, key=["dataset", "group", "method"])
