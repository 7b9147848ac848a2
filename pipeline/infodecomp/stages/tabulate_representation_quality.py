"""Tabulate how good codes and samples are, models of several seeds as one, and published scores beside them."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from infodecomp.representation.published import PAPER_COLUMNS, compare, read_published
from infodecomp.representation.published_markdown import paper_markdown
from infodecomp.representation.quality_columns import OVER_SEEDS, QUALITY_COLUMNS, SAMPLE_COLUMNS, over_seeds
from infodecomp.representation.quality_markdown import quality_markdown, samples_markdown
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_table, write_table, write_text
from infodecomp.tables.text import csv_text

STAGE = "tabulate_representation_quality"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The tables of `judge_representation`, and published scores."""
    parser.add_argument("--quality", nargs="+", type=Path, required=True, help="quality.parquet of each model")
    parser.add_argument("--samples", nargs="+", type=Path, required=True, help="samples.parquet of each model")
    parser.add_argument("--published", type=Path, required=True, help="representation_papers.csv")
    parser.add_argument("--dataset", required=True, help="name of the images, as published scores have it")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the rows of all models, write the three tables, and print those of the study."""
    quality = _over_models(args.quality, QUALITY_COLUMNS)
    samples = _over_models(args.samples, SAMPLE_COLUMNS)
    paper = compare(read_published(args.published), quality, samples, args.dataset)
    for name, table, columns, text in (
        ("quality", quality, {**QUALITY_COLUMNS, **OVER_SEEDS}, quality_markdown(quality)),
        ("samples", samples, {**SAMPLE_COLUMNS, **OVER_SEEDS}, samples_markdown(samples)),
        ("paper", paper, PAPER_COLUMNS, paper_markdown(paper)),
    ):
        stem = f"representation_{name}"
        write_table(args.output_dir / f"{stem}.parquet", table, columns)
        write_text(args.output_dir / f"{stem}.csv", csv_text(table))
        write_text(args.output_dir / f"{stem}.md", text)
        write_provenance(args.output_dir / f"{stem}.provenance.json", stage=STAGE, section={})
        if table is not paper or table["ours"].notna().any():
            print(text)


def _over_models(paths: list[Path], columns: dict[str, str]) -> pd.DataFrame:
    return over_seeds(pd.concat([read_table(path, columns) for path in paths], ignore_index=True))
