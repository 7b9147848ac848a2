"""TAD: the total AUROC difference, by how much one dimension is ahead of the others in detecting an attribute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infodecomp.metrics.correlation import ranks
from infodecomp.representation.factor_information import entropies

# An attribute counts if a dimension detects it this well, and no other attribute tells more than this share of it.
DETECTED, REDUNDANT = 0.75, 0.2


@dataclass(frozen=True)
class Tad:
    """total: the sum of differences over the attributes that count. attributes: their number.

    The total grows with the number of attributes, so that neither is read without the other.
    """

    total: float
    attributes: int


def total_auroc_difference(codes: np.ndarray, attributes: np.ndarray, train: np.ndarray) -> Tad:
    """TAD of Yeats et al. (ECCV 2022), measured on held-out images.

        A_jk = max(AUROC(y_j; z_k), AUROC(y_j; −z_k)),   TAD = Σ_j (A_j(1) − A_j(2))

    over the attributes with A_j(1) ≥ 0.75 for which no other attribute has I(y_j; y_i)/H(y_j) > 0.2. Which attributes
    count, the two best dimensions of each and their signs are found on the images of `train`, the AUROCs that are
    subtracted on the others: on the images that chose it the best dimension looks better than it is.

    Args:
        codes: float (n, d), d ≥ 2.
        attributes: bool (n, J).
        train: bool (n,).

    >>> rng = np.random.default_rng(0)
    >>> attributes = rng.random((400, 2)) < 0.5
    >>> found = total_auroc_difference(np.hstack([attributes, rng.random((400, 1))]), attributes, np.arange(400) < 200)
    >>> found.attributes, 0.7 < found.total <= 1.0
    (2, True)
    """
    first, other = aurocs(codes[train], attributes[train]), aurocs(codes[~train], attributes[~train])
    strength = np.maximum(first, 1 - first)  # (J, d)
    order = np.argsort(-strength, axis=1, kind="stable")[:, :2]
    best, second = (np.take_along_axis(np.where(first < 0.5, 1 - other, other), order[:, [k]], 1)[:, 0] for k in (0, 1))
    counted = (strength.max(axis=1) >= DETECTED) & ~_redundant(attributes[train]) & np.isfinite(best - second)
    return Tad(float((best - second)[counted].sum()), int(counted.sum()))


def aurocs(codes: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """AUROC of each dimension as a detector of each attribute: float64 (J, d); NaN where all images agree.

    The share of pairs (with, without) in which the image with the attribute has the larger code, equal codes counted half:
    from the sum of ranks (Mann and Whitney, 1947).

    >>> aurocs(np.array([[0.1], [0.4], [0.3], [0.9]]), np.array([[0], [1], [0], [1]], dtype=bool)).tolist()
    [[1.0]]
    """
    having = attributes.sum(axis=0)[:, None]
    sums = attributes.T.astype(np.float64) @ ranks(codes.T).T  # (J, d)
    pairs = having * (len(attributes) - having)
    return np.where(pairs > 0, (sums - having * (having + 1) / 2) / np.maximum(pairs, 1), np.nan)


def one_hot(factors: np.ndarray) -> np.ndarray:
    """The attributes "factor j has value v" of integers (n, J): bool (n, Σ values), constant factors left out.

    >>> one_hot(np.array([[0, 5], [1, 5]])).tolist()
    [[True, False], [False, True]]
    """
    columns = [column[:, None] == np.unique(column) for column in factors.T if len(np.unique(column)) > 1]
    return np.hstack(columns) if columns else np.zeros((len(factors), 0), dtype=bool)


def _redundant(attributes: np.ndarray) -> np.ndarray:
    """Whether another attribute tells more than REDUNDANT of each attribute's entropy, bool (J,)."""
    entropy, count = entropies(attributes), attributes.shape[1]
    redundant = np.zeros(count, dtype=bool)
    for j in range(count):
        joint = np.array([entropies(2 * attributes[:, [j]] + attributes[:, [i]])[0] for i in range(count) if i != j])
        told = entropy[j] + np.delete(entropy, j) - joint
        redundant[j] = bool((told > REDUNDANT * entropy[j] + 1e-12).any())
    return redundant
