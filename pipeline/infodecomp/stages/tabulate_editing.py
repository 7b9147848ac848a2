"""Tabulate the edits of all datasets: correlations of each predictor with the change, paired comparisons, and checks."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import TabulateEditing
from infodecomp.editing.edited_datasets import edited_sources, read_datasets
from infodecomp.editing.tables import editing_tables
from infodecomp.runs.provenance import write_provenance

STAGE = "tabulate_editing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases, the shards of edits, the folders of their maps and, for scenes, the judgements."""
    parser.add_argument("--cases", nargs="+", required=True, metavar="DATASET=PATH", help="cases.parquet of each")
    parser.add_argument(
        "--edits", nargs="+", action="extend", required=True, metavar="DATASET=PATH", help="shards; names may repeat"
    )
    parser.add_argument("--maps", nargs="+", required=True, metavar="DATASET=FOLDER", help="folder of <case_id>.npz")
    parser.add_argument(
        "--judgements", nargs="*", default=[], metavar="DATASET=PATH", help="judgements.parquet, for datasets with one"
    )
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the edits, correlate their changes with the predictors, write the tables."""
    section = parse(TabulateEditing, args.settings)
    sources = edited_sources(args, section.datasets)
    datasets = read_datasets(sources, section.resize)
    tables = editing_tables(datasets, section, args.seed)
    tables.write(args.output_dir)
    write_provenance(
        args.output_dir / "editing.provenance.json",
        stage=STAGE,
        section={
            **section.model_dump(mode="json", include={"table", "statistics"}),
            "datasets": {source.name: source.section.model_dump(mode="json") for source in sources},
        },
        extra={"seed": args.seed, "resize": section.resize},
    )
    print(tables.text)
    for dataset in datasets:
        for status, reasons in dataset.lost_masks.items():
            print(f"{dataset.name}: {len(reasons)} cases without a usable mask ({status}); the first: {reasons[0]}")
