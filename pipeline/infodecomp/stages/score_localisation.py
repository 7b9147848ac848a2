"""Score every map of a dataset against the mask of its word: IoU at thresholds, average precision, pointing game."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from infodecomp.config import DatasetSection, LocalisationSection, parse_section
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.folders import dataset_root, instances_file
from infodecomp.datasets.masks import load_mask, open_instances
from infodecomp.maps.outcomes import Failure, Outcome
from infodecomp.maps.setting import Setting
from infodecomp.maps.sources import MapSources, add_map_arguments
from infodecomp.maps.word_maps import Maps
from infodecomp.metrics.heatmaps import min_max, upsample_bilinear
from infodecomp.metrics.localisation import SCORE_COLUMNS, MapScores, score_map, score_whole_image, threshold_grid
from infodecomp.pictures.images import Resize, fit_mask
from infodecomp.runs.errors import InputError
from infodecomp.runs.freed_memory import keep_freed_memory
from infodecomp.runs.progress import Progress
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table_rows

STAGE = "score_localisation"

# How much is kept in memory, however many cases there are: masks of images, and rows of scores.
_IMAGES_AT_HAND, _CASES_AT_ONCE = 8, 16

Record = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases, the shards with the statuses of their maps, and the folders of the maps."""
    parser.add_argument("--cases", type=Path, required=True, help="cases.parquet of the dataset")
    add_map_arguments(parser)
    parser.add_argument("--dataset-section", required=True, help="the dataset's section of the configuration, JSON")
    parser.add_argument("--section", required=True, help="the localisation section of the configuration, JSON")
    parser.add_argument("--resize", choices=("squeeze", "letterbox"), default="squeeze", help="as the model's images")
    parser.add_argument("--seed", type=int, required=True, help="of the pairing of images for the method shuffled")
    parser.add_argument("--output", type=Path, required=True, help="scores.parquet to write")


def run(args: argparse.Namespace) -> None:
    """Read cases, maps and masks, score them, write the scores and their provenance."""
    keep_freed_memory()  # every map needs the same few MiB again
    section = parse_section(LocalisationSection, args.section)
    dataset = parse_section(DatasetSection, args.dataset_section)
    cases = read_cases(args.cases).sort_values("position", kind="stable")
    sources = MapSources.of(args)
    maps = sources.maps(cases, args.seed)
    masks = Masks(dataset, section.map_size, args.resize)
    rows, failures = 0, Counter[tuple[str, str]]()

    def frames() -> Iterator[pd.DataFrame]:
        nonlocal rows
        for frame in score_cases(cases, maps, masks, section):
            rows += len(frame)
            failed = frame[frame["status"] != "ok"]
            failures.update(zip(failed["method"], failed["status"], strict=True))
            yield frame

    write_table_rows(args.output, frames(), SCORE_COLUMNS)
    if failures:
        counts = "\n".join(f"{method} {status} {count}" for (method, status), count in sorted(failures.items()))
        print(f"{STAGE}: rows without a score, by method and status:\n{counts}")
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section={"localisation": section.model_dump(mode="json"), "dataset": dataset.model_dump(mode="json")},
        inputs=[args.cases, *sources.tables],
        extra={"seed": args.seed, "resize": args.resize, "rows": rows},
    )


class Masks:
    """Masks of cases at the size at which maps are compared with them."""

    def __init__(self, dataset: DatasetSection, size: int, resize: Resize) -> None:
        """Open the annotations of `dataset`; InputError if they cannot be read."""
        self._root, self._crowd = dataset_root(dataset), dataset.crowd
        instances = instances_file(dataset)
        self._instances = open_instances(instances) if instances is not None else None
        self._size, self._resize = (size, size), resize

    def of(self, case: Mapping[str, Any]) -> Outcome:
        """The mask (size, size) bool of a row of the cases table, or why there is none to score against."""
        if not case["mask"]:
            return Failure("no_mask", "the case has no mask.")
        try:
            mask = fit_mask(load_mask(case, self._instances, self._root, self._crowd), self._size, self._resize)
        except InputError as error:
            return Failure("mask_unreadable", str(error))
        return mask if mask.any() else Failure("empty_mask", f"the object covers no pixel of {self._size[0]}².")


def score_cases(cases: pd.DataFrame, maps: Maps, masks: Masks, section: LocalisationSection) -> Iterator[pd.DataFrame]:
    """One row per case and setting (`SCORE_COLUMNS`), in the order of the cases; failed ones with their status.

    Frames of some cases each: the rows of all would take more memory than anything else.
    """
    settings = maps.settings(section.methods, section.estimators)
    thresholds = threshold_grid(**section.thresholds.model_dump())
    records = {image: cast(list[Record], rows.to_dict("records")) for image, rows in cases.groupby("image_id")}

    @lru_cache(maxsize=_IMAGES_AT_HAND)
    def found(image: str) -> dict[str, Outcome]:
        return {case["case_id"]: masks.of(case) for case in records[image] if case["status"] == "ok"}

    with Progress(STAGE, total=len(cases), unit="cases") as progress:
        for start in range(0, len(cases), _CASES_AT_ONCE):
            rows = []
            for case in cast(list[Record], cases[start : start + _CASES_AT_ONCE].to_dict("records")):
                of_image = found(case["image_id"])
                others = _other_objects(case, records[case["image_id"]], of_image)
                rows += [
                    _row(case, setting, maps, _score(case, setting, maps, of_image, others, thresholds))
                    for setting in settings
                ]
                progress.advance()
            yield pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def _other_objects(
    case: Mapping[str, Any], records: Sequence[Mapping[str, Any]], masks: Mapping[str, Outcome]
) -> list[np.ndarray]:
    """Masks of the other labels of the image, one a label."""
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
    # Scaled after upsampling, as published: interpolation cuts single-pixel peaks and so moves the thresholds.
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
