"""Draw how well CMI, MI and attention predicted the change of one dataset's edits: case by case, and as correlations."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from infodecomp.config import parse
from infodecomp.config.settings import PlotEditCorrelations
from infodecomp.editing.points import EditPoints, add_edit_arguments
from infodecomp.figures import editing_correlations, editing_scatter
from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked
from infodecomp.runs.seeds import generator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of the edits, the table of correlations, and what determines the resamples."""
    add_edit_arguments(parser)
    parser.add_argument("--table", type=Path, required=True, help="editing.parquet: correlations with intervals")
    parser.add_argument("--seed", type=int, required=True, help="of the bootstrap, the same as for the tables")


def run(args: argparse.Namespace) -> None:
    """Draw and save both figures."""
    settings = parse(PlotEditCorrelations, args.settings)
    statistics = settings.statistics
    found = EditPoints.read(args)
    # With the resamples of the tables, equal correlations have equal intervals.
    weights = resample_weights(found.images, statistics.bootstrap, generator(args.seed, args.dataset, "bootstrap"))
    scatter = editing_scatter.draw(found.points, found.counts["failed"], weights, statistics.confidence)
    found.save(scatter, "scatter", "plot_edit_correlations", settings, {"seed": args.seed})
    table = _read_correlations(args.table)
    correlations = editing_correlations.draw(table[table["dataset"] == args.dataset], statistics.confidence)
    found.save(correlations, "correlations", "plot_edit_correlations", settings, {})


def _read_correlations(path: Path) -> pd.DataFrame:
    columns = ["dataset", "level", "intervention", "predictor", "change", "r", "r_low", "r_high", "n"]
    try:
        return pd.read_parquet(checked(path), columns=columns)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} is not a table with the columns {', '.join(columns)} ({error}); run tabulate_editing again."
        ) from error
