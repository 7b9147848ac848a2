"""Plot how faithful the maps are to the model: curves of deletion and insertion above the table of faithfulness."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

from infodecomp.config import parse
from infodecomp.config.settings import PlotFaithfulness
from infodecomp.faithfulness.tables import CURVE_COLUMNS, PAIR_COLUMNS, TABLE_COLUMNS
from infodecomp.figures import faithfulness
from infodecomp.figures.style import save_figure
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_table
from infodecomp.tables.csv_columns import read_csv_columns

STAGE = "plot_faithfulness"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The table, and the curves and differences beside it."""
    parser.add_argument("--table", type=Path, required=True, help="faithfulness.parquet")
    parser.add_argument("--curves", type=Path, required=True, help="faithfulness_curves.csv")
    parser.add_argument("--paired", type=Path, required=True, help="faithfulness_paired.csv")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figure")


def run(args: argparse.Namespace) -> None:
    """Read the tables, draw the figure."""
    mpl.use("Agg")
    section = parse(PlotFaithfulness, args.settings)
    curves, paired = read_csv_columns(args.curves, CURVE_COLUMNS), read_csv_columns(args.paired, PAIR_COLUMNS)
    figure = faithfulness.draw(read_table(args.table, TABLE_COLUMNS), curves, paired, section.confidence)
    stem = args.output_dir / "faithfulness"
    save_figure(figure, stem, section.format, section.font)
    write_provenance(
        stem.with_name(f"{stem.name}.provenance.json"),
        stage=STAGE,
        section=section.model_dump(mode="json"),
    )
