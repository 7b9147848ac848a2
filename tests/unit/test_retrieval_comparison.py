"""Comparing methods on the same choices among captions: true options, groups of cases, every two methods."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from infodecomp.metrics.retrieval import Decisions, credits_by_group, exact_mcnemar
from infodecomp.metrics.retrieval_comparison import CaseGroups, group_accuracy, pair_methods, true_options


def decisions(*credit: float) -> Decisions:
    """Decisions with these credits; NaN for a case without a score."""
    values = np.array(credit)
    return Decisions(values, np.isfinite(values), np.zeros(len(values), dtype=bool))


def test_options_that_read_like_the_true_one_are_true() -> None:
    options = [["a", "b", "a"], ["c", "d"], ["e", "f"]]
    truth, same_text = true_options(options, [2, 1, 1], np.array([True, True, False]))
    assert truth.dtype == np.int64 and truth.tolist() == [2, 1, 0]
    assert same_text.tolist() == [[True, False, True], [False, True, False], [True, False, False]]


def test_without_cases_there_is_one_empty_column() -> None:
    truth, same_text = true_options([], [], np.array([], dtype=bool))
    assert truth.shape == (0,) and same_text.shape == (0, 1)


def test_groups_are_numbered_by_name_and_may_be_small() -> None:
    groups = CaseGroups.of(["on", "in", "", "on"], minimum=2)
    assert groups.names == ["in", "on"]
    assert groups.of_case.tolist() == [1, 0, -1, 1] and groups.large.tolist() == [False, True]


def test_accuracy_of_each_group_with_its_change() -> None:
    groups = CaseGroups.of(["on", "on", "in", "", "in"], minimum=1)
    own, baseline = decisions(1.0, 0.0, np.nan, 1.0, np.nan), decisions(1.0, 1.0, 0.0, 0.0, 1.0)
    credits = {one: credits_by_group(found.credit, groups.of_case, 2) for one, found in enumerate((own, baseline))}
    found = group_accuracy(own, credits[0], groups, 0.95, credits[1])
    assert found.count.tolist() == [0, 2] and found.failed.tolist() == [2, 0]
    assert found.accuracy[1] == 0.5 and found.change[1] == -0.5
    assert np.isnan([found.accuracy[0], found.change[0], found.low[0], found.high[0]]).all()
    assert found.low[1] < 0.5 < found.high[1]
    assert np.isnan(group_accuracy(own, credits[0], groups, 0.95).change).all()


def test_every_two_methods_are_paired_in_their_order() -> None:
    made = {"c": decisions(1, 1, 0), "a": decisions(1, 0, 0), "b": decisions(0, 0, np.nan)}
    pairs = list(pair_methods(made))
    assert [(a, b) for a, b, _ in pairs] == [("c", "a"), ("c", "b"), ("a", "b")]
    assert (pairs[0][2].n, pairs[0][2].only_a, pairs[0][2].only_b) == (3, 1, 0)
    assert pairs[1][2].n == 2 and pairs[1][2].p == pytest.approx(exact_mcnemar(2, 0))


def test_the_comparison_does_not_load_torch() -> None:
    modules = "infodecomp.metrics.retrieval_comparison, infodecomp.retrieval.tables"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
