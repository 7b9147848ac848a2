"""Choose the cases that the panels show."""

from __future__ import annotations

import hashlib
from typing import Any, cast

import numpy as np
import pandas as pd


def best_iou(scores: pd.DataFrame) -> dict[str, float]:
    """Case id → IoU of its CMI map (orthogonal, most steps) at the threshold with the highest mean over all cases."""
    cmi = scores[(scores["method"] == "cmi") & (scores["estimator"] == "orthogonal") & (scores["status"] == "ok")]
    if cmi.empty:
        return {}
    cmi = cmi[cmi["steps"] == cmi["steps"].max()]
    iou = np.stack(cmi["iou"].tolist())  # (n, T)
    return dict(zip(cmi["case_id"], iou[:, iou.mean(axis=0).argmax()].tolist(), strict=True))


def pick_cases(cases: pd.DataFrame, quality: dict[str, float], count: int) -> pd.DataFrame:
    """Cases to show: evenly from the best to the worst, evenly over labels, few from the same image.

    The cases are ranked (by `quality`, or without it by a hash, so that the choice is independent of the maps) and cut
    into `count` strata of equal size; each gives the case whose label, and then image, was chosen least so far. If some
    cases have a quality, those without are left out.

    Args:
        cases: rows of the cases table.
        quality: case id → score, may be empty.
        count: number of cases to show.

    Returns:
        at most `count` rows, the best first.
    """
    known = cases[cases["case_id"].isin(list(quality))] if quality else cases
    order = sorted(
        _records(known),
        key=lambda case: (-quality.get(case["case_id"], 0.0), hashlib.sha256(case["case_id"].encode()).hexdigest()),
    )
    labels: dict[str, int] = {}
    images: dict[str, int] = {}
    chosen = []
    for stratum in np.array_split(np.arange(len(order)), min(count, len(order)) or 1):
        candidates = [order[index] for index in stratum]
        if not candidates:
            continue
        middle = (len(candidates) - 1) / 2
        place, case = min(
            enumerate(candidates),
            key=lambda item: (
                labels.get(item[1]["label"], 0),
                images.get(item[1]["image_id"], 0),
                abs(item[0] - middle),
            ),
        )
        labels[case["label"]] = labels.get(case["label"], 0) + 1
        images[case["image_id"]] = images.get(case["image_id"], 0) + 1
        chosen.append(candidates[place])
    return pd.DataFrame(chosen, columns=list(cases.columns))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], frame.to_dict("records"))
