"""The words of an explanation as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from infodecomp.explaining.explanation import Explanation, WordExplanation

_NAMES = ("cmi", "mi")
_ESTIMATORS = ("orthogonal", "standard")


def word_table(explanation: Explanation, confidence: float = 0.95) -> pd.DataFrame:
    """One row a word, in the order of the caption; NaN where a quantity was not estimated.

    Columns: word, occurrence, start, end; for cmi and mi `<name>` (orthogonal) and `<name>_standard` in nats, each with
    `_error`, its standard error, and `_low` and `_high`, the ends of its interval; share: of the sum of the words' CMI;
    status, reason.
    """
    rows = [_row(word, confidence) for word in explanation.words]
    table = pd.DataFrame(rows, columns=_columns())
    total = table["cmi"].sum()
    table["share"] = table["cmi"] / total if total > 0 else float("nan")
    return table


def column_of(name: str, estimator: str) -> str:
    """The column of a quantity: the orthogonal estimator has the plain name."""
    return name if estimator == "orthogonal" else f"{name}_{estimator}"


def _columns() -> list[str]:
    numbers = [
        f"{column_of(name, estimator)}{suffix}"
        for name in _NAMES
        for estimator in _ESTIMATORS
        for suffix in ("", "_error", "_low", "_high")
    ]
    return ["word", "occurrence", "start", "end", *numbers, "share", "status", "reason"]


def _row(word: WordExplanation, confidence: float) -> dict[str, Any]:
    span = word.span
    row: dict[str, Any] = {"word": span.text, "occurrence": span.occurrence, "start": span.start, "end": span.end}
    for (name, estimator), found in word.quantities.items():
        column = column_of(name, estimator)
        low, high = found.interval(confidence)
        row |= {column: found.total, f"{column}_error": found.error, f"{column}_low": low, f"{column}_high": high}
    return row | {"status": word.status, "reason": word.reason}
