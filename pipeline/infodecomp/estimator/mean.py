"""A mean over draws with what its confidence interval needs; `infodecomp.estimator.uncertainty` has the formulas.

No torch is needed to read it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mean:
    """Means over draws, float64 arrays of one shape: value, standard error, its degrees of freedom, skewness of the mean.

    With fewer than three draws (or ±ε pairs), all but the value are NaN.
    """

    value: np.ndarray
    error: np.ndarray
    freedom: np.ndarray
    skewness: np.ndarray

    def plus(self, constant: float) -> Mean:
        """The mean plus a constant."""
        return Mean(self.value + constant, self.error, self.freedom, self.skewness)

    def interval(self, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the interval that covers the integral with probability `confidence`."""
        from scipy.stats import t as student  # takes half a second to import

        quantile = np.asarray(student.ppf((1 + confidence) / 2, np.maximum(self.freedom, 1.0)))
        low, high = (_hall(x, self.skewness) for x in (quantile, -quantile))
        return self.value - self.error * low, self.value - self.error * high


def _hall(x: np.ndarray, skewness: np.ndarray) -> np.ndarray:
    """The inverse of Hall's transformation; x itself without skewness."""
    skewed = np.abs(skewness) > 1e-6
    g = np.where(skewed, skewness, 1.0)
    return np.where(skewed, 3 / g * (np.cbrt(1 + g * (x - g / 6)) - 1), x)
