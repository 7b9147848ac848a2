"""Plot the retrieval figures: accuracy on each dataset, accuracy by relation, and accuracy against denoiser evaluations."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

from infodecomp.config import parse
from infodecomp.config.settings import PlotRetrieval
from infodecomp.figures import retrieval_accuracy, retrieval_budget, retrieval_relations
from infodecomp.figures.style import save_figure
from infodecomp.retrieval.plotted_tables import read_accuracy, read_by_group
from infodecomp.runs.provenance import write_provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two of the tables of `tabulate_retrieval`."""
    parser.add_argument("--table", type=Path, required=True, help="retrieval.csv")
    parser.add_argument("--by-group", type=Path, required=True, help="retrieval_by_group.csv")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Read the tables, plot the three figures."""
    mpl.use("Agg")
    section = parse(PlotRetrieval, args.settings)
    table, by_group = read_accuracy(args.table), read_by_group(args.by_group)
    chances = {str(name): float(rows["chance"].max()) for name, rows in table.groupby("dataset")}
    figures = {
        "accuracy": retrieval_accuracy.draw(table, section.confidence),
        "relations": retrieval_relations.draw(by_group, chances),
        "budget": retrieval_budget.draw(table, section.confidence),
    }
    for name, figure in figures.items():
        stem = args.output_dir / name
        save_figure(figure, stem, section.format, section.font)
        write_provenance(
            stem.with_name(f"{name}.provenance.json"),
            stage="plot_retrieval",
            section=section.model_dump(mode="json"),
        )
