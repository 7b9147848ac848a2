"""When a map is known well enough."""

from __future__ import annotations

import numpy as np
import pytest

from infodecomp.estimator.estimates import MapEstimate
from infodecomp.estimator.mean import Mean
from infodecomp.estimator.stopping import known_within, relative_error


def a_map(values: list[float], errors: list[float]) -> MapEstimate:
    """One row of pixels."""
    value, error = np.array([values]), np.array([errors])
    return MapEstimate(Mean(value, error, error, error), Mean(value.sum(), error.sum(), error.sum(), error.sum()))


def test_the_mean_error_over_the_range_of_the_map() -> None:
    assert relative_error(a_map([1.0, 3.0, 5.0], [0.1, 0.2, 0.3])) == pytest.approx(0.2 / 4)


def test_every_map_has_to_be_known() -> None:
    sharp, blurred = a_map([0.0, 1.0], [0.01, 0.01]), a_map([0.0, 1.0], [0.1, 0.1])
    assert known_within([sharp], 0.05) and not known_within([sharp, blurred], 0.05)


def test_a_map_without_information_is_known_and_one_without_errors_is_not() -> None:
    assert known_within([a_map([0.0, 0.0], [0.0, 0.0])], 0.01)
    assert not known_within([a_map([0.0, 1.0], [np.nan, np.nan])], 0.99)
    assert not known_within([a_map([1.0, 1.0], [0.1, 0.1])], 0.99)
