"""Plot the localisation figures: the mIoU table, mIoU against the threshold, and panels of maps with their captions."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from infodecomp.config import parse
from infodecomp.config.settings import PlotLocalisationCurves, PlotLocalisationPanels
from infodecomp.datasets.cases import read_cases
from infodecomp.figures import localisation_scores, threshold_curves
from infodecomp.figures.style import save_figure
from infodecomp.localisation.panels import panels_figure
from infodecomp.localisation.tables import TABLE_COLUMNS
from infodecomp.metrics.localisation import SCORE_COLUMNS
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_table
from infodecomp.tables.csv_columns import read_csv_columns

_Settings = PlotLocalisationCurves | PlotLocalisationPanels
_CURVE_COLUMNS = ("dataset", "method", "estimator", "steps", "threshold", "n", "miou", "miou_low", "miou_high")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--curves` and `--table` plot the curves and the scores of a study, `--cases` the panels of one dataset."""
    parser.add_argument("--curves", type=Path, help="localisation_curves.csv: plot threshold_curves")
    parser.add_argument("--table", type=Path, help="localisation.parquet: plot scores")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--cases", type=Path, help="cases.parquet: plot panels-<dataset>")
    parser.add_argument("--maps-information", type=Path, help="panels: folder of <case_id>.npz")
    parser.add_argument("--maps-attention", type=Path, help="panels: folder of <case_id>.npz")
    parser.add_argument("--scores", type=Path, help="panels: scores.parquet, for datasets with masks")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Plot the figures whose data the arguments name."""
    mpl.use("Agg")
    if args.curves is None and args.table is None and args.cases is None:
        raise InputError("plot_localisation needs --curves, --table or --cases: there is nothing to plot.")
    if args.cases is None:
        _plot_scores(args, parse(PlotLocalisationCurves, args.settings))
    else:
        _plot_panels(args, parse(PlotLocalisationPanels, args.settings))


def _plot_scores(args: argparse.Namespace, settings: PlotLocalisationCurves) -> None:
    if args.curves is not None:
        figure = threshold_curves.draw(read_csv_columns(args.curves, _CURVE_COLUMNS), settings.confidence)
        _save(figure, args.output_dir / "threshold_curves", settings, [args.curves])
    if args.table is not None:
        figure = localisation_scores.draw(read_table(args.table, TABLE_COLUMNS), settings.confidence)
        _save(figure, args.output_dir / "scores", settings, [args.table])


def _plot_panels(args: argparse.Namespace, settings: PlotLocalisationPanels) -> None:
    if args.maps_information is None or args.maps_attention is None:
        raise InputError("--cases needs --maps-information and --maps-attention as well.")
    folders = args.maps_information, args.maps_attention
    cases, inputs = read_cases(args.cases), [args.cases]
    scores = None
    if args.scores is not None:
        scores, inputs = read_table(args.scores, SCORE_COLUMNS), [args.cases, args.scores]
    figure = panels_figure(cases, folders, scores, settings.resize, settings)
    _save(figure, args.output_dir / f"panels-{cases['dataset'].iloc[0]}", settings, inputs)


def _save(figure: Figure, stem: Path, section: _Settings, inputs: list[Path]) -> None:
    save_figure(figure, stem, section.format, section.font)
    write_provenance(
        stem.with_name(f"{stem.name}.provenance.json"),
        stage="plot_localisation",
        section=section.model_dump(mode="json"),
    )
