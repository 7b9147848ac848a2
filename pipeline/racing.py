"""When to stop drawing: a case ends as soon as its best caption leads every other one by more than chance allows.

Draws come in blocks, each a stratified sample of the whole log-SNR range. After each block but the last the best option
is compared with every other by their paired difference, whose standard error is that of the mean over blocks. With L looks
and K options there are L·(K − 1) comparisons; each may err with probability error/(L·(K − 1)) on either side (Bonferroni),
so that a case stops on another option than the mean of endlessly many draws favours with probability at most `error`. As the
standard error itself is estimated from few draws, the critical value is that of Student's t.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

from pipeline.option_scores import OptionEstimate


def critical_value(*, error: float, looks: int, options: int, freedom: int) -> float:
    """How many standard errors a lead must exceed: the two-sided t quantile at error/(looks·(options − 1)).

    freedom: degrees of freedom of the standard error. Without another option or look, 0.
    """
    comparisons = looks * (options - 1)
    return float(student.isf(error / (2 * comparisons), freedom)) if comparisons > 0 else 0.0


def freedom(estimate: OptionEstimate) -> int:
    """Degrees of freedom of a standard error: the second differences that it is the mean of; at least 1.

    Neighbouring second differences overlap, which leaves about two thirds of them: var/mean² of the mean of n squares
    (f₋ − 2f + f₊)² of independent normal f is (2/n)·(1 + 2·(4/6)² + 2·(1/6)²) ≈ (2/n)·1.94.
    """
    independent = sum(max(len(block.draws) // (2 if block.draws.antithetic else 1) - 2, 0) for block in estimate.blocks)
    return max(1, int(independent / 1.94))


def decided(estimate: OptionEstimate, *, error: float, looks: int, distinct: np.ndarray) -> bool:
    """Whether the best option leads every other of another wording by more than its critical value.

    distinct: (K,) int64, equal for options that read the same; those need no decision.
    """
    best, lead, lead_error = estimate.lead()
    rivals = distinct != distinct[best]
    bound = critical_value(error=error, looks=looks, options=len(np.unique(distinct)), freedom=freedom(estimate))
    return bool(np.all(lead[rivals] > bound * lead_error[rivals]))
