"""What the two baselines share: their table, and the limit on failed cases.

Neither runs the denoiser, so neither has a standard error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.runs.errors import InputError


def baseline_table(
    cases: pd.DataFrame,
    score: str,
    values: Mapping[str, Sequence[float] | np.ndarray],
    failures: Mapping[str, tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """One row per case and option (`RETRIEVAL_SCORE_COLUMNS`), in the order of the cases.

    Args:
        cases: the cases table of a dataset.
        score: name of the score.
        values: case id → value of each option, for the cases that have a score.
        failures: case id → status and reason of the cases that failed here; others keep the status of the cases table.
    """
    rows: list[dict[str, Any]] = []
    for case in cast(list[dict[str, Any]], cases.to_dict("records")):
        status, reason = (failures or {}).get(case["case_id"], (case["status"], case["reason"]))
        own = values[case["case_id"]] if status == "ok" else [math.nan] * len(case["options"])
        rows += [
            {
                "case_id": case["case_id"],
                "option": option,
                "score": score,
                "value": float(value),
                "error": math.nan,
                "evaluations": 0,
                "status": status,
                "reason": reason,
            }
            for option, value in enumerate(own)
        ]
    return pd.DataFrame(rows, columns=list(RETRIEVAL_SCORE_COLUMNS))


def check_failures(cases: pd.DataFrame, failures: Mapping[str, tuple[str, str]], max_failed_fraction: float) -> str:
    """One line with the numbers of cases and of failed ones; InputError if more failed than the fraction, rounded up.

    failures: case_id → status and reason of the cases that failed here; others failed before.
    """
    lost = cases[cases["status"] != "ok"]
    reasons = dict(zip(lost["case_id"], lost["reason"], strict=True))
    reasons |= {case_id: reason for case_id, (_, reason) in failures.items()}
    allowed = math.ceil(max_failed_fraction * len(cases))
    if len(lost) < len(reasons) == len(cases):
        allowed = len(lost)  # the fraction is rounded up, but a result without any case is none
    if len(reasons) > allowed:
        shown = "; ".join(f"{case_id}: {reason}" for case_id, reason in list(reasons.items())[:5])
        raise InputError(
            f"{len(reasons)} of {len(cases)} cases failed, more than max_failed_fraction allows ({allowed}): {shown}"
        )
    return f"{len(cases)} cases, {len(reasons)} failed"
