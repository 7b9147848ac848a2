"""The summary of a study for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.tables.text import MISSING, markdown_table

HEAD = ["dataset", "stage", "failed because", "jobs", "cases", "failed", "evaluations", "time"]
_NOTE = (
    "evaluations: of each case by itself; cases of an image share some. time: of the last run of each job, one after "
    "another, loading the model included; a job that was killed counts from where it went on."
)


def summary_markdown(table: pd.DataFrame) -> str:
    """A row a dataset and stage."""
    rows = [_cells(row) for row in table.to_dict("records")]
    return "\n".join([markdown_table(HEAD, 3, rows), "", _NOTE, ""])


def _cells(row: Mapping[Any, Any]) -> list[str]:
    return [
        *(row[name] for name in ("dataset", "stage")),
        row["reasons"] or MISSING,
        *(f"{row[name]:,}" for name in ("jobs", "cases", "failed")),
        f"{row['evaluations']:,}" if row["evaluations"] else MISSING,
        _clock(row["hours"]),
    ]


def _clock(hours: float) -> str:
    if not np.isfinite(hours):
        return MISSING
    minutes, seconds = divmod(round(3600 * hours), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
