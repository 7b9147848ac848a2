"""When a caption leaves the race: as soon as the draws that are left will hardly bring it to the front.

A case may be looked at after each number of draws in `steps`, the last of which, N, is the budget, and half-way between
neighbouring ones. At a look after n draws the leading caption is ahead of caption k by the paired difference L with
standard error s. Given what has been seen, and nothing known beforehand, the difference after all N draws is spread around
L like Student's t with scale

    s·√(1 − n/N),

because the n draws are part of the N: (n/N)·L stays as it is, and the rest is a mean of N − n draws around a true difference
that is itself only known to ±s. The caption leaves when its chance to be ahead then is below error/(D − 1), D captions being
in the case; the case ends when one is left. Summed over captions, a case ends on another one than the whole budget would
with a chance of at most `error`. This is a probability given the data, the same event at every look, so that it needs no
correction for how often one looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.stats import t as student

from infodecomp.estimator.options import OptionEstimate
from infodecomp.estimator.sampling import Draws
from infodecomp.estimator.uncertainty import most_freedom


def looks(steps: Sequence[int]) -> tuple[int, ...]:
    """Numbers of draws to look after: those of `steps`, and even numbers half-way between two of them.

    Half-way, the strata of the finer partition are filled at random, each as likely as another, so that the draws are still
    a sample of the whole range.

    >>> looks((50, 100))
    (50, 74, 100)
    """
    halves = {(few + many) // 4 * 2 for few, many in pairwise(steps)}
    return tuple(sorted({*steps, *(half for half in halves if half > steps[0])}))


def chance_to_overtake(
    lead: np.ndarray, lead_error: np.ndarray, *, freedom: float, drawn: int, budget: int
) -> np.ndarray:
    """Probability that a difference after `budget` draws is below 0, when it is lead ± lead_error after `drawn`.

    Captions that the model cannot tell apart, 0 ± 0, have a half.

    >>> lead, error = np.array([0.0, 3.0]), np.array([1.0, 1.0])
    >>> chance_to_overtake(lead, error, freedom=50, drawn=50, budget=100).round(4).tolist()
    [0.5, 0.0]
    """
    scale = lead_error * np.sqrt(1 - drawn / budget)
    standard = np.divide(lead, scale, out=np.where(lead > 0, np.inf, 0.0), where=scale > 0)
    return np.asarray(student.sf(standard, freedom))


def freedom(draws: Draws) -> float:
    """Degrees of freedom of a lead's standard error; ±ε pairs count once.

    >>> import torch
    >>> freedom(Draws(torch.zeros(50), torch.ones(50), torch.zeros(50, 1, 1, 1), antithetic=True))
    24.0
    """
    return most_freedom(len(draws) // (2 if draws.antithetic else 1), stratified=draws.stratified)


def after_look(estimate: OptionEstimate, *, error: float, budget: int) -> OptionEstimate:
    """The estimate without the captions that leave after the draws so far.

    >>> import torch
    >>> from infodecomp.estimator.estimates import Estimate
    >>> draws = Draws(torch.zeros(8), torch.ones(8), torch.zeros(8, 1, 1, 1))
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
