"""Summarise runs on closed-form problems: bias, error, coverage, and the evaluations that an error takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.metrics.retrieval import wilson_interval

# One row per run, quantity and level. At level "pixel", deviation, squares and coverage are means over pixels.
RUN_COLUMNS: dict[str, str] = {
    "problem": "string",
    "dimension": "int64",
    "quantity": "string",
    "level": "string",
    "density": "string",
    "design": "string",
    "antithetic": "bool",
    "steps": "int64",
    "point": "int64",
    "run": "int64",
    "log_ratio": "float64",
    "squared_truth": "float64",
    "deviation": "float64",
    "squared_error": "float64",
    "covered": "float64",
    "evaluations": "int64",
}

# truth: root mean square of the true values, nats; bias and rmse are relative to it.
VALIDATION_COLUMNS: dict[str, str] = {
    "problem": "string",
    "dimension": "int64",
    "quantity": "string",
    "level": "string",
    "density": "string",
    "design": "string",
    "antithetic": "bool",
    "steps": "int64",
    "n": "int64",
    "truth": "float64",
    "bias": "float64",
    "bias_error": "float64",
    "rmse": "float64",
    "coverage": "float64",
    "coverage_low": "float64",
    "coverage_high": "float64",
    "evaluations": "int64",
    "evaluations_to_1_percent": "float64",
    "evaluations_to_5_percent": "float64",
}

GROUP = ["problem", "dimension", "quantity", "level", "density", "design", "antithetic"]


def summarise(runs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The validation table, with problems, quantities and designs in the order of the runs.

    Args:
        runs: rows of `RUN_COLUMNS`.
        confidence: level of the intervals of coverage, Wilson's over runs; too wide for pixels, of which a run has many.

    Returns:
        rows of `VALIDATION_COLUMNS`.
    """
    rows: list[dict[str, Any]] = []
    for _, group in runs.groupby(GROUP, sort=False):
        of_group = [_summary(same, confidence) for _, same in group.groupby("steps", sort=True)]
        evaluations = [row["evaluations"] for row in of_group]
        errors = [row["rmse"] for row in of_group]
        known = {name: group[name].iloc[0] for name in GROUP}
        cost = {
            f"evaluations_to_{percent}_percent": evaluations_to(percent / 100, evaluations, errors)
            for percent in (1, 5)
        }
        rows += [{**known, **row, **cost} for row in of_group]
    return pd.DataFrame(rows, columns=list(VALIDATION_COLUMNS))


def _summary(runs: pd.DataFrame, confidence: float) -> dict[str, Any]:
    truth = float(np.sqrt(runs["squared_truth"].mean()))
    low, high = wilson_interval(np.asarray(runs["covered"].sum()), np.asarray(len(runs)), confidence)
    spread = float(runs["deviation"].std(ddof=1)) if len(runs) > 1 else float("nan")
    return {
        "steps": int(runs["steps"].iloc[0]),
        "n": len(runs),
        "truth": truth,
        "bias": float(runs["deviation"].mean()) / truth,
        "bias_error": spread / np.sqrt(len(runs)) / truth,
        "rmse": float(np.sqrt(runs["squared_error"].mean())) / truth,
        "coverage": float(runs["covered"].mean()),
        "coverage_low": float(low),
        "coverage_high": float(high),
        "evaluations": int(runs["evaluations"].iloc[0]),
    }


def evaluations_to(error: float, evaluations: Sequence[float], errors: Sequence[float]) -> float:
    """Number of evaluations needed for a relative error.

    Between two measured numbers, log error is linear in log evaluations. Beyond the largest, the error falls as 1/√N, which
    every design achieves at least. If the smallest number is enough, it is returned as an upper bound.

    Args:
        error: such as 0.01.
        evaluations: increasing numbers of evaluations.
        errors: the relative errors measured at them.
    """
    if errors[-1] > error:
        return float(evaluations[-1] * (errors[-1] / error) ** 2)
    # Between the last number that is not enough and the next, which is.
    short = [index for index, found in enumerate(errors) if found > error]
    if not short:
        return float(evaluations[0])
    ends = slice(short[-1], short[-1] + 2)
    share = np.interp(-np.log(error), -np.log(errors[ends]), np.log(evaluations[ends]))
    return float(np.exp(share))


def in_band(low: float, high: float, confidence: float) -> bool:
    """Whether the interval of a coverage comes within two percentage points of the nominal level."""
    return low <= confidence + 0.02 and high >= confidence - 0.02
