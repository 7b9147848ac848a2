"""How well a score picks the true caption: accuracy with ties, intervals, averages over groups, paired comparison.

A case is decided for the option with the highest score. It earns a credit between 0 and 1, and every accuracy is a mean of
credits: over all cases (micro), or over groups of cases with equal weights (macro; the groups are the relations and the
attribute pairs of ARO, Yuksekgonul et al., 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from infodecomp.metrics.bootstrap import cluster_sums, mean_interval

TiePolicy = Literal["half", "wrong", "right", "drop"]

NAN = float("nan")


@dataclass(frozen=True)
class Decisions:
    """Decisions of a score, one value per case.

    credit: (n,) float64 in [0, 1]; NaN for cases without a score and for ties that the policy drops.
    scored: (n,) bool, the case has a score.
    tied: (n,) bool, the case has a score and is tied.
    """

    credit: np.ndarray
    scored: np.ndarray
    tied: np.ndarray


def decide(values: np.ndarray, truth: np.ndarray, same_text: np.ndarray, policy: TiePolicy) -> Decisions:
    """Credit of each case: 1 where the true option has the highest score, 0 where another has a higher one.

    A case is tied if another option has the same text as the true one, whatever the scores, or if another option shares
    the highest score with the true one. Options with the same text are the same answer: a difference between their scores
    is rounding and is ignored. If the true option of a tied case (with all of its text) is beaten, the credit is 0.
    Otherwise it depends on the policy:

    - half: 1/(1 + the number of options that share the top with the true one), so one half for one other: the average
      of a coin toss. A score that distinguishes nothing then has chance accuracy.
    - wrong: 0, as argmax does when the true option comes last (the code released with Kong et al., 2024).
    - right: 1, as argmax does when the true option comes first (ARO's order sets).

    drop ignores all tied cases, including those with a repeated true text that another option beats: ignoring only the
    others would lower the accuracy.

    Args:
        values: (n, M), scores, higher is better; a row with a NaN has no score; −inf beyond the last option of a case.
        truth: (n,) int64, index of the true option.
        same_text: (n, M) bool, options with the text of the true one, itself included.
        policy: the credit of a tie.

    >>> scores, alike = np.array([[2.0, 1.0], [1.0, 1.0]]), np.array([[True, False], [True, False]])
    >>> decide(scores, np.array([0, 0]), alike, "half").credit.tolist()
    [1.0, 0.5]
    """
    scored = ~np.isnan(values).any(axis=1)
    known = np.where(scored[:, None], values, 0.0)
    own = known[np.arange(len(known)), truth]  # (n,)
    rivals = np.where(same_text, -np.inf, known)  # (n, M) options with another text
    won = own >= rivals.max(axis=1, initial=-np.inf)
    twins = same_text.sum(axis=1) - 1
    sharing = twins + (rivals == own[:, None]).sum(axis=1)  # options that share the top with the true one
    tied = scored & ((twins > 0) | (won & (sharing > 0)))
    credit = {
        "half": won / (1.0 + sharing),
        "wrong": np.where(tied, 0.0, won),
        "right": won.astype(np.float64),
        "drop": np.where(tied, NAN, won),
    }[policy]
    return Decisions(np.where(scored, credit, NAN), scored, tied)


def wilson_interval(credit: np.ndarray, count: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval for a proportion (Wilson, 1927), without continuity correction.

    With p = credit/count and z the normal quantile of (1 + confidence)/2, the ends are
    (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n). Fractional credits of ties enter as
    they are; their variance is smaller than that of 0 and 1, so the interval is then slightly too wide.

    Args:
        credit: sum of the credits of the cases, any shape.
        count: number of cases, same shape.
        confidence: such as 0.95.

    Returns:
        (low, high), each of that shape, in [0, 1]; NaN without cases.

    >>> low, high = wilson_interval(np.array(8), np.array(10), 0.95)
    >>> round(float(low), 3), round(float(high), 3)
    (0.49, 0.943)
    """
    credit, count = np.asarray(credit, dtype=np.float64), np.asarray(count, dtype=np.float64)
    n = np.maximum(count, 1.0)
    share, z = credit / n, ndtri((1.0 + confidence) / 2.0)
    centre = share + z**2 / (2.0 * n)
    half = z * np.sqrt(share * (1.0 - share) / n + z**2 / (4.0 * n**2))
    scale = 1.0 + z**2 / n
    # Rounding could otherwise put an end slightly outside [0, 1].
    ends = (np.clip((centre + sign * half) / scale, 0.0, 1.0) for sign in (-1.0, 1.0))
    low, high = (np.where(count > 0, end, NAN) for end in ends)
    return low, high


@dataclass(frozen=True)
class GroupCredits:
    """Credits of the cases of each group.

    credit: (G,) float64, their sum. count: (G,) int64, number of cases with a credit.
    """

    credit: np.ndarray
    count: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """Mean credit of each group, (G,) float64; NaN for a group without credits."""
        return np.where(self.count > 0, self.credit / np.maximum(self.count, 1), NAN)


def credits_by_group(credit: np.ndarray, group: np.ndarray, groups: int) -> GroupCredits:
    """Sum the credits of each group.

    Args:
        credit: (n,) credits; NaN is ignored.
        group: (n,) int64, the group of each case, 0 … groups − 1; −1 for a case without a group, which is ignored.
        groups: number of groups G.

    >>> credits_by_group(np.array([1.0, 0.0, 1.0]), np.array([0, 0, 1]), 2).accuracy.tolist()
    [0.5, 1.0]
    """
    counts = np.isfinite(credit) & (group >= 0)
    sums = cluster_sums(credit[counts, None], group[counts], groups)[:, 0]
    return GroupCredits(sums, np.bincount(group[counts], minlength=groups))


def large_groups(group: np.ndarray, groups: int, minimum: int) -> np.ndarray:
    """Which groups have at least `minimum` cases, with or without a score: the same for every method.

    Args:
        group: (n,) int64, the group of each case, −1 for none.
        groups: number of groups G.
        minimum: fewest cases of a group that counts in a macro average (ARO: 25 for the attribute pairs).

    Returns:
        (G,) bool.

    >>> large_groups(np.array([0, 0, 1, -1]), 2, minimum=2).tolist()
    [True, False]
    """
    return np.bincount(group[group >= 0], minlength=groups) >= minimum


@dataclass(frozen=True)
class Share:
    """A proportion with the ends of its interval."""

    value: float
    low: float
    high: float


def macro_accuracy(accuracy: np.ndarray, weights: np.ndarray, confidence: float) -> Share:
    """Unweighted mean of the accuracies of groups, with a percentile bootstrap over groups.

    Args:
        accuracy: (G,), of the groups that are large enough; NaN (no case with a score) is ignored.
        weights: (R, G) from `bootstrap.resample_weights`; the same for all methods.
        confidence: such as 0.95.

    Returns:
        NaN throughout without groups; a NaN interval with one group, which does not show the spread of groups.

    >>> macro_accuracy(np.array([0.5, 1.0]), np.array([[1, 1], [2, 0]], dtype=np.uint8), 0.95).value
    0.75
    """
    known = int(np.isfinite(accuracy).sum())
    if known < 2:
        return Share(float(accuracy[np.isfinite(accuracy)][0]) if known else NAN, NAN, NAN)
    interval = mean_interval(accuracy[:, None], np.arange(len(accuracy)), weights, confidence)
    return Share(float(interval.mean[0]), float(interval.low[0]), float(interval.high[0]))


@dataclass(frozen=True)
class Pairing:
    """Two methods on the same cases.

    n: cases that both decided; both + only_a + only_b + neither. undecided: cases that both scored but at least one did
    not decide, because the tie policy split the credit or dropped the case; not part of n. accuracy_a, accuracy_b: on the
    n cases, NaN if n is 0. p: of the exact McNemar test.
    """

    n: int
    both: int
    only_a: int
    only_b: int
    neither: int
    undecided: int
    accuracy_a: float
    accuracy_b: float
    p: float


def pair_decisions(a: Decisions, b: Decisions) -> Pairing:
    """Count the cases that both, one or neither method decides correctly, and test whether the two differ.

    >>> yes = np.ones(3, dtype=bool)
    >>> a, b = Decisions(np.array([1.0, 1.0, 0.0]), yes, ~yes), Decisions(np.array([1.0, 0.0, 0.0]), yes, ~yes)
    >>> found = pair_decisions(a, b)
    >>> found.both, found.only_a, found.only_b, found.neither, found.p
    (1, 1, 0, 1, 1.0)
    """
    decided = (np.isin(a.credit, (0.0, 1.0))) & (np.isin(b.credit, (0.0, 1.0)))
    right_a, right_b = a.credit[decided] == 1.0, b.credit[decided] == 1.0
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    n = int(decided.sum())
    return Pairing(
        n=n,
        both=int((right_a & right_b).sum()),
        only_a=only_a,
        only_b=only_b,
        neither=int((~right_a & ~right_b).sum()),
        undecided=int((a.scored & b.scored).sum()) - n,
        accuracy_a=float(right_a.mean()) if n else NAN,
        accuracy_b=float(right_b.mean()) if n else NAN,
        p=exact_mcnemar(only_a, only_b) if n else NAN,
    )


def exact_mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p of the exact McNemar test of equal accuracy.

    p = min(1, 2·P(X ≤ min(only_a, only_b))) with X ~ Binomial(only_a + only_b, ½) (McNemar, 1947); 1 if they never differ.

    Args:
        only_a: number of cases that only the first method decides correctly.
        only_b: number of cases that only the second method decides correctly.

    >>> exact_mcnemar(only_a=5, only_b=0)
    0.0625
    """
    from scipy.stats import binomtest  # takes a third of a second: only when methods are compared

    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
