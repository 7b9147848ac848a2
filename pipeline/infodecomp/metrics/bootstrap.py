"""Percentile bootstrap over images: all cases of an image are resampled together, because they share its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Resamples multiplied at a time: only their counts are held as float64.
_RESAMPLES_AT_ONCE = 64


@dataclass(frozen=True)
class Interval:
    """Means (K,) and the ends of their intervals (K,)."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def resample_weights(clusters: int, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """How often each image occurs in each resample of all images, drawn with replacement.

    Args:
        clusters: number of images G.
        resamples: number of resamples R.
        generator: seeded; use the same weights for all methods to compare them on equal resamples.

    Returns:
        (R, G) uint8, each row summing to G; `weighted_sums` multiplies by them.

    >>> resample_weights(3, 2, np.random.default_rng(0))
    array([[0, 2, 1],
           [3, 0, 0]], dtype=uint8)
    """
    # 255 is enough: the probability that an image occurs more often in a resample is below 1e-500.
    weights = np.zeros((resamples, clusters), dtype=np.uint8)
    for row in weights:  # row by row: the indices of all resamples would need R·G integers
        row += np.bincount(generator.integers(clusters, size=clusters), minlength=clusters).astype(np.uint8)
    return weights


def weighted_sums(weights: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Sums over the images of each resample, a few resamples at a time.

    Args:
        weights: (R, G), how often each image occurs in each resample.
        sums: (G, K) or (G,), sums over the cases of each image.

    Returns:
        (R, K) or (R,) float64.

    >>> weighted_sums(np.array([[1, 1], [2, 0]], dtype=np.uint8), np.array([3.0, 5.0]))
    array([8., 6.])
    """
    starts = range(0, len(weights), _RESAMPLES_AT_ONCE)
    parts = [weights[start : start + _RESAMPLES_AT_ONCE].astype(np.float64) @ sums for start in starts]
    return np.concatenate(parts)


def cluster_sums(values: np.ndarray, cluster: np.ndarray, clusters: int) -> np.ndarray:
    """Sums over the rows of each image.

    Args:
        values: (n, K).
        cluster: (n,) int64, the image of each row, 0 … clusters − 1.
        clusters: number of images G; images without a row get zeros.

    Returns:
        (G, K) float64.

    >>> cluster_sums(np.array([[1.0], [2.0], [4.0]]), np.array([0, 1, 0]), 2)
    array([[5.],
           [2.]])
    """
    sums = np.zeros((clusters, values.shape[1]))
    np.add.at(sums, cluster, values)
    return sums


def percentile_interval(samples: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the central interval of bootstrap samples.

    Args:
        samples: (R, …); NaN samples (resamples without a case) are ignored.
        confidence: such as 0.95.

    Returns:
        (low, high), each with the shape of one sample; NaN where every sample is NaN.

    >>> low, high = percentile_interval(np.arange(101.0)[:, None], 0.5)
    >>> float(low[0]), float(high[0])
    (25.0, 75.0)
    """
    filled = np.isfinite(samples).any(axis=0)
    usable = np.where(filled, samples, 0.0)
    low, high = np.nanpercentile(usable, [50.0 * (1.0 - confidence), 50.0 * (1.0 + confidence)], axis=0)
    return np.where(filled, low, np.nan), np.where(filled, high, np.nan)


def mean_interval(values: np.ndarray, cluster: np.ndarray, weights: np.ndarray, confidence: float) -> Interval:
    """Means over cases with percentile intervals over images; NaN values are ignored, column by column.

    Args:
        values: (n, K), K quantities for n cases.
        cluster: (n,) int64, the image of each case.
        weights: (R, G) from `resample_weights`.
        confidence: such as 0.95.

    Returns:
        means and interval ends, each (K,); NaN for a column without values.

    >>> weights = np.array([[1, 1], [2, 0], [0, 2]], dtype=np.uint8)
    >>> found = mean_interval(np.array([[0.0], [1.0], [5.0]]), np.array([0, 0, 1]), weights, 0.5)
    >>> found.mean.tolist(), found.low.tolist(), found.high.tolist()
    ([2.0], [1.25], [3.5])
    """
    known = np.isfinite(values)
    clusters = weights.shape[1]
    sums = cluster_sums(np.where(known, values, 0.0), cluster, clusters)
    counts = cluster_sums(known.astype(np.float64), cluster, clusters)
    mean = _ratio(sums.sum(axis=0), counts.sum(axis=0))
    samples = _ratio(weighted_sums(weights, sums), weighted_sums(weights, counts))
    low, high = percentile_interval(samples, confidence)
    return Interval(mean, low, high)


def median_interval(values: np.ndarray, cluster: np.ndarray, weights: np.ndarray, confidence: float) -> Interval:
    """Median over cases with its percentile interval over images; values that are not finite are ignored.

    Args:
        values: (n,), one quantity for n cases.
        cluster: (n,) int64, the image of each case.
        weights: (R, G) from `resample_weights`.
        confidence: such as 0.95.

    Returns:
        median and interval ends, each (1,); NaN without values.

    >>> weights = np.array([[1, 1], [2, 0], [0, 2]], dtype=np.uint8)
    >>> float(median_interval(np.array([0.0, 1.0, 5.0]), np.array([0, 0, 1]), weights, 0.5).mean[0])
    1.0
    """
    known = np.isfinite(values)
    order = np.argsort(values[known], kind="stable")
    ordered, image = values[known][order], cluster[known][order]
    samples = np.array([_weighted_median(ordered, row[image]) for row in weights])
    low, high = percentile_interval(samples[:, None], confidence)
    return Interval(np.array([_weighted_median(ordered, np.ones(len(ordered)))]), low, high)


def _weighted_median(ordered: np.ndarray, counts: np.ndarray) -> float:
    """Median of values in ascending order, each repeated `counts` times."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    if total == 0:
        return float("nan")
    middle = np.searchsorted(ends, [(total - 1) // 2, total // 2], side="right")
    return float(ordered[middle].mean())


def _ratio(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.where(counts > 0, sums / np.maximum(counts, 1.0), np.nan)
