"""Mutual information of each dimension of a code with each factor, I(f_j; z_k) in nats, estimated from samples.

The scores of `infodecomp.representation.information_scores` read such a table. In a finite world it is known exactly, and
the exact table serves in its place.
"""

from __future__ import annotations

import numpy as np
from sklearn.feature_selection import mutual_info_classif

NEIGHBOURS, BINS = 10, 20


def entropies(factors: np.ndarray) -> np.ndarray:
    """H(f_j) of each factor in nats, from the frequencies of its values.

    Args:
        factors: integers (n, J), one row an image.

    Returns:
        float64 (J,).

    >>> entropies(np.array([[0, 1], [1, 2]])).round(4).tolist()
    [0.6931, 0.6931]
    """
    counts = (np.unique(column, return_counts=True)[1] for column in factors.T)
    return np.array([_entropy(one) for one in counts])


def by_neighbours(codes: np.ndarray, factors: np.ndarray, seed: int, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """I(f_j; z_k) of continuous dimensions by the distances of nearest neighbours (Ross, PLOS ONE 2014).

    Args:
        codes: float (n, d).
        factors: integers (n, J).
        seed: of the tiny noise that separates equal codes.
        neighbours: of the same value of the factor; values rarer than that are ignored.

    Returns:
        float64 (d, J), not below 0.

    >>> factors = np.arange(400)[:, None] % 4
    >>> codes = np.hstack([factors, np.random.default_rng(0).normal(size=(400, 1))])
    >>> by_neighbours(codes, factors, 0).round(1).tolist()  # ln 4 and nothing
    [[1.4], [0.0]]
    """
    found = (
        mutual_info_classif(codes, column, discrete_features=False, n_neighbors=neighbours, random_state=seed)
        for column in factors.T
    )
    return np.stack(list(found), axis=1)


def by_bins(codes: np.ndarray, factors: np.ndarray, bins: int = BINS) -> np.ndarray:
    """I(f_j; z_k) after each dimension is cut into bins of equal width over its range, as published MIGs are computed.

    Biased upwards by about (values − 1)(bins − 1)/2n nats. Arguments and result as for `by_neighbours`.

    >>> by_bins(np.array([[0.0], [0.1], [0.9], [1.0]]), np.array([[0], [0], [1], [1]])).round(4).tolist()
    [[0.6931]]
    """
    found = np.zeros((codes.shape[1], factors.shape[1]))
    for k, dimension in enumerate(codes.T):
        cut = np.digitize(dimension, np.histogram_bin_edges(dimension, bins)[1:-1])
        for j, column in enumerate(factors.T):
            _, values = np.unique(column, return_inverse=True)
            joint = np.bincount(cut * (values.max() + 1) + values)
            found[k, j] = _entropy(np.bincount(cut)) + _entropy(np.bincount(values)) - _entropy(joint)
    return np.maximum(found, 0.0)


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float((shares * -np.log(shares)).sum())
