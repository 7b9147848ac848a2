"""Draw word pairs: maps of their four parts, matrices of captions, and redundancy against omission."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from infodecomp.config import parse
from infodecomp.config.settings import PlotPartialInformation
from infodecomp.datasets.folders import image_folder
from infodecomp.figures.style import save_figure
from infodecomp.pairs.decomposition import DECOMPOSITION_COLUMNS
from infodecomp.pairs.figures import dataset_figures, omission_figure
from infodecomp.pairs.map_rows import PairMapSource
from infodecomp.runs.named_paths import named_path
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_table

STAGE = "plot_partial_information"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the tables of `tabulate_partial_information`, and the word pairs with their maps and images."""
    for name, text in {
        "cases": "cases.parquet",
        "pairs": "pairs.parquet",
        "maps": "folder of <case_id>.npz of the pairs",
    }.items():
        parser.add_argument(f"--{name}", nargs="+", required=True, metavar="DATASET=PATH", help=text)
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--table", type=Path, required=True, help="partial_information.parquet")
    parser.add_argument("--omitted", type=Path, required=True, help="partial_information_omitted.csv")
    parser.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Read the tables, draw and save every figure."""
    mpl.use("Agg")
    section = parse(PlotPartialInformation, args.settings)
    cases, pairs, maps = (named_path(f"--{name}", getattr(args, name)) for name in ("cases", "pairs", "maps"))
    table = read_table(args.table, DECOMPOSITION_COLUMNS)
    shown = table[(table["estimator"] == "orthogonal") & (table["level"] == "image") & (table["status"] == "ok")]
    figures: dict[str, Figure] = {}
    for name, path in pairs.items():
        source = PairMapSource(
            name, cases[name], path, maps[name], image_folder(section.datasets[name]), section.resize, section
        )
        figures |= dataset_figures(source, shown[shown["dataset"] == name], max(section.panels // 2, 1))
    figures["omissions"] = omission_figure(args.omitted, section, args.seed)
    for name, figure in figures.items():
        save_figure(figure, args.output_dir / name, section.format, section.font)
        write_provenance(
            args.output_dir / f"{name}.provenance.json",
            stage=STAGE,
            section=section.model_dump(mode="json", exclude={"datasets"}),
            extra={"seed": args.seed},
        )
