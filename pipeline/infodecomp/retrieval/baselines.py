"""What the two baselines share: the table of their scores. Neither runs the denoiser, and neither has a standard error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS


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
        values: case_id → value of each option; a case without values has failed.
        failures: case_id → status and reason of the cases that failed here; those that failed before keep their own.
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
