"""Data for the page's part on retrieval: the captions of each image with the score of every method."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.pictures.images import crop_image, load_image
from infodecomp.report.layout import StudyFolder, rows
from infodecomp.report.pictures import PictureFolder
from infodecomp.retrieval.scores import read_retrieval_scores
from infodecomp.runs.errors import InputError

Scores = dict[str, dict[str, list[Any]]]


def choices_of(
    study: StudyFolder, dataset: str, images: Path, most: int, pictures: PictureFolder
) -> list[dict[str, Any]]:
    """The first `most` cases of a retrieval dataset; writes their pictures.

    Raises InputError for a table that is missing or cannot be read. A case whose image
    cannot be read keeps its scores.
    """
    cases = read_retrieval_cases(study.cases(dataset)).sort_values("position", kind="stable")
    scores = _scores(study, dataset, cases)
    return [_choice(case, scores, images, pictures) for case in rows(cases.head(most)) if case["status"] == "ok"]


def _choice(case: Mapping[str, Any], scores: Scores, images: Path, pictures: PictureFolder) -> dict[str, Any]:
    try:
        image = load_image(images / case["image_path"], int(case["orientation"]))
        picture = pictures.add(crop_image(image, case["crop"]))
    except InputError:
        picture = ""
    return {
        "dataset": case["dataset"],
        "case": case["case_id"],
        "group": case["group"],
        "picture": picture,
        "options": [str(option) for option in case["options"]],
        "truth": int(case["truth"]),
        "scores": scores.get(case["case_id"], {}),
    }


def _scores(study: StudyFolder, dataset: str, cases: Any) -> Scores:
    """Case id → method → [value, error] of each option; None for a score that failed."""
    found: Scores = {}
    counts = dict(zip(cases["case_id"], map(len, cases["options"]), strict=True))
    for row in rows(read_retrieval_scores(study.retrieval_scores(dataset), cases)):
        of_method = found.setdefault(row["case_id"], {})
        values = of_method.setdefault(row["score"], [None] * counts[row["case_id"]])
        if row["status"] == "ok" and np.isfinite(row["value"]):
            values[row["option"]] = [row["value"], row["error"]]
    return found
