"""Score maps against the masks of their words: IoU at thresholds, average precision, pointing game."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
import pandas as pd

from infodecomp.config import LocalisationSection
from infodecomp.localisation.masks import CaseMask, Masks
from infodecomp.maps.outcomes import Failure, Outcome
from infodecomp.maps.setting import Setting
from infodecomp.maps.word_maps import Maps
from infodecomp.metrics.heatmaps import min_max, upsample_bilinear
from infodecomp.metrics.localisation import SCORE_COLUMNS, MapScores, score_map, score_whole_image, threshold_grid
from infodecomp.runs.progress import Progress

# What is kept in memory, however many cases there are: images whose masks are kept, and cases whose rows are kept.
_IMAGES_AT_HAND, _CASES_AT_ONCE = 8, 16

Record = dict[str, Any]


def score_cases(cases: pd.DataFrame, maps: Maps, masks: Masks, section: LocalisationSection) -> Iterator[pd.DataFrame]:
    """One row of `SCORE_COLUMNS` per case and setting, in the order of the cases; failed ones with their status.

    Yields frames of a few cases each, because the rows of all cases would take more memory than anything else.
    """
    settings = maps.settings(section.methods, section.estimators)
    thresholds = threshold_grid(**section.thresholds.model_dump())
    records = {image: cast(list[Record], rows.to_dict("records")) for image, rows in cases.groupby("image_id")}

    @lru_cache(maxsize=_IMAGES_AT_HAND)
    def found(image: str) -> dict[str, CaseMask]:
        return {case["case_id"]: masks.find(case) for case in records[image] if case["status"] == "ok"}

    with Progress("score_localisation", total=len(cases), unit="cases") as progress:
        for start in range(0, len(cases), _CASES_AT_ONCE):
            rows = []
            for case in cast(list[Record], cases[start : start + _CASES_AT_ONCE].to_dict("records")):
                of_image = found(case["image_id"])
                outcomes = {case_id: mask.outcome for case_id, mask in of_image.items()}
                others = _other_objects(case, records[case["image_id"]], outcomes)
                boxed = case["case_id"] in of_image and of_image[case["case_id"]].boxed
                rows += [
                    {
                        **_row(case, setting, maps, _score(case, setting, maps, outcomes, others, thresholds)),
                        "boxed": boxed,
                    }
                    for setting in settings
                ]
                progress.advance()
            yield pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def _other_objects(
    case: Mapping[str, Any], records: Sequence[Mapping[str, Any]], masks: Mapping[str, Outcome]
) -> list[np.ndarray]:
    """Masks of the other labels of the image, one per label."""
    others: dict[str, np.ndarray] = {}
    for other in records:
        mask = masks.get(other["case_id"])
        if other["label"] != case["label"] and isinstance(mask, np.ndarray):
            others.setdefault(other["label"], mask)
    return list(others.values())


def _score(
    case: Mapping[str, Any],
    setting: Setting,
    maps: Maps,
    masks: Mapping[str, Outcome],
    others: Sequence[np.ndarray],
    thresholds: np.ndarray,
) -> MapScores | Failure:
    if case["status"] != "ok":
        return Failure(case["status"], case["reason"])
    mask = masks[case["case_id"]]
    if isinstance(mask, Failure):
        return mask
    if setting.method == "whole_image":
        return score_whole_image(mask, thresholds)
    heat = maps.heat(case["case_id"], setting)
    if isinstance(heat, Failure):
        return heat
    # Scaled after upsampling, as published: interpolation flattens peaks of a single cell, which moves the thresholds.
    scaled = min_max(upsample_bilinear(heat, (mask.shape[0], mask.shape[1])))
    return score_map(scaled, mask, others, thresholds)


def _row(case: Mapping[str, Any], setting: Setting, maps: Maps, scores: MapScores | Failure) -> dict[str, Any]:
    values = MapScores(np.empty(0), np.nan, np.nan, np.nan) if isinstance(scores, Failure) else scores
    return {
        **{name: case[name] for name in ("case_id", "dataset", "image_id", "label")},
        **setting._asdict(),
        "draws": 0 if isinstance(scores, Failure) else maps.draws(case["case_id"], setting),
        "status": scores.status if isinstance(scores, Failure) else "ok",
        "reason": scores.reason if isinstance(scores, Failure) else "",
        "iou": values.iou,
        "average_precision": values.average_precision,
        "pointing_game": values.pointing_game,
        "named_hotter": values.named_hotter,
    }
