"""Plot the localisation figures: the mIoU table, mIoU against the threshold, and panels of maps with their captions."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from infodecomp.config import DatasetSection, FiguresSection, LocalisationSection, parse_section
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

_CURVE_COLUMNS = ("dataset", "method", "estimator", "steps", "threshold", "n", "miou", "miou_low", "miou_high")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--curves` and `--table` plot the curves and the scores of a study, `--cases` the panels of one dataset."""
    parser.add_argument("--curves", type=Path, help="localisation_curves.csv: plot threshold_curves")
    parser.add_argument("--table", type=Path, help="localisation.parquet: plot scores")
    parser.add_argument("--localisation", default="{}", help="confidence of the localisation section, JSON")
    parser.add_argument("--cases", type=Path, help="cases.parquet: plot panels-<dataset>")
    parser.add_argument("--maps-information", type=Path, help="panels: folder of <case_id>.npz")
    parser.add_argument("--maps-attention", type=Path, help="panels: folder of <case_id>.npz")
    parser.add_argument("--scores", type=Path, help="panels: scores.parquet, for datasets with masks")
    parser.add_argument("--dataset-section", help="panels: the dataset's section of the configuration, JSON")
    parser.add_argument(
        "--resize", choices=("squeeze", "letterbox"), default="squeeze", help="panels: as for the model"
    )
    parser.add_argument("--section", required=True, help="the figures section of the configuration, JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Plot the figures whose data the arguments name."""
    mpl.use("Agg")
    section = parse_section(FiguresSection, args.section)
    if args.curves is None and args.table is None and args.cases is None:
        raise InputError("plot_localisation needs --curves, --table or --cases: there is nothing to plot.")
    confidence = parse_section(LocalisationSection, args.localisation).confidence
    if args.curves is not None:
        figure = threshold_curves.draw(read_csv_columns(args.curves, _CURVE_COLUMNS), confidence)
        _save(figure, args.output_dir / "threshold_curves", section, [args.curves])
    if args.table is not None:
        figure = localisation_scores.draw(read_table(args.table, TABLE_COLUMNS), confidence)
        _save(figure, args.output_dir / "scores", section, [args.table])
    if args.cases is not None:
        if args.maps_information is None or args.maps_attention is None or args.dataset_section is None:
            raise InputError("--cases needs --maps-information, --maps-attention and --dataset-section as well.")
        dataset = parse_section(DatasetSection, args.dataset_section)
        folders = args.maps_information, args.maps_attention
        cases, inputs = read_cases(args.cases), [args.cases]
        scores = None
        if args.scores is not None:
            scores, inputs = read_table(args.scores, SCORE_COLUMNS), [args.cases, args.scores]
        figure = panels_figure(cases, folders, dataset, scores, args.resize, section)
        _save(figure, args.output_dir / f"panels-{cases['dataset'].iloc[0]}", section, inputs)


def _save(figure: Figure, stem: Path, section: FiguresSection, inputs: list[Path]) -> None:
    save_figure(figure, stem, section.format)
    write_provenance(
        stem.with_name(f"{stem.name}.provenance.json"),
        stage="plot_localisation",
        section=section.model_dump(mode="json"),
        inputs=inputs,
    )
