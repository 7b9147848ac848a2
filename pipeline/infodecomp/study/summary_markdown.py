"""The summary of a study for people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from infodecomp.config.unfamiliar import without_meaning
from infodecomp.tables.markdown import markdown_table, numbers, paragraphs, records, words
from infodecomp.tables.text import MISSING, or_missing, thousands

_NOTE = (
    "evaluations: each case counted by itself; cases of an image share some. time: of the last run of each job, added up, "
    "including loading the model; a job that was killed counts from where it resumed. Cases of representation/… are images."
)


def _clock(hours: float) -> str:
    if not np.isfinite(hours):
        return MISSING
    minutes, seconds = divmod(round(3600 * hours), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


_COLUMNS = [
    *(words("dataset"), words("stage"), words("failed because", "reasons", or_missing)),
    *(numbers(name, text=thousands) for name in ("jobs", "cases", "failed")),
    numbers("evaluations", text=lambda count: thousands(count) if count else MISSING),
    numbers("time", "hours", _clock),
]


def summary_markdown(table: pd.DataFrame, unfamiliar: Sequence[str] = ()) -> str:
    """A row per dataset and stage. unfamiliar: datasets of pictures that the embedded model cannot know."""
    noted = without_meaning(unfamiliar, table["dataset"])
    return paragraphs(*noted, markdown_table(_COLUMNS, records(table)), _NOTE)
