"""The plan of a study for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.tables.text import MISSING, markdown_table

HEAD = [
    *("dataset", "stage", "cases", "images", "jobs", "evaluations"),
    *("hours", "minutes a job", "shards for {minutes} min", "GB"),
]


def plan_markdown(table: pd.DataFrame, notes: Sequence[str], minutes_per_job: int) -> str:
    """A row a dataset and stage, a row of sums, and notes that say where the numbers come from."""
    head = [name.format(minutes=minutes_per_job) for name in HEAD]
    rows = [_cells(row) for row in table.to_dict("records")]
    return "\n".join([markdown_table(head, 2, [*rows, _sums(table)]), "", *(f"- {note}" for note in notes), ""])


def _cells(row: Mapping[Any, Any]) -> list[str]:
    limit = "≤ " if row["at_most"] else ""
    return [
        row["dataset"],
        row["stage"],
        f"{row['cases']:,}",
        f"{row['images']:,}",
        f"{row['jobs']:,}",
        f"{limit}{row['evaluations']:,}",
        f"{limit}{_number(row['hours'])}" if np.isfinite(row["hours"]) else MISSING,
        _number(row["minutes_a_job"]),
        str(row["shards_advised"]) if row["shards_advised"] else MISSING,
        _number(row["gigabytes"]),
    ]


def _sums(table: pd.DataFrame) -> list[str]:
    jobs, evaluations = (f"{table[name].sum():,}" for name in ("jobs", "evaluations"))
    hours, gigabytes = (_number(table[name].sum(min_count=1)) for name in ("hours", "gigabytes"))
    return ["all", "", "", "", jobs, evaluations, hours, "", "", gigabytes]


def _number(value: float) -> str:
    """Two significant digits below ten, whole numbers from there."""
    if not np.isfinite(value):
        return MISSING
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
