"""Compare methods on the same choices among captions: which option is true, accuracy by group, every two methods.

The decisions of one method come from `infodecomp.metrics.retrieval`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from infodecomp.metrics.retrieval import (
    Decisions,
    GroupCredits,
    Pairing,
    large_groups,
    pair_decisions,
    wilson_interval,
)


def true_options(
    options: Sequence[Sequence[str]], truth: Sequence[int] | np.ndarray, usable: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Index of the true option of each case, and which options read like it.

    Args:
        options: the captions of each of n cases.
        truth: (n,) int, index of the true one among them.
        usable: (n,) bool; a case that cannot be scored has option 0 alone.

    Returns:
        truth, (n,) int64, and same_text, (n, M) bool, for the largest number M of options; False beyond the last option.

    >>> true_options([["a b", "b a", "a b"], ["c", "d"]], [0, 1], np.array([True, True]))[1]
    array([[ True, False,  True],
           [False,  True, False]])
    """
    chosen = np.where(usable, truth, 0).astype(np.int64)
    counts = np.where(usable, [len(texts) for texts in options], 0)
    same_text = np.zeros((len(options), max(1, counts.max(initial=0))), dtype=bool)
    same_text[np.arange(len(options)), chosen] = True
    for row, texts in enumerate(options):
        for option in range(counts[row]):
            same_text[row, option] = texts[option] == texts[chosen[row]]
    return chosen, same_text


@dataclass(frozen=True)
class CaseGroups:
    """The groups that cases belong to.

    names: of the G groups, sorted. of_case: (n,) int64, the group of each case, −1 for none. large: (G,) bool, the groups
    with enough cases to count in a macro average.
    """

    names: list[str]
    of_case: np.ndarray
    large: np.ndarray

    @classmethod
    def of(cls, groups: Sequence[str], minimum: int) -> CaseGroups:
        """From the name of each case's group, "" for none; a group is large from `minimum` cases on.

        >>> CaseGroups.of(["on", "", "in", "on"], minimum=2).of_case.tolist()
        [1, -1, 0, 1]
        """
        names = sorted(set(groups) - {""})
        index = {name: number for number, name in enumerate(names)}
        of_case = np.array([index.get(group, -1) for group in groups], dtype=np.int64)
        return cls(names, of_case, large_groups(of_case, len(names), minimum))


@dataclass(frozen=True)
class GroupAccuracy:
    """Accuracy of one method in each group, arrays (G,).

    count: cases that count; failed: cases without a score. accuracy, low, high: with its Wilson interval; NaN for a group
    without a case that counts. change: accuracy less that of the baseline; NaN without one.
    """

    count: np.ndarray
    failed: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    change: np.ndarray


def group_accuracy(
    decisions: Decisions,
    credits: GroupCredits,
    groups: CaseGroups,
    confidence: float,
    baseline: GroupCredits | None = None,
) -> GroupAccuracy:
    """Accuracy of each group, small ones too.

    Args:
        decisions: of the n cases, by one method.
        credits: their credits in each group, from `credits_by_group`.
        groups: of the cases.
        confidence: of the intervals, such as 0.95.
        baseline: credits of the method to compare with.

    >>> from infodecomp.metrics.retrieval import credits_by_group
    >>> yes, groups = np.ones(3, dtype=bool), CaseGroups.of(["in", "on", "on"], minimum=2)
    >>> decided = Decisions(np.array([1.0, 0.0, 1.0]), yes, ~yes)
    >>> group_accuracy(decided, credits_by_group(decided.credit, groups.of_case, 2), groups, 0.95).accuracy.tolist()
    [1.0, 0.5]
    """
    low, high = wilson_interval(credits.credit, credits.count, confidence)
    unscored = groups.of_case[~decisions.scored & (groups.of_case >= 0)]
    nothing = np.full(len(groups.names), np.nan)
    return GroupAccuracy(
        count=credits.count,
        failed=np.bincount(unscored, minlength=len(groups.names)),
        accuracy=credits.accuracy,
        low=low,
        high=high,
        change=nothing if baseline is None else credits.accuracy - baseline.accuracy,
    )


def pair_methods(decisions: Mapping[str, Decisions]) -> Iterator[tuple[str, str, Pairing]]:
    """Every two methods, in the order in which they are given, with their comparison on the same cases.

    Args:
        decisions: method → its decisions on the same n cases.

    >>> yes = np.ones(2, dtype=bool)
    >>> right, wrong = (Decisions(np.full(2, credit), yes, ~yes) for credit in (1.0, 0.0))
    >>> [(a, b, found.only_a) for a, b, found in pair_methods({"i_o": right, "clip": wrong})]
    [('i_o', 'clip', 2)]
    """
    for a, b in combinations(decisions, 2):
        yield a, b, pair_decisions(decisions[a], decisions[b])
