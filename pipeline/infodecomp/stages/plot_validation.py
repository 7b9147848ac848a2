"""Draw the validation figures: error against denoiser evaluations, and coverage against the number of draws."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

from infodecomp.config import parse
from infodecomp.config.settings import PlotValidation
from infodecomp.figures import validation_coverage, validation_error
from infodecomp.figures.style import save_figure
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_table
from infodecomp.validation.summary import VALIDATION_COLUMNS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The input is the table of `tabulate_validation`."""
    parser.add_argument("--table", type=Path, required=True, help="validation.parquet")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Read the table, draw and save both figures."""
    mpl.use("Agg")
    section = parse(PlotValidation, args.settings)
    table = read_table(args.table, VALIDATION_COLUMNS)
    if table.empty:
        raise InputError(f"{args.table}: the table has no rows; run tabulate_validation again.")
    for name, figure in (
        ("error", validation_error.draw(table)),
        ("coverage", validation_coverage.draw(table, section.confidence)),
    ):
        stem = args.output_dir / name
        save_figure(figure, stem, section.format, section.font)
        write_provenance(
            stem.with_name(f"{name}.provenance.json"),
            stage="plot_validation",
            section=section.model_dump(mode="json"),
        )
