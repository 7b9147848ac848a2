"""The plan of a study for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.tables.markdown import Column, markdown_table, numbers, paragraphs, records, words
from infodecomp.tables.text import MISSING, or_missing, thousands


def plan_markdown(table: pd.DataFrame, notes: Sequence[str], minutes_per_job: int) -> str:
    """A row per dataset and stage, a row of sums, and notes on where the numbers come from."""
    rows = [*({**row, "limit": "≤ " if row["at_most"] else ""} for row in records(table)), _sums(table)]
    return paragraphs(markdown_table(_columns(minutes_per_job), rows), "\n".join(f"- {note}" for note in notes))


def _columns(minutes: int) -> list[Column]:
    return [
        *(words("dataset"), words("stage")),
        *(numbers(name, text=_count) for name in ("cases", "images", "jobs")),
        numbers("evaluations", lambda row: f"{row['limit']}{thousands(row['evaluations'])}"),
        numbers("hours", lambda row: f"{row['limit'] if np.isfinite(row['hours']) else ''}{_number(row['hours'])}"),
        numbers("minutes a job", "minutes_a_job", _number),
        numbers(
            f"shards for {minutes} min", "shards_advised", lambda count: "" if count is None else or_missing(count)
        ),
        numbers("GB", "gigabytes", _number),
    ]


def _sums(table: pd.DataFrame) -> dict[str, Any]:
    """The last row; None where a sum says nothing."""
    sums = {name: table[name].sum() for name in ("jobs", "evaluations")}
    sums |= {name: table[name].sum(min_count=1) for name in ("hours", "gigabytes")}
    empty = dict.fromkeys(("cases", "images", "minutes_a_job", "shards_advised"))
    return {"dataset": "all", "stage": "", "limit": "", **empty, **sums}


def _count(count: int | None) -> str:
    return "" if count is None else thousands(count)


def _number(value: float | None) -> str:
    """Two significant digits below ten, whole numbers from there; nothing for None."""
    if value is None:
        return ""
    if not np.isfinite(value):
        return MISSING
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
