"""Scores of disentanglement that follow from a table of I(f_j; z_k): MIG, InfoM and InfoC.

Each takes the table, from samples (`infodecomp.representation.factor_information`) or exact.
"""

from __future__ import annotations

import numpy as np

# A dimension counts as used if its interquartile range exceeds this share of the largest one.
USED_SHARE = 0.1


def mutual_information_gap(information: np.ndarray, entropy: np.ndarray) -> float:
    """MIG: how far the best dimension for a factor is ahead of the second best (Chen et al., NeurIPS 2018, Eq. 6).

        MIG = 1/J Σ_j (I(f_j; z_(1)) − I(f_j; z_(2))) / H(f_j)

    Low for good codes that are rotated or hold something twice.

    Args:
        information: nats (d, J), d ≥ 2.
        entropy: H(f_j) in nats (J,), positive.

    >>> mutual_information_gap(np.array([[0.7, 0.0], [0.0, 0.4], [0.0, 0.4]]), np.array([0.7, 0.8]))
    0.5
    """
    best = np.sort(information, axis=0)[::-1]
    return float(((best[0] - best[1]) / entropy).mean())


def used_dimensions(codes: np.ndarray, share: float = USED_SHARE) -> np.ndarray:
    """Which dimensions vary: interquartile range above `share` of the largest. codes: (n, d). Returns bool (d,).

    >>> used_dimensions(np.array([[0.0, 0.0], [1.0, 0.01], [2.0, 0.02]])).tolist()
    [True, False]
    """
    low, high = np.percentile(codes, [25, 75], axis=0)
    return np.asarray(high - low > share * (high - low).max())


def modularity(information: np.ndarray, entropy: np.ndarray) -> float:
    """InfoM: how far each dimension tells of one factor only (Hsu et al., NeurIPS 2023, Eq. 6).

        InfoM = (1/d Σ_k max_j N_kj / Σ_j N_kj − 1/J) / (1 − 1/J),   N_kj = I(f_j; z_k)/H(f_j)

    Args:
        information: nats (d, J) of the used dimensions, J ≥ 2; dimensions that tell nothing are left out.
        entropy: H(f_j) in nats (J,), positive.

    Returns:
        0 … 1; NaN if no dimension tells anything.

    >>> modularity(np.array([[0.7, 0.0], [0.0, 0.7]]), np.array([0.7, 0.7]))
    1.0
    """
    return _concentration(information / entropy)


def compactness(information: np.ndarray, entropy: np.ndarray) -> float:
    """InfoC: how far each factor is in one dimension only; `modularity` with the two sides exchanged (Hsu et al., Eq. 7).

        InfoC = (1/J Σ_j max_k N_kj / Σ_k N_kj − 1/d) / (1 − 1/d)

    With one used dimension it is NaN, as every factor is then in one dimension.

    >>> compactness(np.array([[0.7, 0.0], [0.0, 0.7]]), np.array([0.7, 0.7]))
    1.0
    """
    return _concentration((information / entropy).T)


def _concentration(table: np.ndarray) -> float:
    """The mean over rows of the largest entry's share of the row, rescaled so that equal entries give 0."""
    columns = table.shape[1]
    told = table[table.sum(axis=1) > 0]
    if columns < 2 or not len(told):
        return float("nan")
    share = float((told.max(axis=1) / told.sum(axis=1)).mean())
    return (share - 1 / columns) / (1 - 1 / columns)
