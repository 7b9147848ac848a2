"""Tabulate what descriptions say about images: by model, by dimension, by factor, and against log-SNR."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import TabulateRepresentation
from infodecomp.representation.markdown import dimension_markdown, factor_markdown, information_markdown
from infodecomp.representation.model_results import ModelResults
from infodecomp.representation.table_columns import TABLES
from infodecomp.representation.tables import representation_tables
from infodecomp.runs.named_paths import named_path, named_paths
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table, write_text
from infodecomp.tables.text import csv_text

STAGE = "tabulate_representation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The inputs are the shards and the exact values of every model."""
    parser.add_argument(
        "--shards", nargs="+", required=True, help="MODEL=TABLE for each shard of estimate_representation"
    )
    parser.add_argument("--exact", nargs="+", required=True, help="MODEL=FOLDER of exact_representation")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the results of every model, write the tables."""
    statistics = parse(TabulateRepresentation, args.settings).statistics
    shards, exact = named_paths("--shards", args.shards), named_path("--exact", args.exact)
    models = [ModelResults.read(name, shards[name], folder) for name, folder in exact.items()]
    tables = representation_tables(models, statistics)
    for name, table in tables.items():
        stem = args.output_dir / f"representation_{name}"
        write_table(stem.with_suffix(".parquet"), table, TABLES[name])
        write_text(stem.with_suffix(".csv"), csv_text(table))
    texts = {
        "information": information_markdown(tables["information"], statistics.confidence),
        "by_dimension": dimension_markdown(tables["by_dimension"], statistics.confidence),
        "by_factor": factor_markdown(tables["by_factor"]),
    }
    for name, text in texts.items():
        write_text(args.output_dir / f"representation_{name}.md", text)
    write_provenance(
        args.output_dir / "representation.provenance.json",
        stage=STAGE,
        section={"statistics": statistics.model_dump(mode="json")},
    )
    print(texts["information"])
