"""Draw the integrands of MI and CMI against the log-SNR, for the first case of each label of a dataset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from infodecomp.config import parse
from infodecomp.config.settings import PlotIntegrandCurves
from infodecomp.figures import integrand_curves
from infodecomp.figures.integrand_curves import CaseCurves
from infodecomp.figures.style import save_figure, sentence_figure
from infodecomp.information.estimates_table import read_estimates
from infodecomp.runs.provenance import write_provenance

MOST_CASES = 10
NOTHING = "No case has an estimate, so there is nothing to show."

_CURVES = {
    (method, estimator): f"curve_{method}_{estimator}"
    for method in ("mi", "cmi")
    for estimator in ("standard", "orthogonal")
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases of a dataset and its shards of `estimate_information`."""
    parser.add_argument("--cases", type=Path, required=True, help="cases.parquet")
    parser.add_argument("--estimates", type=Path, nargs="+", required=True, help="shards of estimate_information")
    parser.add_argument("--dataset", required=True, help="name of the dataset, for the note")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for the figure")


def run(args: argparse.Namespace) -> None:
    """Read the estimates, draw and save the figure."""
    mpl.use("Agg")
    section = parse(PlotIntegrandCurves, args.settings)
    estimates = read_estimates(args.cases, args.estimates, ["curve_logsnr", *_CURVES.values()])
    curves = first_of_each_label(estimates, MOST_CASES)
    figure = (
        integrand_curves.draw(curves, args.dataset) if curves else sentence_figure(integrand_curves.HEADING, NOTHING)
    )
    save_figure(figure, args.output_dir / "integrand_curves", section.format, section.font)
    write_provenance(
        args.output_dir / "integrand_curves.provenance.json",
        stage="plot_integrand_curves",
        section=section.model_dump(mode="json"),
        extra={"dataset": args.dataset},
    )


def first_of_each_label(cases: pd.DataFrame, most: int) -> list[CaseCurves]:
    """The curves of the first case of each label, of the first `most` labels in alphabetical order."""
    rows: list[Any] = list(cases.drop_duplicates("label").sort_values("label").head(most).itertuples(index=False))
    return [
        CaseCurves(
            label=row.label,
            logsnr=np.asarray(row.curve_logsnr, dtype=np.float64),
            integrands={key: np.asarray(getattr(row, name), dtype=np.float64) for key, name in _CURVES.items()},
        )
        for row in rows
    ]
