"""The range of log-SNRs of the integral."""

from __future__ import annotations

import numpy as np
import pytest

from infodecomp.estimator.interval import Interval, integration_interval
from infodecomp.runs.errors import InputError


def test_the_interval_is_cut_to_the_trained_range() -> None:
    settings = {"loc": 1.0, "scale": 2.0, "clip": 3.0, "trained": (-4.3, 6.2)}
    assert integration_interval(**settings, beyond_trained_range=False) == Interval(-4.3, 6.2, 1.0, 2.0)
    assert integration_interval(**settings, beyond_trained_range=True) == Interval(-5.0, 7.0, 1.0, 2.0)
    unbounded = {**settings, "trained": (-np.inf, np.inf)}
    assert integration_interval(**unbounded, beyond_trained_range=False) == Interval(-5.0, 7.0, 1.0, 2.0)


def test_an_empty_interval_is_refused_with_both_ranges() -> None:
    with pytest.raises(InputError, match=r"range.*19 … 21.*-4\.300 … 6\.200.*overlap") as raised:
        integration_interval(loc=20, scale=1, clip=1, trained=(-4.3, 6.2), beyond_trained_range=False)
    assert "\n" not in str(raised.value)
    assert integration_interval(loc=20, scale=1, clip=1, trained=(-4.3, 6.2), beyond_trained_range=True).low == 19
