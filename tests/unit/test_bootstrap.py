"""The bootstrap over images."""

from __future__ import annotations

import numpy as np
import pytest

from infodecomp.metrics.bootstrap import (
    cluster_sums,
    mean_interval,
    median_interval,
    percentile_interval,
    resample_weights,
    weighted_sums,
)


def weights_of(clusters: int, resamples: int = 1000, seed: int = 0) -> np.ndarray:
    return resample_weights(clusters, resamples, np.random.default_rng(seed))


def test_each_resample_has_as_many_images_as_the_data() -> None:
    weights = weights_of(30, 200)
    assert weights.shape == (200, 30)
    assert (weights.sum(axis=1) == 30).all()
    assert (weights == np.round(weights)).all()
    assert weights.mean() == 1.0


def test_sums_of_resamples_are_those_of_the_drawn_images() -> None:
    sums = np.random.default_rng(1).standard_normal((30, 4))
    weights = weights_of(30, 200)
    drawn = np.stack([np.repeat(sums, row, axis=0).sum(axis=0) for row in weights])
    np.testing.assert_allclose(weighted_sums(weights, sums), drawn, rtol=0, atol=1e-12)
    np.testing.assert_allclose(weighted_sums(weights, sums[:, 0]), drawn[:, 0], rtol=0, atol=1e-12)


def test_the_seed_decides() -> None:
    np.testing.assert_array_equal(weights_of(10), weights_of(10))
    assert (weights_of(10) != weights_of(10, seed=1)).any()


def test_cluster_sums_adds_the_rows_of_an_image() -> None:
    values = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    assert cluster_sums(values, np.array([2, 0, 2]), 3).tolist() == [[2.0, 20.0], [0.0, 0.0], [5.0, 50.0]]


def test_percentiles_leave_out_resamples_without_a_value() -> None:
    samples = np.column_stack([np.r_[np.arange(101.0), np.nan], np.full(102, np.nan)])
    low, high = percentile_interval(samples, 0.9)
    assert (low[0], high[0]) == (pytest.approx(5.0), pytest.approx(95.0))
    assert np.isnan([low[1], high[1]]).all()


def test_mean_interval_leaves_out_unknown_values() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    interval = mean_interval(values, np.array([0, 1, 2]), weights_of(3), 0.95)
    assert interval.mean[0] == 2.0
    assert 1.0 <= interval.low[0] <= 2.0 <= interval.high[0] <= 3.0
    assert np.isnan([interval.mean[1], interval.low[1], interval.high[1]]).all()


def test_cases_of_an_image_move_together() -> None:
    # Ten copies of each image's case say no more than one: the interval is that of the images.
    values = np.random.default_rng(0).standard_normal((25, 1))
    weights = weights_of(25, 4000)
    once = mean_interval(values, np.arange(25), weights, 0.95)
    copied = mean_interval(np.repeat(values, 10, axis=0), np.repeat(np.arange(25), 10), weights, 0.95)
    np.testing.assert_allclose([copied.low, copied.high], [once.low, once.high])
    independent = mean_interval(np.repeat(values, 10, axis=0), np.arange(250), weights_of(250, 4000), 0.95)
    assert (copied.high - copied.low) > 2.5 * (independent.high - independent.low)


def test_intervals_cover_the_mean_of_the_population() -> None:
    generator = np.random.default_rng(1)
    weights = weights_of(40, 400)
    covered = 0
    for _ in range(200):
        interval = mean_interval(generator.normal(0.3, 1.0, size=(40, 1)), np.arange(40), weights, 0.95)
        covered += bool(interval.low[0] <= 0.3 <= interval.high[0])
    assert 0.88 * 200 <= covered <= 0.99 * 200


@pytest.mark.parametrize("cases", [7, 8])
def test_medians_are_those_of_the_drawn_cases(cases: int) -> None:
    values = np.random.default_rng(2).normal(size=cases)
    image = np.arange(cases) // 2
    weights = weights_of(4, 200)
    samples = [np.median(np.repeat(values, row[image].astype(int))) for row in weights]
    found = median_interval(values, image, weights, 0.8)
    assert found.mean == [np.median(values)]
    assert (found.low[0], found.high[0]) == pytest.approx(tuple(np.percentile(samples, [10, 90])))
    holed = median_interval(np.r_[values, np.nan, np.inf], np.r_[image, 0, 1], weights, 0.8)
    assert (holed.mean, holed.low, holed.high) == (found.mean, found.low, found.high)


def test_a_median_of_nothing() -> None:
    found = median_interval(np.full(3, np.nan), np.arange(3), weights_of(3), 0.95)
    assert np.isnan([found.mean, found.low, found.high]).all()
