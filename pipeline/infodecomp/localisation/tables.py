"""From the scores of maps to the rows of the mIoU table, the table by label and the threshold curves, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config.settings import TabulateLocalisation
from infodecomp.localisation.scores import LocalisationScores
from infodecomp.maps.setting import Setting
from infodecomp.methods import METHODS
from infodecomp.metrics.bootstrap import Interval, cluster_sums, mean_interval, percentile_interval, resample_weights
from infodecomp.metrics.localisation import (
    ThresholdedMiou,
    first_half,
    held_out_miou,
    oracle_miou,
    threshold_grid,
)
from infodecomp.runs.seeds import generator

# One row per method, number of steps and threshold mode. From `miou` to `named_hotter` the numbers are fractions; the
# `threshold` of held_out is the mean of the two halves' thresholds; `n_boxed` counts cases scored against filled boxes.
TABLE_COLUMNS: dict[str, str] = {
    "dataset": "string",
    "method": "string",
    "estimator": "string",
    "steps": "int64",
    "threshold_mode": "string",
    "threshold": "float64",
    "n": "int64",
    "n_failed": "int64",
    "n_boxed": "int64",
    "miou": "float64",
    "miou_low": "float64",
    "miou_high": "float64",
    "average_precision": "float64",
    "pointing_game": "float64",
    "named_hotter": "float64",
    "evaluations_per_image": "int64",
}

# Scores beside the IoU, which need no threshold.
_OTHER_SCORES = ["average_precision", "pointing_game", "named_hotter"]


@dataclass(frozen=True)
class MethodTables:
    """Rows of one method at one number of steps.

    rows: of `TABLE_COLUMNS`, one per threshold mode. by_label, curve: rows of the two other tables.
    """

    rows: list[dict[str, Any]]
    by_label: pd.DataFrame
    curve: pd.DataFrame


def tabulate(
    dataset: str, scores: LocalisationScores, section: TabulateLocalisation, seed: int
) -> Iterator[MethodTables]:
    """Rows of one dataset, in the order of the configured methods; all share the resamples of the images.

    Args:
        dataset: its name.
        scores: of its maps.
        section: thresholds, resamples and confidence.
        seed: of the resamples.
    """
    images = sorted(scores.images)
    index = np.argsort(np.argsort(np.array(scores.images, dtype=object)))  # place of each in that order
    weights = resample_weights(len(images), section.statistics.bootstrap, generator(seed, dataset, "bootstrap"))
    first = first_half(images)
    rank: dict[str, int] = {method: number for number, method in enumerate(section.localisation.methods)}

    def place(setting: Setting) -> tuple[int, str, int]:
        return rank[setting.method], setting.estimator, setting.steps

    for setting in sorted(scores.settings, key=place):
        settings = {"dataset": dataset, **setting._asdict()}
        yield _tabulate_method(settings, scores.rows(setting), scores.iou(setting), index, first, weights, section)


def _tabulate_method(
    settings: dict[str, Any],
    scores: pd.DataFrame,
    iou: np.ndarray,
    index: np.ndarray,
    first: np.ndarray,
    weights: np.ndarray,
    section: TabulateLocalisation,
) -> MethodTables:
    thresholds = threshold_grid(**section.localisation.thresholds.model_dump())
    ok = scores[scores["ok"]]
    iou = iou.reshape(len(ok), len(thresholds))  # (n, T)
    image = index[ok["image"].to_numpy()]  # (n,)
    sums = cluster_sums(iou, image, len(index))  # (G, T)
    cases = np.bincount(image, minlength=len(index)).astype(float)  # (G,)
    whole, resampled = np.ones((1, len(index))), weights
    modes = {
        "oracle": (oracle_miou(sums, cases, whole), oracle_miou(sums, cases, resampled)),
        "held_out": (held_out_miou(sums, cases, first, whole), held_out_miou(sums, cases, first, resampled)),
    }
    rows, by_label = [], []
    for mode, (value, samples) in modes.items():
        low, high = percentile_interval(samples.miou[:, None], section.statistics.confidence)
        rows.append(
            {
                **settings,
                "threshold_mode": mode,
                "threshold": _threshold(settings["method"], value, thresholds),
                "n": len(ok),
                "n_failed": len(scores) - len(ok),
                "n_boxed": int(ok["boxed"].sum()),
                "miou": value.miou[0],
                "miou_low": low[0],
                "miou_high": high[0],
                **{name: ok[name].mean() for name in _OTHER_SCORES},
                "evaluations_per_image": _evaluations(settings, ok),
            }
        )
        if len(ok) and np.isfinite(value.miou[0]):
            chosen = np.where(first[image], value.choices[0, 0], value.choices[0, 1])
            case_iou = iou[np.arange(len(ok)), chosen]
            of_mode = {**settings, "threshold_mode": mode}
            by_label.append(_by_label(of_mode, scores, ok, case_iou, image, weights, section))
    curve = _curve(settings, thresholds, mean_interval(iou, image, weights, section.statistics.confidence), len(ok))
    return MethodTables(rows, pd.concat(by_label) if by_label else pd.DataFrame(), curve)


def _curve(settings: dict[str, Any], thresholds: np.ndarray, miou: Interval, count: int) -> pd.DataFrame:
    """mIoU at every threshold, over `count` cases."""
    return pd.DataFrame(
        {
            **settings,
            "threshold": thresholds,
            "n": count,
            "miou": miou.mean,
            "miou_low": miou.low,
            "miou_high": miou.high,
        }
    )


def _evaluations(settings: Mapping[str, Any], ok: pd.DataFrame) -> int:
    """Mean over the scored cases; without any, what a case would take with all draws."""
    steps = ok["draws"].mean() if len(ok) else settings["steps"]
    return round(METHODS[settings["method"]].evaluations * steps)


def _threshold(method: str, value: ThresholdedMiou, thresholds: np.ndarray) -> float:
    """The threshold of a row; NaN if the method has none or nothing was scored."""
    if method == "whole_image" or not np.isfinite(value.miou[0]):
        return float("nan")
    return float(thresholds[value.choices[0]].mean())


def _by_label(
    settings: dict[str, Any],
    scores: pd.DataFrame,
    ok: pd.DataFrame,
    case_iou: np.ndarray,
    image: np.ndarray,
    weights: np.ndarray,
    section: TabulateLocalisation,
) -> pd.DataFrame:
    """mIoU and the other scores of each label, at the threshold of the whole dataset."""
    labels = sorted(set(scores["label"]))
    member = ok["label"].to_numpy()[:, None] == np.array(labels, dtype=object)[None, :]  # (n, L)
    interval = mean_interval(np.where(member, case_iou[:, None], np.nan), image, weights, section.statistics.confidence)
    means = ok.groupby("label")[_OTHER_SCORES].mean().reindex(labels)
    return pd.DataFrame(
        {
            **settings,
            "label": labels,
            "n": member.sum(axis=0),
            "n_failed": scores["label"].value_counts().reindex(labels).to_numpy() - member.sum(axis=0),
            "miou": interval.mean,
            "miou_low": interval.low,
            "miou_high": interval.high,
            **{name: means[name].to_numpy() for name in means.columns},
        }
    )
