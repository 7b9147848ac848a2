"""The FactorVAE score: can one tell, from the dimension that varies least, which factor was held fixed?"""

from __future__ import annotations

import numpy as np

GROUP, VOTES = 64, 800
# Dimensions with a variance below this are collapsed and do not vote; codes have variances near 1.
COLLAPSED = 0.05


def factor_vae_score(
    codes: np.ndarray, factors: np.ndarray, rng: np.random.Generator, votes: int = VOTES, group: int = GROUP
) -> float:
    """Accuracy of the majority vote of Kim and Mnih (ICML 2018, §4).

    A vote: a factor j is chosen, a value of it, and `group` images that have the value; the dimension whose variance over
    them, divided by its variance over all images, is smallest votes for j. The classifier from dimension to factor is the
    majority of `votes` votes, and as many others measure it.

    Args:
        codes: float (n, d).
        factors: integers (n, J), each with two values at least.
        rng: chooses factors, values and images, with replacement.

    Returns:
        0 … 1; by chance about 1/J. NaN if every dimension is collapsed.

    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(4, size=(500, 3))
    >>> factor_vae_score(factors + 0.1 * rng.normal(size=(500, 3)), factors, rng)
    1.0
    """
    variance = codes.var(axis=0)
    kept = codes[:, variance > COLLAPSED]
    if not kept.shape[1]:
        return float("nan")
    scaled = kept / kept.std(axis=0)
    rows = [[np.flatnonzero(column == value) for value in np.unique(column)] for column in factors.T]

    def counted() -> np.ndarray:
        table = np.zeros((kept.shape[1], factors.shape[1]), dtype=np.int64)
        for _ in range(votes):
            factor = int(rng.integers(len(rows)))
            same = rows[factor][int(rng.integers(len(rows[factor])))]
            table[scaled[rng.choice(same, group)].var(axis=0).argmin(), factor] += 1
        return table

    majority = counted().argmax(axis=1)
    judged = counted()
    return float(judged[np.arange(len(majority)), majority].sum() / votes)
