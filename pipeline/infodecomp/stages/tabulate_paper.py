"""Compare the published numbers with those of this study, and of the study that runs as the released code does."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_text
from infodecomp.study.paper_comparison import COMPARISON_COLUMNS, compare
from infodecomp.study.paper_markdown import paper_markdown, reason
from infodecomp.study.paper_tables import read_published, read_tables
from infodecomp.tables.text import csv_text

STAGE = "tabulate_paper"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The published numbers and the tables of the studies; a part that did not run has no table."""
    parser.add_argument("--published", type=Path, required=True, help="paper_tables.csv")
    parser.add_argument("--ours", type=Path, nargs="*", default=[], help="localisation, retrieval, editing .parquet")
    parser.add_argument("--released", type=Path, nargs="*", default=[], help="the same tables of the study `released`")
    parser.add_argument("--study", required=True, help="name of the study")
    parser.add_argument("--confidence", type=float, required=True, help="level of the intervals, for the caption")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the tables, compare them, write the comparison."""
    published = read_published(args.published)
    table = compare(published, read_tables(args.ours), read_tables(args.released), reason)
    text = paper_markdown(table, args.study, args.confidence)
    write_text(args.output_dir / "paper_comparison.csv", csv_text(table[list(COMPARISON_COLUMNS)]))
    write_text(args.output_dir / "paper_comparison.md", text)
    write_provenance(
        args.output_dir / "paper_comparison.provenance.json",
        stage=STAGE,
        section={},
        extra={"study": args.study, "answered": int(np.isfinite(table["ours"]).sum()), "published": len(table)},
    )
    print(text)
