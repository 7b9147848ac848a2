"""Score every caption option without the image, by an n-gram model of the true captions of other images."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.retrieval.baselines import baseline_table
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.retrieval.text_scores import text_scores
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table
from infodecomp.words.ngram import ORDER

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
        extra={"order": ORDER, "smoothing": "interpolated Witten-Bell", "cases": len(cases)},
    )
