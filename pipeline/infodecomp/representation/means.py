"""Means over images with standard errors and bootstrap intervals, for the tables of this chain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infodecomp.config.statistics import StatisticsSection
from infodecomp.metrics.bootstrap import mean_interval, resample_weights
from infodecomp.runs.seeds import generator


@dataclass(frozen=True)
class Means:
    """Means of K quantities over images, float64 (K,) each: value, standard error, and the ends of the interval."""

    value: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def row(self, name: str, place: int = 0) -> dict[str, float]:
        """The columns `name`, `name_error`, `name_low`, `name_high` of one quantity."""
        parts = {"": self.value, "_error": self.error, "_low": self.low, "_high": self.high}
        return {f"{name}{suffix}": float(values[place]) for suffix, values in parts.items()}


def means_over_images(values: np.ndarray, statistics: StatisticsSection) -> Means:
    """Of values (n, K) or (n,), a row an image; all tables of a study resample alike.

    >>> found = means_over_images(np.array([1.0, 2.0, 3.0]), StatisticsSection(bootstrap=100))
    >>> found.value.tolist(), found.error.round(3).tolist()
    ([2.0], [0.577])
    """
    columns = values[:, None] if values.ndim == 1 else values
    images = len(columns)
    weights = resample_weights(images, statistics.bootstrap, generator(0, "representation", "bootstrap"))
    found = mean_interval(columns, np.arange(images), weights, statistics.confidence)
    error = columns.std(0, ddof=1) / np.sqrt(images) if images > 1 else np.full(columns.shape[1], np.nan)
    return Means(found.mean, error, found.low, found.high)
