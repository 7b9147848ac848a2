"""The numbers of the model card: a ratio of means and a median, with intervals over scenes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.scenes.model_metrics import _median, _ratio_of_means


@pytest.fixture
def findings() -> list[Any]:
    rng = np.random.default_rng(3)
    mi = [list(rng.uniform(2, 6, rng.integers(0, 3))) for _ in range(300)]
    return [SimpleNamespace(mi=values, cmi=[0.1 * value + rng.normal(0, 0.1) for value in values]) for values in mi]


@pytest.fixture
def weights() -> np.ndarray:
    return resample_weights(300, 400, np.random.default_rng(1))


def test_the_ratio_of_means_is_over_all_cases_and_its_interval_holds_the_true_one(
    findings: list[Any], weights: np.ndarray
) -> None:
    metric = _ratio_of_means(findings, lambda f: f.cmi, lambda f: f.mi, weights)
    cmi, mi = (np.concatenate([getattr(f, name) for f in findings]) for name in ("cmi", "mi"))
    assert metric.value == pytest.approx(cmi.mean() / mi.mean())
    assert metric.n == len(mi)
    # Noise of 0.1 on a mean of 4 nats over some 300 cases: the ratio is known to 0.1 / 4 / √300 = 0.0014.
    assert metric.low < 0.1 < metric.high
    assert (metric.high - metric.low) / 2 / 1.96 == pytest.approx(0.1 / mi.mean() / np.sqrt(len(mi)), rel=0.25)


def test_the_median_of_all_cases_lies_within_its_interval(findings: list[Any], weights: np.ndarray) -> None:
    metric = _median(findings, lambda f: f.mi, weights)
    assert metric.value == np.median(np.concatenate([f.mi for f in findings]))
    assert metric.low < metric.value < metric.high
