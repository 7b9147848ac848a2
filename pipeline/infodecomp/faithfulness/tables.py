"""From the measures of judged maps to the rows of the tables of faithfulness, with bootstrap intervals over images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from infodecomp.config import StatisticsSection
from infodecomp.faithfulness.measures import MeasuredMaps
from infodecomp.metrics.bootstrap import mean_interval, resample_weights
from infodecomp.metrics.faithfulness import MEASURES
from infodecomp.runs.seeds import generator

# One row per map and measure (`infodecomp.metrics.faithfulness`). n + n_failed is the number of judged cases.
TABLE_COLUMNS: dict[str, str] = {
    "dataset": "string",
    "method": "string",
    "estimator": "string",
    "steps": "int64",
    "measure": "string",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "n": "int64",
    "n_failed": "int64",
}

# One row per measure and two maps: the mean of value_a − value_b over the n cases that have both.
PAIR_COLUMNS = [
    *("dataset", "measure", "method_a", "estimator_a", "method_b", "estimator_b"),
    *("difference", "low", "high", "n"),
]

# One row per curve, quantity (i_o, i_s), map and share of the cells: the mean of the quantity in nats.
CURVE_COLUMNS = [
    *("dataset", "curve", "quantity", "method", "estimator", "steps", "fraction"),
    *("nats", "low", "high", "n"),
]

# One row per case and map.
CASE_COLUMNS = ["dataset", "case_id", "image_id", "word", "method", "estimator", "steps", *MEASURES]


@dataclass(frozen=True)
class FaithfulnessTables:
    """Rows of one dataset: of `TABLE_COLUMNS`, `PAIR_COLUMNS`, `CURVE_COLUMNS` and `CASE_COLUMNS`."""

    rows: list[dict[str, Any]]
    paired: list[dict[str, Any]]
    curves: list[dict[str, Any]]
    cases: list[dict[str, Any]]


def tabulate(dataset: MeasuredMaps, statistics: StatisticsSection, seed: int) -> FaithfulnessTables:
    """Means, paired differences and curves with their intervals; all share the resamples of the images."""
    images = int(dataset.image.max(initial=-1)) + 1
    weights = resample_weights(images, statistics.bootstrap, generator(seed, dataset.name, "bootstrap"))

    def intervals(values: np.ndarray) -> list[dict[str, Any]]:
        """Mean, ends of its interval and number of cases of each column of (n, K)."""
        found = mean_interval(values, dataset.image, weights, statistics.confidence)
        counts = np.isfinite(values).sum(axis=0)
        columns = zip(found.mean.tolist(), found.low.tolist(), found.high.tolist(), counts.tolist(), strict=True)
        return [{"value": mean, "low": low, "high": high, "n": n} for mean, low, high, n in columns]

    rows, curves = [], []
    for column, setting in enumerate(dataset.settings):
        named = {"dataset": dataset.name, **setting._asdict()}
        rows += [
            {**named, "measure": measure, **found, "n_failed": len(dataset.cases) - found["n"]}
            for measure, found in zip(MEASURES, intervals(dataset.values[:, column]), strict=True)
        ]
        for (curve, quantity), nats in dataset.curves.items():
            points = zip(dataset.fractions.tolist(), intervals(nats[:, column]), strict=True)
            curves += [
                {**named, "curve": curve, "quantity": quantity, "fraction": share, "nats": found.pop("value"), **found}
                for share, found in points
            ]
    paired = []
    for a, b in combinations(range(len(dataset.settings)), 2):
        named = {"dataset": dataset.name}
        for letter, setting in (("a", dataset.settings[a]), ("b", dataset.settings[b])):
            named |= {f"method_{letter}": setting.method, f"estimator_{letter}": setting.estimator}
        found = intervals(dataset.values[:, a] - dataset.values[:, b])
        paired += [
            {**named, "measure": measure, "difference": one.pop("value"), **one}
            for measure, one in zip(MEASURES, found, strict=True)
        ]
    return FaithfulnessTables(rows, paired, curves, _case_rows(dataset))


def _case_rows(dataset: MeasuredMaps) -> list[dict[str, Any]]:
    known = dataset.cases[["case_id", "image_id", "word"]].to_dict("records")
    return [
        {
            "dataset": dataset.name,
            **{str(name): value for name, value in case.items()},
            **setting._asdict(),
            **dict(zip(MEASURES, dataset.values[row, column].tolist(), strict=True)),
        }
        for row, case in enumerate(known)
        for column, setting in enumerate(dataset.settings)
    ]
