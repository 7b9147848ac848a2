"""Draw conditional against unconditional information, one dot a case, by class and by kind of word."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

from infodecomp.config import parse
from infodecomp.config.settings import PlotInformationScatter
from infodecomp.figures import information_scatter
from infodecomp.figures.style import save_figure, sentence_figure
from infodecomp.information.estimates_table import read_estimates
from infodecomp.information.scatter_panels import scatter_panels
from infodecomp.runs.named_paths import named_path, named_paths
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.seeds import generator

NOTHING = "No case has an estimate, so there is nothing to show."

# Columns of the estimates (i^o, nats) → their names in the figure.
_TOTALS = {"mi_orthogonal": "mi", "cmi_orthogonal": "cmi"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases of the datasets and their shards of `estimate_information`."""
    parser.add_argument("--cases", nargs="+", required=True, metavar="DATASET=PATH", help="cases.parquet of a dataset")
    parser.add_argument(
        "--estimates", nargs="+", required=True, metavar="DATASET=PATH", help="shards of estimate_information"
    )
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="random seed of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for the figure")


def run(args: argparse.Namespace) -> None:
    """Read the estimates, draw and save the figure."""
    mpl.use("Agg")
    section = parse(PlotInformationScatter, args.settings)
    statistics = section.statistics
    cases, shards = named_path("--cases", args.cases), named_paths("--estimates", args.estimates)
    found = {
        name: read_estimates(path, shards.get(name, []), list(_TOTALS)).rename(columns=_TOTALS)
        for name, path in cases.items()
    }
    rng = generator(args.seed, "information_scatter", "bootstrap")
    panels = scatter_panels(found)
    figure = (
        information_scatter.draw(panels, rng, statistics.bootstrap, statistics.confidence)
        if panels
        else sentence_figure(information_scatter.HEADING, NOTHING)
    )
    save_figure(figure, args.output_dir / "information_scatter", section.format, section.font)
    write_provenance(
        args.output_dir / "information_scatter.provenance.json",
        stage="plot_information_scatter",
        section=section.model_dump(mode="json"),
        extra={"seed": args.seed},
    )
