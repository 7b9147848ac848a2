"""Turn the retrieval scores of all datasets into the accuracy table, the table by group and the paired comparisons."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from infodecomp.config import parse
from infodecomp.config.settings import TabulateRetrieval
from infodecomp.datasets.symmetric_relations import read_symmetric_relations
from infodecomp.retrieval.markdown import retrieval_markdown
from infodecomp.retrieval.scored_datasets import read_scored_datasets
from infodecomp.retrieval.tables import TABLE_COLUMNS, tabulate
from infodecomp.runs.named_paths import named_path, named_paths
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.shipped import shipped
from infodecomp.runs.storage import write_table, write_text
from infodecomp.tables.text import csv_text

STAGE = "tabulate_retrieval"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases of each dataset, and its scores, in one or several files."""
    parser.add_argument(
        "--cases", nargs="+", required=True, metavar="DATASET=PATH", help="cases.parquet of each dataset"
    )
    parser.add_argument(
        "--scores", nargs="+", required=True, metavar="DATASET=PATH", help="score files, names may repeat"
    )
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read cases and scores, tabulate them, write the tables."""
    section = parse(TabulateRetrieval, args.settings)
    datasets = section.datasets
    cases, scores = named_path("--cases", args.cases), named_paths("--scores", args.scores)
    symmetric_file = shipped(section.table.symmetric_relations)
    symmetric = read_symmetric_relations(symmetric_file)
    scored = read_scored_datasets(cases, scores, datasets, section)
    tables = [tabulate(dataset, section, symmetric, args.seed) for dataset in scored]
    table = pd.DataFrame([row for one in tables for row in one.rows], columns=list(TABLE_COLUMNS))
    folder = args.output_dir
    text = retrieval_markdown(table, section, datasets)
    write_table(folder / "retrieval.parquet", table, TABLE_COLUMNS)
    write_text(folder / "retrieval.csv", csv_text(table))
    write_text(folder / "retrieval.md", text)
    write_text(folder / "retrieval_by_group.csv", csv_text(pd.concat([one.by_group for one in tables])))
    write_text(folder / "retrieval_paired.csv", csv_text(pd.concat([one.paired for one in tables])))
    write_provenance(
        folder / "retrieval.provenance.json",
        stage=STAGE,
        section={
            **section.model_dump(mode="json", exclude={"datasets"}),
            "retrieval_datasets": {name: datasets[name].model_dump(mode="json") for name in cases},
        },
        extra={"seed": args.seed},
    )
    print(text)
