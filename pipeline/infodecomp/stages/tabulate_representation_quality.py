"""Tabulate how good codes and samples are, models of several seeds as one."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from infodecomp.representation.quality_columns import OVER_SEEDS, QUALITY_COLUMNS, SAMPLE_COLUMNS, over_seeds
from infodecomp.representation.quality_markdown import quality_markdown, samples_markdown
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_table, write_table, write_text
from infodecomp.tables.text import csv_text

STAGE = "tabulate_representation_quality"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The tables of `judge_representation`."""
    parser.add_argument("--quality", nargs="+", type=Path, required=True, help="quality.parquet of each model")
    parser.add_argument("--samples", nargs="+", type=Path, required=True, help="samples.parquet of each model")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the rows of all models, write both tables, and print them."""
    made = {
        "representation_quality": (args.quality, QUALITY_COLUMNS, quality_markdown),
        "representation_samples": (args.samples, SAMPLE_COLUMNS, samples_markdown),
    }
    for name, (paths, columns, text_of) in made.items():
        table = over_seeds(pd.concat([read_table(path, columns) for path in paths], ignore_index=True))
        text = text_of(table)
        write_table(args.output_dir / f"{name}.parquet", table, {**columns, **OVER_SEEDS})
        write_text(args.output_dir / f"{name}.csv", csv_text(table))
        write_text(args.output_dir / f"{name}.md", text)
        write_provenance(args.output_dir / f"{name}.provenance.json", stage=STAGE, section={})
        print(text)
