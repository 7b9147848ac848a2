from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.metrics.correlation import (
    Correlation,
    across_cases,
    difference,
    pearson,
    ranks,
    spearman,
    within_cases,
)

RNG = np.random.default_rng(0)


def resampled(cluster: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The cases of one resample: each as often as its image was drawn."""
    return np.repeat(np.arange(len(cluster)), row[cluster].astype(int))


@pytest.mark.parametrize(
    ("scale", "dtype"), [(1.0, np.float64), (1e-170, np.float64), (1e170, np.float64), (1.0, np.float32)]
)
def test_pearson_is_that_of_scipy(scale: float, dtype: type) -> None:
    a = (RNG.normal(size=(3, 40)) * scale).astype(dtype)
    b = (RNG.normal(size=40) + np.linspace(0, 2, 40)).astype(dtype)
    # scipy is given the values at unit scale, where it keeps its own precision.
    expected = [stats.pearsonr(row / scale, b.astype(np.float64)).statistic for row in a.astype(np.float64)]
    found = pearson(a, b)
    assert found.shape == (3,) and found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_pearson_with_a_large_offset() -> None:
    a, b = RNG.normal(size=50), RNG.normal(size=50)
    assert pearson(a + 1e6, b) == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-8)


def test_leading_axes_are_broadcast() -> None:
    a, b = RNG.normal(size=(4, 9)), RNG.normal(size=(3, 9))
    expected = [[stats.pearsonr(row, column).statistic for column in b] for row in a]
    np.testing.assert_allclose(pearson(a[:, None], b[None]), expected, atol=1e-12)


def test_spearman_is_that_of_scipy() -> None:
    for values in (RNG.normal(size=30), RNG.integers(0, 5, 30).astype(float)):
        other = RNG.integers(0, 4, 30)
        assert spearman(values, other) == pytest.approx(stats.spearmanr(values, other).statistic, abs=1e-12)
    np.testing.assert_array_equal(ranks(np.array([[3.0, 1.0, 3.0, 7.0]])), [[2.5, 1.0, 2.5, 4.0]])


@pytest.mark.parametrize("first", [[2.0, 2.0, 2.0], [0.0, 0.0, 0.0], [1.0, np.nan, 2.0], [1.0, np.inf, 2.0]])
def test_a_map_without_contrast_or_with_other_than_numbers_correlates_with_nothing(first: list[float]) -> None:
    rows = np.array([first, [1.0, 2.0, 4.0]])
    for function in (pearson, spearman):
        assert np.isnan(function(rows, np.array([0.0, 1.0, 3.0]))).tolist() == [True, False]
        assert np.isnan(function(np.array([1.0, 2.0, 3.0]), rows)).tolist() == [True, False]


def test_one_value_is_too_few() -> None:
    assert np.isnan(spearman(np.empty(0), np.empty(0)))
    assert np.isnan(pearson(np.array([1.0]), np.array([2.0])))
    assert np.isnan(across_cases(np.array([1.0]), np.array([2.0]), np.array([0]), np.ones((5, 1))).value)
    assert np.isnan(across_cases(np.empty(0), np.empty(0), np.empty(0, dtype=int), np.ones((5, 1))).samples).all()


def test_image_level_resamples_are_correlations_of_the_drawn_cases() -> None:
    cluster = np.array([0, 0, 1, 2, 3, 3, 3, 4, 5])
    x, y = RNG.normal(size=9) + 30, 1e-4 * RNG.normal(size=9)
    weights = resample_weights(6, 50, np.random.default_rng(1))
    found = across_cases(x, y, cluster, weights)
    assert found.value == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    for row, sample in zip(weights, found.samples, strict=True):
        chosen = resampled(cluster, row)
        assert sample == pytest.approx(stats.pearsonr(x[chosen], y[chosen]).statistic, abs=1e-9)


def test_a_resample_of_one_repeated_case_has_no_correlation() -> None:
    x, y = np.array([0.1, 0.7, 1.3, 5.1]), np.array([0.3, 0.2, 0.8, 0.9])
    weights = np.array([[0.0, 0, 4, 0], [1, 1, 1, 1]])
    found = across_cases(x, y, np.arange(4), weights)
    assert np.isnan(found.samples[0]) and found.samples[1] == pytest.approx(found.value)


def test_cases_without_a_value_are_left_out() -> None:
    cluster, weights = np.arange(6), resample_weights(6, 200, np.random.default_rng(2))
    x, y = RNG.normal(size=6), RNG.normal(size=6)
    x[1], y[4] = np.nan, np.nan
    known = np.array([0, 2, 3, 5])
    assert across_cases(x, y, cluster, weights).value == pytest.approx(stats.pearsonr(x[known], y[known]).statistic)
    r = np.array([0.5, np.nan, 0.1, 0.3, np.nan, -0.1])
    within = within_cases(r, cluster, weights)
    assert within.value == pytest.approx(0.2)
    for row, sample in zip(weights[:20], within.samples, strict=False):
        assert sample == pytest.approx(np.nanmean(r[resampled(cluster, row)]))
    assert np.isnan(within_cases(np.full(6, np.nan), cluster, weights).value)
    assert np.isnan(within_cases(np.full(6, np.nan), cluster, weights).interval(0.95)).all()


def test_interval_and_error_are_those_of_the_samples() -> None:
    found = Correlation(0.4, np.array([0.1, 0.2, 0.3, np.nan, 0.4, 0.5]))
    assert found.interval(0.5) == pytest.approx((0.2, 0.4))
    assert found.error("bootstrap_sd") == pytest.approx(np.std([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert found.error("sd_over_10") == pytest.approx(found.error("bootstrap_sd") / 10)
    assert np.isnan(Correlation(float("nan"), found.samples).interval(0.5)).all()
    assert np.isnan(Correlation(float("nan"), found.samples).error("bootstrap_sd"))


def test_the_interval_covers_the_truth() -> None:
    """Of 200 studies with a true correlation of 0.6, a 90 % interval holds it in about 90 %."""
    rng = np.random.default_rng(3)
    weights = resample_weights(60, 300, np.random.default_rng(4))
    hits = 0
    for _ in range(200):
        x, noise = rng.normal(size=(2, 60))
        low, high = across_cases(x, 0.6 * x + 0.8 * noise, np.arange(60), weights).interval(0.9)
        hits += low < 0.6 < high
    # Three standard errors of the share, and the few percent that a percentile interval falls short at n = 60.
    assert 0.82 <= hits / 200 <= 0.96


def test_a_paired_difference_is_sharper_than_two_intervals() -> None:
    rng = np.random.default_rng(5)
    change = rng.normal(size=80)
    good = change + 0.5 * rng.normal(size=80)
    worse = good + 0.4 * rng.normal(size=80)
    cluster, weights = np.arange(80), resample_weights(80, 500, np.random.default_rng(6))
    a, b = (across_cases(one, change, cluster, weights) for one in (good, worse))
    paired = difference(a, b)
    np.testing.assert_allclose(paired.samples, a.samples - b.samples)
    assert paired.value == pytest.approx(a.value - b.value)
    low, high = paired.interval(0.95)
    assert 0 < low < paired.value < high
    assert paired.error("bootstrap_sd") < np.hypot(a.error("bootstrap_sd"), b.error("bootstrap_sd"))
    assert np.isnan(difference(a, Correlation(float("nan"), b.samples)).value)


def test_the_metrics_need_no_torch() -> None:
    modules = (
        "infodecomp.metrics.correlation, infodecomp.metrics.picture_change,"
        "infodecomp.editing.tables, infodecomp.pairs.tables, infodecomp.pairs.parts, infodecomp.pairs.map_rows"
    )
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
