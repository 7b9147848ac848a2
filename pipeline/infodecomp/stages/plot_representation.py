"""Draw what descriptions say about images: maps, integrands, bars by dimension, factors by dimensions."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

from infodecomp.config import parse
from infodecomp.config.settings import PlotRepresentation
from infodecomp.figures import (
    representation_curves,
    representation_dimensions,
    representation_factors,
    representation_maps,
)
from infodecomp.figures.style import save_figure
from infodecomp.representation.shown_maps import shown_maps
from infodecomp.representation.table_columns import TABLES
from infodecomp.runs.named_paths import named_paths
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_table

STAGE = "plot_representation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The inputs are the tables of `tabulate_representation`, and the maps beside the shards."""
    parser.add_argument("--tables", type=Path, required=True, help="folder of the tables")
    parser.add_argument(
        "--shards", nargs="+", required=True, help="MODEL=TABLE for each shard of estimate_representation"
    )
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Read tables and maps, draw and save the figures."""
    mpl.use("Agg")
    section = parse(PlotRepresentation, args.settings)
    tables = {
        name: read_table(args.tables / f"representation_{name}.parquet", columns) for name, columns in TABLES.items()
    }
    model, parts, rows = shown_maps(tables, named_paths("--shards", args.shards), section.panels)
    for name, figure in (
        ("maps", representation_maps.draw(rows, parts, model, section.palette)),
        ("curves", representation_curves.draw(tables["curves"])),
        (
            "dimensions",
            representation_dimensions.draw(tables["by_dimension"], tables["information"], section.confidence),
        ),
        ("factors", representation_factors.draw(tables["by_factor"], section.palette)),
    ):
        stem = args.output_dir / name
        save_figure(figure, stem, section.format, section.font)
        write_provenance(
            stem.with_name(f"{name}.provenance.json"), stage=STAGE, section=section.model_dump(mode="json")
        )
