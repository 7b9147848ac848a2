"""Do the predictors of an edit correlate with the change it makes? Across cases by totals, and within cases by maps.

Table code: numpy and pandas, no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np

from infodecomp.config.settings import TabulateEditing
from infodecomp.editing.checks import badly_reconstructed
from infodecomp.editing.edited_datasets import EditedDataset
from infodecomp.editing.edits import CHANGES, INTERVENTIONS
from infodecomp.editing.measures import Measures
from infodecomp.metrics.correlation import Correlation, across_cases, difference, spearman, within_cases

# Correlations lie between −1 and 1. n + n_failed is the number of cases; n_flagged of the n came back badly.
CORRELATION_COLUMNS: dict[str, str] = {
    "dataset": "string",
    "level": "string",
    "intervention": "string",
    "predictor": "string",
    "change": "string",
    "r": "float64",
    "r_low": "float64",
    "r_high": "float64",
    "r_error": "float64",
    "spearman": "float64",
    "n": "int64",
    "n_failed": "int64",
    "n_flagged": "int64",
}

# One row per dataset, level, intervention, change and two predictors: r_a − r_b on the n cases that have both.
PAIRED_COLUMNS = [
    *("dataset", "level", "intervention", "change"),
    *("predictor_a", "predictor_b", "difference", "low", "high", "n"),
]

LEVELS = ("image", "pixel")

Row = dict[str, Any]


def correlations(dataset: EditedDataset, weights: np.ndarray, section: TabulateEditing) -> tuple[list[Row], list[Row]]:
    """Every predictor against every change, and every two predictors against each other.

    Args:
        dataset: its measures.
        weights: (R, G), resamples of the images.
        section: confidence, error, and the lowest PSNR that is not flagged.

    Returns:
        rows of `CORRELATION_COLUMNS` and of `PAIRED_COLUMNS`.
    """
    rows, paired = list[Row](), list[Row]()
    for level, intervention, change in product(LEVELS, INTERVENTIONS, range(len(CHANGES))):
        group = _ChangeCorrelations(dataset.measures[intervention], level, change, dataset.image, weights)
        names = group.measures.names
        settings = {"dataset": dataset.name, "level": level, "intervention": intervention, "change": CHANGES[change]}
        rows += [{**settings, "predictor": name, **_row(group, i, dataset, section)} for i, name in enumerate(names)]
        paired += [
            {**settings, "predictor_a": names[a], "predictor_b": names[b], **_paired(group, a, b, section)}
            for a, b in combinations(range(len(names)), 2)
        ]
    return rows, paired


@dataclass(frozen=True)
class _ChangeCorrelations:
    """The correlations of every predictor with one change, at one level and of one intervention."""

    measures: Measures
    level: str
    change: int
    image: np.ndarray
    weights: np.ndarray

    def known(self, predictor: int) -> np.ndarray:
        """Which cases count, (n,) bool."""
        if self.level == "pixel":
            return np.isfinite(self.measures.r[:, predictor, self.change])
        return np.isfinite(self.measures.predictor[:, predictor]) & np.isfinite(self.measures.change[:, self.change])

    def correlation(self, predictor: int, chosen: np.ndarray) -> Correlation:
        """Pearson's r on the chosen cases, (n,) bool."""
        if self.level == "pixel":
            r = np.where(chosen, self.measures.r[:, predictor, self.change], np.nan)
            return within_cases(r, self.image, self.weights)
        totals = np.where(chosen, self.measures.predictor[:, predictor], np.nan)
        return across_cases(totals, self.measures.change[:, self.change], self.image, self.weights)

    def rank_correlation(self, predictor: int, chosen: np.ndarray) -> float:
        """Spearman's ρ on the chosen cases, (n,) bool."""
        if self.level == "pixel":
            rho = self.measures.rho[chosen, predictor, self.change]
            return float(rho.mean()) if len(rho) else float("nan")
        return float(spearman(self.measures.predictor[chosen, predictor], self.measures.change[chosen, self.change]))


def _row(group: _ChangeCorrelations, predictor: int, dataset: EditedDataset, section: TabulateEditing) -> Row:
    known = group.known(predictor)
    correlation = group.correlation(predictor, known)
    low, high = correlation.interval(section.statistics.confidence)
    return {
        "r": correlation.value,
        "r_low": low,
        "r_high": high,
        "r_error": correlation.error(section.table.error),
        "spearman": group.rank_correlation(predictor, known),
        "n": int(known.sum()),
        "n_failed": int((~known).sum()),
        "n_flagged": int((known & badly_reconstructed(dataset.edits, section)).sum()),
    }


def _paired(group: _ChangeCorrelations, a: int, b: int, section: TabulateEditing) -> Row:
    """Two predictors on the cases that have both."""
    both = group.known(a) & group.known(b)
    compared = difference(group.correlation(a, both), group.correlation(b, both))
    low, high = compared.interval(section.statistics.confidence)
    return {"difference": compared.value, "low": low, "high": high, "n": int(both.sum())}
