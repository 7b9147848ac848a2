"""The published numbers, and the tables of a study that are compared with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked
from infodecomp.study.paper_comparison import DATASETS, PUBLISHED_COLUMNS, Tables
from infodecomp.study.paper_markdown import TITLES

# Columns that are read of each part's table.
_PARTS: dict[str, tuple[str, ...]] = {
    "localisation": ("dataset", "method", "estimator", "steps", "threshold_mode", "n", "miou", "miou_low", "miou_high"),
    "retrieval": ("dataset", "method", "n", "micro", "micro_low", "micro_high", "macro", "macro_low", "macro_high"),
    "editing": ("dataset", "level", "intervention", "predictor", "change", "n", "r", "r_low", "r_high"),
}


def read_published(path: Path) -> pd.DataFrame:
    """The published numbers; one InputError with every problem of the table."""
    try:
        frame = pd.read_csv(checked(path), dtype={name: str for name in PUBLISHED_COLUMNS}, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable CSV ({error}).") from error
    missing = [name for name in PUBLISHED_COLUMNS if name not in frame]
    if missing:
        raise InputError(f"{path}: the columns {', '.join(missing)} are missing; it has {', '.join(frame.columns)}.")
    problems = []
    for line, row in enumerate(frame.to_dict("records"), start=2):
        if row["table"] not in map(str, TITLES):
            problems.append(
                f"{path}, line {line}: table is {row['table']!r}; allowed are {', '.join(map(str, TITLES))}."
            )
        if row["dataset"] not in DATASETS:
            problems.append(f"{path}, line {line}: dataset is {row['dataset']!r}; allowed are {', '.join(DATASETS)}.")
        problems += [
            f"{path}, line {line}: {name} is {row[name]!r}; allowed is a number{or_empty}."
            for name, or_empty in (("value", ""), ("error", " or an empty cell"))
            if not (_is_number(row[name]) or (or_empty and not row[name]))
        ]
    if problems:
        raise InputError("\n".join(problems))
    numbers = {name: [float(text or "nan") for text in frame[name]] for name in ("value", "error")}
    return frame.assign(table=frame["table"].astype("int64"), **numbers)


def read_tables(paths: list[Path]) -> Tables:
    """The tables of a study, recognised by the names of their files."""
    found = {}
    for path in paths:
        if path.stem not in _PARTS:
            raise InputError(f"{path}: unknown table; allowed are {', '.join(f'{name}.parquet' for name in _PARTS)}.")
        try:
            found[path.stem] = pd.read_parquet(checked(path), columns=list(_PARTS[path.stem]))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path}: not a table of tabulate_{path.stem} ({error}).") from error
    return Tables(**found)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
