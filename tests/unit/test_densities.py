"""Densities of log-SNRs, and their weights."""

from __future__ import annotations

import numpy as np
import pytest

from infodecomp.estimator.densities import grid_draws, logistic_draws, uniform_draws
from infodecomp.estimator.interval import Interval

INTERVAL = Interval(low=-4.0, high=7.0, loc=1.0, scale=2.0)


def test_logistic_draws_are_the_quantiles_of_the_truncated_logistic() -> None:
    u = np.linspace(0, 1, 2001)
    logsnr, weight = logistic_draws(u, INTERVAL)
    assert logsnr[[0, -1]] == pytest.approx([-4.0, 7.0])
    # d alpha / d u is 1 / density, the weight.
    slope = np.gradient(logsnr, u)[1:-1]
    assert np.abs(slope / weight[1:-1] - 1).max() < 1e-3
    shape = 1 / np.cosh((logsnr - 1) / 4) ** 2
    assert np.allclose(1 / weight / shape, 1 / weight[0] / shape[0])


def test_uniform_weights_are_the_length() -> None:
    logsnr, weight = uniform_draws(np.array([0.0, 0.25, 1.0]), INTERVAL)
    assert logsnr.tolist() == [-4.0, -1.25, 7.0] and weight.tolist() == [11.0] * 3


@pytest.mark.parametrize("count", [2, 5, 50])
def test_the_grid_is_the_trapezoidal_rule(count: int) -> None:
    logsnr, weight = grid_draws(count, INTERVAL)
    values = 2 - logsnr + 0.3 * logsnr**2 + 0.1 * logsnr**3
    assert np.mean(weight * values) == pytest.approx(np.trapezoid(values, logsnr), rel=1e-12)
    line = 3 - 2 * logsnr
    assert np.mean(weight * line) == pytest.approx(3 * 11 - (7**2 - 4**2), rel=1e-12)  # exact for straight lines


def test_a_grid_of_one_point_weighs_the_whole_interval() -> None:
    logsnr, weight = grid_draws(1, INTERVAL)
    assert logsnr.tolist() == [-4.0] and weight.tolist() == [11.0]
