"""Judge by a classifier whether edited pictures of embedded scenes show the word's object, or its partner's."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import torch

from infodecomp.config import parse
from infodecomp.config.settings import JudgeEdits
from infodecomp.datasets.cases import read_cases
from infodecomp.editing.edits import JUDGEMENT_COLUMNS, read_edits
from infodecomp.editing.judging import EditJudge, Row, judgement_summary
from infodecomp.runs.ledger import checked_folder_sha256
from infodecomp.runs.progress import Progress
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table
from infodecomp.scenes.classifier import load_classifier

STAGE = "judge_edits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases, the table of edits and the pictures of one dataset, and the classifier."""
    parser.add_argument("--cases", required=True, type=Path, help="cases table of the dataset (Parquet)")
    parser.add_argument("--edits", required=True, nargs="+", type=Path, help="shards of the table of edits (Parquet)")
    parser.add_argument("--maps", required=True, type=Path, help="folder with <case>/{unchanged,omit,swap}.png")
    parser.add_argument("--classifier", required=True, type=Path, help="folder of the classifier")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output", required=True, type=Path, help="table of the judgements (Parquet)")
    parser.add_argument("--threads", default=None, type=int, help="CPU threads")


def run(args: argparse.Namespace) -> None:
    """Judge all pictures of a dataset."""
    captions = parse(JudgeEdits, args.settings).captions
    if args.threads:
        torch.set_num_threads(args.threads)
    cases = read_cases(args.cases)
    edits = read_edits(args.edits, cases)
    judge = EditJudge(load_classifier(args.classifier), args.maps, captions)
    rows: list[Row] = []
    with Progress(STAGE, len(cases), "cases") as progress:
        for case, edit in zip(cases.itertuples(index=False), edits.itertuples(index=False), strict=True):
            rows += judge.judgements(case, edit)
            progress.advance()
    table = pd.DataFrame(rows, columns=list(JUDGEMENT_COLUMNS))
    write_table(args.output, table, JUDGEMENT_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=captions.model_dump(mode="json"),
        extra={"classifier": checked_folder_sha256(args.classifier)},
    )
    print(judgement_summary(table), flush=True)
