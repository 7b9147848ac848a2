"""From findings on held-out scenes to the numbers of the model card, each with a 95 % bootstrap interval over scenes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from infodecomp.metrics.bootstrap import (
    cluster_sums,
    mean_interval,
    median_interval,
    percentile_interval,
    resample_weights,
    weighted_sums,
)
from infodecomp.metrics.heatmaps import min_max, upsample_bilinear
from infodecomp.metrics.localisation import iou_curve, named_hotter, oracle_miou, threshold_grid
from infodecomp.runs.seeds import generator
from infodecomp.scenes.evaluation import Finding
from infodecomp.scenes.world import IMAGE_SIZE, IMPLIED

RESAMPLES = 2000
CONFIDENCE = 0.95
THRESHOLDS = threshold_grid(0.1, 0.5, 50)
Maps = Callable[[Finding], Sequence[np.ndarray]]


@dataclass(frozen=True)
class Metric:
    """A number of the card: mean, median or ratio of means over `n`, with the ends of its interval."""

    value: float
    low: float
    high: float
    n: int


def model_metrics(findings: Sequence[Finding], bounds: Mapping[str, float], seed: int) -> dict[str, Metric]:
    """All metrics by name; shares and mIoU as fractions, information in nats."""
    weights = resample_weights(len(findings), RESAMPLES, generator(seed, "model_metrics"))
    metrics: dict[str, Metric] = {}
    for name, maps in (("mi", _mi), ("cmi", _cmi), ("attention", _attention)):
        metrics[f"{name}_miou"] = _miou(findings, maps, weights)
        metrics[f"{name}_miou_shuffled"] = _miou(findings, _shuffled(findings, maps), weights)
        metrics[f"{name}_auc"] = _mean(findings, partial(_aucs, maps), weights)
        metrics[f"{name}_named_hotter"] = _mean(findings, partial(_named_hotter, maps), weights)
    for swap in ("noun", "relation", "attribute"):
        metrics[f"{swap}_swap_told"] = _mean(findings, partial(_told, swap), weights)
    metrics["implied_noun_mi"] = _mean(findings, lambda f: _of_implied(f, f.mi_orthogonal), weights)
    metrics["implied_noun_cmi"] = _mean(findings, lambda f: _of_implied(f, f.cmi_orthogonal), weights)
    metrics["implied_noun_cmi_over_mi"] = _ratio_of_means(
        findings,
        lambda f: _of_implied(f, f.cmi_orthogonal),
        lambda f: _of_implied(f, f.mi_orthogonal),
        weights,
    )
    # Theory bounds the mean; the median is not moved by a few nouns that are credited with far too much.
    metrics["noun_mi_over_bound"] = _median(findings, lambda f: _over_bound(f, bounds), weights)
    metrics["noun_mi_over_bound_mean"] = _mean(findings, lambda f: _over_bound(f, bounds), weights)
    metrics["tint_mi_over_bound"] = _median(
        findings, lambda f: [f.tint_standard / bounds[f.probe.tint]] if f.probe.tint else [], weights
    )
    return metrics


def as_json(metrics: Mapping[str, Metric]) -> dict[str, dict[str, float]]:
    """Metrics as plain numbers."""
    return {name: asdict(metric) for name, metric in metrics.items()}


def _mi(finding: Finding) -> Sequence[np.ndarray]:
    return finding.mi


def _cmi(finding: Finding) -> Sequence[np.ndarray]:
    return finding.cmi


def _attention(finding: Finding) -> Sequence[np.ndarray]:
    return finding.attention


def _shuffled(findings: Sequence[Finding], maps: Maps) -> Maps:
    """For each scene the maps of the next one: another image's, for every object."""
    following = dict(zip((f.probe.number for f in findings), [*findings[1:], findings[0]], strict=True))

    def others(finding: Finding) -> Sequence[np.ndarray]:
        other = maps(following[finding.probe.number])
        return [other[k % len(other)] for k in range(len(finding.probe.things))]

    return others


def _heat(latent_map: np.ndarray) -> np.ndarray:
    return min_max(upsample_bilinear(np.asarray(latent_map, dtype=np.float64), (IMAGE_SIZE, IMAGE_SIZE)))


def _miou(findings: Sequence[Finding], maps: Maps, weights: np.ndarray) -> Metric:
    """mIoU at the best threshold, over all objects of all scenes."""
    sums, cases = np.zeros((len(findings), len(THRESHOLDS))), np.zeros(len(findings))
    for row, finding in enumerate(findings):
        for thing, latent_map in zip(finding.probe.things, maps(finding), strict=True):
            sums[row] += iou_curve(_heat(latent_map), thing.mask, THRESHOLDS)
            cases[row] += 1
    value = oracle_miou(sums, cases, np.ones((1, len(findings)))).miou[0]
    low, high = percentile_interval(oracle_miou(sums, cases, weights).miou, CONFIDENCE)
    return Metric(float(value), float(low), float(high), int(cases.sum()))


def _aucs(maps: Maps, finding: Finding) -> list[float]:
    """Chance that a pixel of the object is hotter than one of the rest, for each object."""
    values = []
    for thing, latent_map in zip(finding.probe.things, maps(finding), strict=True):
        heat = _heat(latent_map)
        inside, outside = np.sort(heat[thing.mask]), np.sort(heat[~thing.mask])
        below = np.searchsorted(outside, inside, "left") + np.searchsorted(outside, inside, "right")
        values.append(float(below.mean() / 2 / len(outside)))
    return values


def _named_hotter(maps: Maps, finding: Finding) -> list[float]:
    things = finding.probe.things
    if len(things) != 2:
        return []
    scores = [
        named_hotter(_heat(latent_map), thing.mask, [other.mask])
        for thing, other, latent_map in zip(things, things[::-1], maps(finding), strict=True)
    ]
    return scores


def _told(swap: str, finding: Finding) -> list[float]:
    return [float(finding.swaps[swap] > 0)] if swap in finding.swaps else []


def _of_implied(finding: Finding, totals: Sequence[float]) -> list[float]:
    named = zip(finding.probe.things, totals, strict=True)
    return [total for thing, total in named if thing.category in IMPLIED]


def _over_bound(finding: Finding, bounds: Mapping[str, float]) -> list[float]:
    """i^s of a lone noun over its bound −ln p(y); at most 1 for an exact model."""
    if len(finding.probe.things) != 1:
        return []
    return [finding.mi_standard[0] / bounds[finding.probe.things[0].category]]


def _table(findings: Sequence[Finding], values: Callable[[Finding], Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
    rows = [(value, scene) for scene, finding in enumerate(findings) for value in values(finding)]
    return np.array([value for value, _ in rows]), np.array([scene for _, scene in rows], dtype=np.int64)


def _mean(findings: Sequence[Finding], values: Callable[[Finding], Sequence[float]], weights: np.ndarray) -> Metric:
    numbers, scenes = _table(findings, values)
    interval = mean_interval(numbers[:, None], scenes, weights, CONFIDENCE)
    return Metric(float(interval.mean[0]), float(interval.low[0]), float(interval.high[0]), len(numbers))


def _median(findings: Sequence[Finding], values: Callable[[Finding], Sequence[float]], weights: np.ndarray) -> Metric:
    numbers, scenes = _table(findings, values)
    interval = median_interval(numbers, scenes, weights, CONFIDENCE)
    return Metric(float(interval.mean[0]), float(interval.low[0]), float(interval.high[0]), len(numbers))


def _ratio_of_means(
    findings: Sequence[Finding],
    above: Callable[[Finding], Sequence[float]],
    below: Callable[[Finding], Sequence[float]],
    weights: np.ndarray,
) -> Metric:
    """The mean of one quantity over that of another; both are resampled together."""
    numbers, scenes = _table(findings, above)
    others, _ = _table(findings, below)
    sums = cluster_sums(np.stack([numbers, others], axis=1), scenes, len(findings))
    samples = weighted_sums(weights, sums)
    low, high = percentile_interval(samples[:, 0] / samples[:, 1], CONFIDENCE)
    return Metric(float(numbers.sum() / others.sum()), float(low), float(high), len(numbers))
