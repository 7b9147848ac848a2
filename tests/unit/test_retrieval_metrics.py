"""Accuracy of picking the true caption: ties, intervals, groups, paired test, and reading the scores."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from infodecomp.datasets.symmetric_relations import read_symmetric_relations
from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.metrics.retrieval import (
    Decisions,
    TiePolicy,
    credits_by_group,
    decide,
    exact_mcnemar,
    large_groups,
    macro_accuracy,
    pair_decisions,
    wilson_interval,
)
from infodecomp.retrieval.scores import (
    RETRIEVAL_SCORE_COLUMNS,
    missing_scores,
    option_counts,
    read_retrieval_scores,
    scores_by_case,
)
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import write_table

NAN, INF = float("nan"), float("inf")

# Scores of three options, index of the true one, options that read like it; credit with each policy.
BY_POLICY: dict[str, tuple[list[float], int, list[int], dict[str, float]]] = {
    "right": ([3, 1, 2], 0, [0], {"half": 1, "wrong": 1, "right": 1, "drop": 1}),
    "beaten": ([3, 1, 2], 2, [2], {"half": 0, "wrong": 0, "right": 0, "drop": 0}),
    "equal score": ([3, 3, 2], 1, [1], {"half": 1 / 2, "wrong": 0, "right": 1, "drop": NAN}),
    "three equal scores": ([3, 3, 3], 1, [1], {"half": 1 / 3, "wrong": 0, "right": 1, "drop": NAN}),
    "false options equal": ([1, 1, 2], 2, [2], {"half": 1, "wrong": 1, "right": 1, "drop": 1}),
    "equal, both beaten": ([1, 1, 2], 0, [0], {"half": 0, "wrong": 0, "right": 0, "drop": 0}),
    "same text": ([3, 3, 2], 0, [0, 1], {"half": 1 / 2, "wrong": 0, "right": 1, "drop": NAN}),
    "same text, rounding": ([3, 3 + 1e-12, 2], 0, [0, 1], {"half": 1 / 2, "wrong": 0, "right": 1, "drop": NAN}),
    "same text, beaten": ([3, 3, 4], 0, [0, 1], {"half": 0, "wrong": 0, "right": 0, "drop": NAN}),
    "same text and equal score": ([3, 3, 3], 0, [0, 2], {"half": 1 / 3, "wrong": 0, "right": 1, "drop": NAN}),
    "all the same text": ([3, 3, 3], 1, [0, 1, 2], {"half": 1 / 3, "wrong": 0, "right": 1, "drop": NAN}),
    "two options": ([3, 2, -INF], 0, [0], {"half": 1, "wrong": 1, "right": 1, "drop": 1}),
    "two options, equal": ([-5, -5, -INF], 1, [1], {"half": 1 / 2, "wrong": 0, "right": 1, "drop": NAN}),
    "no score": ([NAN, NAN, NAN], 0, [0], dict.fromkeys(["half", "wrong", "right", "drop"], NAN)),
    "no score, same text": ([NAN, 1, 1], 1, [1, 2], dict.fromkeys(["half", "wrong", "right", "drop"], NAN)),
}
TIED = {
    "equal score",
    "three equal scores",
    "same text",
    "same text, rounding",
    "same text, beaten",
    "same text and equal score",
    "all the same text",
    "two options, equal",
}


def decide_all(policy: TiePolicy) -> Decisions:
    values = np.array([scores for scores, *_ in BY_POLICY.values()], dtype=float)
    truth = np.array([true for _, true, *_ in BY_POLICY.values()])
    same = np.array([[option in alike for option in range(3)] for _, _, alike, _ in BY_POLICY.values()])
    return decide(values, truth, same, policy)


@pytest.mark.parametrize("policy", get_args(TiePolicy))
def test_credit_with_each_policy_for_ties(policy: TiePolicy) -> None:
    decisions = decide_all(policy)
    expected = [credit[policy] for *_, credit in BY_POLICY.values()]
    np.testing.assert_array_equal(decisions.credit, expected)
    assert {name for name, tied in zip(BY_POLICY, decisions.tied, strict=True) if tied} == TIED
    assert decisions.scored.tolist() == [not name.startswith("no score") for name in BY_POLICY]


def test_a_score_that_tells_nothing_apart_earns_chance() -> None:
    values, truth = np.zeros((100, 5)), np.arange(100) % 5
    same = np.arange(5) == truth[:, None]
    assert decide(values, truth, same, "half").credit.mean() == pytest.approx(1 / 5)
    assert decide(values, truth, same, "wrong").credit.mean() == 0
    assert np.isnan(decide(values, truth, same, "drop").credit).all()


def test_no_cases() -> None:
    decisions = decide(np.empty((0, 1)), np.empty(0, dtype=np.int64), np.empty((0, 1), dtype=bool), "half")
    assert decisions.credit.shape == decisions.tied.shape == (0,)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_wilson_interval_is_that_of_scipy(confidence: float) -> None:
    right, n = np.array([0, 1, 7, 10, 431]), np.array([10, 10, 10, 10, 1000])
    low, high = wilson_interval(right, n, confidence)
    for case in range(len(n)):
        expected = binomtest(int(right[case]), int(n[case])).proportion_ci(confidence, method="wilson")
        assert (low[case], high[case]) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert low.min() >= 0 and high.max() <= 1


def test_wilson_interval_of_shared_points_and_of_nothing() -> None:
    low, high = wilson_interval(np.array([4.5, 0.0]), np.array([10, 0]), 0.95)
    neighbours = [binomtest(k, 10).proportion_ci(0.95, method="wilson") for k in (4, 5)]
    assert neighbours[0].low < low[0] < neighbours[1].low
    assert neighbours[0].high < high[0] < neighbours[1].high
    assert np.isnan([low[1], high[1]]).all()


def test_groups_average_their_credits_and_leave_out_the_unknown() -> None:
    credit = np.array([1.0, 0.0, 0.5, NAN, 1.0, 1.0])
    group = np.array([0, 0, 2, 2, -1, 2])
    groups = credits_by_group(credit, group, 4)
    assert groups.count.tolist() == [2, 0, 2, 0]
    np.testing.assert_array_equal(groups.accuracy, [0.5, NAN, 0.75, NAN])
    # The size of a group does not depend on which cases a method scored.
    assert large_groups(group, 4, 1).tolist() == [True, False, True, False]
    assert large_groups(group, 4, 3).tolist() == [False, False, True, False]


def test_macro_weighs_groups_alike() -> None:
    generator = np.random.default_rng(0)
    accuracy = generator.random(30)
    weights = resample_weights(30, 2000, np.random.default_rng(1))
    macro = macro_accuracy(accuracy, weights, 0.95)
    assert macro.value == pytest.approx(accuracy.mean())
    means = [generator.choice(accuracy, 30).mean() for _ in range(4000)]
    assert (macro.low, macro.high) == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])), abs=0.01)
    # A group without a score is as if it were not there, but for the resamples' size.
    padded = macro_accuracy(np.r_[accuracy, NAN], resample_weights(31, 2000, np.random.default_rng(1)), 0.95)
    assert padded.value == pytest.approx(accuracy.mean())
    assert (padded.low, padded.high) == pytest.approx((macro.low, macro.high), abs=0.01)


def test_macro_of_one_group_and_of_none() -> None:
    one = macro_accuracy(np.array([0.25, NAN]), resample_weights(2, 10, np.random.default_rng(0)), 0.95)
    assert one.value == 0.25 and np.isnan([one.low, one.high]).all()
    none = macro_accuracy(np.empty(0), np.empty((10, 0)), 0.95)
    assert np.isnan([none.value, none.low, none.high]).all()


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 1), (0, 6), (3, 9), (9, 3), (5, 5), (130, 170), (2000, 2200)])
def test_mcnemar_is_the_sign_test(only_a: int, only_b: int) -> None:
    assert exact_mcnemar(only_a, only_b) == pytest.approx(binomtest(only_a, only_a + only_b).pvalue, rel=1e-9)


def test_methods_that_never_differ_have_p_one() -> None:
    assert exact_mcnemar(0, 0) == 1.0


def made(credit: list[float], scored: list[bool] | None = None) -> Decisions:
    known = np.isfinite(credit) if scored is None else np.array(scored)
    return Decisions(np.array(credit), known, np.zeros(len(credit), dtype=bool))


def test_pairs_are_counted_on_the_cases_that_both_decided() -> None:
    a = made([1, 1, 1, 0, 0, 1 / 2, 1, NAN, 1])
    b = made([1, 0, 0, 1, 0, 1, 1 / 3, 1, NAN])
    pairing = pair_decisions(a, b)
    assert (pairing.n, pairing.both, pairing.only_a, pairing.only_b, pairing.neither) == (5, 1, 2, 1, 1)
    assert pairing.undecided == 2  # the two with a shared point; those without a score are in neither count
    assert (pairing.accuracy_a, pairing.accuracy_b) == (3 / 5, 2 / 5)
    assert pairing.p == pytest.approx(binomtest(1, 3).pvalue)


def test_dropped_ties_are_undecided() -> None:
    pairing = pair_decisions(made([1, NAN, 0], [True, True, True]), made([1, NAN, NAN], [True, True, False]))
    assert (pairing.n, pairing.undecided) == (1, 1)


def test_pairs_without_a_common_case() -> None:
    pairing = pair_decisions(made([1, NAN]), made([NAN, 1]))
    assert pairing.n == pairing.undecided == 0
    assert np.isnan([pairing.accuracy_a, pairing.accuracy_b, pairing.p]).all()


# --- The table of scores --------------------------------------------------------------------------------------------


def cases_of(options: dict[str, int], lost: tuple[str, ...] = ()) -> pd.DataFrame:
    """The columns of a cases table that scores are held against: case → number of options."""
    return pd.DataFrame(
        {
            "case_id": list(options),
            "options": [[f"caption {number}" for number in range(count)] for count in options.values()],
            "status": ["bad_box" if case in lost else "ok" for case in options],
        }
    )


def score_row(case: str, option: int, value: float, **other: object) -> dict[str, object]:
    row = {"case_id": case, "option": option, "score": "i_s", "value": value, "error": 0.1, "evaluations": 7}
    return {**row, "status": "ok", "reason": "", **other}


def write_scores(path: Path, rows: list[dict[str, object]]) -> Path:
    write_table(path, pd.DataFrame(rows, columns=list(RETRIEVAL_SCORE_COLUMNS)), RETRIEVAL_SCORE_COLUMNS)
    return path


def test_several_files_make_one_frame(tmp_path: Path) -> None:
    cases = cases_of({"a": 2, "b": 3})
    first = write_scores(tmp_path / "0.parquet", [score_row("b", n, n) for n in range(3)])
    second = write_scores(tmp_path / "1.parquet", [score_row("a", n, -n, evaluations=4) for n in range(2)])
    third = write_scores(tmp_path / "2.parquet", [score_row("a", n, 0.5, score="clip") for n in range(2)])
    scores = read_retrieval_scores([first, second, third], cases)
    assert scores["case_id"].tolist() == ["b"] * 3 + ["a"] * 4
    by_case = scores_by_case(scores, cases, "i_s")
    np.testing.assert_array_equal(by_case.values, [[0, -1, -INF], [0, 1, 2]])
    assert by_case.evaluations.tolist() == [4, 7]
    assert missing_scores("mine", scores, cases, ["i_s"]) == []


def test_faulty_rows_are_told_at_once(tmp_path: Path) -> None:
    cases = cases_of({"a": 2, "b": 2})
    first = write_scores(tmp_path / "0.parquet", [score_row("a", 0, 1), score_row("a", 2, 1), score_row("x", 0, 1)])
    rows = [score_row("b", 1, 1), score_row("a", 0, 1), score_row("b", 0, NAN), score_row("y", -1, 1)]
    second = write_scores(tmp_path / "1.parquet", [*rows, score_row("z", 0, 1)])
    with pytest.raises(InputError) as raised:
        read_retrieval_scores([first, second], cases)
    assert str(raised.value).splitlines() == [
        f"{first}, row 2: `case_id` is 'x'; expected a case of the cases table.",
        f"{first}, row 1: `option` is 2; case a has 2 options, from 0.",
        f"{second}, row 3 (and 1 more row): `case_id` is 'y'; expected a case of the cases table.",
        f"{second}, row 1: i_s of option 0 of case a is there twice; expected once.",
        f"{second}, row 2: `value` is nan and `status` ok; expected a finite number.",
    ]


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "x.parquet", pd.DataFrame({"case_id": ["a"]}), {"case_id": "string"})
    with pytest.raises(InputError, match="lacks `option`"):
        read_retrieval_scores([tmp_path / "x.parquet"], cases_of({"a": 2}))
    with pytest.raises(InputError, match="no such file"):
        read_retrieval_scores([tmp_path / "y.parquet"], cases_of({"a": 2}))


def test_no_files_lack_every_score() -> None:
    cases = cases_of({"a": 2, "b": 2})
    scores = read_retrieval_scores([], cases)
    assert len(missing_scores("mine", scores, cases, ["i_s", "clip"])) == 2
    assert np.isnan(scores_by_case(scores, cases, "i_s").values).all()


def test_missing_rows_are_told_by_method() -> None:
    cases = cases_of({"a": 2, "b": 3, "c": 2, "d": 2}, lost=("c",))
    rows = [score_row("a", 0, 1), score_row("a", 1, 1), score_row("b", 0, 1), score_row("b", 2, 1)]
    clip = [score_row(case, n, 1, score="clip") for case, count in (("a", 2), ("b", 3), ("d", 2)) for n in range(count)]
    scores = pd.DataFrame([*rows, *clip])
    problems = missing_scores("mine", scores, cases, ["i_s", "clip", "i_o"])
    assert problems == [
        "mine: i_s has no score for option 1 of case b (and 1 more case); expected one for every option of every case "
        "with status ok.",
        "mine: i_o has no score for option 0 of case a (and 2 more cases); expected one for every option of every case "
        "with status ok.",
    ]


def test_failed_cases_have_no_values() -> None:
    cases = cases_of({"a": 2, "b": 2, "c": 0, "d": 2}, lost=("b", "c"))
    assert option_counts(cases).tolist() == [2, 0, 0, 2]
    failed = {"status": "image_unreadable", "reason": "the image is unreadable."}
    rows = [score_row("a", 0, 1), score_row("a", 1, 2)]
    rows += [score_row(case, n, NAN, **failed) for case in "bc" for n in range(2)]
    rows += [score_row("d", 0, 1), score_row("d", 1, 5, **failed)]
    by_case = scores_by_case(pd.DataFrame(rows), cases, "i_s")
    np.testing.assert_array_equal(by_case.values, [[1, 2], [NAN, NAN], [NAN, NAN], [NAN, NAN]])


# --- Symmetric relations --------------------------------------------------------------------------------------------


def test_symmetric_relations_are_read_without_comments(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("# relations\nnext to\n\n  with   # both ways\nsitting next to\n", encoding="utf-8")
    assert read_symmetric_relations(path) == {"next to", "with", "sitting next to"}


def test_faulty_lists_of_relations(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    with pytest.raises(InputError, match="no such file"):
        read_symmetric_relations(path)
    path.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(InputError, match="names no relation"):
        read_symmetric_relations(path)
    path.write_text("near\nwith\nnear\nwith # again\n", encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_symmetric_relations(path)
    assert str(raised.value).splitlines() == [
        f"{path}, line 3: 'near' is already on line 1.",
        f"{path}, line 4: 'with' is already on line 2.",
    ]
    path.write_bytes("près de".encode("latin-1"))
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_symmetric_relations(path)


def test_the_metrics_do_without_torch() -> None:
    code = "import sys, infodecomp.metrics.retrieval, infodecomp.retrieval.scores; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
