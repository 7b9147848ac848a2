"""Standard errors and intervals of means over draws."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import t as student

from infodecomp.estimator.draws import Draws
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.mean import Mean
from infodecomp.estimator.sampling import sample_draws, unit_points
from infodecomp.estimator.uncertainty import mean_over_draws, most_freedom


def drawn(count: int, *, design: str = "iid", antithetic: bool = False) -> Draws:
    """Draws in order of their log-SNR, with weights of one and no noise."""
    return Draws.held(
        logsnr=torch.arange(count).double() // (2 if antithetic else 1),
        weight=torch.ones(count).double(),
        eps=torch.zeros(count, 1, 1, 1),
        antithetic=antithetic,
        stratified=design != "iid",
        sobol=design == "sobol",
    )


def coverage(values: np.ndarray, draws: Draws, truth: float) -> tuple[float, float]:
    """Share of columns of (N, runs) whose 95 % interval, and whose mean ± 1.96 standard errors, covers the truth."""
    found = mean_over_draws(torch.from_numpy(values), draws)
    low, high = found.interval(0.95)
    plain = np.abs(found.value - truth) <= 1.96 * found.error
    return float(np.mean((low <= truth) & (truth <= high))), float(np.mean(plain))


def test_independent_draws() -> None:
    values = torch.tensor([[1.0], [2.0], [6.0], [3.0]], dtype=torch.float64)
    found = mean_over_draws(values, drawn(4))
    assert found.value[0] == 3.0
    assert found.error[0] == pytest.approx(np.std([1, 2, 6, 3], ddof=1) / 2)
    assert found.freedom[0] <= 3
    assert found.skewness[0] > 0


def test_one_draw_a_stratum() -> None:
    """By hand: 1, 2, 6, 3 in order; q = (1 − l)²/(1 + 21/9), (1 − 4 + 6)²/6, (2 − 12 + 3)²/6, (3 − m)²/(1 + 21/9), where the
    line through 2, 6, 3 leads to l = (4·2 + 6 − 2·3)/3 before and that through 1, 2, 6 to m = (−2·1 + 2 + 4·6)/3 behind.
    """
    values = torch.tensor([6.0, 1.0, 3.0, 2.0], dtype=torch.float64)
    draws = replace(drawn(4, design="stratified"), logsnr=torch.tensor([2.0, 0.0, 3.0, 1.0]))
    found = mean_over_draws(values, draws)
    assert float(found.value) == 3.0
    assert float(found.error) == pytest.approx(
        np.sqrt(((1 - 8 / 3) ** 2 * 0.3 + 9 / 6 + 49 / 6 + (3 - 8) ** 2 * 0.3) / 16)
    )


def test_pairs_are_averaged_first() -> None:
    values = torch.tensor([0.0, 2.0, 1.0, 3.0, 5.0, 7.0, 2.0, 4.0], dtype=torch.float64)
    pairs = mean_over_draws(values, drawn(8, antithetic=True))
    halves = mean_over_draws(torch.tensor([1.0, 2.0, 6.0, 3.0], dtype=torch.float64), drawn(4))
    assert (pairs.value, pairs.error, pairs.freedom) == (halves.value, halves.error, halves.freedom)


@pytest.mark.parametrize("design", ["iid", "stratified", "sobol"])
def test_two_draws_have_no_error_and_three_have(design: str) -> None:
    values = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    two, three = (mean_over_draws(values[:n], drawn(n, design=design)) for n in (2, 3))
    assert two.value == 1.5 and np.isnan(two.error) and np.isnan(two.interval()).all()
    assert np.isfinite(three.interval()).all() and three.freedom >= 0


@pytest.mark.parametrize("design", ["iid", "stratified", "sobol"])
def test_what_does_not_vary_is_known(design: str) -> None:
    found = mean_over_draws(torch.full((50, 2), 3.0, dtype=torch.float64), drawn(50, design=design))
    low, high = found.interval()
    assert np.array_equal(low, [3.0, 3.0]) and np.array_equal(high, [3.0, 3.0])


def test_without_skewness_the_interval_is_students() -> None:
    low, high = Mean(np.array(2.0), np.array(0.5), np.array(7.0), np.array(0.0)).interval(0.9)
    assert (high - 2) / 0.5 == pytest.approx(student.ppf(0.95, 7)) == pytest.approx((2 - low) / 0.5)


def test_a_skewed_mean_has_the_longer_arm_on_the_side_of_its_tail() -> None:
    right = Mean(np.array(2.0), np.array(0.5), np.array(20.0), np.array(0.3))
    low, high = right.interval()
    assert high - 2 > 2 - low > 0
    left = replace(right, skewness=np.array(-0.3)).interval()
    assert (4 - left[1], 4 - left[0]) == pytest.approx((low, high))


def test_a_surer_interval_is_wider() -> None:
    found = mean_over_draws(torch.from_numpy(np.random.default_rng(0).exponential(size=(50, 20))), drawn(50))
    ends = [found.interval(confidence) for confidence in (0.5, 0.9, 0.99)]
    assert all((a[0] > b[0]).all() and (a[1] < b[1]).all() for a, b in pairwise(ends))


@pytest.mark.parametrize("design", ["iid", "stratified"])
@pytest.mark.parametrize("count", [25, 50, 100])
def test_normal_draws_are_covered(design: str, count: int) -> None:
    values = np.random.default_rng(count).normal(size=(count, 3000))
    assert 0.94 <= coverage(values, drawn(count, design=design), 0.0)[0] <= 0.965


@pytest.mark.parametrize("design", ["iid", "stratified"])
def test_skewed_draws_are_covered_better_than_by_a_normal_interval(design: str) -> None:
    values = np.random.default_rng(1).exponential(size=(50, 4000)) ** 1.5
    new, plain = coverage(values, drawn(50, design=design), 1.3293404)  # Γ(2.5)
    assert 0.92 <= new <= 0.97 and new > plain + 0.02


def test_draws_that_vary_little_but_at_one_end_are_covered() -> None:
    """An eighth of the strata holds nearly all of the variance, as where the density misses the information."""
    scale = np.where(np.arange(100) < 88, 0.05, 1.0)[:, None]
    values = scale * np.random.default_rng(2).normal(size=(100, 4000))
    new, plain = coverage(values, drawn(100, design="stratified"), 0.0)
    assert 0.92 <= new <= 0.97 and new > plain + 0.01


@pytest.mark.parametrize("count", [3, 4, 5, 25])
def test_a_straight_line_across_strata_changes_nothing(count: int) -> None:
    values = np.random.default_rng(count).normal(size=(count, 4))
    line = 30.0 * np.arange(count)[:, None]
    draws = drawn(count, design="stratified")
    plain, tilted = (mean_over_draws(torch.from_numpy(one), draws) for one in (values, values + line))
    for name in ("error", "freedom", "skewness"):
        np.testing.assert_allclose(getattr(tilted, name), getattr(plain, name), rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("design", "block"), [("iid", 1), ("stratified", 3)])
def test_freedom_has_the_jackknifes_value(design: str, block: int, seed: int) -> None:
    """From the squares by hand, each block of neighbours left out in turn, where that finds less freedom."""
    values = np.random.default_rng(seed).exponential(size=20) * np.repeat([1.0, 3.0], 10)
    if design == "iid":
        square = (values - values.mean()) ** 2
    else:
        line = np.polynomial.Polynomial.fit
        ends = [line(range(1, 5), four, 1)(0.0) for four in (values[1:5], values[-2:-6:-1])]
        leverage = 1 + 1 / 4 + 2.5**2 / 5
        square = np.r_[
            (values[0] - ends[0]) ** 2 / leverage,
            (values[:-2] - 2 * values[1:-1] + values[2:]) ** 2 / 6,
            (values[-1] - ends[1]) ** 2 / leverage,
        ]
    ahead = [np.r_[square[k:], np.zeros(k)] for k in range(4)]
    stratified = square * (square + 2 * ahead[1] + 2 * ahead[2] - 5 * 20 / 17 * ahead[3])

    def inverse(kept: np.ndarray) -> float:
        if design == "iid":
            return float((square[kept] ** 2).sum() / square[kept].sum() ** 2 - 1 / kept.sum()) / 2
        return float(stratified[kept].sum() / square[kept].sum() ** 2) / 2

    blocks = [np.isin(np.arange(20), np.arange(start, start + block) % 20) for start in range(20)]
    without = np.mean([inverse(~gone) for gone in blocks]) * (20 - block) / 20
    whole = inverse(np.ones(20, dtype=bool))
    unbiased = whole - (20 - block) / block * (without - whole)
    found = mean_over_draws(torch.from_numpy(values), drawn(20, design=design)).freedom
    assert 1 / found == pytest.approx(max(whole, unbiased, 1 / most_freedom(20, stratified=design != "iid")))


@pytest.mark.parametrize("design", ["iid", "stratified"])
def test_what_one_draw_holds_all_of_has_next_to_no_freedom(design: str) -> None:
    values = np.zeros(25)
    values[7] = 1.0
    assert 0 < mean_over_draws(torch.from_numpy(values), drawn(25, design=design)).freedom < 3


@pytest.mark.parametrize("design", ["iid", "stratified"])
def test_few_skewed_draws_are_covered(design: str) -> None:
    values = np.random.default_rng(1).exponential(size=(25, 8000))
    assert 0.93 <= coverage(values, drawn(25, design=design), 1.0)[0] <= 0.97


def test_a_trend_across_strata_does_not_count() -> None:
    rng = np.random.default_rng(3)
    jitter = (np.arange(50)[:, None] + rng.random((50, 4000))) / 50
    values = 100 * jitter**2 + rng.normal(size=jitter.shape)
    assert 0.94 <= coverage(values, drawn(50, design="stratified"), 100 / 3)[0] <= 0.97


@pytest.mark.parametrize("count", [32, 50, 100])
def test_sobol_points_that_fill_no_stratification(count: int) -> None:
    """A trend of 20 standard deviations of the noise: at 50 points second differences alone would cover two thirds."""
    rng = np.random.default_rng(4)
    points = np.sort(np.stack([unit_points("sobol", [count], rng) for _ in range(600)], 1), 0)
    values = 70 * points + rng.normal(size=points.shape)
    covered = coverage(values, drawn(count, design="sobol"), 35.0)[0]
    assert 0.93 <= covered <= 0.99
    assert coverage(values, drawn(count, design="stratified"), 35.0)[0] < (0.75 if count == 50 else 0.97)


def test_designs_of_real_draws_are_told_apart() -> None:
    for design in ("iid", "stratified", "midpoint", "sobol"):
        draws = sample_draws(
            shape=(1, 1, 1),
            steps=[8],
            density="logistic",
            design=design,
            antithetic_eps=False,
            interval=Interval(-5.0, 7.0, 1.0, 2.0),
            rng=np.random.default_rng(0),
        )
        assert (draws.stratified, draws.sobol) == (design != "iid", design == "sobol")
