"""Summarise what a study did: for each dataset and stage the cases, those that failed and why, evaluations and time."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_text
from infodecomp.study.summary import FinishedStage, summary_table
from infodecomp.study.summary_markdown import summary_markdown
from infodecomp.tables.text import csv_text

STAGE = "summarise_study"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folder of the results, and which of them to expect there."""
    parser.add_argument("--results", required=True, type=Path, help="folder of the study")
    parser.add_argument("--cases", nargs="*", default=[], metavar="DATASET", help="datasets")
    parser.add_argument(
        "--stages",
        nargs="*",
        default=[],
        metavar="DATASET/STAGE=SHARDS",
        help="stages with a table of cases: number of its shards, 0 for one table of all cases",
    )
    parser.add_argument(
        "--unfamiliar", nargs="*", default=[], metavar="DATASET", help="pictures that the embedded model cannot know"
    )
    parser.add_argument("--output-dir", required=True, type=Path, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the tables of all stages, write the summary."""
    stages = [FinishedStage.of(args.results, text) for text in args.stages]
    table = summary_table(args.results, args.cases, stages)
    write_text(args.output_dir / "summary.csv", csv_text(table))
    write_text(args.output_dir / "summary.md", summary_markdown(table, args.unfamiliar))
    write_provenance(
        args.output_dir / "summary.provenance.json",
        stage=STAGE,
        section={"stages": list(args.stages)},
    )
