"""The table of edits of a shard: one row per case, finished or failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from infodecomp.config import EditCaptionsSection
from infodecomp.editing.captions import case_edit
from infodecomp.editing.edits import EDIT_COLUMNS, NUMBERS
from infodecomp.runs.shards import Outcome


def edit_table(outcomes: Iterable[Outcome], section: EditCaptionsSection) -> pd.DataFrame:
    """Rows of `EDIT_COLUMNS`; a failed case has NaN or 0 for numbers, and no key."""
    return pd.DataFrame([_row(outcome, section) for outcome in outcomes], columns=list(EDIT_COLUMNS))


def _row(outcome: Outcome, section: EditCaptionsSection) -> dict[str, Any]:
    edit = case_edit(outcome.case, section)
    numbers = {name: outcome.arrays[name].item() for name in NUMBERS if name in outcome.arrays}
    return {
        **dict.fromkeys(NUMBERS, float("nan")),
        "evaluations": 0,
        "key": "",
        "case_id": outcome.case.case_id,
        "status": outcome.status,
        "reason": outcome.reason,
        "swap_status": edit.swap_status if outcome.status == "ok" else outcome.status,
        "swap_reason": edit.swap_reason if outcome.status == "ok" else outcome.reason,
        "prompt_unchanged": edit.unchanged,
        "prompt_omit": edit.omit,
        "prompt_swap": edit.swap,
        **numbers,
        **({"key": str(outcome.arrays["key"])} if outcome.arrays else {}),
    }
