"""When a caption leaves the race: as soon as the remaining draws are unlikely to bring it to the front.

A case is looked at after each number of draws in `steps`, the last of which, N, is the budget, and halfway between
neighbouring ones. At a look after n draws, the leading caption is ahead of caption k by the paired difference L with
standard error s. Given these draws and a flat prior, the difference after all N draws follows Student's t around L with
scale

    s·√(1 − n/N),

because the n draws are part of the N: (n/N)·L is fixed, and the rest is a mean of N − n draws around a true difference that
is itself known only to ±s. The caption leaves when its probability of being ahead then falls below error/(D − 1), with D
captions in the case; the case ends when one is left. Summed over captions, the probability that a case ends on a different
caption than the whole budget would is at most `error`. It is a probability of the same event given the data at every look,
so it needs no correction for repeated looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.stats import t as student

from infodecomp.estimator.draws import Draws
from infodecomp.estimator.options import OptionEstimate
from infodecomp.estimator.uncertainty import most_freedom


def looks(steps: Sequence[int]) -> tuple[int, ...]:
    """Numbers of draws after which to look: those of `steps`, and even numbers halfway between two of them.

    Halfway, the strata of the finer partition are filled at random with equal probability, so the draws are still a sample
    of the whole range.

    >>> looks((50, 100))
    (50, 74, 100)
    """
    halves = {(few + many) // 4 * 2 for few, many in pairwise(steps)}
    return tuple(sorted({*steps, *(half for half in halves if half > steps[0])}))


def chance_to_overtake(
    lead: np.ndarray, lead_error: np.ndarray, *, freedom: float, drawn: int, budget: int
) -> np.ndarray:
    """Probability that a difference will be below 0 after `budget` draws, if it is lead ± lead_error after `drawn`.

    ½ for captions that the model does not distinguish, 0 ± 0.

    >>> lead, error = np.array([0.0, 3.0]), np.array([1.0, 1.0])
    >>> chance_to_overtake(lead, error, freedom=50, drawn=50, budget=100).round(4).tolist()
    [0.5, 0.0]
    """
    scale = lead_error * np.sqrt(1 - drawn / budget)
    standard = np.divide(lead, scale, out=np.where(lead > 0, np.inf, 0.0), where=scale > 0)
    return np.asarray(student.sf(standard, freedom))


def freedom(draws: Draws) -> float:
    """Degrees of freedom of the standard error of a lead; a pair ±ε counts once.

    >>> import torch
    >>> freedom(Draws.held(torch.zeros(50), torch.ones(50), torch.zeros(50, 1, 1, 1), antithetic=True))
    24.0
    """
    return most_freedom(len(draws) // (2 if draws.antithetic else 1), stratified=draws.stratified)


def after_look(estimate: OptionEstimate, *, error: float, budget: int) -> OptionEstimate:
    """The estimate after removing the captions that leave after the draws so far.

    >>> import torch
    >>> from infodecomp.estimator.estimates import Estimate
    >>> draws = Draws.held(torch.zeros(8), torch.ones(8), torch.zeros(8, 1, 1, 1))
    >>> error = {"a dog": torch.ones(8, 1, 1), "a cat": 1.5 + torch.arange(8.0).reshape(8, 1, 1)}
    >>> race = OptionEstimate.of(Estimate(draws, 1, error, {}), ["a dog", "a cat"])
    >>> after_look(race, error=0.01, budget=16).running
    [0]
    """
    best, lead, lead_error = estimate.lead()
    rivals = [k for k in estimate.running if k != best]
    chance = chance_to_overtake(
        lead[rivals],
        lead_error[rivals],
        freedom=freedom(estimate.seen.draws),
        drawn=len(estimate.seen.draws),
        budget=budget,
    )
    allowed = error / max(len(estimate.wordings) - 1, 1)
    return estimate.without({k for k, one in zip(rivals, chance, strict=True) if one < allowed}, best)
