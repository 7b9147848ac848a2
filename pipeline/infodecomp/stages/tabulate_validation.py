"""Tabulate the runs on closed-form problems: bias, error, coverage, evaluations."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from infodecomp.config import parse
from infodecomp.config.settings import TabulateValidation
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_table, write_table, write_text
from infodecomp.tables.text import csv_text
from infodecomp.validation.markdown import validation_markdown
from infodecomp.validation.summary import RUN_COLUMNS, VALIDATION_COLUMNS, summarise

STAGE = "tabulate_validation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The inputs are the runs on every problem."""
    parser.add_argument("--runs", nargs="+", type=Path, required=True, help="tables of validate_estimator")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the runs, summarise them, write the tables."""
    section = parse(TabulateValidation, args.settings)
    runs = pd.concat([_read_runs(path) for path in args.runs], ignore_index=True)
    table = summarise(runs, section.confidence)
    text = validation_markdown(table, section)
    write_table(args.output_dir / "validation.parquet", table, VALIDATION_COLUMNS)
    write_text(args.output_dir / "validation.csv", csv_text(table))
    write_text(args.output_dir / "validation.md", text)
    write_provenance(
        args.output_dir / "validation.provenance.json",
        stage=STAGE,
        section=section.model_dump(mode="json"),
    )
    print(text)


def _read_runs(path: Path) -> pd.DataFrame:
    """Runs of one problem; InputError if there are none or a number is not finite."""
    runs = read_table(path, RUN_COLUMNS)
    if runs.empty:
        raise InputError(f"{path}: the table has no rows; run validate_estimator again.")
    numbers = [name for name, kind in RUN_COLUMNS.items() if kind == "float64"]
    bad = [(row, name) for name in numbers for row in runs.index[~runs[name].abs().lt(float("inf"))]]
    if bad:
        raise InputError(
            "\n".join(f"{path}: row {row}, `{name}` is {runs[name][row]}; it must be finite." for row, name in bad)
        )
    return runs
