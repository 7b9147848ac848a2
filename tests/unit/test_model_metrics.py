"""The numbers of the model card: a ratio of means and a median, with intervals over scenes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.scenes.evaluation import Finding, build_probes
from infodecomp.scenes.model_metrics import _median, _ratio_of_means, model_metrics


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


def test_a_lone_noun_is_compared_with_its_bound_by_median_and_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the scenes of one thing alone; a noun credited with too much moves the mean."""
    monkeypatch.setattr("infodecomp.scenes.model_metrics.RESAMPLES", 50)
    rng, findings = np.random.default_rng(0), []
    for probe in build_probes(0, 12):
        maps = [rng.random((16, 16)) for _ in probe.things]
        swaps = dict.fromkeys(("noun", "relation", "attribute"), 1.0)
        totals = [3.0 if len(maps) == 1 else 90.0 for _ in maps]
        findings.append(Finding(probe, maps, maps, maps, totals, totals, totals, swaps, tint_standard=1.0))
    assert [len(f.probe.things) for f in findings[::3]] == [1] * 4
    findings[0].mi_standard = [27.0]
    words = {f.probe.things[0].category for f in findings} | {f.probe.tint for f in findings}
    metrics = model_metrics(findings, dict.fromkeys(words, 2.0), seed=0)
    median, mean = metrics["noun_mi_over_bound"], metrics["noun_mi_over_bound_mean"]
    assert (median.value, mean.value, median.n, mean.n) == (1.5, (3 * 1.5 + 13.5) / 4, 4, 4)
    assert mean.low < 4.5 < mean.high
