"""How exactly maps are kept."""

from __future__ import annotations

import numpy as np
import pytest

from infodecomp.maps.rounding import rounded_map


@pytest.mark.parametrize("largest", [1e-30, 0.7, 1.0, 1.9999999, 2.0, 3e4, 1e30])
def test_no_value_moves_by_more_than_a_millionth_of_the_largest(largest: float) -> None:
    values = np.random.default_rng(0).uniform(-1, 1, (64, 64)) * largest
    values[3, 4] = -largest
    kept = rounded_map(values)
    assert kept.dtype == np.float32 and kept.shape == values.shape
    assert 0 < np.abs(kept - values).max() <= 2.0**-20 * largest


def test_multiples_of_one_power_of_two() -> None:
    kept = rounded_map(np.array([[1.0, 0.3], [1e-9, -0.7]])).astype(np.float64)
    assert np.array_equal(kept * 2**19, np.round(np.array([[1.0, 0.3], [0.0, -0.7]]) * 2**19))


@pytest.mark.parametrize(
    "values", [np.zeros((2, 2)), np.empty((0, 3)), np.array([np.nan, 1.0]), np.array([np.inf, 1.0])]
)
def test_without_a_finite_largest_value_nothing_is_rounded(values: np.ndarray) -> None:
    assert np.array_equal(rounded_map(values), values.astype(np.float32), equal_nan=True)
