"""How well a map predicts where an image changes, and its total how much.

Image level: the correlation, over cases, of a predictor's total with the total change. Pixel level: the correlation, over
the pixels of one case, of the predictor's map with the map of change, averaged over cases (Kong et al., 2024, Table 4).
Both are bootstrapped over images (`infodecomp.metrics.bootstrap`), so that predictors are compared on equal resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from infodecomp.metrics.bootstrap import cluster_sums, percentile_interval, weighted_sums

ErrorKind = Literal["bootstrap_sd", "sd_over_10"]

NAN = float("nan")

# A variance below this share of the sum of squares it is computed from is rounding error.
_ROUNDING = 1e-12


def pearson(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's r along the last axis: Σ(a − ā)(b − b̄) / √(Σ(a − ā)² · Σ(b − b̄)²).

    Args:
        first, second: (…, n), any units; leading axes are broadcast.

    Returns:
        (…) float64 in [−1, 1]; NaN where either is constant, has fewer than two values or a value that is not finite.

    >>> round(float(pearson(np.array([1.0, 2.0, 3.0]), np.array([5.0, 7.0, 9.0]))), 6)
    1.0
    """
    if min(first.shape[-1], second.shape[-1]) < 2:
        return np.full(np.broadcast_shapes(first.shape[:-1], second.shape[:-1]), NAN)
    a, b = _standardised(first), _standardised(second)
    return np.asarray(np.clip((a * b).sum(axis=-1), -1.0, 1.0))


def spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's ρ along the last axis: Pearson's r of the ranks, with the mean rank for equal values.

    Arguments and result as for `pearson`.

    >>> round(float(spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 100.0]))), 6)
    1.0
    """
    return pearson(ranks(first), ranks(second))


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1 along the last axis, with the mean rank for equal values: (…, n) float64.

    All ranks of a row are NaN if one of its values is not finite.

    >>> ranks(np.array([4.0, 2.0, 4.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    return np.apply_along_axis(_ranks, -1, values) if values.size else np.empty(values.shape)


@dataclass(frozen=True)
class Correlation:
    """A correlation, or a difference of two, with its values on resamples of the images.

    value: NaN if undefined. samples: (R,) float64, NaN for resamples on which it is undefined.
    """

    value: float
    samples: np.ndarray

    def interval(self, confidence: float) -> tuple[float, float]:
        """Ends of the percentile interval; NaN if the correlation is undefined."""
        if not np.isfinite(self.value):
            return NAN, NAN
        low, high = percentile_interval(self.samples[:, None], confidence)
        return float(low[0]), float(high[0])

    def error(self, kind: ErrorKind) -> float:
        """Standard deviation of the samples; `sd_over_10`: a tenth of it, as printed by the code released with the paper.

        That code divides by the square root of its 100 resamples, so its error is ten times too small.
        """
        samples = self.samples[np.isfinite(self.samples)]
        if not np.isfinite(self.value) or not len(samples):
            return NAN
        return float(samples.std()) / (10.0 if kind == "sd_over_10" else 1.0)


def across_cases(predictor: np.ndarray, change: np.ndarray, cluster: np.ndarray, weights: np.ndarray) -> Correlation:
    """Image level: Pearson's r, over cases, of totals.

    Args:
        predictor, change: (n,); cases in which either is NaN are ignored.
        cluster: (n,) int64, the image of each case.
        weights: (R, G), how often each image occurs in each resample, from `bootstrap.resample_weights`.

    >>> weights = np.array([[1, 1, 1], [1, 2, 0]], dtype=np.uint8)
    >>> totals, changes = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 5.0])
    >>> round(across_cases(totals, changes, np.arange(3), weights).value, 3)
    0.982
    """
    known = np.isfinite(predictor) & np.isfinite(change)
    x, y, image = predictor[known], change[known], cluster[known]
    value = float(pearson(x, y))
    if not np.isfinite(value):
        return Correlation(NAN, np.full(len(weights), NAN))
    a, b = _standardised(x), _standardised(y)
    moments = np.stack([np.ones_like(a), a, b, a * a, b * b, a * b], axis=1)  # (n, 6)
    sums = cluster_sums(moments, image, weights.shape[1])  # (G, 6)
    return Correlation(value, _from_moments(weighted_sums(weights, sums)))


def within_cases(correlations: np.ndarray, cluster: np.ndarray, weights: np.ndarray) -> Correlation:
    """Pixel level: the mean over cases of the correlations of maps.

    Args:
        correlations: (n,), one per case; NaN is ignored.
        cluster: (n,) int64, the image of each case.
        weights: (R, G), how often each image occurs in each resample, from `bootstrap.resample_weights`.

    >>> weights = np.array([[1, 1], [2, 0]], dtype=np.uint8)
    >>> found = within_cases(np.array([0.2, 0.4]), np.array([0, 1]), weights)
    >>> round(found.value, 3), found.samples.round(3).tolist()
    (0.3, [0.3, 0.2])
    """
    known = np.isfinite(correlations)
    values = np.stack([np.where(known, correlations, 0.0), known.astype(np.float64)], axis=1)  # (n, 2)
    sums = cluster_sums(values, cluster, weights.shape[1])  # (G, 2)
    total, count = weighted_sums(weights, sums).T
    mean = float(correlations[known].mean()) if known.any() else NAN
    return Correlation(mean, np.where(count > 0, total / np.maximum(count, 1.0), NAN))


def difference(first: Correlation, second: Correlation) -> Correlation:
    """r_a − r_b on equal resamples; both must come from the same cases and weights.

    >>> r = difference(Correlation(0.75, np.array([0.5, 1.0])), Correlation(0.25, np.array([0.25, 0.5])))
    >>> r.value, r.samples.tolist()
    (0.5, [0.25, 0.5])
    """
    return Correlation(first.value - second.value, first.samples - second.samples)


def _standardised(values: np.ndarray) -> np.ndarray:
    """Values minus their mean, scaled to unit length along the last axis (of two or more); NaN where undefined."""
    exact = values.astype(np.float64)
    usable = np.isfinite(exact).all(axis=-1) & (exact.max(axis=-1) > exact.min(axis=-1))
    # Unusable rows are replaced by values that cause no warning.
    exact = np.where(usable[..., None], exact, np.arange(exact.shape[-1], dtype=np.float64))
    exact = exact / np.abs(exact).max(axis=-1, keepdims=True)  # squares of extreme values would over- or underflow
    centred = exact - exact.mean(axis=-1, keepdims=True)
    scaled = centred / np.abs(centred).max(axis=-1, keepdims=True)
    unit = scaled / np.sqrt(np.square(scaled).sum(axis=-1, keepdims=True))
    return np.where(usable[..., None], unit, NAN)


def _from_moments(sums: np.ndarray) -> np.ndarray:
    """Pearson's r of each resample, (R,), from its sums of 1, a, b, a², b² and ab, (R, 6)."""
    n, a, b, aa, bb, ab = sums.T
    count = np.maximum(n, 1.0)
    variance_a, variance_b = aa - a * a / count, bb - b * b / count
    varied = (variance_a > _ROUNDING * aa) & (variance_b > _ROUNDING * bb)
    scale = np.sqrt(np.where(varied, variance_a * variance_b, 1.0))
    return np.where(varied, np.clip((ab - a * b / count) / scale, -1.0, 1.0), NAN)


def _ranks(row: np.ndarray) -> np.ndarray:
    if not np.isfinite(row).all():
        return np.full(row.shape, NAN)
    _, inverse, counts = np.unique(row, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
