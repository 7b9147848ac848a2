"""Scores of caption options without the image: by an n-gram model of the true captions of other images.

A set on which these scores beat chance can in part be answered blind. Crops of one image file count as the same image.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import pandas as pd

from infodecomp.runs.progress import Progress
from infodecomp.words.ngram import leave_one_out_scores


def text_scores(cases: pd.DataFrame) -> dict[str, list[float]]:
    """Case id → score of each option, for the cases with status "ok"; higher is better.

    The model learns from the captions of all cases, including those that cannot be scored because their image is missing.
    """
    # Cases of one image are adjacent, so that its captions are removed from the model only once.
    ordered = cases.sort_values("image_path", kind="stable")
    usable = ordered[ordered["status"] == "ok"]
    scores = leave_one_out_scores(
        texts=((image, option) for image, options in _columns(usable, "image_path", "options") for option in options),
        captions=[
            (image, options[truth]) for image, options, truth in _columns(ordered, "image_path", "options", "truth")
        ],
    )
    values: dict[str, list[float]] = {}
    with Progress("score_text", len(usable), "cases") as progress:
        for case_id, options in _columns(usable, "case_id", "options"):
            values[case_id] = list(islice(scores, len(options)))
            progress.advance()
    return values


def _columns(frame: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    """The rows of these columns."""
    return list(zip(*(frame[name] for name in names), strict=True))
