"""Score every caption option without looking: by an n-gram model of the true captions of other images.

A set on which this score beats chance can in part be answered blind. Crops of one image file are the same image here.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.retrieval.baselines import baseline_table
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.runs.progress import Progress
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table
from infodecomp.words.ngram import ORDER, leave_one_out_scores

STAGE = "score_text"
SCORE = "text_only"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--cases PATH --output PATH`."""
    parser.add_argument("--cases", required=True, type=Path, help="cases table of a retrieval set (Parquet)")
    parser.add_argument("--output", required=True, type=Path, help="table of the scores (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Score all cases of a dataset."""
    cases = read_retrieval_cases(args.cases)
    table = baseline_table(cases, SCORE, text_scores(cases))
    write_table(args.output, table, RETRIEVAL_SCORE_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section={},
        inputs=[args.cases],
        extra={"order": ORDER, "smoothing": "interpolated Witten-Bell", "cases": len(cases)},
    )


def text_scores(cases: pd.DataFrame) -> dict[str, list[float]]:
    """case_id → score of each option, for the cases with status "ok".

    The model learns from the captions of all cases, also of those that cannot be scored for want of their image.
    """
    # Cases of one image stand together, so that its captions are taken out of the model once.
    ordered = cases.sort_values("image_path", kind="stable")
    usable = ordered[ordered["status"] == "ok"]
    scores = leave_one_out_scores(
        texts=((image, option) for image, options in _columns(usable, "image_path", "options") for option in options),
        captions=[
            (image, options[truth]) for image, options, truth in _columns(ordered, "image_path", "options", "truth")
        ],
    )
    values: dict[str, list[float]] = {}
    with Progress(STAGE, len(usable), "cases") as progress:
        for case_id, options in _columns(usable, "case_id", "options"):
            values[case_id] = list(islice(scores, len(options)))
            progress.advance()
    return values


def _columns(frame: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    """The rows of some columns."""
    return list(zip(*(frame[name] for name in names), strict=True))
